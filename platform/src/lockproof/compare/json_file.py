"""JSON; `NaN` and `Infinity` are read, since Python writes them."""

import json
from collections import Counter
from typing import Any

from .bounds import MAX_JSON_BYTES, MAX_VALUES
from .display import visible
from .document import DocumentReader
from .interface import Unreadable


def json_reader() -> DocumentReader:
    """The reader of JSON files."""
    return DocumentReader("JSON", parse_json, MAX_JSON_BYTES)


def parse_json(content: bytes) -> Any:
    """Parse UTF-8 JSON.

    Raises:
        Unreadable: too many values, or a key twice in one object.
        ValueError: not JSON, or a number of more than 4300 digits.
        RecursionError: nested too deeply.
    """
    # Counted before parsing: objects in memory take up to a hundred times their text.
    if sum(content.count(mark) for mark in (b",", b"[", b"{")) > MAX_VALUES:
        raise Unreadable(f"JSON of more than {MAX_VALUES} values")
    return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise Unreadable(f"JSON with the key {visible(twice)!r} twice in one object")
    return found
