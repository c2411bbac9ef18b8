"""The report formats: by name for `--format`, by file suffix for `--output`.

The modules behind them load when a format is used, because `--help` only needs the names.
"""

from collections.abc import Callable
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from lockproof.errors import UsageError

if TYPE_CHECKING:
    from lockproof.model.report import Report
    from lockproof.render.interface import Renderer


class Format(NamedTuple):
    """One format that a report can be written in."""

    name: str
    """What `--format` calls it."""
    suffixes: tuple[str, ...]
    """File suffixes that `--output` recognises it by, lower case; none: not for files."""
    purpose: str
    """Who it is for, in a few words."""
    load: "Callable[[], Renderer]"
    """Imports the renderer."""


def _table() -> "Renderer":
    from lockproof.render.table import table

    return table


def _short() -> "Renderer":
    from lockproof.render.short import short

    return short


def _json() -> "Renderer":
    from lockproof.render.json_report import json_report

    return json_report


def _html() -> "Renderer":
    from lockproof.render.html_report import html_report

    return html_report


def _markdown() -> "Renderer":
    from lockproof.render.markdown import markdown

    return markdown


def _junit() -> "Renderer":
    from lockproof.render.junit import junit

    return junit


def _sarif() -> "Renderer":
    from lockproof.render.sarif import sarif

    return sarif


def _gitlab() -> "Renderer":
    from lockproof.render.gitlab import gitlab

    return gitlab


def _github() -> "Renderer":
    from lockproof.render.github import github

    return github


FORMATS: tuple[Format, ...] = (
    Format("table", (".txt",), "for people, in a terminal", _table),
    Format("short", (), "the findings alone, a line each; for hooks", _short),
    Format("json", (".json",), "for programs; docs/reference/report.schema.json", _json),
    Format("html", (".html", ".htm"), "one page for people, without network", _html),
    Format("markdown", (".md",), "for a pull-request comment or a job summary", _markdown),
    Format("junit", (".xml",), "JUnit XML: a test case per output", _junit),
    Format("sarif", (".sarif",), "SARIF 2.1.0, for code scanning", _sarif),
    Format("gitlab", (".codequality.json",), "for GitLab's code quality widget", _gitlab),
    Format("github", (), "annotations by GitHub's workflow commands; for a job's log", _github),
)


def format_named(name: str) -> Format:
    """The format that `--format NAME` asks for.

    Raises:
        UsageError: there is no such format; the message lists those there are.
    """
    for known in FORMATS:
        if known.name == name:
            return known
    names = ", ".join(known.name for known in FORMATS)
    raise UsageError(f"no report format {name!r}; there are: {names}")


def format_for(path: PurePath | str) -> Format:
    """The format that the suffix of an `--output` file asks for.

    Raises:
        UsageError: the suffix names no format; the message lists those that do.
    """
    name = PurePath(path).name.lower()
    known = {suffix: each for each in FORMATS for suffix in each.suffixes}
    for suffix in sorted(known, key=len, reverse=True):  # .codequality.json before .json
        if name.endswith(suffix) and name != suffix:
            return known[suffix]
    suffixes = ", ".join(known)
    raise UsageError(
        f"cannot tell the report format from {PurePath(path).name!r}: "
        f"end the name in one of {suffixes}, or say --format"
    )


def render(report: "Report", name: str) -> str:
    """The text of a report in the format `name`; the table as for a file, without colour.

    Raises:
        UsageError: there is no such format.
    """
    return format_named(name).load()(report)
