"""When a canary began, where nobody says it: with its first request."""

from lockproof.adapters.prometheus.client import Prometheus
from lockproof.errors import ConfigError
from lockproof.model.canary_checks import Mean, Spec
from lockproof.parse.canary_checks import fill

_FEWEST = 0.5
"""Requests; less is none."""


class OlderError(ConfigError):
    """The canary has had requests for far longer than the horizon."""


def began(server: Prometheus, spec: Spec, until: int) -> int:
    """Unix seconds at which the interval begins in which the canary had its first request.

    Intervals begin at multiples of their length, so that every look finds the same one. Those
    before it would count as gaps, and what is seen in later ones does not move it: no look depends
    on how the canary did. Requests of the first measure are looked at.

    Args:
        server: is asked.
        spec: what the canary is held to, with the hashes in its arms.
        until: Unix seconds; nothing after it is looked at.

    Returns:
        The beginning; `until`, rounded down to an interval, where there was no request.

    Raises:
        OlderError: it had some earlier than two horizons ago.
        ConfigError, UnavailableError: as `Prometheus.query_range`.
    """
    step = spec.interval
    last = until // step * step
    kind = spec.measures[0].kind
    query = fill(kind.count if isinstance(kind, Mean) else kind.total, spec.arms.canary, step)
    # Twice the horizon: a verdict stands for as long again once there is no more to wait for.
    start = last - 2 * spec.intervals * step
    found = [
        at
        for line in server.query_range(query, start, last, step)
        for at, value in line.values.items()
        if value >= _FEWEST
    ]
    if not found:
        return last
    if min(found) <= start:
        raise OlderError(
            f"the canary has had requests for more than twice the horizon of {spec.horizon:,} s:"
            " say when it began with --since"
        )
    return min(found) - step
