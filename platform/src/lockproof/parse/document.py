"""A document that was read: its value, and the line of each of its entries."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, cast

from lockproof.errors import ConfigError


class ParseError(ConfigError):
    """A file is not what it should be; says where."""

    def __init__(self, message: str, name: str, line: int | None = None) -> None:
        """`name` is what the user calls the file, `line` counts from 1."""
        super().__init__(f"{name}{f', line {line}' if line else ''}: {message}")
        self.name, self.line = name, line
        self.reason = " ".join(message.split())
        """The message without the place."""


class YamlDocument(Protocol):
    """One document: its value and the lines of its entries."""

    value: Any

    def entries(self) -> "Iterator[tuple[str, YamlDocument, int]]":
        """The entries of a mapping, each with the line of its key; nothing where it is none."""
        ...

    def line(self, *keys: str | int) -> int | None:
        """The line, from 1, of a key or item; without keys that of the document.

        None where there is no such entry.
        """
        ...

    def lines(self, key: str) -> "Sequence[int | None]":
        """The line of each item of the list under a key; empty where there is none."""
        ...


def nearest_line(document: YamlDocument, keys: Sequence[str | int]) -> int | None:
    """The line of an entry, or of the nearest thing around it that has one."""
    for length in range(len(keys), -1, -1):
        line = document.line(*keys[:length])
        if line is not None:
            return line
    return None


Marks = dict[str, Any] | list[Any] | None
"""Key or number -> its line, or its line and the marks of what it holds.

Without marks all that is below stands in one line.
"""


class MarkedDocument:
    """A document whose lines were counted while it was read."""

    def __init__(self, value: Any, line: int, marks: Marks) -> None:
        """`line` is the one that it starts in."""
        self.value = value
        self._line, self._marks = line, marks

    def entries(self) -> Iterator[tuple[str, YamlDocument, int]]:
        """As `YamlDocument` says."""
        if not isinstance(self.value, dict):
            return
        line, marks = self._line, None
        for name, value in self.value.items():
            if self._marks is not None:
                line, marks = _mark(self._marks, name)
            yield name, MarkedDocument(value, line, marks), line

    def line(self, *keys: str | int) -> int | None:
        """As `YamlDocument` says."""
        value: Any = self.value
        line, marks = self._line, self._marks
        for key in keys:
            if isinstance(value, dict) and str(key) in value:
                key = str(key)
            elif not (isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value)):
                return None
            value = value[key]
            if marks is not None:
                line, marks = _mark(marks, key)
        return line

    def lines(self, key: str) -> Sequence[int | None]:
        """As `YamlDocument` says."""
        value = self.value.get(key) if isinstance(self.value, dict) else None
        if not isinstance(value, list):
            return ()
        line, marks = (self._line, None) if self._marks is None else _mark(self._marks, key)
        if marks is None:
            return [line] * len(value)
        listed = cast("list[Any]", marks)
        return [mark[0] if isinstance(mark, tuple) else mark for mark in listed]


def _mark(marks: Any, key: str | int) -> tuple[int, Marks]:
    mark = marks[key]
    return mark if isinstance(mark, tuple) else (mark, None)
