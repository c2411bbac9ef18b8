"""YAML as data: strict, bounded, and with the line of every entry."""

import re
from collections.abc import Iterator
from typing import Any, ClassVar

import yaml

from lockproof.errors import ConfigError

_LARGEST = 8 << 20
"""Bytes of one file."""
_DEEPEST = 100
_MOST = 500_000
"""Values in one file, every use of an anchor counted."""

# libyaml composes by recursion in C, which a file of brackets would overflow. Only such a file is
# looked at twice: where flow collections are many, or structure starts far to the right.
_OPENERS = 1000
_FAR = re.compile(r"^[ \t?:-]{400}", re.MULTILINE)

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where it was built in.
_PREFIX = "tag:yaml.org,2002:"


class _CoreLoader(_LOADER):  # type: ignore[misc]
    """Plain scalars as YAML 1.2 reads them, and DVC with it: `on` is text, `1e3` a number."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}


for _tag, _first, _pattern in (
    ("bool", "tTfF", r"true|True|TRUE|false|False|FALSE"),
    (
        "float",
        "-+0123456789.",
        r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
        r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    ),
    (
        "int",
        "-+0123456789",
        r"[-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+]?[0-9_]+|[-+]?0x[0-9a-fA-F_]+",
    ),
    ("merge", "<", "<<"),
    ("null", "~nN\0", r"~|null|Null|NULL|"),
):
    for _letter in _first:
        _CoreLoader.yaml_implicit_resolvers.setdefault(_letter.strip("\0"), []).append(
            (f"{_PREFIX}{_tag}", re.compile(rf"(?:{_pattern})\Z"))
        )

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_CONSTRUCTOR = yaml.constructor.SafeConstructor()
_TRUE = frozenset({"yes", "true", "on"})


class ParseError(ConfigError):
    """A file is not what it should be; says where."""

    def __init__(self, message: str, name: str, line: int | None = None) -> None:
        """`name` is what the user calls the file, `line` counts from 1."""
        super().__init__(f"{name}{f', line {line}' if line else ''}: {message}")
        self.name, self.line = name, line


class YamlDocument:
    """One document: its value and the lines of its entries."""

    def __init__(self, node: Any, value: Any) -> None:
        """`node` is what was composed, `value` the plain value of it."""
        self.value = value
        self._node = node

    def entries(self) -> "Iterator[tuple[str, YamlDocument, int]]":
        """The entries of a mapping, each with the line of its key; nothing where it is none."""
        if not isinstance(self._node, yaml.MappingNode):
            return
        for name, node in self._node.value:
            if name.value in self.value:
                entry = YamlDocument(node, self.value[name.value])
                yield name.value, entry, int(name.start_mark.line) + 1

    def line(self, *keys: str | int) -> int | None:
        """The line, from 1, of a key or item; without keys that of the document.

        None where there is no such entry.
        """
        node = self._node
        if node is None:
            return None
        line = node.start_mark.line
        for key in keys:
            found = _entry(node, key)
            if found is None:
                return None
            node, line = found
        return int(line) + 1


def _entry(node: Any, key: str | int) -> tuple[Any, int] | None:
    """A node's entry and the line it starts in."""
    if isinstance(node, yaml.SequenceNode):
        if isinstance(key, int) and 0 <= key < len(node.value):
            return node.value[key], node.value[key].start_mark.line
        return None
    if not isinstance(node, yaml.MappingNode):
        return None
    merged: list[Any] = []
    for name, value in node.value:
        if name.value == str(key):
            return value, name.start_mark.line
        if name.tag == f"{_PREFIX}merge":
            merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
    for source in merged:
        found = _entry(source, key)
        if found is not None:
            return found
    return None


def read_yaml(
    content: bytes, name: str, *, many: bool = False, core: bool = False
) -> list[YamlDocument]:
    """The documents of a file; with `many` false there must be just one.

    Values are those of JSON: dates stay text, keys are text. With `core` plain words are read as
    YAML 1.2's core schema says, which is how DVC reads its files; else as YAML 1.1, which is how
    Kubernetes does.

    Raises:
        ParseError: it is no UTF-8, no YAML or too large, holds a key twice or a tag of a
            programming language, or its anchors expand without end.
    """
    if len(content) > _LARGEST:
        raise ParseError(f"larger than {_LARGEST >> 20} MiB", name)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ParseError("is not UTF-8", name, line) from None
    try:
        if text.count("[") + text.count("{") > _OPENERS or _FAR.search(text):
            _check_depth(text, name)
        loader = (_CoreLoader if core else _LOADER)(text)
        try:
            documents = []
            while loader.check_node():
                node = loader.get_node()
                documents.append(YamlDocument(node, _Values(name, core).of(node, 0)))
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(filter(None, (error.context, error.problem)))
        raise ParseError(f"is no YAML: {problem}", name, mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        raise ParseError(f"is no YAML: {getattr(error, 'reason', error)}", name, line) from None
    except RecursionError:
        raise ParseError(f"is nested deeper than {_DEEPEST} levels", name) from None
    if not many and len(documents) != 1:
        raise ParseError(f"has {len(documents)} documents, must have one", name)
    return documents


def _check_depth(text: str, name: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else None
            raise ParseError(f"is nested deeper than {_DEEPEST} levels", name, line)


class _Values:
    """Turns nodes into plain values, within bounds."""

    def __init__(self, name: str, core: bool) -> None:
        self.name, self.core, self.count = name, core, 0

    def of(self, node: Any, depth: int) -> Any:
        self.count += 1
        if depth > _DEEPEST:
            raise self.error(f"is nested deeper than {_DEEPEST} levels", node)
        if self.count > _MOST:
            raise self.error(f"has more than {_MOST} values, anchors included", node)
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        if isinstance(node, yaml.SequenceNode):
            if node.tag != f"{_PREFIX}seq":
                raise self.error(f"has a tag that is not allowed: {node.tag}", node)
            return [self.of(item, depth + 1) for item in node.value]
        if node.tag != f"{_PREFIX}map":
            raise self.error(f"has a tag that is not allowed: {node.tag}", node)
        return self.mapping(node, depth)

    def mapping(self, node: Any, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self.error("has a key that is no text", key)
            if key.tag == f"{_PREFIX}merge":
                sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for source in sources:
                    part = self.of(source, depth + 1)
                    if not isinstance(part, dict):
                        raise self.error("merges what is no mapping", key)
                    merged = part | merged
                continue
            if key.value in result:
                raise self.error(f"has the key '{key.value[:80]}' twice", key)
            result[key.value] = self.of(value, depth + 1)
        return merged | result if merged else result

    def scalar(self, node: Any) -> Any:
        tag = node.tag
        text: str = node.value
        if tag == f"{_PREFIX}str" or tag == f"{_PREFIX}timestamp":
            return text
        if tag == f"{_PREFIX}int":
            if _INTEGER.fullmatch(text):
                return self.integer(text.replace("_", ""), node)
            if ":" in text:
                return text  # Sexagesimal only to YAML 1.1; a time of day to everybody else.
        if tag == f"{_PREFIX}bool":
            return text.lower() in _TRUE
        if tag == f"{_PREFIX}null":
            return None
        if tag == f"{_PREFIX}float" and ":" in text:
            return text
        if tag in (f"{_PREFIX}int", f"{_PREFIX}float"):
            try:
                return self.core_number(text) if self.core else self.number(node)
            except ValueError:
                raise self.error(f"has a number that is none: {text[:40]}", node) from None
        if tag == f"{_PREFIX}value":
            return text
        raise self.error(f"has a tag that is not allowed: {tag[:60]}", node)

    @staticmethod
    def number(node: Any) -> int | float:
        is_int = node.tag == f"{_PREFIX}int"
        make = _CONSTRUCTOR.construct_yaml_int if is_int else _CONSTRUCTOR.construct_yaml_float
        number: int | float = make(node)
        return number

    @staticmethod
    def core_number(text: str) -> int | float:
        digits = text.replace("_", "").lower()
        bare = digits.lstrip("+-")
        if bare[1:2] and bare[1] in "xbo":
            return int(digits, 0)
        if bare.isdecimal():
            return int(digits)
        return float(digits.replace(".inf", "inf").replace(".nan", "nan"))

    def integer(self, text: str, node: Any) -> int:
        if len(text) > 1000:
            raise self.error("has a number of more than 1000 digits", node)
        return int(text)

    def error(self, message: str, node: Any) -> ParseError:
        return ParseError(message, self.name, node.start_mark.line + 1)
