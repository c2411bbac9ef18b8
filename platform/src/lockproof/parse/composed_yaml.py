"""All of YAML, by PyYAML, within bounds."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from .document import ParseError, YamlDocument
from .plain_scalars import AS_READ, CORE, PREFIX, SERVER, key_text

_DEEPEST = 100
_MOST = 500_000
"""Values in one file, every use of an anchor counted."""

# libyaml composes by recursion in C, which a file of brackets would overflow. Only such a file is
# looked at twice: where flow collections are many, or structure starts far to the right.
_OPENERS = 1000
_FAR = re.compile(r"^[ \t?:-]{400}", re.MULTILINE)

_LARGEST_AGAIN = 256 << 10
"""Characters of a file that is read a second time without libyaml, which takes long."""
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where it was built in.


class _CoreLoader(_LOADER):  # type: ignore[misc]
    """Plain scalars as YAML 1.2 reads them, and DVC with it."""

    yaml_implicit_resolvers = CORE.resolvers


class _ServerLoader(_LOADER):  # type: ignore[misc]
    """Plain scalars as kubectl reads them."""

    yaml_implicit_resolvers = SERVER.resolvers


class _AgainLoader(yaml.SafeLoader):
    """An anchor may be given again, and means the last one from there on, as YAML has it.

    libyaml refuses that, and Go's readers, which Kubernetes and kustomize use, do not.
    """

    yaml_implicit_resolvers = SERVER.resolvers  # type: ignore[assignment]

    def compose_node(self, parent: Any, index: Any) -> Any:
        """As its base, which refuses the second."""
        base: Any = super()
        event = base.peek_event()
        if not isinstance(event, yaml.AliasEvent):
            self.anchors.pop(event.anchor, None)
        return base.compose_node(parent, index)


class ComposedDocument:
    """A document whose lines are those of the nodes that it was composed from."""

    def __init__(self, node: Any, value: Any) -> None:
        """`node` is what was composed, `value` the plain value of it."""
        self.value = value
        self._node = node

    def entries(self) -> Iterator[tuple[str, YamlDocument, int]]:
        """The entries of a mapping, each with the line of its key; nothing where it is none."""
        if not isinstance(self._node, yaml.MappingNode):
            return
        for name, node in self._node.value:
            if name.value in self.value:
                entry = ComposedDocument(node, self.value[name.value])
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
        if name.tag == f"{PREFIX}merge":
            merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
    for source in merged:
        found = _entry(source, key)
        if found is not None:
            return found
    return None


def compose(text: str, name: str, *, core: bool) -> list[YamlDocument]:
    """The documents of a text, by PyYAML.

    Raises:
        ParseError: as `read_yaml`.
    """
    try:
        if text.count("[") + text.count("{") > _OPENERS or _FAR.search(text):
            _check_depth(text, name)
        if core and "%YAML" in text:
            _check_version(text, name)
        try:
            documents = _composed(_CoreLoader if core else _ServerLoader, text, name, core=core)
        except yaml.composer.ComposerError as error:
            again = "duplicate anchor" in str(error.context) and len(text) <= _LARGEST_AGAIN
            if core or not again:
                raise
            documents = _composed(_AgainLoader, text, name, core=core)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(filter(None, (error.context, error.problem)))
        raise ParseError(f"is no YAML: {problem}", name, mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        raise ParseError(f"is no YAML: {getattr(error, 'reason', error)}", name, line) from None
    except RecursionError:
        raise ParseError(f"is nested deeper than {_DEEPEST} levels", name) from None
    return documents


def _composed(kind: Any, text: str, name: str, *, core: bool) -> list[YamlDocument]:
    loader = kind(text)
    try:
        documents: list[YamlDocument] = []
        while loader.check_node():
            node = loader.get_node()
            documents.append(ComposedDocument(node, _Values(name, core).of(node, 0)))
    finally:
        loader.dispose()
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


def _check_version(text: str, name: str) -> None:
    """Refuse what DVC would read as another version than 1.2: it heeds a directive."""
    for event in yaml.parse(text, Loader=_LOADER):
        version = getattr(event, "version", None)
        if version and tuple(version) != (1, 2):
            asked = ".".join(map(str, version))
            reason = f"asks to be read as YAML {asked}, in which other words are numbers or true:"
            line = text.count("\n", 0, text.index("%YAML")) + 1
            raise ParseError(f"{reason} remove the line %YAML {asked}", name, line)


class _Values:
    """Turns nodes into plain values, within bounds."""

    def __init__(self, name: str, core: bool) -> None:
        self.name, self.count = name, 0
        self.core = core
        self.schema = CORE if core else SERVER

    def of(self, node: Any, depth: int) -> Any:
        self.count += 1
        if depth > _DEEPEST:
            raise self.error(f"is nested deeper than {_DEEPEST} levels", node)
        if self.count > _MOST:
            raise self.error(f"has more than {_MOST} values, anchors included", node)
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        if isinstance(node, yaml.SequenceNode):
            if node.tag != f"{PREFIX}seq":
                raise self.error(f"has a tag that is not allowed: {node.tag}", node)
            return [self.of(item, depth + 1) for item in node.value]
        if node.tag != f"{PREFIX}map":
            raise self.error(f"has a tag that is not allowed: {node.tag}", node)
        return self.mapping(node, depth)

    def mapping(self, node: Any, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for number, (key, value) in enumerate(node.value):
            if not isinstance(key, yaml.ScalarNode):
                raise self.error("has a key that is no text", key)
            if key.tag == f"{PREFIX}merge":
                sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for source in sources:
                    part = self.of(source, depth + 1)
                    if not isinstance(part, dict):
                        raise self.error("merges what is no mapping", key)
                    merged = part | merged
                continue
            name = key.value if self.core else self.key(key)
            if name in result:
                read = "" if name == key.value else f", {AS_READ}: put quotes around {key.value}"
                raise self.error(f"has the key '{name[:80]}' twice{read[:120]}", key)
            if name != key.value:  # A node of its own: an alias of the key stays what it was.
                marks = (key.start_mark, key.end_mark)
                node.value[number] = (yaml.ScalarNode(f"{PREFIX}str", name, *marks), value)
            result[name] = self.of(value, depth + 1)
        return merged | result if merged else result

    def key(self, node: Any) -> str:
        try:
            return key_text(node.tag, node.value)
        except ValueError as error:
            raise self.error(str(error), node) from None

    def scalar(self, node: Any) -> Any:
        try:
            return self.schema.tagged(node.tag, node.value)
        except ValueError as error:
            raise self.error(str(error), node) from None

    def error(self, message: str, node: Any) -> ParseError:
        return ParseError(message, self.name, node.start_mark.line + 1)
