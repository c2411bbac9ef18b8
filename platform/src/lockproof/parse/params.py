"""Parameter files as DVC reads them: YAML, JSON, TOML, and Python without running it."""

import ast
import json
import math
from collections.abc import Iterable, Mapping
from posixpath import splitext
from typing import Any

from lockproof.errors import unreadable
from lockproof.model.toml_text import read_toml

from .yaml_document import ParseError, read_yaml

_NAMES = {".json": "JSON", ".toml": "TOML", ".py": "Python"}
_WORDS = (str, bool)
_LARGEST = 8 << 20
_LONGEST_BITS = 4000
"""As many as a number of 1000 hex digits has: no reader here makes a longer one."""


def read_params(content: bytes, name: str) -> Any:
    """The values of a parameter file, as JSON knows them; by its suffix, else YAML.

    Raises:
        ParseError: it is not what its suffix says, or too large.
    """
    if len(content) > _LARGEST:
        raise ParseError(f"larger than {_LARGEST >> 20} MiB", name)
    suffix = splitext(name)[1].lower()
    try:
        if suffix == ".json":
            return plain(json.loads(content.decode(), object_pairs_hook=_once) or {})
        if suffix == ".toml":
            return plain(read_toml(content.decode()))
        if suffix == ".py":
            return plain(_assignments(ast.parse(content.decode()).body))
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise ParseError(f"is not valid {_NAMES[suffix]}: {unreadable(error)}", name) from None
    documents = read_yaml(content, name, many=True, core=True)
    if len(documents) > 1:
        raise ParseError(f"has {len(documents)} documents, must have one", name)
    return plain((documents[0].value if documents else None) or {})


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def plain(value: Any) -> Any:
    """Values as the lock has them: keys as text, numbers that are none as text.

    Raises:
        ValueError: a number is too long to be printed.
    """
    if value is None or type(value) in _WORDS:
        return value  # As most are; the next question takes long.
    if type(value) is dict or isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and value.bit_length() > _LONGEST_BITS:
        raise ValueError("a number of more than 1000 digits: make it shorter")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def select(values: Any, keys: Iterable[str]) -> dict[str, Any]:
    """Dotted keys -> values; keys that are not there are left out."""
    found = {}
    for key in keys:
        value = values
        for part in key.split("."):
            if isinstance(value, dict) and part in value:
                value = value[part]
            elif isinstance(value, list) and _index(part) < len(value):
                value = value[_index(part)]
            else:
                break
        else:
            found[key] = value
    return found


def _index(part: str) -> int:
    return int(part) if part.isdecimal() and len(part) < 10 else _LARGEST


def _assignments(body: list[ast.stmt], *, of_self: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = _assignments(node.body)
        elif isinstance(node, ast.FunctionDef) and node.name == "__init__":
            found.update(_assignments(node.body, of_self=True))
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            name = _name(targets[0], of_self=of_self) if len(targets) == 1 else None
            if name is None or node.value is None:
                continue
            try:
                found[name] = ast.literal_eval(node.value)
            except (ValueError, TypeError):
                continue  # Not a constant: DVC leaves it out, too.
    return found


def _name(target: ast.expr, *, of_self: bool) -> str | None:
    if of_self:
        owner = target.value if isinstance(target, ast.Attribute) else None
        is_self = isinstance(owner, ast.Name) and owner.id == "self"
        return target.attr if isinstance(target, ast.Attribute) and is_self else None
    return target.id if isinstance(target, ast.Name) else None
