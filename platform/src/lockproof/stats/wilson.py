"""How sure a share is that was counted."""

import math
from statistics import NormalDist


def wilson(happened: int, trials: int, level: float = 0.99) -> tuple[float, float]:
    """The score interval of Wilson (1927) for the chance of what happened so often.

    Args:
        happened: 0 to `trials`.
        trials: independent ones, at least 1.
        level: the chance that the interval holds the true share.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, spread = happened / trials, z * z / trials
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / trials + spread / (4 * trials)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)
