"""Which model version a manifest names, and where: for edits that leave every other byte alone."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from .document import ParseError
from .yaml_document import read_yaml

URI, DIGEST = "MODEL_URI", "MODEL_DIGEST"
STORAGE = "storageUri"
MODEL_NOTE, DIGEST_NOTE = "lockproof.dev/model", "lockproof.dev/model-digest"
"""Annotations of an InferenceService, whose `storageUri` names no version."""

_PLAIN = re.compile(r"[\w./:@-]+", re.ASCII)
_MANIFEST = 1 << 20

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Span:
    """A scalar in a text."""

    start: int
    end: int
    """Characters; exclusive."""
    value: str
    prefix: str = ""
    """What of the scalar stays: `MODEL_URI=` in a list of literals."""

    def written(self, value: str) -> str:
        """How another value stands there."""
        whole = f"{self.prefix}{value}"
        plain = _PLAIN.fullmatch(value) and not self.prefix.startswith(("'", '"'))
        return whole if plain else json.dumps(whole, ensure_ascii=False)


@dataclass(frozen=True)
class Named:
    """A place that names a model version."""

    kind: Literal["pair", "storage"]
    uri: Span
    digest: Span | None
    """None where an InferenceService does not say it yet."""
    object: tuple[str, str, str, str]
    """API group, kind, namespace, name of the object that it stands in; empty what is not said."""
    at: Path = ()
    """Of a pair in `env`: the keys that lead to its list, from the object's top."""
    order: tuple[int, int] = (0, 0)
    """Of such a pair: where `MODEL_URI` and `MODEL_DIGEST` stand in the list."""
    note: Span | None = None
    """Of an InferenceService: its annotation with the version."""
    insert: tuple[int, int] | None = None
    """Of one without annotations of ours: where they go, and the column."""
    has_annotations: bool = False

    @property
    def version(self) -> str:
        """The version's URI; empty where only a storage URI is said."""
        if self.kind == "pair":
            return self.uri.value
        return self.note.value if self.note else ""


def named_in(text: str, file: str) -> tuple[Named, ...]:
    """Every place of a manifest, kustomization or patch that names a model version.

    Raises:
        ParseError: it is no YAML within bounds.
    """
    if len(text) > _MANIFEST:
        raise ParseError("larger than 1 MiB, which no manifest need be", file)
    read_yaml(text.encode(), file, many=True)  # Within bounds, and strictly; then its places.
    found: list[Named] = []
    try:
        for node in yaml.compose_all(text, yaml.SafeLoader):
            if node is not None:
                found += _walk(node, (), _object(node), node)
    except yaml.YAMLError as error:  # Stricter than `read_yaml` of tabs.
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or "it is no YAML"
        raise ParseError(f"cannot be edited: {what}{where}; write it otherwise", file) from error
    # By an anchor, one place can stand for many.
    return tuple({place.uri.start: place for place in found}.values())


def edited(text: str, changes: Sequence[tuple[Span, str]]) -> str:
    """The text with other scalars, all else as it was."""
    for span, value in sorted(changes, key=lambda change: -change[0].start):
        text = text[: span.start] + span.written(value) + text[span.end :]
    return text


def with_version(text: str, place: Named, uri: str, digest: str, source: str) -> str:
    """The text with another version at a place.

    Args:
        text: what `place` was found in.
        place: one place of it; places must be edited from the last to the first.
        uri: `models:/NAME/NUMBER`.
        digest: as `MODEL_DIGEST` has it.
        source: what an InferenceService loads.
    """
    if place.kind == "pair":
        assert place.digest is not None
        return edited(text, [(place.uri, uri), (place.digest, digest)])
    changes = [(place.uri, source)]
    if place.note is not None:
        changes.append((place.note, uri))
    if place.digest is not None:
        changes.append((place.digest, digest))
    if place.insert is not None:
        at, column = place.insert
        lines = [] if place.note else [(MODEL_NOTE, uri)]
        lines += [] if place.digest else [(DIGEST_NOTE, digest)]
        indent = " " * column
        new = ""
        if not place.has_annotations:
            new, indent = f"{indent}annotations:\n", f"{indent}  "
        new += "".join(f"{indent}{key}: {Span(0, 0, '').written(v)}\n" for key, v in lines)
        new = new.replace("\n", _line_end(text))
        changes.append((_Raw(at, at, "", ""), new))
    return edited(text, changes)


class _Raw(Span):
    """A place where text goes as it is."""

    def written(self, value: str) -> str:
        return value


def _walk(node: Any, at: Path, of: tuple[str, str, str, str], top: Any) -> Iterator[Named]:
    if isinstance(node, yaml.MappingNode):
        keys = {k.value: v for k, v in node.value if isinstance(k, yaml.ScalarNode)}
        uri, digest = keys.get(URI), keys.get(DIGEST)
        if isinstance(uri, yaml.ScalarNode) and isinstance(digest, yaml.ScalarNode):
            yield Named("pair", _span(uri), _span(digest), of)
        storage = keys.get(STORAGE)
        if isinstance(storage, yaml.ScalarNode) and of[0] == "serving.kserve.io":
            yield _storage(storage, of, top)
        for key, value in keys.items():
            yield from _walk(value, (*at, key), of, top)
    elif isinstance(node, yaml.SequenceNode):
        yield from _pairs(node, at, of)
        for index, item in enumerate(node.value):
            yield from _walk(item, (*at, index), of, top)


def _pairs(node: Any, at: Path, of: tuple[str, str, str, str]) -> Iterator[Named]:
    """In a list: `{name: MODEL_URI, value: …}`, `MODEL_URI=…`, or operations of a JSON patch."""
    found: dict[str, tuple[Span, int]] = {}
    tested = ""
    for index, item in enumerate(node.value):
        if isinstance(item, yaml.ScalarNode):
            for name in (URI, DIGEST):
                if item.value.startswith(f"{name}="):
                    found[name] = (_literal(item, name), index)
        elif isinstance(item, yaml.MappingNode):
            said = {k.value: v for k, v in item.value if isinstance(k, yaml.ScalarNode)}
            value = said.get("value")
            if not isinstance(value, yaml.ScalarNode):
                continue
            if _text(said.get("op")) == "test":
                tested = value.value
            elif _text(said.get("op")) == "replace" and tested in (URI, DIGEST):
                found[tested], tested = (_span(value), index), ""
            elif _text(said.get("name")) in (URI, DIGEST):
                found[_text(said["name"])] = (_span(value), index)
    if found.keys() == {URI, DIGEST}:
        (uri, first), (digest, second) = found[URI], found[DIGEST]
        yield Named("pair", uri, digest, of, at, (first, second))


def _storage(node: Any, of: tuple[str, str, str, str], top: Any) -> Named:
    metadata = _child(top, "metadata")
    notes = _child(metadata, "annotations")
    note, digest = _child(notes, MODEL_NOTE), _child(notes, DIGEST_NOTE)
    holder = notes if notes is not None else metadata
    insert = None
    if note is None or digest is None:
        block = isinstance(holder, yaml.MappingNode) and not holder.flow_style and holder.value
        if not block:
            name = of[3] or "an InferenceService"
            raise ParseError("has no metadata that are written line by line: do so", name)
        insert = (_line_start(holder), holder.start_mark.column)
    return Named(
        "storage",
        _span(node),
        _span(digest) if digest is not None else None,
        of,
        note=_span(note) if note is not None else None,
        insert=insert,
        has_annotations=notes is not None,
    )


def _line_end(text: str) -> str:
    """How the lines of a file end, so that new ones do too."""
    return "\r\n" if "\r\n" in text else "\n"


def _line_start(node: Any) -> int:
    """Where the line of a block mapping's first key begins."""
    return int(node.start_mark.index - node.start_mark.column)


def _object(node: Any) -> tuple[str, str, str, str]:
    group = _text(_child(node, "apiVersion")).rpartition("/")[0]
    metadata = _child(node, "metadata")
    name, namespace = _text(_child(metadata, "name")), _text(_child(metadata, "namespace"))
    return group, _text(_child(node, "kind")), namespace, name


def _child(node: Any, key: str) -> Any:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((v for k, v in node.value if getattr(k, "value", None) == key), None)


def _text(node: Any) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _span(node: Any) -> Span:
    mark = node.start_mark
    if mark.index == node.end_mark.index:
        raise ParseError("has nothing where it names a model version: write one", "it")
    marked = mark.buffer is not None and mark.buffer[mark.pointer] in "&!"
    if node.style in ("|", ">") or marked or node.end_mark.line != mark.line:
        what = "by an anchor or a tag" if marked else "in a block of text"
        raise ParseError(f"names a model version {what}: write it plainly, on one line", "it")
    return Span(node.start_mark.index, node.end_mark.index, str(node.value))


def _literal(node: Any, name: str) -> Span:
    span = _span(node)
    return Span(span.start, span.end, node.value.removeprefix(f"{name}="), f"{name}=")


def pointer(path: Path) -> str:
    """A path as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def patch_for(place: Named, uri: str, digest: str) -> str:
    """A JSON patch that names another version in an object's `env`, and fails where it moved."""
    lines = []
    for name, index, value in ((URI, place.order[0], uri), (DIGEST, place.order[1], digest)):
        path = pointer((*place.at, index))
        written = Span(0, 0, "").written(value)
        lines += [
            f"- {{op: test, path: {path}/name, value: {name}}}",
            f"- {{op: replace, path: {path}/value, value: {written}}}",
        ]
    return "\n".join(lines) + "\n"


def with_patch(text: str, file: str, target: Mapping[str, str], path: str) -> str:
    """A kustomization with one more patch, the file `path`.

    Raises:
        ParseError: its `patches` are written in brackets.
    """
    top: Any = yaml.compose(text, yaml.SafeLoader)
    patches = _child(top, "patches")
    said = ", ".join(f"{k}: {Span(0, 0, '').written(v)}" for k, v in target.items() if v)
    if patches is None:
        gap = "" if text.endswith("\n") else "\n"
        return f"{text}{gap}patches:\n  - target: {{{said}}}\n    path: {path}\n"
    if not isinstance(patches, yaml.SequenceNode) or patches.flow_style or not patches.value:
        raise ParseError("has its patches in brackets: write them line by line", file)
    # Right below the key: a comment above the first patch stays with it.
    key = next(k for k, v in top.value if v is patches)
    at, column = text.index("\n", key.end_mark.index) + 1, patches.start_mark.column
    entry = f"{' ' * column}- target: {{{said}}}\n{' ' * column}  path: {path}\n"
    return text[:at] + entry + text[at:]
