"""Whether the report of a look at a canary can be true, before anybody signs it."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from lockproof.errors import UsageError
from lockproof.model.canary import SKEW, CanarySeen, Measured
from lockproof.model.registration import moment
from lockproof.model.report import Report
from lockproof.model.verdict import Verdict, worst
from lockproof.steps.canary.course import too_many_gaps

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
    why = next(filter(None, _wrong(report, seen)), None)
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
    elif seen.interval <= 0:
        yield "has intervals of no length"
    if not (0 < seen.false_abort < 1 and 0 < seen.false_promote < 1):
        yield "names no chances by which it judged"
    for each in seen.measures:
        bad = (_incredible(each), _contradiction(each, seen), *_unfitting(each, seen))
        yield from (f"says that {each.name[:80]!r} {why}" for why in bad if why)
    yield from _said_otherwise(report, seen)


def _said_otherwise(report: Report, seen: CanarySeen) -> Iterator[str]:
    """What the report says as a whole and its measures do not."""
    if len({each.name for each in seen.measures}) < len(seen.measures):
        yield "has a measure twice"
    wanted = worst(each.verdict for each in seen.measures)
    if seen.rollout is not None and any(
        check.name == "rollout" and check.verdict is Verdict.INCONCLUSIVE for check in report.checks
    ):  # Nothing came of what was to be done to it.
        wanted = worst((wanted, Verdict.INCONCLUSIVE))
    if not seen.measures or report.verdict is not wanted:
        yield f"says {report.verdict.value}, and its measures do not"
    checks = sorted((check.name, check.verdict) for check in report.checks)
    told = [(each.name, each.verdict) for each in seen.measures]
    of_rollout = [] if seen.rollout is None else [[("rollout", verdict)] for verdict in Verdict]
    if all(checks != sorted([*told, *more]) for more in ([], *of_rollout)):
        yield "has checks that say otherwise than its measures"


def _incredible(each: Measured) -> str:
    """What cannot be among the figures of a measure, whatever came of it; empty: nothing."""
    arms = [each.canary, *([] if each.stable is None else [each.stable])]
    numbers = [each.limit, each.smallest_effect, each.lower_error, each.upper_error]
    numbers += [number for arm in arms for number in (arm.requests, arm.value)]
    numbers += [number for ends in _ends(each) for number in ends]
    if any(number is not None and not math.isfinite(number) for number in numbers):
        return "has figures that are no numbers"
    if (each.limit is None) is (each.smallest_effect is None):
        return "has neither a limit nor a smallest effect, or both"
    if each.smallest_effect is not None and each.smallest_effect <= 0:
        return "has a smallest effect that is none"
    if (each.stable is None) is (each.limit is None):
        return "has a limit and a stable version, or neither"
    if any(error is not None and error <= 0 for error in (each.lower_error, each.upper_error)):
        return "takes a risk that is none"
    return ""


def _unfitting(each: Measured, seen: CanarySeen) -> Iterator[str]:
    """What of a measure's figures does not fit together."""
    since, until = moment(seen.since), moment(seen.until)
    if since is None or until is None or seen.interval <= 0:
        return
    whole = (until - since).total_seconds() / seen.interval
    counts = (each.intervals, *each.gaps.values())
    if min(counts) < 0 or sum(counts) > whole:
        yield "counts more intervals than there were"
    if sum(counts) < whole:
        yield "counts fewer intervals than there were, and gaps"
    if each.verdict is Verdict.PASSED and too_many_gaps(int(whole), each.intervals):
        yield "passed, and too few intervals count"
    for arm in (each.canary, each.stable):
        if arm and (arm.requests > 0, arm.value is not None) != (bool(each.intervals),) * 2:
            yield "has other requests than intervals that count"
    if not all(map(_in_order, _ends(each))):
        yield "has an estimate outside of its bounds"
    times = [moment(known.at) for known in each.course]
    known = [time for time in (since, *times, until) if time is not None]
    if len(known) < len(times) + 2 or known != sorted(known):
        yield "has a course that is not of its time"
    first, *course = _ends(each)
    if (course and course[-1] != first) or (each.estimate is None and first != (None,) * 3):
        yield "has bounds that are not those of its course"
    if each.estimate is not None and (each.what == "mean" or each.method == "requests"):
        # By the other methods the intervals of a ratio weigh otherwise than its requests.
        value, stable = each.canary.value or 0.0, (each.stable and each.stable.value) or 0.0
        if abs(value - stable - each.estimate) > _ROUNDING * max(1.0, abs(value), abs(stable)):
            yield "has an estimate that is not of its arms"


def _ends(each: Measured) -> list[tuple[float | None, float | None, float | None]]:
    """Lower bound, estimate and upper bound: as they are, and as they came to be."""
    course = [(known.lower, known.estimate, known.upper) for known in each.course]
    return [(each.lower, each.estimate, each.upper), *course]


def _in_order(ends: Sequence[float | None]) -> bool:
    """Whether a lower bound, an estimate and an upper bound are in this order."""
    known = [end for end in ends if end is not None]
    return all(a <= b + _ROUNDING * max(1.0, abs(b)) for a, b in pairwise(known))


def _contradiction(each: Measured, seen: CanarySeen) -> str:
    """What of a measure's verdict its figures do not bear out; empty where they do.

    Bounds may come back after a canary failed, so that a failure has its time alone.
    """
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
