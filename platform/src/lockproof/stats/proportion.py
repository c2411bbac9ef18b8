"""Bounds on a proportion of independent requests that hold at all looks at once.

Robbins (1970), "Statistical methods related to the law of the iterated logarithm": a mixture of
likelihood ratios over Beta(1/2, 1/2), B(k + 1/2, n - k + 1/2) / (B(1/2, 1/2) p^k (1 - p)^(n - k)),
is a martingale where each request fails with chance p whatever the others did. The chance that it
ever reaches 1/alpha is at most alpha (Ville). It holds from the first request on.
"""

import math

_STEPS = 50


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _mixed(events: float, requests: float) -> float:
    return _log_beta(events + 0.5, requests - events + 0.5) - _log_beta(0.5, 0.5)


def _likelihood(share: float, events: float, requests: float) -> float:
    found = 0.0
    for number, chance in ((events, share), (requests - events, 1 - share)):
        if number > 0:
            if chance <= 0:
                return -math.inf
            found += number * math.log(chance)
    return found


def evidence_against(share: float, events: float, requests: float) -> float:
    """The logarithm of the mixture: how strongly `events` of `requests` speak against `share`."""
    return _mixed(events, requests) - _likelihood(share, events, requests)


def bounds(events: float, requests: float, alpha: float) -> tuple[float, float]:
    """The shares that are not ruled out, from the smallest to the largest.

    Args:
        events: 0 to `requests`.
        requests: how many; 0 rules nothing out.
        alpha: the chance that the true share is ever outside.

    Raises:
        ValueError: more events than requests, or less than none.
    """
    if not 0 <= events <= requests:
        raise ValueError("events must lie between 0 and requests")
    if requests == 0:
        return 0.0, 1.0
    best, least = events / requests, _mixed(events, requests) - math.log(1 / alpha)
    found = []
    for outer in (0.0, 1.0):
        inside, outside = best, outer
        if _likelihood(outer, events, requests) > least:
            inside = outer
        else:
            for _ in range(_STEPS):
                middle = (inside + outside) / 2
                if _likelihood(middle, events, requests) > least:
                    inside = middle
                else:
                    outside = middle
        found.append(outside if inside != outer else outer)
    return found[0], found[1]
