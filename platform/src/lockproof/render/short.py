"""The findings alone, a line each, as a hook shows them: who commits wants what is to mend."""

from collections.abc import Iterator

from lockproof.model.finding import Severity
from lockproof.model.report import Report
from lockproof.model.verdict import Verdict
from lockproof.render import words
from lockproof.render.findings import placed
from lockproof.render.foreign import brief

_TEXT_LIMIT = 1000
_MOST_REASONS = 5


def short(report: Report, *, whole: bool = False) -> str:
    """A line for each finding and for what could not be looked at, then one with the verdict.

    Args:
        report: the report.
        whole: whether notes have lines too; else the last line counts them.
    """
    unproved = list(_unproved(report))
    lines = [*_findings(report, whole), *unproved] if report.findings or not unproved else unproved
    lines.append(f"lockproof {report.step}: {words.verdict_sentence(report)}")
    return "".join(f"{line}\n" for line in lines)


def _findings(report: Report, whole: bool) -> Iterator[str]:
    for each in placed(report):
        finding = each.finding
        if whole or finding.severity is not Severity.NOTE:
            head = f"{words.where(finding)}: {brief(finding.rule, 40)} {finding.severity.value}"
            yield f"{head}: {each.lines[0]}"
            yield from (f"  {line}" for line in each.details)


def _unproved(report: Report) -> Iterator[str]:
    """Why a check is inconclusive: without it nobody knows what to do about it."""
    for check in report.checks:
        if check.verdict is Verdict.INCONCLUSIVE and check.demanded:
            name = brief(check.name, 40)
            reasons = check.not_checked or ("nothing was there to look at",)
            yield from (f"{name}: {brief(why, _TEXT_LIMIT)}" for why in reasons[:_MOST_REASONS])
            more = len(reasons) - _MOST_REASONS
            if more > 0:
                yield f"{name}: and {words.count(more, 'more reason')} in the report"
