"""Bounds on how much worse a canary is, after each interval, by the three methods."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from lockproof.model.canary_checks import Guard, Measure
from lockproof.stats import betting, normal_mixture, proportion

from .values import Pair, differences


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
    """Takes intervals one by one."""

    def add(self, pair: Pair, value: float) -> None:
        """The next; `value` is how much worse the canary is in it."""

    def worse_than(self, bound: float) -> bool:
        """Whether more than `bound` is shown; the same `bound` at every call."""
        ...

    def bounds(self) -> Bounds:
        """As of now."""
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

    def __init__(self, measure: Measure, errors: Errors, best_at: int) -> None:
        self._ratio, self._guard = measure.ratio is not None, isinstance(measure, Guard)
        self._errors = errors
        self._rho = [
            normal_mixture.one_sided_tuning(level, best_at)
            for level in (errors.lower, errors.upper)
        ]
        self._running = normal_mixture.RunningMean()
        self._wary = normal_mixture.RunningMean()
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

    def _least(self) -> float:
        if not self._ratio:
            return 0.0
        count = self._running.count
        return normal_mixture.least_deviation(
            [(events, requests, count / inverse) for events, requests, inverse in self._arms]
        )

    def worse_than(self, bound: float) -> bool:
        lower = self.bounds().lower
        return lower is not None and lower > bound

    def bounds(self) -> Bounds:
        mean, least = self._running.mean, self._least()
        if max(self._running.deviation, least) == 0:  # What never varies is no measurement.
            return Bounds(None, mean, None)
        low, high = (
            normal_mixture.margin(so_far.count, max(so_far.deviation, least), level, rho)
            for so_far, level, rho in zip(
                (self._running, self._wary),
                (self._errors.lower, self._errors.upper),
                self._rho,
                strict=True,
            )
        )
        return Bounds(mean - low, mean, self._wary.mean + high)


class _Bounded:
    """Each interval is one value between known ends: `stats/betting.py`."""

    def __init__(self, measure: Measure, errors: Errors, limit: float) -> None:
        # Where the values lie, turned so that more is worse.
        self._low = -1.0 if measure.worse == "lower" or not isinstance(measure, Guard) else 0.0
        self._width = 1.0 if isinstance(measure, Guard) else 2.0
        self._errors = errors
        self._values: list[float] = []
        self._sum = 0.0
        self._stake: betting.Stake | None = None
        if 0 <= self._scaled(limit) <= 1:
            self._stake = betting.Stake(self._scaled(limit), errors.lower)

    def _scaled(self, value: float) -> float:
        return (value - self._low) / self._width

    def add(self, pair: Pair, value: float) -> None:
        scaled = min(max(self._scaled(value), 0.0), 1.0)
        self._values.append(scaled)
        self._sum += value
        if self._stake is not None:
            self._stake.add(scaled)

    def worse_than(self, bound: float) -> bool:
        won = self._stake.logarithm if self._stake is not None else -math.inf
        return won >= math.log(1 / self._errors.lower)

    def bounds(self) -> Bounds:
        low = betting.lower_bound(self._values, self._errors.lower)
        high = 1 - betting.lower_bound([1 - v for v in self._values], self._errors.upper)
        return Bounds(
            low * self._width + self._low,
            self._sum / len(self._values),
            high * self._width + self._low,
        )


class _Requests:
    """Each request is a value of its own: `stats/proportion.py`."""

    def __init__(self, measure: Measure, errors: Errors) -> None:
        self._sign = 1.0 if measure.worse == "higher" else -1.0
        self._errors, self._guard = errors, isinstance(measure, Guard)
        self._arms = [[0.0, 0.0] for _ in range(1 if self._guard else 2)]

    def add(self, pair: Pair, value: float) -> None:
        for arm, point in zip(self._arms, (pair.canary, pair.stable), strict=False):
            if point is not None:
                arm[0] += point.events
                arm[1] += point.requests

    def _estimate(self) -> float:
        shares = [events / requests for events, requests in self._arms]
        return self._sign * (shares[0] - (0.0 if self._guard else shares[1]))

    def worse_than(self, bound: float) -> bool:
        if self._estimate() <= bound:  # The bound is below it, and takes longer to find.
            return False
        lower = self.bounds().lower
        return lower is not None and lower > bound

    def bounds(self) -> Bounds:
        # The two sides may have different levels; each arm takes half of a side's.
        low, high = self._ends(self._errors.lower)
        if self._errors.upper != self._errors.lower:
            _, high = self._ends(self._errors.upper)
        return Bounds(low, self._estimate(), high)

    def _ends(self, level: float) -> tuple[float, float]:
        each = level / len(self._arms)
        found = [proportion.bounds(events, requests, each) for events, requests in self._arms]
        low, high = found[0]
        if not self._guard:
            low, high = low - found[1][1], high - found[1][0]
        return (low, high) if self._sign > 0 else (-high, -low)


def method_of(measure: Measure, errors: Errors, limit: float, best_at: int) -> Method:
    """The measure's method.

    Args:
        measure: what is judged.
        errors: of its two bounds.
        limit: what `worse_than` will be asked about, in the measure's unit, turned so that more
            is worse.
        best_at: at how many intervals bounds should be tightest.
    """
    if measure.method == "bounded":
        return _Bounded(measure, errors, limit)
    if measure.method == "requests":
        return _Requests(measure, errors)
    return _Intervals(measure, errors, best_at)


@dataclass(frozen=True)
class Course:
    """Where a measure got to."""

    last: Bounds | None
    """None where nothing may be said yet."""
    failed_at: int | None
    """Index of the interval with which it was first shown to be too bad."""


def course(
    measure: Measure,
    pairs: list[Pair],
    method: Method,
    enough: Callable[[int, float, float], bool],
    fails: Callable[[Method], bool],
) -> Course:
    """Take the intervals in turn.

    Args:
        measure: what is judged.
        pairs: the intervals that count.
        method: fresh.
        enough: whether so many intervals, requests of the canary and of stable will do.
        fails: whether what was taken so far is too bad.
    """
    failed_at, ready = None, False
    canary = stable = 0.0
    for number, (pair, value) in enumerate(_with(measure, pairs), start=1):
        method.add(pair, value)
        canary += pair.canary.requests
        stable += pair.stable.requests if pair.stable else math.inf
        ready = enough(number, canary, stable)
        if ready and failed_at is None and fails(method):
            failed_at = pair.index
    return Course(method.bounds() if ready else None, failed_at)


def _with(measure: Measure, pairs: list[Pair]) -> Iterator[tuple[Pair, float]]:
    return zip(pairs, differences(measure, pairs), strict=True)
