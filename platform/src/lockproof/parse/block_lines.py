"""The lines of block YAML, and those lists that DVC nearly always writes in the same lines."""

import re
from collections.abc import Callable
from typing import Any

_KEY = r"[\w./$][\w./@$(){}-]{0,199}+"
_WORD = r"[\w./][\w./@=+%~^-]*+"
_TEXT = r"[\w./](?:[^\n:#]*[^\n:# ])?"
"""In one line it is as plain as it looks."""
# Of a digest with one of these letters no schema makes a number.
_MD5 = r"(?=[0-9be]*[acdf])[0-9a-f]{32}(?:\.dir)?"
_COUNT = r"(?:0|[1-9][0-9]{0,17})"
_LOCKED = (
    rf"- path: {_WORD}\n(?P=items)  hash: md5\n(?P=items)  md5: {_MD5}\n"
    rf"(?P=items)  size: {_COUNT}(?:\n(?P=items)  nfiles: {_COUNT})?+"
    r"(?:\n(?P=items)  isexec: true)?+"
)
_NAMED = rf"- (?:{_WORD}(?=\n)|[\w./][\w./@-]{{0,199}}+:\n(?P=names)    cache: false)"


def _list_of(item: str, group: str) -> str:
    """All items of a list below its key, where nothing else can belong to one of them.

    In the next line is a key or word that is not below that key, or there is none.
    """
    indent = rf"(?P<{group}>\1(?:  )?+)"
    lines = rf"{indent}{item}(?:\n(?P={group}){item})*+"
    return rf"({lines})(?=\n(?!\1[ -]) *+\w|\n?\Z)"


LINE = re.compile(
    rf"^( *)(?:(- +)?(?:({_KEY}):(?: +|$))?"
    rf"(?:(?(2)(?!)|(?<=:)\n)(?:{_list_of(_LOCKED, 'items')}|{_list_of(_NAMED, 'names')})"
    rf"|({_TEXT}) *$|(.*)$))",
    re.ASCII | re.MULTILINE,
)
"""Indentation, dash, key; then all items of a list as a lock has them, and their indentation; or
all of a list as `dvc.yaml` has it, and its indentation; or plain text; or any other rest of a
line."""

Value = Callable[[str], Any]


def locked_items(lines: str, number: int, value: Value) -> tuple[list[Any], list[Any]]:
    """The items of a list as a lock has them, and their marks.

    Args:
        lines: all of them.
        number: of the first one.
        value: of a plain word.

    Raises:
        ValueError: a word has none.
    """
    items, marks = [], []
    for part in lines.split("- path: ")[1:]:
        path, _, md5, _, digest, _, size, *more = part.split()
        item: dict[str, Any] = {
            "path": value(path),
            "hash": md5,
            "md5": digest,
            "size": int(size),
        }
        at = {"path": number, "hash": number + 1, "md5": number + 2, "size": number + 3}
        items.append(item)
        marks.append((number, at))
        number += 4
        for key, said in zip(more[::2], more[1::2], strict=True):
            item[key[:-1]] = int(said) if key == "nfiles:" else True
            at[key[:-1]] = number
            number += 1
    return items, marks


def named_items(lines: str, number: int, value: Value) -> tuple[list[Any], list[Any]]:
    """As `locked_items`, of words, and of paths that are not cached."""
    words = lines.split()
    if ":" not in lines:
        return [value(word) for word in words[1::2]], list(range(number, number + len(words) // 2))
    items: list[Any] = []
    marks: list[Any] = []
    rest = iter(words)
    for word in rest:
        if word == "-":
            continue
        if word[-1] != ":":
            items.append(value(word))
            marks.append(number)
        else:
            next(rest), next(rest)
            path = word[:-1]
            items.append({path: {"cache": False}})
            marks.append((number, {path: (number, {"cache": number + 1})}))
            number += 1
        number += 1
    return items, marks
