"""Other ways to decide, which `simulate` sets beside ours; with numpy: `compare`.

Nothing of this judges a canary. Each gives, of every canary, after how many intervals it aborts and
after how many it promotes; 0: never.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from .arrays import first_true
from .traffic import Drawn

_LOOKS = 5
_JUDGEMENTS = 8
_HIGH = NormalDist().inv_cdf(0.99)

Way = Callable[[Drawn, float, float], tuple[Any, Any]]
"""Figures, the ratio that stable has, and how much worse matters -> aborts, promotes."""


def thresholds(drawn: Drawn, base: float, effect: float) -> tuple[Any, Any]:
    """As Argo Rollouts' metrics mostly are: five looks at the last two intervals, two bad abort.

    Bad is a ratio more than half of the effect above what stable is known to have.
    """
    requests, events = _even(drawn, drawn.canary)
    bad = np.zeros(drawn.canaries, dtype=int)
    aborts = np.zeros(drawn.canaries, dtype=int)
    for look in range(1, _LOOKS + 1):
        until = look * drawn.intervals // _LOOKS
        window = slice(max(0, until - 2), until)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = events[:, window].sum(axis=1) / requests[:, window].sum(axis=1)
        bad += ratio > base + effect / 2
        aborts[(bad > 1) & (aborts == 0)] = until
    return aborts, np.where(aborts == 0, drawn.intervals, 0)


def z_test(drawn: Drawn, base: float, effect: float) -> tuple[Any, Any]:
    """Two proportions of all requests so far, after every interval, each time at 5 % to each side.

    Pearson's test with the variances of both versions (Wald 1943), which holds for one look.
    """
    sums = [np.cumsum(f, axis=1) for arm in (drawn.canary, drawn.stable) for f in _even(drawn, arm)]
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = [sums[1] / sums[0], sums[3] / sums[2]]
        spread = np.sqrt(
            shares[0] * (1 - shares[0]) / sums[0] + shares[1] * (1 - shares[1]) / sums[2]
        )
        gap, ready = shares[0] - shares[1], sums[0] >= 100
        aborts = first_true(ready & (gap / spread > 1.645))
        promotes = first_true(ready & ((gap - effect) / spread < -1.645))
    return aborts, _before(promotes, aborts)


def mann_whitney(drawn: Drawn, base: float, effect: float) -> tuple[Any, Any]:
    """As Kayenta judges a metric that may not increase: eight judgements of all values so far.

    A canary is aborted by the first that classifies it as high, and promoted where none does.
    """
    aborts = np.zeros(drawn.canaries, dtype=int)
    values = [arm[1] / arm[0] for arm in (drawn.canary, drawn.stable)]
    for look in range(1, _JUDGEMENTS + 1):
        until = look * drawn.intervals // _JUDGEMENTS
        seen = np.where(aborts == 0, (drawn.counts & (drawn.index < until)).sum(axis=1), 0)
        for count in np.unique(seen[seen > 0]):
            rows = np.flatnonzero(seen == count)
            arms = [arm[rows, :count] for arm in values]
            for place in np.flatnonzero(_may_be_high(*arms)):
                if is_high(*(arm[place] for arm in arms)):
                    aborts[rows[place]] = until
    return aborts, np.where(aborts == 0, drawn.intervals, 0)


def is_high(canary: Sequence[float], stable: Sequence[float]) -> bool:
    """Whether Kayenta's classifier calls the canary's values high.

    As its MannWhitneyClassifier does, with its usual tolerance 0.25 and level 0.98: where the lower
    end of the confidence interval of the shift lies above a quarter of the estimated shift (Hodges
    and Lehmann 1963). That end lies above c just where the test of a shift by c rejects.
    """
    x, y = np.asarray(canary, dtype=float), np.asarray(stable, dtype=float)
    if not x.size or not y.size or np.array_equal(np.sort(x), np.sort(y)):
        return False
    if np.unique(np.concatenate([x, y])).size == 1 or not _may_be_high(x[None], y[None])[0]:
        return False
    shift = abs(float(np.median(np.subtract.outer(x, y))))
    return z_of_ranks(x - 0.25 * shift, y) > _HIGH


def _may_be_high(x: Any, y: Any) -> Any:
    """Of each row, False only where no shift of `x` downwards is high: all pairs need not be met.

    The ranks of `x` fall with it, and their variance is smallest where the values that are tied
    within `x` meet those within `y`, the most with the most (the rearrangement inequality). The
    cubes of these sums are at most as Minkowski's inequality says.
    """
    many, most = x.shape[1], x.shape[1] + y.shape[1]
    both = np.concatenate([x, y], axis=1)
    order = np.argsort(both, axis=1)
    values = np.take_along_axis(both, order, axis=1)
    begins = np.ones(values.shape, dtype=bool)
    begins[:, 1:] = values[:, 1:] != values[:, :-1]
    starts = np.flatnonzero(begins)
    tied = np.diff(starts, append=begins.size)
    of_x = np.add.reduceat((order < many).ravel(), starts, dtype=float)
    row, below = np.divmod(starts, most)

    def summed(figures: Any) -> Any:
        return np.bincount(row, weights=figures, minlength=len(x))

    over = summed(of_x * (below + (tied + 1) / 2)) - many * (most + 1) / 2
    met = (np.cbrt(summed(of_x**3)) + np.cbrt(summed((tied - of_x) ** 3))) ** 3
    lost = (met - most) / (most * (most - 1))
    least = many * (most - many) / 12 * (most + 1 - lost)
    return over - 0.5 > _HIGH * np.sqrt(np.maximum(least, 0.0)) - 1e-6


def z_of_ranks(x: Any, y: Any) -> float:
    """How far the ranks of `x` are above those of `y`, in standard deviations.

    Mann and Whitney (1947), with the normal approximation, corrected for ties and for continuity
    as in Lehmann, "Nonparametrics" (1975), section 1.3 to 1.4. 0 where all are tied.
    """
    over = _over(x, y)
    variance = _variance(x.size, y.size, np.unique(np.concatenate([x, y]), return_counts=True)[1])
    if variance <= 0:
        return 0.0
    corrected = over - (math.copysign(0.5, over) if over else 0.0)
    return corrected / math.sqrt(variance)


def _over(x: Any, y: Any) -> float:
    """In how many pairs `x` is the larger, beyond half of them; a tie is half a pair."""
    ordered = np.sort(y)
    below = np.searchsorted(ordered, x, "left") + np.searchsorted(ordered, x, "right")
    over: float = float(below.sum()) / 2 - x.size * y.size / 2
    return over


def _variance(one: int, other: int, ties: Any) -> float:
    """Of that number, where so many values each are tied."""
    total, ties = one + other, np.asarray(ties, dtype=float)
    lost = float((ties**3 - ties).sum()) / (total * (total - 1))
    return one * other / 12 * (total + 1 - lost)


def _even(drawn: Drawn, arm: tuple[Any, Any]) -> tuple[Any, Any]:
    """Requests and events of every interval; 0 where it does not count."""
    found = []
    for figures in arm:
        column = np.zeros((drawn.canaries, drawn.intervals))
        np.put_along_axis(column, drawn.index, np.where(drawn.counts, figures, 0.0), axis=1)
        found.append(column)
    return found[0], found[1]


def _before(promotes: Any, aborts: Any) -> Any:
    return np.where((aborts > 0) & (promotes >= aborts), 0, promotes)


WAYS: Mapping[str, Way] = {
    "thresholds": thresholds,
    "z-test": z_test,
    "Mann-Whitney": mann_whitney,
}
