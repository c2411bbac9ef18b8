"""`Numbers` of arrays, with numpy: the extra `compare`."""

import math
from collections.abc import Callable
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
_MOST_HALVES = 2**21
_halves = np.full(1, np.inf)
"""Of 0, 1/2, 1 ... as far as was asked: counts give no others."""


def lgamma(x: Any, /) -> Any:
    """As `Numbers` says; once for each value that there is, since numpy has none of its own."""
    global _halves
    at = np.asarray(2 * np.asarray(x, dtype=float))
    whole = at.astype(np.int64)
    most = int(whole.max(initial=0))
    if most >= _MOST_HALVES or (whole != at).any() or (whole < 1).any():
        values, where_ = np.unique(np.asarray(x), return_inverse=True)
        return np.asarray(_lgamma(values), dtype=float)[where_]
    if most >= _halves.size:
        more = np.arange(_halves.size, 2 * most + 1) / 2
        _halves = np.concatenate([_halves, np.asarray(_lgamma(more), dtype=float)])
    return _halves[whole]


def among(which: Any, find: Callable[..., Any], /, *columns: Any) -> Any:
    """As `Numbers` says."""
    found = np.full(np.shape(which), np.nan)
    found[which] = find(*(column[which] for column in columns))
    return found


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
