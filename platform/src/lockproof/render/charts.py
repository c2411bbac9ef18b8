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
