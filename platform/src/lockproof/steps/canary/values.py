"""From the figures of both arms to one value for each interval."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from lockproof.model.canary_checks import Guard, Mean, Measure, Ratio

from .interface import Figures

_ROUNDING = 1e-6
"""Where events are a difference of two counters."""
OVER = "there are more events than the total"
_LARGEST = 1e100
_FEWEST = 0.5
"""Requests; less is none, which is all that an average over time can mean by it."""
_EXTRAPOLATED = 1.1
"""Prometheus extends each of two counters to the ends of the interval by itself: where all requests
are events, these may come out as a few more."""


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
    names = ("events", "total") if isinstance(kind, Ratio) else ("sum", "count")
    over, total = (figures.columns[name][index] for name in names)
    few = total is None or total < _FEWEST
    most = _EXTRAPOLATED * max(total or 0.0, 0.0) + _ROUNDING
    if isinstance(kind, Ratio) and few and over is not None and most < over <= _LARGEST:
        return OVER  # Where everything fails, a total of what was answered has nothing.
    if total is None:
        return f"no {names[1]}"
    if not 0 <= total <= _LARGEST:
        return f"{names[1]} is no number of requests"
    if total < _FEWEST:
        return "no requests"
    if over is None:
        return f"no {names[0]}"
    if not abs(over) <= _LARGEST:
        return f"{names[0]} is no number"
    if isinstance(kind, Mean):
        return Point(over / total, total)
    if not -_ROUNDING * total <= over <= _EXTRAPOLATED * total:
        return OVER if over > total else "events are below zero"
    over = min(max(over, 0.0), total)
    return Point(over / total, total, over)


def differences(measure: Measure, pairs: list[Pair]) -> Iterator[float]:
    """What is judged in each: how much worse the canary is, or its value as it counts as worse."""
    sign = 1.0 if measure.worse == "higher" else -1.0
    for pair in pairs:
        base = 0.0 if isinstance(measure, Guard) or pair.stable is None else pair.stable.value
        yield sign * (pair.canary.value - base)
