"""Where a field of a built resource was written: its document, a patch, or a kustomization."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lockproof.errors import ConfigError
from lockproof.model.manifest import At, Place, mapping, sequence
from lockproof.parse.kustomization import Kustomization, join
from lockproof.parse.yaml_document import YamlDocument, read_yaml

from .outline import Documents
from .source import Source

_NAMES = ("name", "containerPort", "port", "mountPath", "key", "ip", "topologyKey", "type")
"""What tells the items of a list apart, in the order in which it is asked."""
_ABSENT = object()


class Trace:
    """Finds file and line of the fields of one resource.

    The build may have put lists in another order, so their items are found by name. Of all that
    gives a field the value that it has, the resource's own document is named first, then the
    outermost layer. What nothing gives stands where the nearest thing around it stands.
    """

    def __init__(
        self, value: Mapping[str, Any], sources: Sequence[Source], documents: Documents, root: str
    ) -> None:
        """Take the built resource, what it may have come from, and the kustomization built."""
        self.value, self.sources, self.documents, self.root = value, sources, documents, root

    def __call__(self, at: At) -> Place:
        """Path from the Git root, and line from 1."""
        if not self.sources:
            return self.root, 1
        nearest, depth = self.sources[0].place, 0
        if not at:
            return nearest
        has, wanted = _dig(self.value, at)
        for source in self.sources:
            for given in self._given(source):
                end = given.follow(self.value, at)
                if end is None:
                    continue
                reached = len(given.field) + len(end) - len(given.start)
                if reached == len(at) and (not has or _agree(given, end, wanted)):
                    return given.place(end)
                if depth < reached < len(at):
                    nearest, depth = given.place(end), reached
            place = _by_generator(source, at) if source.generated else None
            place = place or (_by_layers(source, at, wanted) if has else None)
            if place is not None:
                return place
        return nearest

    def _given(self, source: Source) -> "Iterator[_Given]":
        if source.document is not None:
            yield _Given(source.path, source.document, source.at)
        for layer in reversed(source.layers):
            for entry, at in layer.patches():
                yield from _patched(layer, entry, at, source, self.documents)


class _Given(NamedTuple):
    """A document that gives fields of a resource: all from its top, or from one field on."""

    path: str
    document: YamlDocument
    start: At = ()
    """Where in the document it begins."""
    field: At = ()
    """The field of the resource that stands there."""
    shift: int = 0
    """Lines before the document, where it stands inside another file."""

    def follow(self, body: Any, at: At) -> At | None:
        """How far the document goes along the way to a field; None where it is about another."""
        if len(self.field) > len(at) or not all(
            key in (want, "-") for key, want in zip(self.field, at, strict=False)
        ):
            return None
        body = _dig(body, at[: len(self.field)])[1]
        value = _dig(self.document.value, self.start)[1]
        end = self.start
        for key in at[len(self.field) :]:
            position = _aligned(value, body, key)
            if position is None:
                break
            value, body = value[position], _dig(body, (key,))[1]
            end = (*end, position)
        return end

    def place(self, end: At) -> Place:
        line = self.document.line(*end)
        return self.path, None if line is None else line + self.shift


def _patched(
    layer: Kustomization, entry: Mapping[str, Any], at: At, source: Source, documents: Documents
) -> Iterator[_Given]:
    path, read, shift = _documents_of_patch(layer, entry, at, documents)
    target = mapping(entry.get("target"))
    for document in read:
        if isinstance(document.value, dict):
            metadata = mapping(document.value.get("metadata"))
            named = {"kind": document.value.get("kind"), "name": metadata.get("name")}
            if _is_meant(target or named, source):
                yield _Given(path, document, shift=shift)
        elif _is_meant(target, source):
            for number, operation in enumerate(sequence(document.value)):
                if "value" in mapping(operation):
                    pointer = str(operation.get("path") or "").split("/")[1:]
                    field = tuple(_token(part) for part in pointer)
                    yield _Given(path, document, (number, "value"), field, shift)


def _documents_of_patch(
    layer: Kustomization, entry: Mapping[str, Any], at: At, documents: Documents
) -> tuple[str, list[YamlDocument], int]:
    inline = entry.get("patch")
    try:
        if not isinstance(inline, str):
            path = join(layer.folder, str(entry.get("path") or "")) or ""
            return path, documents(path) or [], 0
        place = layer.place(*at, "patch")
        # A block begins in the line after its key.
        shift = (place[1] or 1) - ("\n" not in inline.strip())
        return layer.path, read_yaml(inline.encode(), layer.path, many=True), shift
    except ConfigError:
        return layer.path, [], 0


def _is_meant(target: Mapping[str, Any], source: Source) -> bool:
    """Whether a patch may be about a resource; of a pattern the fields decide."""

    def fits(wanted: Any, names: Sequence[str]) -> bool:
        plain = str(wanted).replace("-", "").isalnum()
        return not wanted or not plain or str(wanted) in names

    return fits(target.get("kind"), [source.kind]) and fits(target.get("name"), source.names)


def _token(part: str) -> str | int:
    part = part.replace("~1", "/").replace("~0", "~")
    return int(part) if part.isascii() and part.isdigit() and len(part) < 10 else part


def _dig(value: Any, at: At) -> tuple[bool, Any]:
    """Whether there is such a field, and what it holds."""
    for key in at:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return False, None
    return True, value


def _aligned(value: Any, body: Any, key: str | int) -> str | int | None:
    """Where a document has what the built resource has at a key or position."""
    if isinstance(value, dict):
        return key if key in value else None
    if not isinstance(value, list) or not isinstance(key, int):
        return None
    item = _dig(body, (key,))[1]
    for name in _NAMES:
        if isinstance(item, dict) and name in item:
            same = [n for n, other in enumerate(value) if mapping(other).get(name) == item[name]]
            return same[0] if same else None
    if not isinstance(item, dict | list) and item is not None:
        return value.index(item) if item in value else None
    return key if 0 <= key < len(value) else None


def _agree(given: _Given, end: At, wanted: Any) -> bool:
    stated = _dig(given.document.value, end)[1]
    return stated == wanted or (
        isinstance(wanted, dict | list) and isinstance(stated, type(wanted))
    )


def _by_generator(source: Source, at: At) -> Place | None:
    """The literal or file that gives a key of a ConfigMap or Secret; else the whole entry."""
    layer = source.kustomization
    if len(at) < 2 or at[0] not in ("data", "stringData", "binaryData"):
        return layer.place(*source.at)
    entry = mapping(_dig(layer.value, source.at)[1])
    for key in ("literals", "files"):
        for number, text in enumerate(sequence(entry.get(key))):
            name = str(text).partition("=")[0] if "=" in str(text) else str(text).split("/")[-1]
            if name == at[1]:
                return layer.place(*source.at, key, number)
    return None if len(source.layers) > 1 else layer.place(*source.at)


def _by_layers(source: Source, at: At, wanted: Any) -> Place | None:
    """The field of a kustomization that sets a value in all its resources."""
    for layer in reversed(source.layers):
        way = _setting(layer, source, at, wanted)
        if way is not None:
            return layer.place(*way)
    return None


def _setting(layer: Kustomization, source: Source, at: At, wanted: Any) -> At | None:
    if at == ("metadata", "namespace") and layer.text("namespace") == wanted:
        return ("namespace",)
    if at == ("metadata", "name"):
        return next(((key,) for key in ("namePrefix", "nameSuffix") if layer.text(key)), None)
    last = str(at[-1])
    for entry, way in layer.maps("replicas", "images"):
        if last == "replicas" == way[0] and entry.get("name") in source.names:
            return way
        image = str(entry.get("newName") or entry.get("name") or "")
        if last == "image" and way[0] == "images" and image and str(wanted).startswith(image):
            return way
    return _label(layer, last, wanted) or _replacement(layer, last)


def _label(layer: Kustomization, name: str, wanted: Any) -> At | None:
    for key in ("commonLabels", "commonAnnotations"):
        if mapping(layer.value.get(key)).get(name, _ABSENT) == wanted:
            return key, name
    for entry, way in layer.maps("labels"):
        if mapping(entry.get("pairs")).get(name, _ABSENT) == wanted:
            return *way, "pairs", name
    return None


def _replacement(layer: Kustomization, name: str) -> At | None:
    for entry, way in layer.maps("replacements"):
        for target in sequence(entry.get("targets")):
            for path in sequence(mapping(target).get("fieldPaths")):
                if str(path).rpartition(".")[2] == name:
                    return way
    return None
