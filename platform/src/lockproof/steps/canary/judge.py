"""What follows from the figures of one measure."""

import math
from collections.abc import Callable

from lockproof.model.canary import ArmSeen, Known, Measured
from lockproof.model.canary_checks import MOST_INTERVALS, Comparison, Guard, Measure, Ratio, Spec
from lockproof.model.verdict import Verdict
from lockproof.render.words import count, number
from lockproof.stats import normal_mixture
from lockproof.stats.budget import parted

from .bounds import Bounds, Errors, worst
from .course import Course, too_many_gaps
from .interface import Figures
from .values import OVER, Pair, Point, Series, differences, series_of

NO_EVENT = (
    "no event was seen in the intervals that count: see that the query finds some when there are"
    " some"
)
MOVED = (
    "the canary's share of the traffic moved, so all requests of each arm are of other hours: take"
    " method intervals, or begin anew with --since"
)
RARE = "rare large values are excluded only as far as they were seen"
_SHOWN = {"intervals": 40, "bounded": 1, "requests": 40}
"""Points of a course, by method: bounds of `bounded` take long to find."""
LATEST = 3
"""One of which nothing was seen for so many intervals, or more, at the end is not passed."""


def errors_of(spec: Spec) -> list[Errors]:
    """The levels of each measure, in the order of `spec.measures`; `errors_of_drifts` has the rest.

    A canary fails where any measure does, so these share the chance of a false alarm. It passes
    where all do: a canary that is worse in one must get past that one, whose level is the whole
    (an intersection-union test: Berger 1982, Technometrics 24(4)).
    """
    return _errors(spec)[: len(spec.measures)]


def errors_of_drifts(spec: Spec) -> list[Errors]:
    """The same for `spec.drifts`."""
    return _errors(spec)[len(spec.measures) :]


def _errors(spec: Spec) -> list[Errors]:
    levels = parted(spec.false_abort, [measure.share for measure in spec.all])
    return [Errors(level, spec.false_promote) for level in levels]


def judge(
    measure: Measure,
    errors: Errors,
    spec: Spec,
    seen: tuple[Figures, Figures | None],
    intervals: int,
    at: Callable[[int], str],
    *,
    show: bool = True,
) -> Measured:
    """Judge a measure by `intervals` intervals.

    Args:
        measure: of `spec`.
        errors: its levels.
        spec: what is decided.
        seen: the figures of the canary, and of stable for a comparison.
        intervals: how many have ended.
        at: index of an interval -> when it ended, as text.
        show: whether its course is wanted, which takes a little longer.
    """
    series = series_of(measure, *seen, intervals)
    sign = 1.0 if measure.worse == "higher" else -1.0
    guard = isinstance(measure, Guard)
    course, failed_at, known = Course(measure, errors, spec), None, list[Known]()
    every = max(1, -(-(len(series.pairs) - course.bar.fewest) // _SHOWN[measure.method]))
    for left, pair in zip(reversed(range(len(series.pairs))), series.pairs, strict=True):
        course.add(pair)
        if show and course.ready and left and left % every == 0:
            known.append(_known(course.method.bounds(), sign, at(pair.index)))
        if failed_at is None and course.ready and course.fails:
            failed_at = pair.index
    last = course.method.bounds() if series.pairs and course.ready else None
    if show and last is not None:
        known.append(_known(last, sign, at(series.pairs[-1].index)))
    if failed_at is not None:
        against = "the limit" if guard else "the stable version"
        verdict, reason = Verdict.FAILED, f"it is shown to be worse than {against}"
    else:
        verdict, reason = _verdict(measure, series, course, last, intervals, spec)
    low, middle, high = (None, None, None) if last is None else _turned(last, sign)
    levels = (errors.lower, errors.upper) if sign > 0 else (errors.upper, errors.lower)
    return Measured(
        name=measure.name,
        verdict=verdict,
        reason=reason,
        what="ratio" if measure.ratio else "mean",
        method=measure.method,
        worse=measure.worse,
        limit=measure.limit if isinstance(measure, Guard) else None,
        smallest_effect=None if guard else course.bar.matters,
        canary=_arm(measure, seen[0], [pair.canary for pair in series.pairs]),
        stable=_arm(measure, seen[1], [pair.stable for pair in series.pairs if pair.stable])
        if seen[1] is not None
        else None,
        intervals=len(series.pairs),
        gaps=dict(sorted(series.gaps.items())),
        estimate=middle,
        lower=low,
        upper=high,
        lower_error=levels[0] if last else None,
        upper_error=levels[1] if last else None,
        decided=None if failed_at is None else at(failed_at),
        course=tuple(known),
    )


def _known(bounds: Bounds, sign: float, at: str) -> Known:
    low, now, high = _turned(bounds, sign)
    return Known(at=at, lower=low, estimate=now, upper=high)


def _turned(bounds: Bounds, sign: float) -> tuple[float | None, float, float | None]:
    """In the measure's own direction."""
    ends = [None if end is None else sign * end + 0.0 for end in (bounds.lower, bounds.upper)]
    if sign < 0:
        ends.reverse()
    return ends[0], sign * bounds.estimate + 0.0, ends[1]


def _arm(measure: Measure, figures: Figures, points: list[Point]) -> ArmSeen:
    requests = sum(point.requests for point in points)
    value = None
    if points:
        value = sum(point.value for point in points) / len(points)
        if isinstance(measure.kind, Ratio):
            value = sum(point.events for point in points) / requests
    return ArmSeen(queries=figures.queries, requests=requests, value=value)


def _verdict(
    measure: Measure,
    series: Series,
    course: Course,
    last: Bounds | None,
    intervals: int,
    spec: Spec,
) -> tuple[Verdict, str]:
    """Of a measure that did not fail."""
    pairs = series.pairs
    if not pairs:
        return Verdict.INCONCLUSIVE, f"no interval counts: {_gaps(series)}"
    if last is None:
        return Verdict.INCONCLUSIVE, _too_few(measure, pairs, course.bar.fewest)
    if last.upper is None:
        return Verdict.INCONCLUSIVE, "its values do not vary at all, so nothing follows from them"
    if not course.comparable:
        return Verdict.INCONCLUSIVE, MOVED
    if not course.method.better_than(course.bar.matters):
        return Verdict.INCONCLUSIVE, _undecided(
            measure, course.bar.matters, len(pairs), intervals, spec
        )
    doubt = _doubt(measure, series, course, intervals)
    if doubt:
        return Verdict.INCONCLUSIVE, doubt
    said = f"it is shown not to be worse than {_allowed(measure)}"
    if measure.method != "requests":
        said += ", with all intervals counted alike"
    if measure.ratio is None:
        said += f"; {RARE}"
    elif not any(_events(pair) for pair in pairs):
        said += f"; {NO_EVENT}"
    return Verdict.PASSED, said


def _doubt(measure: Measure, series: Series, course: Course, intervals: int) -> str:
    """Why a canary whose bounds are good is not passed; empty where nothing stands against it."""
    pairs = series.pairs
    silent = intervals - 1 - pairs[-1].index
    if silent >= LATEST:
        return (
            f"what was seen is good, but none of the last {count(silent, 'interval')} counts:"
            f" {_gaps(series)}"
        )
    strange = sum(times for why, times in series.gaps.items() if why.endswith(OVER))
    if strange:
        return (
            f"what else was seen is good, but {OVER} in {count(strange, 'interval')}: see that"
            " both queries count the same requests"
        )
    if too_many_gaps(intervals, len(pairs)):
        return (
            f"what was seen is good, but {count(intervals - len(pairs), 'interval')} of"
            f" {intervals:,} do not count: {_gaps(series)}"
        )
    if course.good:
        return ""
    pooled, even = course.by_requests, _even(measure, pairs)
    sign = 1.0 if measure.worse == "higher" else -1.0
    what = "mean" if isinstance(measure, Guard) else "difference"
    worse = ": it is worse in intervals with more requests"
    return (
        f"the {what} is {number(sign * pooled, 3)} with each interval counted by the canary's"
        f" requests, and {number(sign * even, 3)} with all counted alike"
        f"{worse if pooled > even and not math.isclose(pooled, even) else ''}"
    )


def _even(measure: Measure, pairs: list[Pair]) -> float:
    return sum(differences(measure, pairs)) / len(pairs)


def _undecided(measure: Measure, matters: float, seen: int, intervals: int, spec: Spec) -> str:
    """What a pass would take; `seen` of the intervals count."""
    never = never_passes(measure, matters, spec)
    if never:
        return f"neither better nor worse is shown, and {never}"
    fewest = needed(measure, matters, spec)
    over = intervals >= spec.intervals
    wait = "the horizon is over" if over else "wait for more intervals"
    least = f" (a pass takes {fewest:,} at the least)" if fewest and seen < fewest else ""
    return f"neither better nor worse is shown: {wait}{least}"


def never_passes(measure: Measure, matters: float, spec: Spec) -> str:
    """Why no canary can pass a measure, whatever it does; empty where that is not known."""
    best = _best(measure)
    if best is not None and matters <= best:
        return (
            "there is nothing better than the limit that it could be shown to be: take a"
            f" {_easier(measure)}"
        )
    fewest = needed(measure, matters, spec)
    if fewest is None or fewest > spec.intervals:
        least = f"more than {MOST_INTERVALS:,}" if fewest is None else f"{fewest:,}"
        return (
            f"the horizon has too few intervals for a pass: {spec.intervals:,}, of {least} that it"
            f" takes at the least; take a longer horizon, or a {_easier(measure)}"
        )
    return ""


def needed(measure: Measure, matters: float, spec: Spec) -> int | None:
    """Intervals before which not even a canary without a fault passes; None: too many.

    It might fail wholly in one that was not seen yet: `bounds.worst`.
    """
    if measure.method != "intervals" or measure.ratio is None:
        return 0
    best = _best(measure) or 0.0
    rho = normal_mixture.one_sided_tuning(
        spec.false_promote, (spec.minimum_intervals + spec.intervals) // 2
    )
    return normal_mixture.fewest_past_one(matters - best, spec.false_promote, rho, MOST_INTERVALS)


def _best(measure: Measure) -> float | None:
    """The best that a guarded ratio can be, turned so that more is worse; None: no end is known."""
    unseen = worst(measure) if isinstance(measure, Guard) else None
    return None if unseen is None else unseen - 1.0


def _easier(measure: Measure) -> str:
    if isinstance(measure, Guard):
        return f"{'larger' if measure.worse == 'higher' else 'smaller'} limit"
    return "larger smallestEffect"


def _events(pair: Pair) -> float:
    return pair.canary.events + (pair.stable.events if pair.stable else 0)


def _allowed(measure: Measure) -> str:
    if isinstance(measure, Guard):
        return "the limit"
    assert isinstance(measure, Comparison)
    return f"stable by {number(measure.smallest_effect)} or more"


def _too_few(measure: Measure, pairs: list[Pair], fewest: int) -> str:
    if len(pairs) < fewest:
        return f"{count(len(pairs), 'interval')}, {fewest:,} are needed"
    canary = sum(pair.canary.requests for pair in pairs)
    stable = sum(pair.stable.requests for pair in pairs if pair.stable)
    arms = f"canary {number(canary)}" + (
        "" if isinstance(measure, Guard) else f", stable {number(stable)}"
    )
    return f"too few requests ({arms}), {measure.minimum_requests:,} are needed of each"


def _gaps(series: Series) -> str:
    told = [f"{why} in {times:,}" for why, times in series.gaps.most_common(3)]
    return "; ".join(told) or "none has ended"
