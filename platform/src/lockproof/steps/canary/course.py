"""A measure of a canary, interval by interval: when it fails, and when it is good."""

import math
from dataclasses import dataclass
from typing import Self

from lockproof.model.canary_checks import Comparison, Guard, Measure, Spec
from lockproof.stats import floats
from lockproof.stats.interface import Numbers

from .bounds import Errors, method_of
from .values import Pair, differences

_MOST_GAPS = 0.1
"""A canary that is away for more than this part of its time is not passed by the rest of it."""

_PART = 200
"""Requests: by chance alone, their share moves by a fifth at the most."""
_MOVED = 2.0


@dataclass(frozen=True)
class Bar:
    """What a measure is held to, turned so that more is worse."""

    limit: float
    """What it must be shown to exceed to fail: of a comparison 0."""
    matters: float
    """What it must be shown to be below to pass."""
    fewest: int
    """Intervals before which nothing is decided."""

    @classmethod
    def of(cls, measure: Measure, spec: Spec) -> Self:
        """That of a measure of `spec`."""
        # Requests that are independent need not be many intervals.
        fewest = spec.minimum_intervals if measure.method == "intervals" else 1
        if isinstance(measure, Guard):
            limit = measure.limit if measure.worse == "higher" else -measure.limit
            return cls(limit, limit, fewest)
        assert isinstance(measure, Comparison)
        return cls(0.0, measure.smallest_effect, fewest)


class _Share:
    """Whether the canary's part of the traffic stays about the same."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._canary = self._stable = 0.0
        self._least, self._most = math.inf, 0.0

    def add(self, pair: Pair) -> None:
        assert pair.stable is not None
        numbers = self._numbers
        self._canary = self._canary + pair.canary.requests
        self._stable = self._stable + pair.stable.requests
        full = (self._canary >= _PART) & (self._stable >= _PART)
        part = self._canary / self._stable
        self._least = numbers.where(full, numbers.minimum(self._least, part), self._least)
        self._most = numbers.where(full, numbers.maximum(self._most, part), self._most)
        self._canary = numbers.where(full, 0.0, self._canary)
        self._stable = numbers.where(full, 0.0, self._stable)

    @property
    def steady(self) -> bool:
        """So far, in parts of `_PART` requests of each arm or more, one after the other."""
        return self._most <= _MOVED * self._least


class Course:
    """A measure as its intervals come: of one canary, or in arrays of many at once.

    `check` and `simulate` ask the same object, so what is simulated is what decides.
    """

    def __init__(
        self, measure: Measure, errors: Errors, spec: Spec, numbers: Numbers = floats
    ) -> None:
        """Before the first interval.

        Args:
            measure: what is judged, of `spec`.
            errors: of its two bounds.
            spec: what is decided.
            numbers: what the points hold: single numbers, or arrays with one for each canary.
        """
        self.bar = Bar.of(measure, spec)
        # Bounds are tightest about the middle of when something may be decided.
        best_at = (spec.minimum_intervals + spec.intervals) // 2
        self._measure, self._guard = measure, isinstance(measure, Guard)
        self._numbers = numbers
        ends = (self.bar.limit, self.bar.matters)
        self.method = method_of(measure, errors, ends, best_at, numbers)
        # It alone compares all requests of each arm, so that both must be of the same hours.
        pooled = measure.method == "requests" and not self._guard
        self._share = _Share(numbers) if pooled else None
        self._count, self._canary, self._stable, self._weighed = 0, 0.0, 0.0, 0.0

    def add(self, pair: Pair) -> None:
        """Take the next interval that counts."""
        (value,) = differences(self._measure, [pair])
        self.method.add(pair, value)
        if self._share is not None:
            self._share.add(pair)
        self._count += 1
        self._canary += pair.canary.requests
        self._stable += pair.stable.requests if pair.stable else math.inf
        self._weighed += value * pair.canary.requests

    @property
    def ready(self) -> bool:
        """Whether there were enough intervals and requests to say anything."""
        least = self._measure.minimum_requests
        enough = (self._canary >= least) & (self._stable >= least)
        return enough & (self._count >= self.bar.fewest)

    @property
    def by_requests(self) -> float:
        """What is judged where each interval counts by the canary's requests.

        Both arms of an interval have the same weight, or a canary whose share of the traffic is
        raised is compared with other hours of stable. There is no bound on it: it is a look at a
        figure.
        """
        return self._weighed / self._canary

    @property
    def comparable(self) -> bool:
        """False for good once the canary's share of the traffic moved, where that matters."""
        return True if self._share is None else self._share.steady

    @property
    def fails(self) -> bool:
        """Whether it is shown to be too bad, as of now."""
        if self._guard:
            return self.method.worse_than(self.bar.limit) & self.comparable
        # Bounds take longer to find than the estimate, and most canaries are good.
        perhaps = self.method.estimate >= self.bar.matters
        if not self._numbers.some(perhaps):
            return perhaps
        return perhaps & self.method.worse_than(self.bar.limit) & self.comparable

    @property
    def good(self) -> bool:
        """Whether it is shown not to be too bad, as of now, and its requests say nothing else."""
        better = self.method.better_than(self.bar.matters) & self.comparable
        return better & (self.by_requests < self.bar.matters)


def too_many_gaps(lasting: int, counted: int) -> bool:
    """Whether too much of the time since the canary began is not known.

    Args:
        lasting: intervals since then, with those before the first that counts.
        counted: those of them that count.
    """
    return lasting - counted > _MOST_GAPS * lasting
