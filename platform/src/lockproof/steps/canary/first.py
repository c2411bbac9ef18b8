"""When a canary began, where nobody says it: with its first request."""

from collections.abc import Iterator
from itertools import pairwise

from lockproof.adapters.prometheus.client import Prometheus
from lockproof.adapters.prometheus.series import Line
from lockproof.errors import ConfigError
from lockproof.model.canary_checks import Spec
from lockproof.parse.canary_checks import as_text, fill, queries_of

from .judge import LATEST

_FEWEST = 0.5
"""Requests; less is none."""
_ANYTHING = "count(up)"
"""Every Prometheus has this of whatever it scrapes."""
_NEAR = 10
"""Intervals."""


class OlderError(ConfigError):
    """The canary had requests before the first that can be seen, or may have had."""


def began(server: Prometheus, spec: Spec, until: int) -> int:
    """Unix seconds at which the interval begins in which the canary had its first request.

    Intervals begin at multiples of their length, so that every look finds the same one. Those
    before it would count as gaps, and how the canary did does not move it. Requests of the first
    measure are looked at. After `minimumIntervals` intervals without any, in as many of which
    nothing is decided, the next request begins another attempt; a shorter time without them counts
    as gaps do, and is no more than a tenth of what is passed.

    Args:
        server: is asked.
        spec: what the canary is held to, with the hashes in its arms.
        until: Unix seconds; nothing after it is looked at.

    Returns:
        The beginning; `until`, rounded down to an interval, where there was no request.

    Raises:
        OlderError: this attempt had some earlier than two horizons ago, or the server has nothing
            from just before the first, so that there may have been more.
        ConfigError, UnavailableError: as `Prometheus.query_range`.
    """
    step = spec.interval
    last = until // step * step
    query = fill(_requests(spec), spec.arms.canary, step)
    # Twice the horizon: a failure stands for as long again once there is no more to wait for.
    start = last - 2 * spec.intervals * step
    found = sorted(
        at
        for line in server.query_range(query, start, last, step)
        for at, value in _requests_of(line)
        if value >= _FEWEST
    )
    if not found:
        return last
    first = found[0]
    for before, at in pairwise(found):
        if at - before > spec.minimum_intervals * step:
            first = at
    if first <= start:
        raise OlderError(
            f"the canary has had requests for more than twice the horizon of {spec.horizon:,} s:"
            " say when it began with --since"
        )
    stable = fill(_requests(spec), spec.arms.stable, step)
    if not any(_known(server, asked, first, step) for asked in (stable, _ANYTHING)):
        raise OlderError(
            f"the server has nothing from just before {as_text(first)}, when the first request of"
            " the canary is seen, so it may have begun sooner: say when with --since"
        )
    return first - step


def _requests(spec: Spec) -> str:
    asked = queries_of(spec.all[0].kind)
    return next(asked[part] for part in ("total", "count", "counts", "buckets") if part in asked)


def _requests_of(line: Line) -> Iterator[tuple[int, float]]:
    yield from line.values.items()
    for at, histogram in line.histograms.items():
        yield at, histogram.count


def _known(server: Prometheus, query: str, first: int, step: int) -> bool:
    """Whether there is anything from just before the first request.

    What is left of a canary's counters at the edge of what is kept gives no increase yet for an
    interval or two, where other series are there already.
    """
    end = first - LATEST * step
    lines = server.query_range(query, end - _NEAR * step, end, step)
    return any(value >= _FEWEST for line in lines for _, value in _requests_of(line))
