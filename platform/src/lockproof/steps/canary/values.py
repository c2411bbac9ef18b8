"""From the figures of both arms to one value for each interval."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from lockproof.model.canary_checks import Guard, Mean, Measure, Quantile, Ratio
from lockproof.stats.histogram import histogram_quantile

from .interface import Figures

_ROUNDING = 1e-6


@dataclass(frozen=True)
class Point:
    """One arm in one interval."""

    value: float
    requests: float
    events: float = 0.0


@dataclass(frozen=True)
class Pair:
    """An interval in which both arms have a value."""

    index: int
    canary: Point
    stable: Point | None


@dataclass
class Series:
    """The intervals that count, and why the others do not."""

    pairs: list[Pair] = field(default_factory=list)
    gaps: Counter[str] = field(default_factory=Counter)


def series_of(measure: Measure, canary: Figures, stable: Figures | None, count: int) -> Series:
    """The values of `count` intervals; a guard has no stable arm."""
    found = Series()
    for index in range(count):
        points: list[Point | None] = []
        for arm, figures in (("canary", canary), ("stable", stable)):
            if figures is None:
                continue
            point = _point(measure, figures, index)
            if isinstance(point, str):
                found.gaps[f"{arm}: {point}"] += 1
                break
            points.append(point)
        else:
            first = points[0]
            assert first is not None
            found.pairs.append(Pair(index, first, points[1] if len(points) > 1 else None))
    return found


def _point(measure: Measure, figures: Figures, index: int) -> Point | str:
    """The value of one interval, or why there is none."""
    kind = measure.kind
    if isinstance(kind, Quantile):
        return _quantile(kind, figures, index)
    names = ("events", "total") if isinstance(kind, Ratio) else ("sum", "count")
    numbers = [figures.columns[name][index] for name in names]
    if numbers[1] is None:
        return f"no {names[1]}"
    if not math.isfinite(numbers[1]) or numbers[1] < 0:
        return f"{names[1]} is no number of requests"
    if numbers[1] == 0:
        return "no requests"
    if numbers[0] is None:
        return f"no {names[0]}"
    over, total = numbers[0], numbers[1]
    if not math.isfinite(over):
        return f"{names[0]} is no number"
    if isinstance(kind, Mean):
        return Point(over / total, total)
    # Two counters, each extrapolated by Prometheus, may differ in the last digits.
    if not -_ROUNDING <= over <= total * (1 + _ROUNDING):
        return "events are not among the total"
    over = min(max(over, 0.0), total)
    return Point(over / total, total, over)


def _quantile(kind: Quantile, figures: Figures, index: int) -> Point | str:
    buckets = {}
    for bound, column in figures.buckets.items():
        number = column[index]
        if number is None:
            continue
        if not math.isfinite(number) or number < 0:
            return "a bucket is no number of requests"
        buckets[bound] = number
    if not buckets:
        return "no buckets"
    if math.inf not in buckets or len(buckets) < len(figures.buckets):
        return "a bucket is missing"
    if len(buckets) < 2:
        return "there is one bucket only"
    value = histogram_quantile(kind.level, buckets)
    return "no requests" if value is None else Point(value, max(buckets.values()))


def differences(measure: Measure, pairs: list[Pair]) -> Iterator[float]:
    """What is judged in each: how much worse the canary is, or its value as it counts as worse."""
    sign = 1.0 if measure.worse == "higher" else -1.0
    for pair in pairs:
        base = 0.0 if isinstance(measure, Guard) or pair.stable is None else pair.stable.value
        yield sign * (pair.canary.value - base)
