"""Bounds on a mean that hold at all looks at once, once there are enough intervals.

The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024),
"Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 52(6):
Robbins' normal mixture around the mean so far, with the variance estimated as it goes. Asymptotic
means: on few values, or on rare large ones, it errs more often than it says. How often is measured
in `tests/unit/stats/test_error_rates.py`.
"""

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

from . import floats
from .interface import Numbers

_BATCHES = (1, 2, 4, 8)
_FEWEST = 10
"""Batches that a variance is estimated from, at the least."""


def tuning(alpha: float, best_at: int) -> float:
    """Rho of the mixture, with which bounds are tightest about the `best_at`-th value.

    Section 2.2 of the paper: sqrt((-2 log a + log(-2 log a) + 1) / t). Any positive value is valid.

    Raises:
        ValueError: `alpha` is not within (0, 0.5], or `best_at` is below 1.
    """
    if not 0 < alpha <= 0.5 or best_at < 1:
        raise ValueError("alpha must be in (0, 0.5], best_at at least 1")
    doubled = -2 * math.log(alpha)
    return math.sqrt((doubled + math.log(doubled) + 1) / best_at)


def one_sided_tuning(alpha: float, best_at: int) -> float:
    """The same for a bound to one side, of a level up to 1/2."""
    return tuning(min(2 * alpha, 0.5), best_at)


def fewest_past_one(bound: float, alpha: float, rho: float, most: int) -> int | None:
    """After how many values of 0 the upper bound of these and of one 1 is below `bound`.

    The standard deviation of n values of 0 and one 1 is the root of 1 / (n + 1).

    Args:
        bound: above 0.
        alpha: the chance that the upper bound is ever wrong.
        rho: as `one_sided_tuning` gives it.
        most: None where so many are too few.
    """

    def below(values: int) -> bool:
        count = values + 1
        return 1 / count + margin(count, math.sqrt(1 / count), alpha, rho) < bound

    found = bisect.bisect_left(range(1, most + 1), True, key=below) + 1
    return found if found <= most else None


def margin(count: int, deviation: float, alpha: float, rho: float) -> float:
    """How far the mean of `count` values may be from what it estimates, to one side.

    The one-sided form: s sqrt(2 (t r^2 + 1) / (t^2 r^2) log(1 + sqrt(t r^2 + 1) / (2 a))). It
    follows from mixing exp(l S - l^2 t / 2) over the half-normal, with 1 - exp(-x^2 / 2) / 2 below
    the normal distribution function.

    Args:
        count: how many values, at least 1.
        deviation: their standard deviation, in their unit.
        alpha: the chance that the bound is ever wrong.
        rho: as `tuning` gives it, the same at every look.
    """
    spread = count * rho * rho + 1
    within = math.log1p(math.sqrt(spread) / (2 * alpha))
    return deviation * math.sqrt(2 * spread * within) / (count * rho)


@dataclass
class _Batch:
    """Welford's running mean and sum of squares of the means of `size` values each."""

    size: int
    pending: list[float] = field(default_factory=list)
    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        self.pending.append(value)
        if len(self.pending) == self.size:
            mean = sum(self.pending) / self.size
            self.pending.clear()
            self.count += 1
            gap = mean - self.mean
            self.mean += gap / self.count
            self.squares += gap * (mean - self.mean)


class RunningMean:
    """The mean of values that come one by one, and the deviation that its bounds need."""

    def __init__(self, numbers: Numbers = floats) -> None:
        """Without values yet; these are single numbers, or arrays of them with such `numbers`."""
        self._numbers = numbers
        self._batches = [_Batch(size) for size in _BATCHES]

    def add(self, value: float) -> None:
        """Take the next one; it must be finite."""
        for batch in self._batches:
            batch.add(value)

    @property
    def count(self) -> int:
        """How many there were."""
        return self._batches[0].count

    @property
    def mean(self) -> float:
        """Their mean; 0 where there are none."""
        return self._batches[0].mean

    @property
    def deviation(self) -> float:
        """The standard deviation, larger where neighbours resemble each other.

        The largest of size x variance of the means of batches of 1, 2, 4 and 8 values, of which
        there must be ten (batch means: Law and Carson 1979). Troubles that last for some intervals
        come out as such, and not as as many independent ones.
        """
        found = [
            batch.size * batch.squares / (batch.count - 1)
            for batch in self._batches
            if batch.count >= (2 if batch.size == 1 else _FEWEST)
        ]
        largest: float = reduce(self._numbers.maximum, found, 0.0)
        root: float = self._numbers.sqrt(largest)
        return root


def least_deviation(arms: Sequence[tuple[float, float, float]], numbers: Numbers = floats) -> float:
    """What a difference of two proportions varies by at the least, in one interval.

    Where no interval had an event the values do not vary at all, which proves nothing. So each
    proportion is taken as (k + 1) / (n + 2) (Laplace's rule of succession), and its variance in an
    interval as that of independent requests: p (1 - p) / m, with m requests in it.

    Args:
        arms: of each arm all events, all requests, and requests per interval as their harmonic
            mean; one arm where it is compared with a constant.
        numbers: what the figures are: single numbers, or arrays.
    """
    total = 0.0
    for events, requests, each in arms:
        share = numbers.minimum(numbers.maximum((events + 1) / (requests + 2), 0.0), 1.0)
        total += share * (1 - share) / each
    root: float = numbers.sqrt(total)
    return root
