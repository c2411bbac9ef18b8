"""Parquet, batch by batch and column by column.

Columns are compared by name, rows by position, both counted from 1. Numbers are compared within
the tolerance of the column (`column.field` inside structures), also inside lists; truth values,
text, bytes and dates must be equal. Decimals are numbers. The kind of type must be the same; the
width of numbers and the encoding of text need not.

Text is decoded as a dictionary, so that a long value repeated in every row is held once. A page
is decoded whole: a hostile one can cost up to the 2 GiB that the format allows before pyarrow
refuses it. Needs pyarrow 14.0.1 or later: earlier ones unpickle (CVE-2023-47248).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from .bounds import BATCH_ROWS, BATCH_VALUES, CHUNK_BYTES, MAX_CELLS, MAX_NESTED_VALUES
from .columns import compare_column, family
from .display import counted, distinct
from .interface import Unreadable, foreign, side
from .parquet_footer import RowGroup, row_groups
from .tally import Tally


class ParquetReader:
    """Compares Parquet files."""

    name = "Parquet"

    def compare(self, locked: Path, observed: Path, tally: Tally) -> None:
        """See `Reader.compare`."""
        with foreign("cannot read it"):
            left, right = locked.open("rb"), observed.open("rb")
        with left, right:
            a, b = _File("locked", locked, left), _File("observed", observed, right)
            shared = _shared_columns(a, b, tally)
            if a.rows != b.rows:
                tally.note(f"{counted(a.rows, 'row')} became {b.rows}")
            for start, x, y in _aligned(a, b):
                for name in shared:
                    ours, theirs = x.column(a.columns[name]), y.column(b.columns[name])

                    def where(row: int, name: str = name, start: int = start) -> str:
                        return f"row {start + row + 1}, column {name}"

                    compare_column(name, ours, theirs, where, tally)


class _File:
    """One file: its schema read, its rows still to come."""

    def __init__(self, name: str, path: Path, handle: BinaryIO) -> None:
        self._name = name
        with side(name):
            groups = row_groups(path)
            with foreign("not readable as Parquet"):
                plain = pq.ParquetFile(handle, pre_buffer=False)
                self._file = pq.ParquetFile(
                    handle,
                    metadata=plain.metadata,
                    read_dictionary=_text_columns(plain.schema),
                    pre_buffer=False,
                    buffer_size=CHUNK_BYTES,
                )
                schema = plain.schema_arrow
                self.rows: int = plain.metadata.num_rows
                self.columns = {n: i for i, n in enumerate(distinct(list(schema.names)))}
                self.types = [schema.field(i).type for i in range(len(schema))]
                self.batch_rows = _batch_rows(plain.schema, groups)
            if self.rows * max(1, len(self.columns)) > MAX_CELLS:
                raise Unreadable(f"more than {MAX_CELLS} values")

    def batches(self, rows: int) -> Iterator[Any]:
        """The record batches, of `rows` rows at most."""
        with side(self._name), foreign("broken Parquet file"):
            batches = self._file.iter_batches(batch_size=rows, use_threads=False)
        while True:
            with side(self._name), foreign("broken Parquet file"):
                batch = next(batches, None)
            if batch is None:
                raise Unreadable(f"{self._name} file: fewer rows than its footer says")
            yield batch


def _text_columns(schema: Any) -> list[str]:
    columns = [schema.column(i) for i in range(len(schema))]
    plain_text = ("NONE", "STRING", "JSON", "BSON", "ENUM", "UNKNOWN")
    return [
        column.path
        for column in columns
        if column.physical_type == "BYTE_ARRAY" and column.logical_type.type in plain_text
    ]


def _batch_rows(schema: Any, groups: list[RowGroup]) -> int:
    """How many rows hold `BATCH_VALUES` values of 8 bytes, nested and wide ones counted."""
    least = BATCH_ROWS
    columns = [schema.column(i) for i in range(len(schema))]
    for group in groups:
        if len(group.values) != len(columns):
            raise Unreadable("a row group that lacks columns")
        per_row = 0.0
        for column, count in zip(columns, group.values, strict=True):
            each = max(1.0, (column.length or 0) / 8)
            if column.max_repetition_level:
                if count > MAX_NESTED_VALUES:
                    raise Unreadable(f"a nested column of more than {MAX_NESTED_VALUES} values")
                each *= max(1.0, count / max(1, group.rows))
            per_row += each
        least = min(least, int(BATCH_VALUES / max(1.0, per_row)))
    return max(1, least)


def _shared_columns(locked: _File, observed: _File, tally: Tally) -> list[str]:
    shared = []
    for name, i in locked.columns.items():
        if name not in observed.columns:
            tally.note(f"column {name}: missing")
            continue
        ours, theirs = locked.types[i], observed.types[observed.columns[name]]
        if family(ours) == family(theirs):
            shared.append(name)
        else:
            tally.note(f"column {name}: type {ours} became {theirs}")
    for name in observed.columns:
        if name not in locked.columns:
            tally.note(f"column {name}: new")
    return shared


def _aligned(locked: _File, observed: _File) -> Iterator[tuple[int, Any, Any]]:
    """Batches of the same rows of both, with the position of their first row."""
    rows = min(locked.batch_rows, observed.batch_rows)
    left, right = locked.batches(rows), observed.batches(rows)
    start, end = 0, min(locked.rows, observed.rows)
    a = b = pa.RecordBatch.from_arrays([], [])
    while start < end:
        while not a.num_rows:
            a = next(left)
        while not b.num_rows:
            b = next(right)
        count = min(a.num_rows, b.num_rows, end - start)
        yield start, a.slice(0, count), b.slice(0, count)
        a, b = a.slice(count), b.slice(count)
        start += count
