"""Tests of a bounded mean that hold at all looks at once, from the first value on.

Waudby-Smith and Ramdas (2024), "Estimating means of bounded random variables by betting", Journal
of the Royal Statistical Society B 86(1): whoever bets against a true hypothesis cannot expect to
win, so the chance that the stake ever grows 1/alpha-fold is at most alpha (Ville's inequality). No
number of values is too small, and values may depend on earlier ones in any way: the hypothesis is
that each, given all before, is expected to be at most (at least) so large.
"""

import math
from collections.abc import Sequence

from . import floats
from .interface import Numbers

_TRUNCATION = 0.5
"""The share of the stake that one value may cost at the most; c in the paper."""
_STEPS = 40


class Stake:
    """The logarithm of what a bet has become that the mean is above `bound`."""

    def __init__(self, bound: float, alpha: float, numbers: Numbers = floats) -> None:
        """Values and `bound` lie in 0 to 1; `alpha` only sets how boldly is bet.

        The values are single numbers, or arrays of them with such `numbers`.
        """
        self._numbers = numbers
        self.bound, self._boldness = bound, 2 * math.log(1 / alpha)
        self.logarithm = 0.0
        self._count, self._sum, self._squares = 0, 0.0, 0.0

    def add(self, value: float) -> None:
        """Settle the next value, with a bet that was laid before it was known.

        The bet is the predictable plug-in of section 3: sqrt(2 log(1/a) / (s^2 t log(1 + t))) with
        s^2 = (1/4 + sum (x - mean)^2) / t of the values before.
        """
        turn = self._count + 1
        variance = (0.25 + self._squares) / turn
        bet = self._numbers.sqrt(self._boldness / (variance * turn * math.log1p(turn)))
        if self.bound > 0:
            bet = self._numbers.minimum(bet, _TRUNCATION / self.bound)
        self.logarithm += self._numbers.log1p(bet * (value - self.bound))
        self._count = turn
        self._sum += value
        mean = (0.5 + self._sum) / (turn + 1)
        self._squares += (value - mean) ** 2


def lower_bound(values: Sequence[float], alpha: float) -> float:
    """The largest mean that the bets against all smaller ones have ruled out, by bisection.

    What has been won against a bound falls as the bound rises: section 4.

    Args:
        values: within 0 to 1, in the order in which they came.
        alpha: the chance that the bound is ever above the mean.
    """
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        stake = Stake(middle, alpha)
        for value in values:
            stake.add(value)
        if stake.logarithm >= math.log(1 / alpha):
            low = middle
        else:
            high = middle
    return low
