"""JSON as kubectl reads it: one value after another, with escape pairs that YAML does not have."""

import json
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from lockproof.model.later import later

from .document import MarkedDocument, ParseError, YamlDocument

_DEEPEST = 100
_MOST = 500_000
"""Values in one file of objects."""
_MOST_SIGNS = 4 * _MOST
"""Signs that come before a value in a file of whatever: what it takes of memory is bounded."""
_BLANK = later(r"[ \t\r\n]*")
_HALF = later("[\ud800-\udfff]")


@dataclass(frozen=True)
class JsonStream:
    """The values of a file, the last of two keys standing."""

    name: str
    values: tuple[Any, ...]
    lines: tuple[int, ...]
    """Of each value the line that it starts in."""
    twice: str | None
    """A key that an object holds twice."""

    def documents(self) -> list[YamlDocument]:
        """The values as documents, within the bounds of those in YAML.

        Each says of all that it holds that it is in the line that it starts in. Half an escape
        pair is U+FFFD, as Go has it.

        Raises:
            ParseError: an object holds a key twice, a number is none or too large, or there are
                more levels or values than an object needs.
        """
        if self.twice is not None:
            raise ParseError(f"has the key '{self.twice[:80]}' twice", self.name)
        values = _Values(self.name)
        return [
            MarkedDocument(values.of(value, 0), line, None)
            for value, line in zip(self.values, self.lines, strict=True)
        ]


class _Values:
    def __init__(self, name: str) -> None:
        self.name, self.count = name, 0

    def of(self, value: Any, depth: int) -> Any:
        self.count += 1
        if depth > _DEEPEST:
            raise ParseError(f"is nested deeper than {_DEEPEST} levels", self.name)
        if self.count > _MOST:
            raise ParseError(f"has more than {_MOST} values", self.name)
        if isinstance(value, dict):
            return {_whole(key): self.of(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self.of(item, depth + 1) for item in value]
        if isinstance(value, float) and not math.isfinite(value):
            raise ParseError("has a number that is none, or too large", self.name)
        return _whole(value) if isinstance(value, str) else value


def _whole(text: str) -> str:
    return _HALF.sub("\ufffd", text)


def read_json(content: bytes, name: str) -> JsonStream:
    """The values of a file.

    Raises:
        ParseError: it is no UTF-8 or no JSON, or has too many values to look at.
    """
    twice: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs) and not twice:
            counts = Counter(key for key, _ in pairs)
            twice.append(counts.most_common(1)[0][0])
        return found

    if sum(content.count(sign) for sign in b"[{,") > _MOST_SIGNS:
        raise ParseError(f"has more than {_MOST_SIGNS} values", name)
    values: list[Any] = []
    lines: list[int] = []
    line = 1
    try:
        text = content.decode("utf-8-sig")
        decoder = json.JSONDecoder(object_pairs_hook=once)
        before, at = 0, _end_of_blank(text, 0)
        while at < len(text):
            line += text.count("\n", before, at)
            value, end = decoder.raw_decode(text, at)
            values.append(value)
            lines.append(line)
            if len(values) > _MOST:
                raise ParseError(f"has more than {_MOST} values", name)
            before, at = at, _end_of_blank(text, end)
    except UnicodeDecodeError:
        raise ParseError("is not UTF-8", name) from None
    except json.JSONDecodeError as error:
        raise ParseError(f"is no JSON: {error.msg}, line {error.lineno}", name) from None
    except ValueError:  # A number of more digits than Python reads.
        raise ParseError("has a number that is too long", name) from None
    except RecursionError:
        raise ParseError(f"is nested deeper than {_DEEPEST} levels", name) from None
    return JsonStream(name, tuple(values), tuple(lines), twice[0] if twice else None)


def _end_of_blank(text: str, start: int) -> int:
    found = _BLANK.match(text, start)
    return found.end() if found else start
