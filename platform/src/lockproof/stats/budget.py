"""How the accepted chance of a false alarm is parted among metrics."""

import math
from collections.abc import Sequence


def parted(alpha: float, shares: Sequence[float | None]) -> list[float]:
    """The level of each metric, by Bonferroni: together they are at most `alpha`.

    The chance that any of them errs is at most the sum of theirs, however they depend on each
    other (Bonferroni 1936). Those without a share part what is left equally.

    Raises:
        ValueError: shares are not positive, exceed 1 together, or leave nothing for the others.
    """
    stated = [share for share in shares if share is not None]
    rest = 1 - math.fsum(stated)
    open_ = len(shares) - len(stated)
    if any(not share > 0 for share in stated) or rest < -1e-9:
        raise ValueError("shares must be above 0 and at most 1 together")
    if open_ and rest < 1e-9:
        raise ValueError("shares leave nothing for the metrics without one")
    return [alpha * (rest / open_ if share is None else min(share, 1.0)) for share in shares]
