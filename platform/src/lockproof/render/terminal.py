"""Lines for a terminal: styled text, wrapped at words, and cells in columns.

ADR 0029 says why not by a library.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Self
from unicodedata import category, east_asian_width

_WORD = re.compile(r"[^ ]+ *")
_CODES = {
    "bold": "1",
    "dim": "2",
    "underline": "4",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "cyan": "36",
}
"""Word of a style -> its parameter of ECMA-48's SGR; the terminal's theme chooses the colour."""

_GAP = 2
"""Cells between two columns."""

Piece = tuple[str, str]
"""A text and its style, such as `bold red`; empty for none."""


@lru_cache(maxsize=1 << 12)
def _cell(character: str) -> int:
    if character == "\ufe0f":
        return 1  # What it follows becomes an emoji, two cells wide.
    if category(character) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def cells(text: str) -> int:
    """How many cells of a terminal a text takes that has no control characters (UAX 11).

    A terminal with an older Unicode may draw it narrower, as it may what joins several emoji.
    """
    return len(text) if text.isascii() else sum(map(_cell, text))


def clipped(text: str, most: int) -> str:
    """The beginning of a text that takes at most so many cells."""
    if text.isascii():
        return text[:most]
    return text[: _fitting(text, 0, most)]


def _fitting(text: str, start: int, most: int) -> int:
    """The index after the characters from `start` on that take at most so many cells."""
    for index in range(start, len(text)):
        most -= _cell(text[index])
        if most < 0:
            return index
    return len(text)


def _parted(line: str, width: int) -> list[int]:
    """Where parts of a line begin that each fit: at words, and in those that are longer."""
    starts, used = [0], 0
    for number, match in enumerate(_WORD.finditer(line)):
        at = match.start() if number else 0  # The blanks that a line begins with stay.
        word = line[at : match.end()]
        bare = cells(word.rstrip(" "))
        if used + bare <= width:
            used += cells(word)
            continue
        if used:
            starts.append(at)
        while bare > width:
            # A character that is wider than the terminal is put on it all the same.
            at = max(_fitting(line, at, width), at + 1)
            starts.append(at)
            bare = cells(line[at : match.end()].rstrip(" "))
        used = cells(line[at : match.end()])
    return starts


class Text:
    """Pieces of text, each with its style. Line feeds in it end lines."""

    def __init__(self, text: str = "", style: str = "") -> None:
        """Begin with a piece; what is appended has its style unless it says another."""
        self.style = style
        self.pieces: list[Piece] = [(text, style)] if text else []

    def append(self, text: str, style: str | None = None) -> Self:
        """Add a piece."""
        self.pieces.append((text, self.style if style is None else style))
        return self

    @property
    def plain(self) -> str:
        """All of it without styles."""
        return "".join(text for text, _ in self.pieces)

    def lines(self, width: int | None = None) -> list[list[Piece]]:
        """What stands in each line, of at most `width` cells; None: as long as they are."""
        plain = self.plain
        if "\n" not in plain and (width is None or cells(plain) <= width):
            return [self.pieces]
        ends, before = [], 0
        for line in plain.split("\n"):
            if width is not None and cells(line) > width:
                starts = _parted(line, width)
                ends += [(before + a, before + b) for a, b in pairwise(starts)]
                ends.append((before + starts[-1], before + len(line)))
            else:
                ends.append((before, before + len(line)))
            before += len(line) + 1
        return [list(_without_end(self._between(start, end))) for start, end in ends]

    def _between(self, start: int, end: int) -> Iterator[Piece]:
        before = 0
        for text, style in self.pieces:
            part = text[max(start - before, 0) : max(end - before, 0)]
            if part:
                yield part, style
            before += len(text)


def _without_end(line: Iterable[Piece]) -> list[Piece]:
    """A line without the blanks at its end."""
    kept = list(line)
    while kept:
        text, style = kept.pop()
        if stripped := text.rstrip(" "):
            kept.append((stripped, style))
            break
    return kept


class Grid:
    """Cells in columns with two blanks between them."""

    def __init__(self, widths: Sequence[int | None], right: Sequence[int] = ()) -> None:
        """Begin without rows.

        Args:
            widths: of each column, in cells; None: as its content and the others leave room.
            right: the columns, from 0, whose content stands at their right end.
        """
        self._stated = widths
        self._right = frozenset(right)
        self.rows: list[list[Text]] = []

    def add(self, *row: Text | str) -> None:
        """Add a row; the columns that it does not name are empty."""
        self.rows.append([Text(cell) if isinstance(cell, str) else cell for cell in row])

    def lines(self, width: int) -> Iterator[list[Piece]]:
        """The lines of all rows, in at most so many cells."""
        widths = self._widths(width)
        for row in self.rows:
            columns = [cell.lines(room) for cell, room in zip(row, widths, strict=False)]
            for number in range(max(map(len, columns))):
                line: list[Piece] = []
                for index, column in enumerate(columns):
                    part = column[number] if number < len(column) else []
                    blank = " " * (widths[index] - sum(cells(text) for text, _ in part))
                    line += [(blank, ""), *part] if index in self._right else [*part, (blank, "")]
                    line.append((" " * _GAP, ""))
                yield line

    def _widths(self, width: int) -> list[int]:
        """As wide as the content; where that is too much, the widest with its gap gives way."""
        last = len(self._stated) - 1
        widths = [
            stated if stated is not None else max(1, *self._longest(index))
            for index, stated in enumerate(self._stated)
        ]
        free = [index for index, stated in enumerate(self._stated) if stated is None]
        over = sum(widths) + _GAP * (len(widths) - 1) - width
        while over > 0:
            index = max(
                free or range(len(widths)),
                key=lambda each: (widths[each] + (_GAP if each != last else 0), each),
            )
            if widths[index] <= 1:
                if not free:
                    break
                free = []
                continue
            widths[index] -= 1
            over -= 1
        return widths

    def _longest(self, index: int) -> list[int]:
        return [
            max(cells(line) for line in row[index].plain.split("\n"))
            for row in self.rows
            if index < len(row)
        ] or [1]


class Screen:
    """Lines of at most so many cells, with colours or without."""

    def __init__(self, width: int, *, color: bool) -> None:
        """Begin without lines; styles are written only with `color`."""
        self.width = width
        self._color = color
        self._lines: list[str] = []

    def write(self, what: Text | Grid | str = "", indent: int = 0) -> None:
        """Add a text, wrapped, or a grid; each line begins with so many blanks."""
        if isinstance(what, str):
            what = Text(what)
        for line in what.lines(max(self.width - indent, 1)):
            self._write(line, indent)

    def write_whole(self, text: Text) -> None:
        """Add a text that is not wrapped, however long it is."""
        for line in text.lines():
            self._write(line, 0)

    def _write(self, line: Iterable[Piece], indent: int) -> None:
        pieces = _without_end(line)
        blank = " " * indent if pieces else ""
        self._lines.append(blank + "".join(map(self._styled, pieces)))

    def _styled(self, piece: Piece) -> str:
        text, style = piece
        if not (style and self._color):
            return text
        return f"\x1b[{';'.join(_CODES[word] for word in style.split())}m{text}\x1b[0m"

    def text(self) -> str:
        """All lines, each ended by a line feed."""
        return "".join(f"{line}\n" for line in self._lines)
