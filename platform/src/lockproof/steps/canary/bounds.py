"""Bounds on how much worse a canary is, after each interval, by the three methods."""

import math
from dataclasses import dataclass
from typing import Protocol

from lockproof.model.canary_checks import Guard, Measure
from lockproof.stats import betting, normal_mixture, proportion
from lockproof.stats.interface import Numbers

from .values import Pair


@dataclass(frozen=True)
class Errors:
    """The accepted chance that each bound is ever wrong."""

    lower: float
    upper: float


@dataclass(frozen=True)
class Bounds:
    """How much worse the canary is: at least, by the best estimate, at most."""

    lower: float | None
    estimate: float
    upper: float | None


class Method(Protocol):
    """Takes intervals one by one; of one canary, or in arrays of many at once."""

    def add(self, pair: Pair, value: float) -> None:
        """The next; `value` is how much worse the canary is in it."""

    @property
    def estimate(self) -> float:
        """The best estimate of how much worse it is."""
        ...

    def worse_than(self, bound: float) -> bool:
        """Whether more than `bound` is shown; the same `bound` at every call."""
        ...

    def better_than(self, bound: float) -> bool:
        """Whether less than `bound` is shown; the same `bound` at every call."""
        ...

    def bounds(self) -> Bounds:
        """As of now; of one canary only."""
        ...


def worst(measure: Measure) -> float | None:
    """The worst that an interval can be, turned so that more is worse; None: there is no end."""
    if measure.ratio is None:
        return None
    return 0.0 if isinstance(measure, Guard) and measure.worse == "lower" else 1.0


class _Intervals:
    """Each interval is one value, and there are many: `stats/normal_mixture.py`.

    What was not seen yet has no variance. So the upper bound of a ratio, which a pass hangs on, is
    that of the values and of one more that is as bad as can be: docs/adr/0026.
    """

    def __init__(self, measure: Measure, errors: Errors, best_at: int, numbers: Numbers) -> None:
        self._ratio, self._guard = measure.ratio is not None, isinstance(measure, Guard)
        self._errors, self._numbers = errors, numbers
        self._rho = [
            normal_mixture.one_sided_tuning(level, best_at)
            for level in (errors.lower, errors.upper)
        ]
        self._running = normal_mixture.RunningMean(numbers)
        self._wary = normal_mixture.RunningMean(numbers)
        unseen = worst(measure)
        if unseen is not None:
            self._wary.add(unseen)
        self._arms = [[0.0, 0.0, 0.0] for _ in range(1 if self._guard else 2)]

    def add(self, pair: Pair, value: float) -> None:
        self._running.add(value)
        self._wary.add(value)
        for arm, point in zip(self._arms, (pair.canary, pair.stable), strict=False):
            if point is not None:
                arm[0] += point.events
                arm[1] += point.requests
                arm[2] += 1 / point.requests

    @property
    def estimate(self) -> float:
        return self._running.mean

    def worse_than(self, bound: float) -> bool:
        return self._end(self._running, 0) > bound

    def better_than(self, bound: float) -> bool:
        return self._end(self._wary, 1) < bound

    def bounds(self) -> Bounds:
        ends = [self._end(self._running, 0), self._end(self._wary, 1)]
        low, high = (end if math.isfinite(end) else None for end in ends)
        return Bounds(low, self.estimate, high)

    def _end(self, so_far: normal_mixture.RunningMean, side: int) -> float:
        """The lower bound (0) or the upper (1); infinite where the values do not vary at all."""
        numbers, least = self._numbers, 0.0
        if self._ratio:
            count = self._running.count
            least = normal_mixture.least_deviation(
                [(events, requests, count / inverse) for events, requests, inverse in self._arms],
                numbers,
            )
        level = (self._errors.lower, self._errors.upper)[side]
        sign = -1.0 if side == 0 else 1.0
        deviation = numbers.maximum(so_far.deviation, least)
        margin = normal_mixture.margin(so_far.count, deviation, level, self._rho[side])
        varies = numbers.maximum(self._running.deviation, least) > 0
        end: float = numbers.where(varies, so_far.mean + sign * margin, sign * math.inf)
        return end


class _Bounded:
    """Each interval is one value between known ends: `stats/betting.py`."""

    def __init__(
        self, measure: Measure, errors: Errors, ends: tuple[float, float], numbers: Numbers
    ) -> None:
        # Where the values lie, turned so that more is worse.
        self._low = -1.0 if measure.worse == "lower" or not isinstance(measure, Guard) else 0.0
        self._width = 1.0 if isinstance(measure, Guard) else 2.0
        self._errors, self._numbers = errors, numbers
        self._values: list[float] = []
        self._sum = 0.0
        limit, matters = (self._scaled(end) for end in ends)
        self._worse = self._better = None
        if 0 <= limit <= 1:
            self._worse = betting.Stake(limit, errors.lower, numbers)
        if 0 <= matters <= 1:
            self._better = betting.Stake(1 - matters, errors.upper, numbers)

    def _scaled(self, value: float) -> float:
        return (value - self._low) / self._width

    def add(self, pair: Pair, value: float) -> None:
        scaled = self._numbers.minimum(self._numbers.maximum(self._scaled(value), 0.0), 1.0)
        self._values.append(scaled)
        self._sum += value
        if self._worse is not None:
            self._worse.add(scaled)
        if self._better is not None:
            self._better.add(1 - scaled)

    @property
    def estimate(self) -> float:
        return self._sum / len(self._values)

    def worse_than(self, bound: float) -> bool:
        won = self._worse.logarithm if self._worse is not None else self._sum * 0 - math.inf
        return won >= math.log(1 / self._errors.lower)

    def better_than(self, bound: float) -> bool:
        won = self._better.logarithm if self._better is not None else self._sum * 0 - math.inf
        return won >= math.log(1 / self._errors.upper)

    def bounds(self) -> Bounds:
        low = betting.lower_bound(self._values, self._errors.lower)
        high = 1 - betting.lower_bound([1 - v for v in self._values], self._errors.upper)
        return Bounds(low * self._width + self._low, self.estimate, high * self._width + self._low)


class _Requests:
    """Each request is a value of its own: `stats/proportion.py`."""

    def __init__(self, measure: Measure, errors: Errors, numbers: Numbers) -> None:
        self._sign = 1.0 if measure.worse == "higher" else -1.0
        self._errors, self._guard = errors, isinstance(measure, Guard)
        self._numbers = numbers
        self._arms = [[0.0, 0.0] for _ in range(1 if self._guard else 2)]

    def add(self, pair: Pair, value: float) -> None:
        for arm, point in zip(self._arms, (pair.canary, pair.stable), strict=False):
            if point is not None:
                arm[0] += point.events
                arm[1] += point.requests

    @property
    def estimate(self) -> float:
        shares = [events / requests for events, requests in self._arms]
        return self._sign * (shares[0] - (0.0 if self._guard else shares[1]))

    # The bounds are on either side of the estimate, and take longer to find.

    def worse_than(self, bound: float) -> bool:
        return self._end(0, self.estimate > bound) > bound

    def better_than(self, bound: float) -> bool:
        return self._end(1, self.estimate < bound) < bound

    def bounds(self) -> Bounds:
        return Bounds(self._end(0, True), self.estimate, self._end(1, True))

    def _end(self, side: int, which: bool) -> float:
        """The lower bound (0) or the upper (1); each arm takes half of its level. NaN elsewhere."""
        level = (self._errors.lower, self._errors.upper)[side] / len(self._arms)
        outer = [float(side), 1.0 - side] if self._sign > 0 else [1.0 - side, float(side)]

        def difference(*figures: float) -> float:
            found = [
                proportion.end(each, events, requests, level, self._numbers)
                for each, events, requests in zip(outer, figures[::2], figures[1::2], strict=False)
            ]
            return self._sign * (found[0] - (0.0 if self._guard else found[1]))

        figures = [figure for arm in self._arms for figure in arm]
        end: float = self._numbers.among(which, difference, *figures)
        return end


def method_of(
    measure: Measure, errors: Errors, ends: tuple[float, float], best_at: int, numbers: Numbers
) -> Method:
    """The measure's method.

    Args:
        measure: what is judged.
        errors: of its two bounds.
        ends: what `worse_than` and `better_than` will be asked about, turned so that more is worse.
        best_at: at how many intervals bounds should be tightest.
        numbers: what the points hold: single numbers, or arrays with one for each canary.
    """
    if measure.method == "bounded":
        return _Bounded(measure, errors, ends, numbers)
    if measure.method == "requests":
        return _Requests(measure, errors, numbers)
    return _Intervals(measure, errors, best_at, numbers)
