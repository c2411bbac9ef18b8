"""A look at a Parquet footer before pyarrow reads it, and instead of pyarrow.

A schema of some thousand levels overflows pyarrow's stack, and asking pyarrow for the metadata of
a column chunk ends the process where they are broken. (Reading the columns does not.)

The footer is a struct in Thrift's compact protocol (thrift-compact-protocol.md), `FileMetaData`
of parquet.thrift. Only the tree of the schema and the sizes of row groups are read here.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .bounds import MAX_COLUMNS, MAX_FOOTER_BYTES, MAX_SCHEMA_DEPTH
from .interface import Unreadable, foreign

_MAGIC = b"PAR1"
_MAX_STRUCTURE_DEPTH = 24
_BOOLEANS = (1, 2)
_BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 3, 7, 8, 9, 10, 11, 12
_VARINTS = (4, 5, 6)
_I32, _I64 = 5, 6


@dataclass
class RowGroup:
    """What a footer says of one row group."""

    rows: int = 0
    values: list[int] = field(default_factory=list)
    """Of each column chunk, absent values and the items of lists counted."""


def row_groups(path: Path) -> list[RowGroup]:
    """Read the footer of a Parquet file whose schema is one that pyarrow can read.

    Raises:
        Unreadable: it is not Parquet, its footer is broken, encrypted or too large, or its
            schema is nested too deeply or has too many columns.
    """
    with foreign("cannot read it"), path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 8))
        tail = file.read(8)
        if size < 12 or len(tail) < 8 or tail[4:] != _MAGIC:
            raise Unreadable("not a Parquet file, or encrypted")
        (length,) = struct.unpack("<I", tail[:4])
        if length > MAX_FOOTER_BYTES:
            raise Unreadable(f"Parquet footer of more than {MAX_FOOTER_BYTES >> 20} MiB")
        if length > size - 12:
            raise Unreadable("broken Parquet footer")
        file.seek(size - 8 - length)
        footer = file.read(length)
    try:
        return _Footer(footer).read()
    except IndexError as error:
        raise Unreadable("broken Parquet footer") from error


class _Footer:
    """A cursor over the footer; running off its end is an `IndexError`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def read(self) -> list[RowGroup]:
        """Go through the whole: a second schema would replace the first."""
        groups: list[RowGroup] = []

        def fields(number: int, kind: int) -> None:
            if (number, kind) == (2, _LIST):
                self._schema()
            elif (number, kind) == (4, _LIST):
                groups[:] = [self._row_group() for _ in range(self._structs())]
            else:
                self._skip(kind, 1)

        self._struct(fields)
        return groups

    def _row_group(self) -> RowGroup:
        group = RowGroup()

        def fields(number: int, kind: int) -> None:
            if (number, kind) == (1, _LIST):
                group.values = [self._column_chunk() for _ in range(self._structs())]
            elif (number, kind) == (3, _I64):
                group.rows = self._integer()
            else:
                self._skip(kind, 1)

        self._struct(fields)
        return group

    def _column_chunk(self) -> int:
        values = 0

        def metadata(number: int, kind: int) -> None:
            nonlocal values
            if (number, kind) == (5, _I64):
                values = self._integer()
            else:
                self._skip(kind, 1)

        def fields(number: int, kind: int) -> None:
            if (number, kind) == (3, _STRUCT):
                self._struct(metadata)
            else:
                self._skip(kind, 1)

        self._struct(fields)
        return values

    def _schema(self) -> None:
        count = self._structs()
        if count > 2 * MAX_COLUMNS:
            raise Unreadable(f"Parquet schema of more than {2 * MAX_COLUMNS} nodes")
        open_nodes: list[int] = []
        for _ in range(count):
            while open_nodes and open_nodes[-1] == 0:
                open_nodes.pop()
            if open_nodes:
                open_nodes[-1] -= 1
            open_nodes.append(max(0, self._element()))
            if len(open_nodes) > MAX_SCHEMA_DEPTH:
                raise Unreadable(f"Parquet schema of more than {MAX_SCHEMA_DEPTH} levels")

    def _element(self) -> int:
        """The number of children that one node of the schema states."""
        children = 0

        def fields(number: int, kind: int) -> None:
            nonlocal children
            if (number, kind) == (5, _I32):
                children = self._integer()
            else:
                self._skip(kind, 1)

        self._struct(fields)
        return children

    def _struct(self, read_field: Callable[[int, int], None]) -> None:
        number = 0
        while head := self._byte():
            if head >> 4:
                number += head >> 4
            else:
                number = self._integer()
            read_field(number, head & 15)

    def _skip(self, kind: int, depth: int) -> None:
        if depth > _MAX_STRUCTURE_DEPTH:
            raise Unreadable("broken Parquet footer")
        if kind in _VARINTS:
            self._varint()
        elif kind == _BINARY:
            self._move(self._varint())
        elif kind == _STRUCT:
            self._struct(lambda _, inner: self._skip(inner, depth + 1))
        elif kind in (_LIST, _SET):
            count, inner = self._list_head()
            self._skip_items(count, (inner,), depth)
        elif kind == _MAP:
            count = self._varint()
            pair = self._byte() if count else 0
            self._skip_items(count, (pair >> 4, pair & 15), depth)
        elif kind == _BYTE:
            self._move(1)
        elif kind == _DOUBLE:
            self._move(8)
        elif kind not in _BOOLEANS:
            raise Unreadable("broken Parquet footer")

    def _skip_items(self, count: int, kinds: tuple[int, ...], depth: int) -> None:
        if count * len(kinds) > len(self._data) - self._at:
            raise Unreadable("broken Parquet footer")
        for _ in range(count):
            for kind in kinds:
                # A truth value is part of a field's head, but a byte of its own in a list.
                self._skip(_BYTE if kind in _BOOLEANS else kind, depth + 1)

    def _structs(self) -> int:
        """The length of a list of structs."""
        count, kind = self._list_head()
        if kind != _STRUCT and count:
            raise Unreadable("broken Parquet footer")
        return count

    def _integer(self) -> int:
        raw = self._varint()
        return (raw >> 1) ^ -(raw & 1)

    def _list_head(self) -> tuple[int, int]:
        head = self._byte()
        return (self._varint() if head >> 4 == 15 else head >> 4), head & 15

    def _byte(self) -> int:
        value = self._data[self._at]
        self._at += 1
        return value

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise Unreadable("broken Parquet footer")

    def _move(self, count: int) -> None:
        self._at += count
        if self._at > len(self._data):
            raise IndexError
