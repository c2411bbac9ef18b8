"""Values that remember which file and line each of their entries came from."""

from collections.abc import Iterable, Mapping
from typing import Any

from lockproof.parse.yaml_document import YamlDocument

Mark = tuple[str, int | None]
"""File, relative to the Git root, and line from 1."""


class Map(dict[str, Any]):
    """A mapping with a mark for each key."""

    __slots__ = ("marks",)

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self.marks: dict[str, Mark] = {}

    def put(self, key: str, value: Any, mark: Mark | None) -> None:
        """Set an entry; without a mark it keeps the one that it had."""
        self[key] = value
        if mark is not None:
            self.marks[key] = mark


class Seq(list[Any]):
    """A sequence with a mark for each item."""

    __slots__ = ("marks",)

    def __init__(self, items: Iterable[tuple[Any, Mark | None]] = ()) -> None:
        """Take items and their marks."""
        pairs = list(items)
        super().__init__(item for item, _ in pairs)
        self.marks: list[Mark | None] = [mark for _, mark in pairs]

    def pairs(self) -> list[tuple[Any, Mark | None]]:
        """Items with their marks."""
        return list(zip(self, self.marks, strict=True))


def marked(document: YamlDocument, path: str) -> Any:
    """The value of a document, marked with its lines."""

    def convert(value: Any, at: tuple[str | int, ...]) -> Any:
        if isinstance(value, dict):
            made = Map()
            for key, inner in value.items():
                here = (*at, key)
                made.put(key, convert(inner, here), (path, document.line(*here)))
            return made
        if isinstance(value, list):
            return Seq(
                (convert(inner, (*at, n)), (path, document.line(*at, n)))
                for n, inner in enumerate(value)
            )
        return value

    return convert(document.value, ())


def made(value: Any, mark: Mark) -> Any:
    """A plain value in which everything came from one place."""
    if isinstance(value, Mapping):
        result = Map()
        for key, inner in value.items():
            result.put(str(key), made(inner, mark), mark)
        return result
    if isinstance(value, list | tuple):
        return Seq((made(inner, mark), mark) for inner in value)
    return value


def copied(value: Any) -> Any:
    """A deep copy, marks included."""
    if isinstance(value, Map):
        result = Map()
        for key, inner in value.items():
            result[key] = copied(inner)
        result.marks = dict(value.marks)
        return result
    if isinstance(value, Seq):
        return Seq((copied(inner), mark) for inner, mark in value.pairs())
    return value


def mark_of(container: Any, key: str | int) -> Mark | None:
    """The mark of one entry."""
    if isinstance(container, Map):
        return container.marks.get(str(key))
    if isinstance(container, Seq) and isinstance(key, int) and 0 <= key < len(container.marks):
        return container.marks[key]
    return None


def mark_at(root: Any, at: Iterable[str | int], default: Mark) -> Mark:
    """The mark of the deepest entry on a path that has one."""
    place, value = default, root
    for key in at:
        place = mark_of(value, key) or place
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            break
    return place
