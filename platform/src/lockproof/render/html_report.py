"""The report as one page that needs neither a network nor scripts."""

import base64
import hashlib
import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lockproof.model.report import Report
from lockproof.render import canary, page, stages, words
from lockproof.render.alike import alike
from lockproof.render.changes import change_rows, nothing_changed
from lockproof.render.foreign import brief, visible_lines

_NAME_LIMIT = 400
_TEXT_LIMIT = 2000


def html_report(report: Report) -> str:
    """The report as a self-contained HTML page.

    The page may load nothing (its content security policy allows its own style sheet, by
    hash, and nothing else), all foreign text is escaped, and hidden characters are shown.
    """
    return page_from(
        "report.html.j2",
        page=page.page_of(report),
        report=report,
        metric_width=page.METRIC_WIDTH,
        node_width=page.NODE_WIDTH,
        time_width=stages.TIME_WIDTH,
    )


def get_ready() -> None:
    """Compile the templates of the report, which takes as long as the page of 1,000 stages."""
    for template in ("report.html.j2", "parts.html.j2", "graph.html.j2", "sprite.html.j2"):
        _environment().get_template(template)


def page_from(template: str, **values: object) -> str:
    """A page of one of the templates here, with the style that all share."""
    style = _style()
    text = (
        _environment()
        .get_template(template)
        .render(
            style=Markup(style),  # noqa: S704 - a file of ours
            style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
            **values,
        )
    )
    return text.rstrip("\n") + "\n"


@cache
def _style() -> str:
    return (files(__package__) / "templates" / "report.css").read_text("utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("lockproof.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # What a filter below does not treat is still shown without hidden characters.
        finalize=_without_hidden,
    )
    filters: dict[str, Callable[..., object]] = {
        "name": _name,
        "sentence": _sentence,
        "value": _value,
        "link": _link,
        "between_backticks": _between_backticks,
        "words": words.count,
        "duration": words.duration,
        "figure": words.number,
        "tolerance": words.tolerance_words,
        "where": words.where,
        "px": lambda number: f"{number:g}",
    }
    environment.filters.update(filters)
    functions: dict[str, Callable[..., object]] = {
        "alike": alike,
        "by_severity": words.by_severity,
        "change_rows": change_rows,
        "nothing_changed": nothing_changed,
        "canary_about": canary.about,
        "canary_bar": canary.bar,
        "canary_drawn": canary.drawn,
        "canary_interval": canary.interval,
        "cause_kind": words.cause_kind,
        "outcome": words.outcome,
        "environment_line": words.environment_line,
        "check_word": words.check_word,
        "looked_at": words.looked_at,
        "outputs_by_verdict": words.outputs_by_verdict,
    }
    environment.globals.update(functions)
    return environment


def _without_hidden(value: Any) -> Any:
    return visible_lines(value) if type(value) is str else value


def _name(text: str) -> str:
    return brief(text, _NAME_LIMIT)


def _sentence(text: str) -> str:
    return brief(text, _TEXT_LIMIT)


def _value(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    except (TypeError, ValueError):
        text = str(value)
    return brief(text, _NAME_LIMIT)


def _between_backticks(text: str) -> list[str]:
    """Prose, code, prose, …; an odd backtick has no partner and stays as it is."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        parts[-2:] = ["`".join(parts[-2:])]
    return parts


def _link(address: str) -> str:
    """The address if a reader may follow it, else nothing: `javascript:` is an address too."""
    return address if address.startswith("https://") and address.isprintable() else ""
