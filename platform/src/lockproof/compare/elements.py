"""Flat numpy arrays, compared element by element."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bounds import CHUNK_VALUES
from .display import shown, visible
from .tally import NOT_A_NUMBER, Tally

Array = NDArray[Any]
Bools = NDArray[np.bool_]


def compare_elements(
    field: str, locked: Array, observed: Array, where: Callable[[int], str], tally: Tally
) -> None:
    """Enter two flat arrays of equal length into `tally`.

    Args:
        field: what the tolerance is chosen by.
        locked: shape (n,).
        observed: shape (n,), with the same `dtype.kind` as `locked`.
        where: the place of an element, by its index from 0 to n - 1.
        tally: where counts and the largest difference go.
    """
    for start in range(0, len(locked), CHUNK_VALUES):
        part = slice(start, start + CHUNK_VALUES)
        _compare_chunk(field, locked[part], observed[part], _after(start, where), tally)


def _after(start: int, where: Callable[[int], str]) -> Callable[[int], str]:
    return lambda index: where(start + index)


def _compare_chunk(
    field: str, locked: Array, observed: Array, where: Callable[[int], str], tally: Tally
) -> None:
    with np.errstate(all="ignore"):
        unequal = np.flatnonzero(~_same(locked, observed))
        if not len(unequal):
            tally.add(len(locked))
            return
        a, b = locked[unequal], observed[unequal]
        beyond = np.ones(len(a), dtype=np.bool_)
        ranks = np.full(len(a), NOT_A_NUMBER)
        if a.dtype.kind in "iufc":
            distances, finite = _distances(a, b)
            ranks = np.where(np.isnan(distances), np.inf, distances).astype(np.float64)
            tolerance = tally.fields.tolerance(field)
            if tolerance is not None:
                bound = tolerance.atol + tolerance.rtol * np.abs(_wide(a))
                beyond = ~(finite & (distances <= bound))
    count = int(beyond.sum())
    tally.add(len(locked), len(unequal), count)
    chosen = np.flatnonzero(beyond) if count else np.arange(len(a))
    at = int(chosen[np.argmax(ranks[chosen])])
    rank = float(ranks[at])
    if tally.outranks(bool(count), rank):
        reference = float(np.abs(_wide(a[at]))) if rank >= 0 else float("nan")
        where_at = where(int(unequal[at]))
        tally.keep(bool(count), rank, where_at, element_text(a, at), element_text(b, at), reference)


def _same(a: Array, b: Array) -> Bools:
    kind = a.dtype.kind
    if kind == "V":
        return _same_bytes(a, b)
    equal: Bools = np.asarray(a == b)
    if kind in "fc":
        equal |= np.isnan(a) & np.isnan(b)
    elif kind in "mM":
        equal |= np.isnat(a) & np.isnat(b)
    return equal


def _same_bytes(a: Array, b: Array) -> Bools:
    if a.dtype.itemsize != b.dtype.itemsize:
        return np.zeros(len(a), dtype=np.bool_)
    left, right = (np.ascontiguousarray(x).view(np.uint8).reshape(len(a), -1) for x in (a, b))
    equal: Bools = (left == right).all(axis=1)
    return equal


def _distances(a: Array, b: Array) -> tuple[Array, Bools]:
    """|a - b|, and where both are finite."""
    if a.dtype.kind in "iu":
        # Modulo 2**64 the difference of the larger and the smaller is exact.
        high, low = np.maximum(a, b), np.minimum(a, b)
        distances = (high.astype(np.uint64) - low.astype(np.uint64)).astype(np.float64)
        return distances, np.ones(len(a), dtype=np.bool_)
    return np.abs(_wide(a) - _wide(b)), np.isfinite(a) & np.isfinite(b)


def _wide(a: Any) -> Any:
    """At least double precision, so that narrow types do not round their own distance."""
    return a.astype(np.result_type(a.dtype, np.float64))


def element_text(array: Array, index: int) -> str:
    """An element as reports show it, numbers as short as their precision allows."""
    try:
        value: Any = array[index]
        if value.dtype.kind in "USV":
            return shown(value.tobytes() if value.dtype.kind == "V" else value.item())
        return visible(str(value))
    except (ValueError, OverflowError, SystemError):  # code points and dates that are none
        return "a value that cannot be shown"
