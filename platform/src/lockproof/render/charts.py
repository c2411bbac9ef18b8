"""Geometry of the bars on the page; every value also stands beside them as text."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PHASES = ("fetch", "run", "compare", "explain")
"""The phases that have a colour of their own; all others share one."""
OTHER = "other"


@dataclass(frozen=True)
class Bar:
    """A horizontal bar, in the units of its chart's width."""

    x: float
    width: float


@dataclass(frozen=True)
class Pair:
    """A locked and an observed value over a common zero; None where there is no finite value."""

    zero: float
    locked: Bar | None
    observed: Bar | None


@dataclass(frozen=True)
class Segment:
    """One phase of a stage's time."""

    phase: str
    kind: str
    """The phase if it is one of `PHASES`, else `OTHER`."""
    seconds: float
    bar: Bar


def paired_bars(
    values: Sequence[tuple[float | None, float | None]], width: float
) -> tuple[Pair, ...]:
    """Bars for pairs of a locked and an observed value.

    Pairs from 0 to 1, as most scores are, are drawn on the scale from 0 to 1; any other pair
    fills the chart, since the metrics of one file need not have the same unit.

    Args:
        values: the pairs.
        width: of the chart, in pixels.
    """
    pairs = []
    for locked, observed in values:
        known = [value for value in (_finite(locked), _finite(observed)) if value is not None]
        low = min([0.0, *known])
        high = max([0.0, *known])
        if low == 0.0 and high <= 1.0:
            high = 1.0
        zero = _along(0.0, low, high, width)
        pairs.append(
            Pair(
                zero=zero,
                locked=_bar(_finite(locked), low, high, width),
                observed=_bar(_finite(observed), low, high, width),
            )
        )
    return tuple(pairs)


def time_bar(phases: Mapping[str, float], longest: float, width: float) -> tuple[Segment, ...]:
    """The phases of one stage side by side.

    Args:
        phases: phase -> seconds.
        longest: the seconds that fill the chart.
        width: of the chart, in pixels.
    """
    known = [name for name in PHASES if name in phases]
    segments, x = [], 0.0
    for name in (*known, *sorted(set(phases) - set(known))):
        seconds = _finite(phases[name]) or 0.0
        if seconds <= 0 or longest <= 0:
            continue
        size = round(seconds / longest * width, 2)
        kind = name if name in PHASES else OTHER
        segments.append(Segment(name, kind, seconds, Bar(round(x, 2), size)))
        x += size
    return tuple(segments)


@dataclass(frozen=True)
class Band:
    """Bounds over time, as points of SVG, and straight lines."""

    band: str
    estimate: str
    bars: tuple[float, ...]
    """Heights of what is not to be reached."""
    marks: tuple[float, ...]
    """Places of moments."""
    low: float
    high: float
    """The values at the lower and upper end."""


def band_over_time(
    known: Sequence[tuple[float, float | None, float, float | None]],
    bars: Sequence[float],
    marks: Sequence[float],
    size: tuple[float, float],
) -> Band | None:
    """Where bounds, which narrow as they come, lie beside what they are held to.

    The scale is that of the later half of the bounds, since the first are often so wide that
    nothing else would be seen; what lies beyond is drawn at the edge.

    Args:
        known: seconds, lower bound, estimate, upper bound; a bound that is None is at the edge.
        bars: values of what is not to be reached.
        marks: seconds of moments to be marked.
        size: width and height, in pixels.

    Returns:
        None where the values have no finite span.
    """
    width, height = size
    later = known[len(known) // 2 :]
    shown = [*bars, *(value for row in later for value in row[1:] if value is not None)]
    if not all(map(math.isfinite, shown)):
        return None
    low, high = min(shown), max(shown)
    room = (high - low) / 20 or abs(high) / 20 or 1.0
    low, high = low - room, high + room
    if not math.isfinite(high - low):
        return None
    first, last = known[0][0], known[-1][0]

    def x(seconds: float) -> float:
        return _along(min(max(seconds, first), last), first, last, width)

    def y(value: float | None, edge: float) -> float:
        known_value = _finite(value)
        inside = min(max(edge if known_value is None else known_value, low), high)
        return round(height - _along(inside, low, high, height), 2)

    upper = [(x(at), y(end, high)) for at, _, _, end in known]
    lower = [(x(at), y(end, low)) for at, end, _, _ in known]
    return Band(
        band=_points([*upper, *reversed(lower)]),
        estimate=_points([(x(at), y(value, low)) for at, _, value, _ in known]),
        bars=tuple(y(bar, low) for bar in bars),
        marks=tuple(x(mark) for mark in marks),
        low=low,
        high=high,
    )


def _points(found: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in found)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _along(value: float, low: float, high: float, width: float) -> float:
    # Scaling first keeps the span of two huge values of opposite sign finite.
    scale = max(abs(low), abs(high)) or 1.0
    span = high / scale - low / scale
    return round((value / scale - low / scale) / span * width, 2) if span > 0 else 0.0


def _bar(value: float | None, low: float, high: float, width: float) -> Bar | None:
    if value is None:
        return None
    ends = sorted((_along(0.0, low, high, width), _along(value, low, high, width)))
    return Bar(x=ends[0], width=round(ends[1] - ends[0], 2))
