"""Made-up traffic of many canaries and their stable versions at once, with numpy: `compare`.

Seeded, so always the same. What is right is known: the canary is as good, or worse by so much.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Moves = Literal[
    "steady", "load-doubles", "share-raised", "together", "bursts", "bursts-of-4", "bursts-of-16",
    "rare-bursts",
]  # fmt: skip
MOVES: Mapping[Moves, str] = {
    "steady": "the same all the time",
    "load-doubles": "requests and what is measured double in the middle, in both versions",
    "share-raised": "the canary's part is raised tenfold in the middle, when what is measured"
    " halves in both versions",
    "together": "bursts of 4 intervals that hit both versions alike",
    "bursts": "bursts of one interval, each version its own",
    "bursts-of-4": "bursts of 4 intervals on average, each version its own",
    "bursts-of-16": "bursts of 16 intervals on average, each version its own",
    "rare-bursts": "bursts of one interval in a hundred, each version its own",
}
"""How what is measured moves -> in words. In bursts, half of it comes in 5 % of the time (1 % where
they are rare)."""
_BURSTS: Mapping[Moves, tuple[float, int]] = {
    "together": (0.05, 4),
    "bursts": (0.05, 1),
    "bursts-of-4": (0.05, 4),
    "bursts-of-16": (0.05, 16),
    "rare-bursts": (0.01, 1),
}


@dataclass(frozen=True)
class Traffic:
    """What both versions have, and what the canary is worse by."""

    canary: float = 100
    """Requests in an interval, on average: their number is Poisson's."""
    stable: float = 300
    level: float = 0.02
    """What is measured of the stable version, over all intervals: a ratio, or a mean."""
    spread: float | None = None
    """None for a ratio; of a mean the standard deviation of one request, in means: what requests
    take is Gamma's."""
    moves: Moves = "steady"
    fault: tuple[float, int] | None = None
    """How much worse a worse canary is while it is, and for how many intervals on average; None:
    it is a little worse all the time."""


@dataclass(frozen=True)
class Drawn:
    """The figures of many canaries; only intervals in which both versions had requests.

    Arrays of shape (canaries, most), with what counts first: the k-th that counts of each canary
    stands at k.
    """

    canary: tuple[Any, Any]
    """Requests, and events or the sum of what was measured."""
    stable: tuple[Any, Any]
    index: Any
    """Which interval it is, from 0."""
    counts: Any
    """False behind the last that counts; the figures there mean nothing."""
    intervals: int

    @property
    def canaries(self) -> int:
        """How many."""
        return int(self.index.shape[0])

    def columns(self, canary: int) -> dict[str, tuple[list[float], list[float]]]:
        """Of one canary: `canary` and `stable` -> requests and events, interval by interval."""
        found = {}
        at = self.index[canary][self.counts[canary]]
        for name, arm in (("canary", self.canary), ("stable", self.stable)):
            columns = []
            for figures in arm:
                column = np.zeros(self.intervals)
                column[at] = figures[canary][self.counts[canary]]
                columns.append([float(value) for value in column])
            found[name] = (columns[0], columns[1])
        return found


def draw(
    traffic: Traffic, random: np.random.Generator, canaries: int, intervals: int, worse: float
) -> Drawn:
    """Canaries that are `worse` than stable, in the unit of what is measured; negative: less."""
    shape = (canaries, intervals)
    load = np.ones(intervals)
    part = np.ones(intervals)
    if traffic.moves == "load-doubles":
        load[intervals // 2 :] = 2
    if traffic.moves == "share-raised":
        part[: intervals // 2] = 0.1
    levels = [_levels(traffic, random, shape) for _ in range(2)]
    if traffic.moves in ("load-doubles", "share-raised", "together"):
        levels[1] = levels[0]
    levels[0] = levels[0] + _fault(traffic, random, shape, worse)
    each = []
    for level, mean in zip(
        levels, (traffic.canary * load * part, np.full(intervals, traffic.stable) * load),
        strict=True,
    ):  # fmt: skip
        requests = random.poisson(mean, shape)
        if traffic.spread is None:
            over = random.binomial(requests, np.clip(level, 0, 1)).astype(float)
        else:
            # The sum of n that are Gamma(k) is Gamma(n k).
            shape_of_one = 1 / traffic.spread**2
            over = random.gamma(np.maximum(requests, 1) * shape_of_one) / shape_of_one
            over = over * np.maximum(level, 0)
        each.append((requests.astype(float), over))
    return packed(each[0], each[1], intervals)


def packed(canary: tuple[Any, Any], stable: tuple[Any, Any], intervals: int) -> Drawn:
    """Figures of both arms, of shape (canaries, intervals), with what counts put first."""
    counts = (canary[0] > 0) & (stable[0] > 0)
    order = np.argsort(~counts, axis=1, kind="stable")
    counts = np.take_along_axis(counts, order, axis=1)

    def ordered(figures: Any, instead: float) -> Any:
        return np.where(counts, np.take_along_axis(figures, order, axis=1), instead)

    return Drawn(
        canary=(ordered(canary[0], 1.0), ordered(canary[1], 0.0)),
        stable=(ordered(stable[0], 1.0), ordered(stable[1], 0.0)),
        index=order,
        counts=counts,
        intervals=intervals,
    )


def _levels(traffic: Traffic, random: np.random.Generator, shape: tuple[int, int]) -> Any:
    """Each averages the level."""
    levels = np.full(shape, traffic.level)
    half = shape[1] // 2
    if traffic.moves == "load-doubles":
        levels *= 2 / 3
        levels[:, half:] *= 2
    if traffic.moves == "share-raised":
        levels *= 2 / 3
        levels[:, :half] *= 2
    if traffic.moves in _BURSTS:
        chance, length = _BURSTS[traffic.moves]
        levels = levels * (0.5 + 0.5 / chance * _states(random, shape, chance, length))
    return levels


def _fault(
    traffic: Traffic, random: np.random.Generator, shape: tuple[int, int], worse: float
) -> Any:
    if traffic.fault is None or not worse:
        return worse
    severity, length = traffic.fault
    sign = 1 if worse > 0 else -1
    return sign * severity * _states(random, shape, abs(worse) / severity, length)


def _states(random: np.random.Generator, shape: tuple[int, int], chance: float, length: int) -> Any:
    """1 in bursts, which are `chance` of the time and last `length` intervals on average, or 0."""
    if length == 1:
        return (random.random(shape) < chance).astype(float)
    luck = random.random(shape)
    state, found = luck[:, 0] < chance, np.zeros(shape)
    begins = chance / (1 - chance) / length
    for index in range(shape[1]):
        found[:, index] = state
        state = np.where(state, luck[:, index] >= 1 / length, luck[:, index] < begins)
    return found


CASES: Mapping[str, Traffic] = {
    "independent requests": Traffic(),
    "1 % of the traffic": Traffic(canary=4, stable=396),
    "half of the traffic": Traffic(canary=200, stable=200),
    "load and errors double": Traffic(moves="load-doubles"),
    "the canary's share is raised tenfold": Traffic(moves="share-raised"),
    "bursts that hit both arms": Traffic(moves="together"),
    "bursts of one interval, each arm its own": Traffic(moves="bursts"),
    "bursts of 4 intervals, each arm its own": Traffic(moves="bursts-of-4"),
    "bursts of 16 intervals, each arm its own": Traffic(moves="bursts-of-16"),
    "rare bursts, each arm its own": Traffic(moves="rare-bursts"),
    "worse by single intervals that fail wholly": Traffic(fault=(0.98, 1)),
    "worse by single intervals of which half fails": Traffic(fault=(0.5, 1)),
    "worse by 4 intervals of which a quarter fails": Traffic(fault=(0.25, 4)),
    "worse by 4 intervals of which half fails": Traffic(fault=(0.5, 4)),
    "worse by 4 intervals that fail wholly": Traffic(fault=(0.98, 4)),
}
"""What docs/canary-beside-others.md and the tests look at."""


def generator(*seed: int) -> np.random.Generator:
    """The same for the same numbers."""
    return np.random.default_rng(seed)
