"""Made-up traffic of a canary and its stable version, and how three ways of deciding take it.

`python tests/bench/canary_traffic.py [CANARIES]`, with tests/ and platform/src on the path, prints
the tables of docs/canary-beside-others.md.
"""

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from lockproof.model.canary_checks import Comparison, Ratio
from lockproof.stats.betting import Stake
from lockproof.steps.canary.bounds import Errors, method_of
from lockproof.steps.canary.values import Pair, Point, differences

INTERVALS, FEWEST = 240, 30
BASE, EFFECT = 0.02, 0.02
"""The ratio of errors, and how much more of them matters."""
LEVEL = 0.05


@dataclass(frozen=True)
class Traffic:
    """Requests of each arm in an interval, and how the ratio of errors moves."""

    canary: int = 100
    stable: int = 300
    moves: str = "not at all"
    fault: tuple[float, int] | None = None
    """How much worse a worse canary is while it is, and for how many intervals on average; None:
    it is a little worse all the time."""

    def pairs(self, random: np.random.Generator, worse: float) -> list[Pair]:
        """A canary whose ratio of errors is `worse` above that of stable, all in all."""
        ratios = [self._ratios(random) for _ in range(2)]
        if self.moves in ("with the load", "together"):
            ratios[1] = ratios[0]
        ratios = [
            np.clip(ratios[0] + self._worse(random, worse), 0, 1),
            np.clip(ratios[1], 0, 1),
        ]
        factor = np.ones(INTERVALS)
        if self.moves == "with the load":
            factor[INTERVALS // 2 :] = 2
        counts = [
            np.maximum(random.poisson(mean * factor), 0) for mean in (self.canary, self.stable)
        ]
        events = [random.binomial(n, p) for n, p in zip(counts, ratios, strict=True)]
        arms = list(zip(counts, events, strict=True))
        return [
            Pair(i, *(Point(k[i] / n[i], float(n[i]), float(k[i])) for n, k in arms))
            for i in range(INTERVALS)
            if counts[0][i] and counts[1][i]
        ]  # fmt: skip

    def _worse(self, random: np.random.Generator, worse: float) -> np.ndarray:
        if self.fault is None or not worse:
            return np.full(INTERVALS, worse)
        severity, length = self.fault
        return severity * _states(random, worse / severity, length)

    def _ratios(self, random: np.random.Generator) -> np.ndarray:
        """Each averages BASE."""
        if self.moves == "with the load":
            ratios = np.full(INTERVALS, BASE * 2 / 3)
            ratios[INTERVALS // 2 :] *= 2
            return ratios
        chance, length = {
            "together": (0.05, 4),
            "bursts": (0.05, 1),
            "lasting bursts": (0.05, 4),
            "long bursts": (0.05, 16),
            "rare bursts": (0.01, 1),
        }.get(self.moves, (0.0, 1))
        if not chance:
            return np.full(INTERVALS, BASE)
        burst = 0.5 * BASE / chance
        return BASE * 0.5 + burst * _states(random, chance, length)


def _states(random: np.random.Generator, chance: float, length: int) -> np.ndarray:
    """1 in bursts, which are `chance` of the time and last `length` intervals on average, or 0."""
    if length == 1:
        return (random.random(INTERVALS) < chance).astype(float)
    state, found = random.random() < chance, []
    for _ in range(INTERVALS):
        found.append(float(state))
        if state:
            state = random.random() >= 1 / length
        else:
            state = random.random() < chance / (1 - chance) / length
    return np.array(found)


CASES = {
    "independent requests": Traffic(),
    "1 % of the traffic": Traffic(canary=4, stable=396),
    "half of the traffic": Traffic(canary=200, stable=200),
    "load and errors double": Traffic(moves="with the load"),
    "bursts that hit both arms": Traffic(moves="together"),
    "bursts of one interval, each arm its own": Traffic(moves="bursts"),
    "bursts of 4 intervals, each arm its own": Traffic(moves="lasting bursts"),
    "bursts of 16 intervals, each arm its own": Traffic(moves="long bursts"),
    "rare bursts, each arm its own": Traffic(moves="rare bursts"),
    "worse by single intervals that fail wholly": Traffic(fault=(0.98, 1)),
    "worse by single intervals of which half fails": Traffic(fault=(0.5, 1)),
    "worse by 4 intervals of which a quarter fails": Traffic(fault=(0.25, 4)),
    "worse by 4 intervals of which half fails": Traffic(fault=(0.5, 4)),
    "worse by 4 intervals that fail wholly": Traffic(fault=(0.98, 4)),
}

Ways = Callable[[list[Pair]], tuple[int | None, int | None]]
"""-> after which interval it aborts, and after which it promotes; None: never."""


def measure(method: str) -> Comparison:
    """The comparison of the ratio of errors."""
    return Comparison.model_validate(
        {
            "name": "errors",
            "ratio": Ratio(events="e", total="t"),
            "method": method,
            "smallestEffect": EFFECT,
        }
    )


def ours(method: str) -> Ways:
    """As `lockproof canary check` decides at a look after every interval."""
    compared = measure(method)

    def decide(pairs: list[Pair]) -> tuple[int | None, int | None]:
        errors = Errors(LEVEL, LEVEL)
        so_far = method_of(compared, errors, 0.0, (FEWEST + INTERVALS) // 2)
        better = Stake((1 - EFFECT) / 2, LEVEL)  # What `bounds` of `bounded` finds by bisection.
        fewest = FEWEST if method == "intervals" else 1
        promoted, requests = None, 0.0
        values = differences(compared, pairs)
        for number, (pair, value) in enumerate(zip(pairs, values, strict=True), 1):
            so_far.add(pair, value)
            requests += pair.canary.requests
            better.add((1 - value) / 2)
            if number < fewest or requests < 100:
                continue
            if so_far.worse_than(0.0) and so_far.bounds().estimate >= EFFECT:
                return number, promoted
            if promoted is None:
                if method == "bounded":
                    good = better.logarithm >= math.log(1 / LEVEL)
                else:
                    upper = so_far.bounds().upper
                    good = upper is not None and upper < EFFECT
                promoted = number if good else None
        return None, promoted

    return decide


def thresholds(pairs: list[Pair]) -> tuple[int | None, int | None]:
    """As the template of the rollout: five looks at the last intervals, aborted on two bad ones."""
    bad = 0
    for look in range(1, 6):
        until = look * len(pairs) // 5
        window = pairs[max(0, until - 2) : until]
        ratio = sum(p.canary.events for p in window) / sum(p.canary.requests for p in window)
        bad += ratio > BASE + EFFECT / 2
        if bad > 1:
            return until, None
    return None, len(pairs)


def z_test(pairs: list[Pair]) -> tuple[int | None, int | None]:
    """Two proportions after every interval, at 5 % to each side each time."""
    k = [0.0, 0.0]
    n = [0.0, 0.0]
    promoted = None
    for number, pair in enumerate(pairs, 1):
        for i, point in enumerate((pair.canary, pair.stable)):
            assert point is not None
            k[i] += point.events
            n[i] += point.requests
        if n[0] < 100:
            continue
        shares = [k[0] / n[0], k[1] / n[1]]
        spread = math.sqrt(sum(p * (1 - p) / m for p, m in zip(shares, n, strict=True)))
        gap = shares[0] - shares[1]
        if spread and gap / spread > 1.645:
            return number, promoted
        if promoted is None and spread and (gap - EFFECT) / spread < -1.645:
            promoted = number
    return None, promoted


WAYS: dict[str, Ways] = {
    "intervals": ours("intervals"),
    "bounded": ours("bounded"),
    "requests": ours("requests"),
    "thresholds": thresholds,
    "z-test": z_test,
}


def rates(
    way: Ways, traffic: Traffic, canaries: int, seed: int, worse: float
) -> tuple[float, float]:
    """Which part of the canaries is aborted, and which promoted, where nobody stops looking."""
    random = np.random.default_rng(seed)
    aborted = promoted = 0
    for _ in range(canaries):
        abort, promote = way(traffic.pairs(random, worse))
        aborted += abort is not None
        promoted += promote is not None
    return aborted / canaries, promoted / canaries


def lines(canaries: int) -> Iterator[str]:
    """The tables."""
    found = {
        (name, worse, title): rates(
            way, traffic, canaries // (4 if title == "requests" else 1), 15, worse
        )
        for name, traffic in CASES.items()
        for worse in (0.0, EFFECT, 2 * EFFECT)
        for title, way in WAYS.items()
    }
    for title, worse, index in (
        ("False aborts: the canary is as good as the stable version", 0.0, 0),
        ("False promotes: it is worse by just what matters", EFFECT, 1),
        ("Right aborts: it is worse by twice what matters", 2 * EFFECT, 0),
        ("Right promotes: it is as good", 0.0, 1),
    ):
        yield f"\n### {title}\n"
        yield "| Traffic | " + " | ".join(WAYS) + " |"
        yield "| --- |" + " ---: |" * len(WAYS)
        for name in CASES:
            row = [f"{100 * found[name, worse, way][index]:.1f} %" for way in WAYS]
            yield f"| {name} | " + " | ".join(row) + " |"


def latency(
    canaries: int, sigma: float, requests: tuple[int, int], percentile: float | None, worse: float
) -> tuple[float, float]:
    """The same of log-normal latencies with mean 1, whose level moves by a third with the hours.

    Args:
        canaries: how many.
        sigma: of the logarithm.
        requests: of the canary and of stable, in an interval.
        percentile: judge the intervals' percentiles, as nothing of ours does; None: their means.
        worse: by how much each request of the canary takes longer.
    """
    random = np.random.default_rng(15)
    effect = 0.2 if percentile is None else 0.5
    compared = Comparison.model_validate(
        {"name": "l", "mean": {"sum": "s", "count": "c"}, "smallestEffect": effect}
    )
    level = np.exp(0.3 * np.sin(np.arange(INTERVALS) / 20) - sigma**2 / 2)
    aborted = promoted = 0
    for _ in range(canaries):
        so_far = method_of(compared, Errors(LEVEL, LEVEL), 0.0, (FEWEST + INTERVALS) // 2)
        good = False
        for index in range(INTERVALS):
            each = [level[index] * np.exp(sigma * random.standard_normal(n)) for n in requests]
            each[0] = each[0] + worse * effect
            values = [
                float(np.mean(x) if percentile is None else np.quantile(x, percentile))
                for x in each
            ]
            points = [Point(v, float(n)) for v, n in zip(values, requests, strict=True)]
            so_far.add(Pair(index, *points), values[0] - values[1])
            if index + 1 < FEWEST:
                continue
            if so_far.worse_than(0.0) and so_far.bounds().estimate >= effect:
                aborted += 1
                break
            upper = so_far.bounds().upper
            good = good or (upper is not None and upper < effect)
        promoted += good
    return aborted / canaries, promoted / canaries


LATENCIES: list[tuple[str, float, tuple[int, int], float | None]] = [
    ("mean, sigma 1, 100 and 300 requests", 1.0, (100, 300), None),
    ("mean, sigma 2, 100 and 300 requests", 2.0, (100, 300), None),
    ("mean, sigma 2, 20 and 300 requests", 2.0, (20, 300), None),
    ("95th percentile, sigma 1, 100 and 300 requests", 1.0, (100, 300), 0.95),
    ("95th percentile, sigma 1, 20 and 300 requests", 1.0, (20, 300), 0.95),
]


def latency_lines(canaries: int) -> Iterator[str]:
    """The table of latencies."""
    yield "| Latencies | false aborts | false promotes | right promotes |"
    yield "| --- | ---: | ---: | ---: |"
    for title, *about in LATENCIES:
        good, bad = (latency(canaries, *about, worse) for worse in (0.0, 1.0))
        yield f"| {title} | {100 * good[0]:.1f} % | {100 * bad[1]:.1f} % | {100 * good[1]:.1f} % |"


if __name__ == "__main__":
    for line in latency_lines(400):
        print(line, flush=True)
    for line in lines(int(sys.argv[1]) if len(sys.argv) > 1 else 1000):
        print(line, flush=True)
