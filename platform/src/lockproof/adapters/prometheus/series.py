"""What Prometheus answers to a range query: series of numbers, or of native histograms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Histogram:
    """A native histogram."""

    count: float
    """Of all observations, also those that were no number and are in no bucket."""
    buckets: tuple[tuple[float, float, float], ...]
    """Its ends, and how many observations are in it; none of them overlap."""


@dataclass(frozen=True)
class Line:
    """One series of an answer."""

    labels: Mapping[str, str]
    values: Mapping[int, float]
    """Unix seconds -> value, which may be no number."""
    histograms: Mapping[int, Histogram] = field(default_factory=dict)
    """Unix seconds -> native histogram; a series has one or the other at a time."""


def joined(one: Line, other: Line) -> Line:
    """A series in two answers that follow each other."""
    return Line(one.labels, {**one.values, **other.values}, {**one.histograms, **other.histograms})


def line_of(series: Any) -> Line:
    """As the API has it.

    Raises:
        ArithmeticError, AttributeError, KeyError, TypeError, ValueError: it has it not.
    """
    if "values" not in series and "histograms" not in series:
        raise ValueError("a series has no values")
    return Line(
        labels={str(k): str(v) for k, v in series["metric"].items()},
        values={round(float(t)): float(v) for t, v in series.get("values", ())},
        histograms={round(float(t)): _histogram(v) for t, v in series.get("histograms", ())},
    )


def _histogram(said: Any) -> Histogram:
    """As the API has it: `count`, and `buckets` of a rule for the ends, these, and a count."""
    buckets = tuple((float(b[1]), float(b[2]), float(b[3])) for b in said.get("buckets", ()))
    return Histogram(float(said["count"]), buckets)
