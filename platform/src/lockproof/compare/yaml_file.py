"""YAML, by the safe loader, with numbers such as `1e-5` read as in YAML 1.2."""

import re
from collections.abc import Hashable
from typing import Any

import yaml

from .bounds import MAX_DEPTH, MAX_NUMBER_CHARS, MAX_VALUES, MAX_YAML_BYTES
from .display import visible
from .document import DocumentReader
from .interface import Unreadable

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader  # type: ignore[assignment]

_MERGE = "tag:yaml.org,2002:merge"
_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"


class _Loader(SafeLoader):
    """Refuses a key that occurs twice, and numbers too long to be read in reasonable time."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """Build a mapping; keys that `<<` brings in may be overridden, others may not."""
        own = [key for key, _ in node.value if key.tag != _MERGE]
        found = super().construct_mapping(node, deep)
        seen = set()
        for key in own:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise Unreadable(f"YAML with the key {visible(str(name))!r} twice in one mapping")
            seen.add(name)
        return found

    def _short_int(self, node: Any) -> Any:
        return self.construct_yaml_int(_short(node))

    def _short_float(self, node: Any) -> Any:
        return self.construct_yaml_float(_short(node))


_Loader.add_constructor(_INT, _Loader._short_int)
_Loader.add_constructor(_FLOAT, _Loader._short_float)
_Loader.add_implicit_resolver(
    _FLOAT, re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$"), "-+.0123456789"
)


def yaml_reader() -> DocumentReader:
    """The reader of YAML files."""
    return DocumentReader("YAML", parse_yaml, MAX_YAML_BYTES)


def parse_yaml(content: bytes) -> Any:
    """Parse one YAML document in UTF-8.

    Raises:
        Unreadable: no value at all, or more than the bounds allow once aliases are followed, an
            alias inside what it stands for, nested too deeply, a key twice, a number too long.
        yaml.YAMLError: not YAML, several documents, or a tag that is not plain data.
        ValueError: a scalar that its tag does not allow.
    """
    text = content.decode("utf-8-sig")
    _check_size(text)
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - derived from the safe loader


def _check_size(text: str) -> None:
    sizes: dict[str, int] = {}
    stack: list[tuple[str | None, int]] = [(None, 0)]
    total = 0
    for event in yaml.parse(text, Loader=SafeLoader):
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            stack.append((event.anchor, 1))
            if len(stack) > MAX_DEPTH + 1:
                raise Unreadable(f"YAML nested deeper than {MAX_DEPTH} levels")
            continue
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            anchor, size = stack.pop()
        elif isinstance(event, yaml.AliasEvent):
            anchor, size = None, _size_of(str(event.anchor), sizes, stack)
        elif isinstance(event, yaml.ScalarEvent):
            anchor, size = event.anchor, 1
        else:
            continue
        if anchor is not None:
            sizes[anchor] = size
        outer, sum_so_far = stack[-1]
        total = sum_so_far + size
        stack[-1] = (outer, total)
        if total > MAX_VALUES:
            raise Unreadable(f"YAML of more than {MAX_VALUES} values")
    if not total:
        raise Unreadable("YAML without a value")


def _size_of(anchor: str, sizes: dict[str, int], stack: list[tuple[str | None, int]]) -> int:
    if anchor not in sizes or any(name == anchor for name, _ in stack):
        raise Unreadable("YAML with an alias to nothing, or to what it is part of")
    return sizes[anchor]


def _short(node: Any) -> Any:
    if len(str(node.value)) > MAX_NUMBER_CHARS:
        raise Unreadable(f"YAML with a number of more than {MAX_NUMBER_CHARS} characters")
    return node
