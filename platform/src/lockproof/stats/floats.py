"""`Numbers` of single numbers."""

import math
from collections.abc import Callable
from typing import Any

sqrt = math.sqrt
log1p = math.log1p
exp = math.exp
expm1 = math.expm1
lgamma = math.lgamma
some = bool


def xlogy(x: float, y: float, /) -> float:
    """As `Numbers` says."""
    if x <= 0:
        return 0.0
    return x * math.log(y) if y > 0 else -math.inf


def minimum(x: float, y: float, /) -> float:
    """As `Numbers` says."""
    return min(x, y)


def maximum(x: float, y: float, /) -> float:
    """As `Numbers` says."""
    return max(x, y)


def where(which: bool, x: float, y: float, /) -> float:
    """As `Numbers` says."""
    return x if which else y


def among(which: bool, find: Callable[..., float], /, *columns: Any) -> float:
    """As `Numbers` says."""
    return find(*columns) if which else math.nan
