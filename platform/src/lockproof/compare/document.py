"""Nested values (JSON, YAML, TOML), compared key by key."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .bounds import MAX_DEPTH, MAX_VALUES
from .display import counted, shown
from .interface import Unreadable, foreign, read_bounded, side
from .tally import Tally


class DocumentReader:
    """Compares documents that a parser turns into mappings, lists and single values."""

    def __init__(self, name: str, parse: Callable[[bytes], Any], limit: int) -> None:
        """Read files of at most `limit` bytes with `parse`, which may raise anything."""
        self.name = name
        self._parse = parse
        self._limit = limit

    def compare(self, locked: Path, observed: Path, tally: Tally) -> None:
        """See `Reader.compare`."""
        with side("locked"):
            a = self._load(locked)
        with side("observed"):
            b = self._load(observed)
        compare_values(a, b, tally)

    def _load(self, path: Path) -> Any:
        content = read_bounded(path, self._limit)
        with foreign(f"not readable as {self.name}"):
            return self._parse(content)


def compare_values(locked: Any, observed: Any, tally: Tally, field: str = "") -> None:
    """Compare two nested values; keys are dotted, with `[index]` for items of lists.

    Raises:
        Unreadable: more values or levels than the bounds allow.
    """
    stack: list[tuple[str, Any, Any, int]] = [(field, locked, observed, 0)]
    visited = 0
    while stack:
        key, a, b, depth = stack.pop()
        visited += 1
        if visited > MAX_VALUES:
            raise Unreadable(f"more than {MAX_VALUES} values")
        if depth > MAX_DEPTH:
            raise Unreadable(f"nested deeper than {MAX_DEPTH} levels")
        where = key or "the whole"
        if isinstance(a, dict) and isinstance(b, dict):
            _note_keys(key, a, b, tally)
            pairs = [(dotted(key, k), a[k], b[k], depth + 1) for k in a if k in b]
            stack.extend(reversed(pairs))
        elif isinstance(a, list) and isinstance(b, list):
            if len(a) != len(b):
                tally.note(f"{where}: {counted(len(a), 'item')} became {len(b)}")
            both = min(len(a), len(b))
            stack.extend((f"{key}[{i}]", a[i], b[i], depth + 1) for i in reversed(range(both)))
        elif isinstance(a, dict | list) or isinstance(b, dict | list):
            tally.note(f"{where}: {_kind(a)} became {_kind(b)}")
        else:
            tally.leaf(key, where, a, b)


def dotted(key: str, name: object) -> str:
    """The key of `name` inside `key`."""
    text = name if isinstance(name, str) else str(name)
    return f"{key}.{text}" if key else text


def _note_keys(key: str, locked: dict[Any, Any], observed: dict[Any, Any], tally: Tally) -> None:
    for name in locked:
        if name not in observed:
            tally.note(f"{dotted(key, name)}: missing")
    for name in observed:
        if name not in locked:
            tally.note(f"{dotted(key, name)}: new")


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else shown(value)
