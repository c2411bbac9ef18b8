"""Whether the report of a look at a canary can be true, before anybody signs it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lockproof.errors import UsageError
from lockproof.model.canary import SKEW, CanarySeen, Measured
from lockproof.model.registration import moment
from lockproof.model.report import Report
from lockproof.model.verdict import Verdict, worst

_ROUNDING = 1e-6
"""Bounds of the method `bounded` are sought by bisection."""


def judged(report: Report, path: Path) -> CanarySeen:
    """What a look saw.

    Raises:
        UsageError: the report is of another step, says two things, or tells of no time or of one
            that is still to come.
    """
    seen = report.host.canary
    if report.step != "canary" or seen is None:
        raise UsageError(
            f"{path} is a report of {report.step[:40]!r}: write one with 'lockproof canary check"
            " --output FILE.json'"
        )
    why = next(_wrong(report, seen), None)
    if why is not None:
        raise UsageError(f"{path} {why}")
    return seen


def to_come(until: str) -> bool:
    """Whether a time is one of the future, by more than clocks differ."""
    found = moment(until)
    return found is not None and found > datetime.now(UTC) + timedelta(seconds=SKEW)


def _wrong(report: Report, seen: CanarySeen) -> Iterator[str]:
    since, until = moment(seen.since), moment(seen.until)
    if since is None or until is None:
        yield "names no times as 'lockproof canary check' writes them"
    elif since == until:
        yield "looked at no interval: look again when one has ended"
    elif since > until:
        yield f"ends at {seen.until}, before it begins, at {seen.since}"
    elif to_come(seen.until):
        yield f"tells of {seen.until}, which is still to come"
    elif seen.interval <= 0 or any(
        each.intervals * seen.interval > (until - since).total_seconds() for each in seen.measures
    ):
        yield "counts more intervals than there were"
    if len({each.name for each in seen.measures}) < len(seen.measures):
        yield "has a measure twice"
    wanted = worst(each.verdict for each in seen.measures)
    if seen.rollout is not None and any(
        check.name == "rollout" and check.verdict is Verdict.INCONCLUSIVE for check in report.checks
    ):  # Nothing came of what was to be done to it.
        wanted = worst((wanted, Verdict.INCONCLUSIVE))
    if not seen.measures or report.verdict is not wanted:
        yield f"says {report.verdict.value}, and its measures do not"
    for each in seen.measures:
        why = _contradiction(each, seen)
        if why:
            yield f"says that {each.name[:80]!r} {why}"
    checks = {check.name: check.verdict for check in report.checks}
    if any(checks.get(each.name) is not each.verdict for each in seen.measures):
        yield "has checks that say otherwise than its measures"


def _contradiction(each: Measured, seen: CanarySeen) -> str:
    """What of a measure's verdict its figures do not bear out; empty where they do.

    Bounds may come back after a canary failed, so that a failure has its time alone.
    """
    if (each.limit is None) is (each.smallest_effect is None):
        return "has neither a limit nor a smallest effect, or both"
    sign = 1.0 if each.worse == "higher" else -1.0
    errors = (each.lower_error, each.upper_error)
    to_abort, to_promote = errors if sign > 0 else errors[::-1]
    if (to_abort or 0) > seen.false_abort + _ROUNDING or (
        to_promote or 0
    ) > seen.false_promote + _ROUNDING:
        return "takes a larger risk than the canary does"
    if each.verdict is Verdict.FAILED:
        decided, since, until = (
            moment(text or "") for text in (each.decided, seen.since, seen.until)
        )
        if decided is None or since is None or until is None or not since < decided <= until:
            return "failed, and not when"
        return ""
    if each.decided is not None:
        return f"failed at {each.decided[:40]}, and did not"
    ends = (each.lower, each.upper) if sign > 0 else (each.upper, each.lower)
    low, high = (None if end is None else sign * end for end in ends)  # Of how much worse it is.
    limit = 0.0 if each.limit is None else sign * each.limit
    matters = limit if each.smallest_effect is None else each.smallest_effect
    if each.verdict is Verdict.PASSED and (
        high is None or not high < matters + _ROUNDING or to_promote is None or not each.intervals
    ):
        return "passed, and its figures do not"
    # Whose share of the traffic moved is not failed by the method `requests`.
    moved = each.method == "requests" and each.limit is None
    by = matters if each.estimate is None else sign * each.estimate
    if low is not None and low > limit + _ROUNDING and by > matters + _ROUNDING and not moved:
        return f"{each.verdict.value}, and its figures are those of one that failed"
    return ""
