"""Findings as GitHub's workflow commands, which become annotations beside the code.

The form is that of
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands, the escapes
those of `escapeData` and `escapeProperty` in the toolkit's `packages/core/src/command.ts`.
"""

from lockproof.model.finding import Severity
from lockproof.model.report import Report
from lockproof.model.verdict import Verdict
from lockproof.render import words
from lockproof.render.findings import Placed, placed
from lockproof.render.foreign import visible

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_VERDICTS = {
    Verdict.FAILED: "error",
    Verdict.INCONCLUSIVE: "warning",
    Verdict.PASSED: "notice",
}


def github(report: Report) -> str:
    """One command per line: the verdict, then the findings, errors first.

    GitHub shows the first ten of each kind and step, so the verdict comes before them.
    """
    title = f"lockproof {report.step}: {report.verdict.value}"
    lines = [_command(_VERDICTS[report.verdict], {"title": title}, words.verdict_sentence(report))]
    lines += [_annotation(each) for each in placed(report)]
    return "".join(f"{line}\n" for line in lines)


def _annotation(each: Placed) -> str:
    properties = {"file": visible(each.path)}
    if each.finding.line is not None:
        properties["line"] = str(each.finding.line)
    properties["title"] = each.title
    return _command(_COMMANDS[each.finding.severity], properties, "\n".join(each.lines))


def _command(name: str, properties: dict[str, str], message: str) -> str:
    pairs = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {pairs}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
