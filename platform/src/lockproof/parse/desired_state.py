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

    kind: Literal["pair", "storage", "lone"]
    """`lone`: a `MODEL_URI` without a `MODEL_DIGEST` beside it, which is not edited."""
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
        if self.kind != "storage":
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
    return tuple(found)


def edited(text: str, changes: Sequence[tuple[Span, str]]) -> str:
    """The text with other scalars, all else as it was."""
    for span, value in sorted(changes, key=lambda change: -change[0].start):
        text = text[: span.start] + span.written(value) + text[span.end :]
    return text


def with_version(text: str, places: Sequence[Named], uri: str, digest: str, source: str) -> str:
    """The text with another version at some places, edited in one go.

    Args:
        text: what the places were found in.
        places: what `named_in` found; what several share (by an anchor, or notes) changes once.
        uri: `models:/NAME/NUMBER`.
        digest: as `MODEL_DIGEST` has it.
        source: what an InferenceService loads.
    """
    changes = [c for place in places for c in _changes(text, place, uri, digest, source)]
    return edited(text, tuple(dict.fromkeys(changes)))


def _changes(text: str, place: Named, uri: str, digest: str, source: str) -> list[tuple[Span, str]]:
    if place.kind == "pair":
        assert place.digest is not None
        return [(place.uri, uri), (place.digest, digest)]
    changes: list[tuple[Span, str]] = [(place.uri, source)]
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
    return changes


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
        elif isinstance(uri, yaml.ScalarNode) and uri.value.startswith("models:/"):
            yield Named("lone", _span(uri), None, of)
        storage = keys.get(STORAGE)
        beside = at[:2] in (("spec", "transformer"), ("spec", "explainer"))
        if isinstance(storage, yaml.ScalarNode) and of[0] == "serving.kserve.io" and not beside:
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
    tested, paired, of_patch = "", False, False
    for index, item in enumerate(node.value):
        name, span = "", None
        if isinstance(item, yaml.ScalarNode):
            name = next((n for n in (URI, DIGEST) if item.value.startswith(f"{n}=")), "")
            span = _literal(item, name) if name else None
        elif isinstance(item, yaml.MappingNode):
            said = {k.value: v for k, v in item.value if isinstance(k, yaml.ScalarNode)}
            value = said.get("value")
            if not isinstance(value, yaml.ScalarNode):
                continue
            if _text(said.get("op")) == "test":
                tested = value.value
            elif _text(said.get("op")) == "replace" and tested in (URI, DIGEST):
                name, tested, of_patch = tested, "", True
            elif _text(said.get("name")) in (URI, DIGEST):
                name = _text(said["name"])
            span = _span(value) if name else None
        if span is None:
            continue
        if name == URI and URI in found:
            yield Named("lone", found[URI][0], None, of)
        found[name] = (span, index)
        if found.keys() == {URI, DIGEST}:  # A patch may have several.
            (uri, first), (digest, second) = found.pop(URI), found.pop(DIGEST)
            yield Named("pair", uri, digest, of, at, (first, second))
            paired = True
    _refuse_second(found, plain=paired and not of_patch)
    if URI in found:
        yield Named("lone", found[URI][0], None, of)


def _refuse_second(found: Mapping[str, object], *, plain: bool) -> None:
    """Refuse a digest that is left over where a pod goes by the last of two."""
    if plain and DIGEST in found:
        text = f"has {DIGEST} twice beside one {URI}, and the last counts: leave one"
        raise ParseError(text, "it")


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


def patch_for(places: Sequence[Named], uri: str, digest: str) -> str:
    """A JSON patch that names another version in an object's `env`s, and fails where they moved."""
    lines = []
    for place in places:
        for name, index, value in ((URI, place.order[0], uri), (DIGEST, place.order[1], digest)):
            path = pointer((*place.at, index))
            written = Span(0, 0, "").written(value)
            lines += [
                f"- {{op: test, path: {path}/name, value: {name}}}",
                f"- {{op: replace, path: {path}/value, value: {written}}}",
            ]
    return "\n".join(lines) + "\n"


def with_patch(text: str, file: str, target: Mapping[str, str], path: str) -> str:
    """A kustomization with one more patch, the file `path`, which is applied last.

    Raises:
        ParseError: it is not written line by line, so that nothing can be put in.
    """
    try:
        top: Any = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ParseError(f"cannot be edited: {error}".splitlines()[0], file) from error
    patches = _child(top, "patches")
    said = ", ".join(f"{k}: {Span(0, 0, '').written(v)}" for k, v in target.items() if v)
    at, column = len(text), 2
    if patches is not None:
        block = isinstance(patches, yaml.SequenceNode) and not patches.flow_style
        if not block or not patches.value:
            raise ParseError("has its patches in brackets: write them line by line", file)
        column, last = patches.start_mark.column, _last(patches).end_mark
        at = last.index if last.column == 0 else text.find("\n", last.index) + 1 or len(text)
    gap = "" if text[:at].endswith("\n") else "\n"
    head = "" if patches is not None else "patches:\n"
    entry = f"{' ' * column}- target: {{{said}}}\n{' ' * column}  path: {path}\n"
    new = text[:at] + f"{gap}{head}{entry}".replace("\n", _line_end(text)) + text[at:]
    meant = {"target": {k: v for k, v in target.items() if v}, "path": path}
    (was,), now = plainly(text, file), plainly(new, file)
    if now != [{**was, "patches": [*was.get("patches", []), meant]}]:
        raise ParseError("takes no further patch as it is written: write it line by line", file)
    return new


def _last(node: Any) -> Any:
    """The last thing written in a node."""
    while isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        node = node.value[-1][1] if isinstance(node, yaml.MappingNode) else node.value[-1]
    return node


def plainly(text: str, file: str) -> list[Any]:
    """The documents of a text, every scalar as it is written.

    Raises:
        ParseError: it is no YAML, or (of an edit) would be none.
    """
    try:
        return list(yaml.load_all(text, yaml.BaseLoader))
    except yaml.YAMLError as error:
        why = "cannot be edited as it is written: write it line by line"
        raise ParseError(why, file) from error
