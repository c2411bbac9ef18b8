"""Bounds on a proportion of independent requests that hold at all looks at once.

Robbins (1970), "Statistical methods related to the law of the iterated logarithm": a mixture of
likelihood ratios over Beta(1/2, 1/2), B(k + 1/2, n - k + 1/2) / (B(1/2, 1/2) p^k (1 - p)^(n - k)),
is a martingale where each request fails with chance p whatever the others did. The chance that it
ever reaches 1/alpha is at most alpha (Ville). It holds from the first request on.
"""

import math

from . import floats
from .interface import Numbers

_STEPS = 40
"""The error is halved at first by each, then squared; it begins below one in the logarithm."""
_NEAR = 1e-14
_SMALLEST, _TINY = -700.0, 1e-300


def _log_beta(a: float, b: float, numbers: Numbers) -> float:
    found: float = numbers.lgamma(a) + numbers.lgamma(b) - numbers.lgamma(a + b)
    return found


def _mixed(events: float, requests: float, numbers: Numbers) -> float:
    here = _log_beta(events + 0.5, requests - events + 0.5, numbers)
    return here - _log_beta(0.5, 0.5, floats)


def _likelihood(share: float, events: float, requests: float, numbers: Numbers) -> float:
    found: float = numbers.xlogy(events, share) + numbers.xlogy(requests - events, 1 - share)
    return found


def evidence_against(share: float, events: float, requests: float) -> float:
    """The logarithm of the mixture: how strongly `events` of `requests` speak against `share`."""
    return _mixed(events, requests, floats) - _likelihood(share, events, requests, floats)


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
    return end(0.0, events, requests, alpha), end(1.0, events, requests, alpha)


def end(
    outer: float, events: float, requests: float, alpha: float, numbers: Numbers = floats
) -> float:
    """The share next to `outer`, which is 0 or 1, that is not ruled out: one of `bounds`.

    Args:
        outer: 0 for the smallest, 1 for the largest.
        events: 0 to `requests`.
        requests: how many, above 0.
        alpha: the chance that the true share is ever outside of both.
        numbers: what `events` and `requests` are: single numbers, or arrays.
    """
    least = _mixed(events, requests, numbers) - math.log(1 / alpha)
    whole = _likelihood(events * 0 + outer, events, requests, numbers) > least
    # The largest share of events leaves the smallest share of the others.
    happened = events if outer == 0 else requests - events
    found = _smallest(numbers.where(whole, requests, happened), requests, least, numbers)
    nearest: float = numbers.where(whole, outer, found if outer == 0 else 1 - found)
    return nearest


def _smallest(events: float, requests: float, least: float, numbers: Numbers) -> float:
    """The share p below the estimate whose likelihood is `least`: Newton's method in log p.

    The logarithm of the likelihood is concave in log p, and at exp(least / events) it is `least`
    at the most. From there each step comes nearer and none goes past, so that what it stops at is
    no narrower than the bound.

    Args:
        events: above 0, up to `requests`.
        requests: how many.
        least: the logarithm of a likelihood, below the largest one.
        numbers: what `events` and `requests` are.
    """
    others = requests - events
    most = numbers.maximum(numbers.xlogy(1.0, events / requests), _SMALLEST)
    first = numbers.minimum(numbers.maximum(least / events, _SMALLEST), most)

    def step(at: float) -> float:
        rest = -numbers.expm1(at)
        lacking = least - events * at - numbers.xlogy(others, rest)
        slope = events - others * (1 - rest) / numbers.maximum(rest, _TINY)
        size: float = lacking / numbers.maximum(slope, _TINY)
        return size

    # A step from above goes past as well, and from near it leaves little: begin where a parabola
    # that has the curve's top would be `least`.
    beyond = numbers.maximum(_likelihood(events / requests, events, requests, numbers) - least, 0.0)
    near = numbers.maximum(most - numbers.sqrt(2 * beyond * others / requests / events), first)
    at = numbers.minimum(numbers.maximum(near + step(near), first), most)
    for _ in range(_STEPS):
        size = numbers.maximum(step(at), 0.0)
        at = numbers.minimum(at + size, most)
        if not numbers.some(size > _NEAR):
            break
    found: float = numbers.exp(at)
    return found
