"""Quantiles of a histogram with cumulative buckets, as Prometheus keeps latencies."""

import math
from collections.abc import Mapping


def histogram_quantile(level: float, buckets: Mapping[float, float]) -> float | None:
    """The quantile, in the unit of the bounds; None where nothing was counted.

    Linear within the bucket, from 0 for the first one: as Prometheus' function of this name does.
    Buckets that fall, which a scrape between two updates can give, are raised to the one before.
    In the last, unbounded bucket the answer is its lower bound, as it is there.

    Args:
        level: 0 to 1.
        buckets: upper bound -> how many were at most so large; one must be infinite.

    Raises:
        ValueError: `level` is outside 0 to 1, or no bucket is infinite.
    """
    bounds = sorted(buckets)
    if not 0 <= level <= 1:
        raise ValueError("a quantile lies between 0 and 1")
    if len(bounds) < 2 or bounds[-1] != math.inf:
        raise ValueError("a histogram has a bucket +Inf and one below it")
    raised, highest = [], 0.0
    for bound in bounds:
        highest = max(highest, buckets[bound])
        raised.append(highest)
    if highest <= 0:
        return None
    rank = level * highest
    index = next(i for i, count in enumerate(raised) if count >= rank)
    if bounds[index] == math.inf:
        return bounds[-2]
    if index == 0 and bounds[0] <= 0:
        return bounds[0]
    below, start = (raised[index - 1], bounds[index - 1]) if index else (0.0, 0.0)
    if raised[index] == below:
        return start
    return start + (bounds[index] - start) * (rank - below) / (raised[index] - below)
