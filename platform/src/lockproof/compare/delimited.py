"""CSV and TSV, row by row: neither file is ever held whole.

A file has a header unless every cell of its first row is a number. Columns are compared by name
(by position, counted from 1, where there is no header), rows by position, counted from 1 without
the header. Blank lines do not count. Cells that are numbers on both sides are compared as such,
all others as text.
"""

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TextIO

from .bounds import MAX_COLUMNS, MAX_ROW_CHARS
from .display import counted, distinct
from .interface import Unreadable
from .numbers import Number, parse_number
from .tally import Tally


class DelimitedReader:
    """Compares tables as text with one delimiter."""

    def __init__(self, name: str, delimiter: str) -> None:
        """Split cells at `delimiter`, quoted as RFC 4180 says."""
        self.name = name
        self._delimiter = delimiter

    def compare(self, locked: Path, observed: Path, tally: Tally) -> None:
        """See `Reader.compare`."""
        try:
            with _open(locked) as a, _open(observed) as b:
                one = _Table("locked", self.name, a, self._delimiter)
                other = _Table("observed", self.name, b, self._delimiter)
                _compare(one, other, tally)
        except OSError as error:
            raise Unreadable(f"cannot read it: {error.strerror or error}") from error


class _Table:
    """The rows of one file; all of them as wide as the first."""

    def __init__(self, side: str, kind: str, file: TextIO, delimiter: str) -> None:
        self._side = side
        self._kind = kind
        self._file = file
        self._taken = 0
        self._reader = csv.reader(self._lines(), delimiter=delimiter, strict=True)
        self._width: int | None = None
        self._row = 0
        first = next(self.rows(), None)
        self.has_header = first is not None and any(parse_number(c) is None for c in first)
        self.columns: list[str] = []
        self._pending: list[list[str]] = []
        if first is not None and self.has_header:
            self.columns = distinct(first)
            self._row = 0
        elif first is not None:
            self.columns = [str(i) for i in range(1, len(first) + 1)]
            self._pending = [first]

    def rows(self) -> Iterator[list[str]]:
        """The rows that are not blank."""
        try:
            for row in self._reader:
                self._taken = 0
                if row:
                    yield self._sound(row)
        except csv.Error as error:
            raise Unreadable(f"{self._side} file: not readable as {self._kind}: {error}") from error

    def data(self) -> Iterator[list[str]]:
        """The rows below the header."""
        return chain(self._pending, self.rows())

    def _sound(self, row: list[str]) -> list[str]:
        self._row += 1
        if self._width is None:
            self._width = len(row)
            if self._width > MAX_COLUMNS:
                raise Unreadable(f"{self._side} file: more than {MAX_COLUMNS} columns")
        if len(row) != self._width:
            raise Unreadable(
                f"{self._side} file: row {self._row} has {counted(len(row), 'cell')}, "
                f"the first row {self._width}"
            )
        return row

    def _lines(self) -> Iterator[str]:
        while line := self._file.readline(MAX_ROW_CHARS + 1):
            self._taken += len(line)
            if self._taken > MAX_ROW_CHARS:
                raise Unreadable(
                    f"{self._side} file: a row of more than {MAX_ROW_CHARS} characters"
                )
            yield line


def _open(path: Path) -> TextIO:
    # Other encodings that contain ASCII compare well enough by their bytes.
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _compare(locked: _Table, observed: _Table, tally: Tally) -> None:
    if locked.has_header != observed.has_header:
        tally.note("header row: missing" if locked.has_header else "header row: new")
        return
    positions = {name: i for i, name in enumerate(observed.columns)}
    for name in locked.columns:
        if name not in positions:
            tally.note(f"column {name}: missing")
    names = set(locked.columns)
    for name in observed.columns:
        if name not in names:
            tally.note(f"column {name}: new")
    pairs = [(i, positions[n], n) for i, n in enumerate(locked.columns) if n in positions]
    same_layout = locked.columns == observed.columns
    left, right = locked.data(), observed.data()
    count = 0
    while True:
        a, b = next(left, None), next(right, None)
        if a is None or b is None:
            break
        count += 1
        if same_layout and a == b:
            tally.add(len(a))
        else:
            _compare_row(count, a, b, pairs, tally)
    # One of the two is at its end; the other still has the row that was taken last.
    more_left = (a is not None) + sum(1 for _ in left)
    more_right = (b is not None) + sum(1 for _ in right)
    if more_left != more_right:
        tally.note(f"{counted(count + more_left, 'row')} became {count + more_right}")


def _compare_row(
    row: int, a: list[str], b: list[str], pairs: list[tuple[int, int, str]], tally: Tally
) -> None:
    for i, j, name in pairs:
        x, y = a[i], b[j]
        if x == y:
            tally.add(1)
        else:
            p, q = _values(x, y)
            tally.leaf(name, f"row {row}, column {name}", p, q)


def _values(locked: str, observed: str) -> tuple[Number, Number] | tuple[str, str]:
    p, q = parse_number(locked), parse_number(observed)
    return (locked, observed) if p is None or q is None else (p, q)
