"""How often each class came in each interval, or how many values lay above each bound."""

import math
from collections.abc import Mapping, Sequence

from lockproof.adapters.prometheus.series import Histogram, Line
from lockproof.errors import ConfigError
from lockproof.model.canary_checks import OTHER, Drift
from lockproof.model.canary_checks import Histogram as Buckets

from .interface import Column, Counts, Look

_SAME = 1e-9
"""Ends of buckets that differ by less, relatively, are the same."""
_LOST = 1e-6
"""Which part of a count its buckets may lack by rounding."""
_SHOWN = 12
_LARGEST = 2.0**63
"""Requests in an interval, more than any counter tells apart: sums of such stay finite."""


def called(bound: float) -> str:
    """What a bound is called; exact."""
    return f"{bound!r}".removesuffix(".0")


def any_of(line: Line) -> bool:
    """Whether a series of requests has any."""
    found = [*line.values.values(), *(each.count for each in line.histograms.values())]
    return any(value > 0 for value in found)


def counted(drift: Drift, query: str, lines: Sequence[Line], look: Look) -> Counts:
    """What a server's answer says.

    Raises:
        ConfigError: it has not the labels, the buckets or the one series that it must have.
    """
    if drift.histogram is not None and any(line.histograms for line in lines):
        return _native(drift, drift.histogram, query, lines, look)
    label = "le" if drift.classes is None else drift.classes.label
    columns: dict[str, Column] = {}
    for line in lines:
        name = line.labels.get(label)
        if name is None:
            raise ConfigError(
                f"{drift.name}: the query gives a series without the label {label}: put"
                f" sum by ({label}) around it"
            )
        if name in columns:
            raise ConfigError(
                f"{drift.name}: the query gives several series with the label"
                f" {label}={name[:80]!r}: put sum by ({label}) around it"
            )
        if line.histograms:
            raise ConfigError(f"{drift.name}: the query gives native histograms, and no counts")
        columns[name] = [line.values.get(end) for end in _ends(look)]
    return _of_columns(drift, columns, look, query)


def of_samples(drift: Drift, columns: Mapping[str, Column], look: Look, name: str) -> Counts:
    """What a file of samples says.

    Raises:
        ConfigError: it has not the buckets that it must have.
    """
    some = {each: column[: look.count] for each, column in columns.items()}
    try:
        return _of_columns(drift, some, look, "")
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None


def _of_columns(drift: Drift, columns: Mapping[str, Column], look: Look, query: str) -> Counts:
    if drift.histogram is not None:
        return _classic(drift, drift.histogram, columns, look, query)
    assert drift.classes is not None
    total: list[float | None] = []
    for interval in range(look.count):
        there = [column[interval] for column in columns.values()]
        known = [value for value in there if value is not None]
        # One that is no number makes the whole interval none.
        sound = bool(known) and all(_is_count(value) for value in known)
        total.append(math.fsum(known) if sound else None)
    found: dict[str, Column] = {}
    for value in drift.classes.values:
        column = columns.get(value)
        # A class without a series did not come, where others did.
        found[value] = [
            None if every is None else (column[at] or 0.0) if column is not None else 0.0
            for at, every in enumerate(total)
        ]
    found[OTHER] = [
        None if every is None else max(0.0, every - math.fsum(c[at] or 0.0 for c in found.values()))
        for at, every in enumerate(total)
    ]
    named = any(count for value in drift.classes.values for count in found[value])
    unknown = ""
    if not named and any(total):
        seen = ", ".join(sorted(columns)[:_SHOWN])[:200]
        unknown = f"none of the classes that are named came, but {seen}: see that values are right"
    return Counts(found, total, query, unknown)


def _classic(
    drift: Drift, histogram: Buckets, columns: Mapping[str, Column], look: Look, query: str
) -> Counts:
    """Of buckets with all that is up to their ends."""
    by_end: dict[float, Column] = {}
    for name, column in columns.items():
        try:
            end = float(name)
        except ValueError:
            end = math.nan
        if math.isnan(end):
            raise ConfigError(f"{drift.name}: {name[:80]!r} is no end of a bucket")
        if end in by_end:
            # Clients write one end in several ways: `1` and `1.0` are two series of one bucket.
            raise ConfigError(
                f"{drift.name}: two buckets end at {called(end)}, written in different ways: make"
                " them one (in a query by label_replace, then sum by (le))"
            )
        by_end[end] = column
    nothing: Column = [None] * look.count
    if not by_end:
        return Counts({called(bound): nothing for bound in histogram.bounds}, nothing, query)
    total = by_end.get(math.inf)
    if total is None:
        raise ConfigError(
            f"{drift.name}: there is no bucket +Inf, so nobody knows how many there are"
        )
    found: dict[str, Column] = {}
    for bound in histogram.bounds:
        below = by_end.get(bound)
        if below is None:
            ends = ", ".join(called(end) for end in sorted(by_end) if end < math.inf)
            raise ConfigError(
                f"{drift.name}: there is no bucket up to {called(bound)}: take bounds of"
                f" {ends[:200]}"
            )
        found[called(bound)] = [
            None if every is None or low is None else every - low
            for every, low in zip(total, below, strict=True)
        ]
    return Counts(found, total, query)


def _native(
    drift: Drift, histogram: Buckets, query: str, lines: Sequence[Line], look: Look
) -> Counts:
    if len(lines) > 1:
        raise ConfigError(
            f"{drift.name}: the query gives {len(lines)} series, must give one native histogram:"
            " put sum() around it"
        )
    (line,) = lines
    found: dict[str, list[float | None]] = {called(bound): [] for bound in histogram.bounds}
    total: list[float | None] = []
    unknown = ""
    for end in _ends(look):
        here = line.histograms.get(end)
        counts = [] if here is None else [here.count, *(bucket[2] for bucket in here.buckets)]
        if here is None or not all(_is_count(count) for count in counts):
            here = None
        elif here.count - math.fsum(counts[1:]) > _LOST * here.count:
            here, unknown = None, unknown or "some of what was observed is no number"
        total.append(None if here is None else here.count)
        for bound in histogram.bounds:
            across = None if here is None else _across(here, bound)
            if across is not None and not unknown:
                unknown = (
                    f"a bucket reaches from {across[0]:.6g} to {across[1]:.6g}, across the bound"
                    f" {called(bound)}: take one of these for it"
                )
            found[called(bound)].append(
                None if here is None or across is not None else _above(here, bound)
            )
    return Counts(found, total, query, unknown)


def _across(here: Histogram, bound: float) -> tuple[float, float] | None:
    """A bucket with something in it that is neither below a bound nor above it."""
    for low, high, count in here.buckets:
        if count > 0 and low < bound < high and not (_same(low, bound) or _same(high, bound)):
            return low, high
    return None


def _above(here: Histogram, bound: float) -> float:
    """How many are above a bound, with those that were no number."""
    below = [n for _, high, n in here.buckets if high <= bound or _same(high, bound)]
    return max(0.0, here.count - math.fsum(below))


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_SAME)


def _is_count(value: float) -> bool:
    return 0 <= value <= _LARGEST


def _ends(look: Look) -> list[int]:
    return [look.since + look.interval * (index + 1) for index in range(look.count)]
