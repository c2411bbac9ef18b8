"""`Numbers` of arrays, with numpy: the extra `compare`."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .traffic import Drawn

sqrt = np.sqrt
log1p = np.log1p
exp = np.exp
expm1 = np.expm1
minimum = np.minimum
maximum = np.maximum
where = np.where
_lgamma = np.frompyfunc(math.lgamma, 1, 1)


def lgamma(x: Any, /) -> Any:
    """As `Numbers` says; once for each value that there is, since numpy has none of its own."""
    values, where_ = np.unique(np.asarray(x), return_inverse=True)
    return np.asarray(_lgamma(values), dtype=float)[where_]


def xlogy(x: Any, y: Any, /) -> Any:
    """As `Numbers` says."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(x) > 0, x * np.log(y), 0.0)


def some(which: Any, /) -> bool:
    """As `Numbers` says."""
    return bool(np.any(which))


def unpacked(drawn: "Drawn") -> tuple[Any, Any]:
    """The numbers of the canaries, and for each and each interval whether that counts."""
    found = np.zeros((drawn.canaries, drawn.intervals), dtype=bool)
    np.put_along_axis(found, drawn.index, drawn.counts, axis=1)
    return np.arange(drawn.canaries), found


def first_true(rows: Any) -> Any:
    """Of each row after how many the first holds; 0: none does."""
    return np.where(rows.any(axis=1), rows.argmax(axis=1) + 1, 0)


def sooner(one: Any, other: Any) -> Any:
    """The smaller of two that are not 0; 0 where both are."""
    return np.where((one == 0) | ((other > 0) & (other < one)), other, one)


def joined(parts: Any) -> Any:
    """One array after the other."""
    return np.concatenate(parts)


def quantiles(values: Any, *shares: float) -> list[int]:
    """The values that so many are at most."""
    return [int(found) for found in np.quantile(values, shares, method="higher")]
