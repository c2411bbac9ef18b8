"""What a file of checks means: in words, and how long a canary may expect to wait."""

import math
from collections.abc import Iterator

from lockproof.model.canary_checks import Comparison, Drift, Guard, Measure, Spec
from lockproof.model.explanation import Expected, Explanation, MeasureMeans
from lockproof.parse.canary_checks import LARGEST, read_canary_checks
from lockproof.render.words import count, duration, number

from .bounds import Errors
from .course import Bar, Course
from .drift import errors_of_part, parts_of
from .judge import errors_of, errors_of_drifts, needed
from .made_up import SimulateRequest, level_of, matters, refuse_strange
from .run import read
from .values import Pair, Point

_TIMES = (0.0, 1.5, 2.0, 5.0)
_EACH = 1000
"""So many looks are made after each interval; later ones after each tenth."""


def explain(request: SimulateRequest) -> Explanation:
    """What a file of checks means, with the traffic that is asked about.

    Raises:
        UsageError: the file is not there, or an option does not fit to it.
        ConfigError: the file does not say what it must.
    """
    content = read(request.directory, request.checks, LARGEST)
    checks = read_canary_checks(content, str(request.checks))
    refuse_strange(request, checks.spec)
    return Explanation(
        checks=checks.metadata.name,
        interval=checks.spec.interval,
        intervals=checks.spec.intervals,
        false_abort=checks.spec.false_abort,
        false_promote=checks.spec.false_promote,
        requests=request.requests,
        measures=(
            *(
                _means(request, measure, errors, checks.spec)
                for measure, errors in zip(
                    checks.spec.measures, errors_of(checks.spec), strict=True
                )
            ),
            *(
                _drift_means(request, drift, errors, checks.spec)
                for drift, errors in zip(
                    checks.spec.drifts, errors_of_drifts(checks.spec), strict=True
                )
            ),
        ),
    )


def _drift_means(
    request: SimulateRequest, drift: Drift, errors: Errors, spec: Spec
) -> MeasureMeans:
    """What one of its classes or bounds means; the others mean the same."""
    parts = parts_of(drift)
    level = errors_of_part(errors, len(parts))
    which = "each class" if drift.classes else "what is above each bound"
    many = f"({count(len(parts), 'comparison')}); one of these:"
    if drift.reference is None:
        found = _means(request, parts[0].measure, level, spec)
        return found.model_copy(update={"what": f"{found.what}, of {which} {many}"})
    found = _means(request, _held(request, drift, parts[0].measure), level, spec)
    away = {"higher": "above", "lower": "below", "either": "away from"}[drift.worse]
    beyond = f"more than {number(drift.smallest_effect)} {away} that of {drift.reference.file}"
    said = {"fails": _fails(beyond, level), "passes": _passes(beyond, level)}
    what = f"{found.what}, of {which}, alone beside that of {drift.reference.file} {many}"
    return found.model_copy(update={"what": what, **said})


def _held(request: SimulateRequest, drift: Drift, measure: Measure) -> Guard:
    """The bound on the canary alone where its reference has the share that is asked about."""
    level, effect = level_of(request, measure), drift.smallest_effect
    downwards = drift.worse == "lower" or (drift.worse == "either" and level + effect > 1)
    limit = max(0.0, level - effect) if downwards else min(1.0, level + effect)
    said = measure.model_dump(by_alias=True, exclude={"smallest_effect"})
    return Guard.model_validate(
        {**said, "worse": "lower" if downwards else "higher", "limit": limit}
    )


def _fails(beyond: str, errors: Errors) -> str:
    return (
        f"shown to be {beyond}; of canaries that are not {beyond} it fails at most"
        f" {number(100 * errors.lower, 3)} of 100"
    )


def _passes(beyond: str, errors: Errors) -> str:
    return (
        f"shown not to be {beyond}; of canaries that are {beyond} it lets at most"
        f" {number(100 * errors.upper, 3)} of 100 pass"
    )


def _means(request: SimulateRequest, measure: Measure, errors: Errors, spec: Spec) -> MeasureMeans:
    level = level_of(request, measure)
    guard = isinstance(measure, Guard)
    bar = Bar.of(measure, spec)
    kind = "ratio" if measure.ratio else "mean"
    if isinstance(measure, Guard):
        beyond = f"{'above' if measure.worse == 'higher' else 'below'} {number(measure.limit)}"
        fails, passes = _fails(beyond, errors), _passes(beyond, errors)
    else:
        assert isinstance(measure, Comparison)
        by = number(measure.smallest_effect)
        fails = (
            f"shown to be {measure.worse} than stable, and by {by} or more as it looks then; of"
            f" canaries that are not {measure.worse} it fails at most"
            f" {number(100 * errors.lower, 3)} of 100"
        )
        passes = (
            f"shown not to be {measure.worse} than stable by {by} or more; of canaries that are"
            f" {measure.worse} by so much it lets at most {number(100 * errors.upper, 3)} of 100"
            " pass"
        )
    return MeasureMeans(
        name=measure.name,
        method=measure.method,
        guard=guard,
        what=f"the canary's {kind}{'' if guard else ' less that of stable'}, of "
        + ("all requests so far" if measure.method == "requests" else "each interval"),
        fails=fails,
        passes=passes,
        needs=_needs(measure, bar, spec),
        level=level,
        expected=tuple(_expected(request, measure, errors, spec, level)),
    )


def _needs(measure: Measure, bar: Bar, spec: Spec) -> str:
    arms = "of the canary" if isinstance(measure, Guard) else "of each version"
    said = f"{measure.minimum_requests:,} requests {arms}"
    if bar.fewest > 1:
        said = f"{_long(bar.fewest, spec)} that count, and {said}"
    least = needed(measure, bar.matters, spec)
    if least is None or least > spec.intervals:
        return f"{said}; a pass takes more intervals than the horizon has: only failing is possible"
    if least:
        said += (
            f"; for a pass {_long(least, spec)}, or one that fails wholly might not have come yet"
        )
    return said


def _long(intervals: int, spec: Spec) -> str:
    return f"{count(intervals, 'interval')} ({duration(intervals * spec.interval)})"


def _expected(
    request: SimulateRequest, measure: Measure, errors: Errors, spec: Spec, level: float
) -> Iterator[Expected]:
    sign = 1 if measure.worse == "higher" else -1
    for times in _TIMES:
        worse = times * matters(measure, level)
        end = math.inf if measure.ratio is None else 1 - level if sign > 0 else level
        if worse <= end:
            failed, passed = _decided(request, measure, errors, spec, (level, sign * worse))
            yield Expected(times=times, worse=sign * worse, failed=failed, passed=passed)


def _decided(
    request: SimulateRequest, measure: Measure, errors: Errors, spec: Spec,
    about: tuple[float, float],
) -> tuple[int | None, int | None]:  # fmt: skip
    """After how many intervals that all are as on average; means vary as those of requests do."""
    level, worse = about
    canary, stable = request.requests
    varies = 0.0
    if measure.ratio is None:
        arms = 1 / canary + (0 if isinstance(measure, Guard) else 1 / stable)
        varies = request.spread * level * math.sqrt(arms)
    course = Course(measure, errors, spec)
    for look in range(1, spec.intervals + 1):
        value = level + worse + (varies if look % 2 else -varies)
        there = Point(level, stable, level * stable)
        course.add(
            Pair(
                look,
                Point(value, canary, value * canary),
                None if isinstance(measure, Guard) else there,
            )
        )
        if not course.ready or (look > _EACH and look % 10):
            continue
        if course.fails:
            return look, None
        if course.good:
            return None, look
    return None, None
