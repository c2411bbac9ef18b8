"""NPY and NPZ, in chunks: never unpickled, and only held whole where the two orders differ.

Numbers are compared within the tolerance of the array's name (in an NPY file it has none: only
`*` matches) or, in structured arrays, of `name.field`. Truth values, text, dates and raw bytes
must be equal. The kind of type must be the same; its width and byte order need not.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from zipfile import ZipFile, ZipInfo

import numpy as np

from .bounds import CHUNK_BYTES, MAX_COLUMNS, MAX_ITEM_BYTES, MAX_WHOLE_BYTES
from .elements import Array, compare_elements
from .interface import Unreadable, foreign, side
from .npy import MAX_DIMENSIONS, Stream, members_of, open_zip, read_exactly, read_header
from .tally import Tally

_KINDS = frozenset("biufcmMSUV")


class NpyReader:
    """Compares files of one array."""

    name = "NPY"

    def compare(self, locked: Path, observed: Path, tally: Tally) -> None:
        """See `Reader.compare`."""
        with foreign("cannot read it"):
            a, b = locked.open("rb"), observed.open("rb")
        with a, b:
            _compare_arrays("", _Source("locked", a), _Source("observed", b), tally)


class NpzReader:
    """Compares zip files of arrays, array by array."""

    name = "NPZ"

    def compare(self, locked: Path, observed: Path, tally: Tally) -> None:
        """See `Reader.compare`."""
        with open_zip(locked) as a, open_zip(observed) as b:
            ours, theirs = members_of(a), members_of(b)
            for name in ours:
                if name not in theirs:
                    tally.note(f"array {_array_name(name)}: missing")
            for name in theirs:
                if name not in ours:
                    tally.note(f"array {_array_name(name)}: new")
            for name in ours:
                if name in theirs:
                    _compare_members(name, (a, ours[name]), (b, theirs[name]), tally)


class _Source:
    """One array: its header read, its elements still to come."""

    def __init__(self, name: str, stream: Stream) -> None:
        self._name = name
        self._stream = stream
        with side(name):
            header = read_header(stream)
            with foreign("element type"):
                dtype = np.lib.format.descr_to_dtype(header.descr)
            base, inner = dtype.subdtype or (dtype, ())
            if base.hasobject:
                raise Unreadable("holds Python objects, which are never unpickled")
            if base.kind not in _KINDS or not 0 < base.itemsize <= MAX_ITEM_BYTES:
                raise Unreadable("elements of a type that cannot be compared")
            if len(header.shape + inner) > MAX_DIMENSIONS or (inner and header.column_order):
                raise Unreadable("elements that are arrays and cannot be compared")
        self.dtype: np.dtype[Any] = base
        self.shape: tuple[int, ...] = header.shape + inner
        self.column_order = header.column_order
        self.size = math.prod(self.shape)

    def take(self, count: int) -> Array:
        """The next `count` elements as they are stored."""
        with side(self._name):
            content = read_exactly(self._stream, count * self.dtype.itemsize)
        return np.frombuffer(content, dtype=self.dtype)

    def whole(self) -> Array:
        """All elements, in row order."""
        if self.size * self.dtype.itemsize > MAX_WHOLE_BYTES:
            raise Unreadable(f"stored in different orders, larger than {MAX_WHOLE_BYTES >> 20} MiB")
        pieces = [self.take(count) for count in _steps(self.size, self.dtype.itemsize)]
        flat: Array = np.concatenate(pieces) if pieces else np.empty(0, self.dtype)
        return flat.reshape(self.shape, order="F" if self.column_order else "C").ravel()

    def finish(self) -> None:
        """See that nothing follows the last element; in a zip this also checks the sum."""
        with side(self._name), foreign("broken file"):
            if self._stream.read(1):
                raise Unreadable("bytes follow the last element")


def _compare_members(
    name: str, locked: tuple[ZipFile, ZipInfo], observed: tuple[ZipFile, ZipInfo], tally: Tally
) -> None:
    with foreign(f"array {_array_name(name)}"):
        a, b = (archive.open(info) for archive, info in (locked, observed))
    with a, b:
        if name.endswith(".npy"):
            _compare_arrays(_array_name(name), _Source("locked", a), _Source("observed", b), tally)
            return
        with foreign(f"member {_array_name(name)}"):
            equal = True
            while equal and (chunk := a.read(CHUNK_BYTES)):
                equal = chunk == b.read(CHUNK_BYTES)
            equal = equal and not b.read(1)
    if equal:
        tally.add(1)
    else:
        tally.note(f"member {name}: bytes differ")


def _array_name(member: str) -> str:
    return member.removesuffix(".npy")


def _compare_arrays(name: str, locked: _Source, observed: _Source, tally: Tally) -> None:
    label = f"array {name}: " if name else ""
    if locked.shape != observed.shape:
        tally.note(f"{label}shape {locked.shape} became {observed.shape}")
        return
    leaves = list(_leaves(name, (), locked.dtype, observed.dtype, tally))
    if len(leaves) > MAX_COLUMNS:
        raise Unreadable(f"more than {MAX_COLUMNS} fields")
    order: Literal["C", "F"] = "F" if locked.column_order else "C"
    start = 0
    if locked.column_order == observed.column_order:
        size = max(locked.dtype.itemsize, observed.dtype.itemsize)
        for count in _steps(locked.size, size):
            pair = locked.take(count), observed.take(count)
            _compare_chunk(leaves, pair, locked.shape, order, start, tally)
            start += count
    else:
        _compare_chunk(leaves, (locked.whole(), observed.whole()), locked.shape, "C", 0, tally)
    locked.finish()
    observed.finish()


def _steps(size: int, item_bytes: int) -> Iterator[int]:
    step = max(1, CHUNK_BYTES // item_bytes)
    for start in range(0, size, step):
        yield min(step, size - start)


def _leaves(
    field: str, path: tuple[str, ...], a: np.dtype[Any], b: np.dtype[Any], tally: Tally
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Fields that both have: what it is called, and the way to it."""
    label = field or "elements"
    (a, inner), (b, other) = (t.subdtype or (t, ()) for t in (a, b))
    if inner != other:
        tally.note(f"{label}: shape {inner} became {other}")
    elif a.names is not None and b.names is not None:
        for name in a.names:
            if name in b.names:
                below = f"{field}.{name}" if field else name
                yield from _leaves(below, (*path, name), a[name], b[name], tally)
            else:
                tally.note(f"{label}: field {name} is missing")
        for name in b.names:
            if name not in a.names:
                tally.note(f"{label}: field {name} is new")
    elif _family(a) != _family(b):
        tally.note(f"{label}: type {a} became {b}")
    else:
        yield field, path


def _family(dtype: np.dtype[Any]) -> object:
    if dtype.kind in "mM":
        return dtype.kind, np.datetime_data(dtype)
    return (dtype.kind, dtype.itemsize) if dtype.kind == "V" else dtype.kind


def _compare_chunk(
    leaves: list[tuple[str, tuple[str, ...]]],
    pair: tuple[Array, Array],
    shape: tuple[int, ...],
    order: Literal["C", "F"],
    start: int,
    tally: Tally,
) -> None:
    for field, path in leaves:
        a, b = pair
        for name in path:
            a, b = a[name], b[name]
        inner = a.shape[1:]
        each = math.prod(inner)

        def where(index: int, field: str = field, inner: Any = inner, each: int = each) -> str:
            at = np.unravel_index(start + index // each, shape, order) if shape else ()
            at = (*at, *np.unravel_index(index % each, inner)) if inner else at
            place = f"[{', '.join(str(int(i)) for i in at)}]" if at else ""
            return f"{field}{place}" or "the only element"

        compare_elements(field, a.reshape(-1), b.reshape(-1), where, tally)
