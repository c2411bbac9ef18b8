"""Config maps and secrets from files, literals and env files, and the hash in their names."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from .marks import Map, Mark, made, mark_of
from .resource import Resource

ReadFile = Callable[[str], bytes | None]
"""Content of a file beside the kustomization; None where it is not there."""


class GeneratorError(Exception):
    """A generator cannot make its object; the text says why."""


def generate(kind: str, entry: Map, options: Map, read: ReadFile, mark: Mark) -> Resource:
    """Make a ConfigMap or Secret from its entry.

    Raises:
        GeneratorError: a file is not there, or a key is given twice or not at all.
    """
    data: dict[str, bytes] = {}
    places: dict[str, Mark] = {}
    for key, content, place in _sources(entry, read, mark):
        if key in data:
            raise GeneratorError(f"gives the key '{key}' twice")
        data[key], places[key] = content, place
    value = made({"apiVersion": "v1", "kind": kind, "metadata": {}}, mark)
    metadata = value["metadata"]
    metadata.put("name", entry.get("name", ""), entry.marks.get("name", mark))
    if entry.get("namespace"):
        metadata.put("namespace", entry["namespace"], entry.marks.get("namespace"))
    _fill(value, kind, data, places, mark)
    if kind == "Secret":
        value.put("type", entry.get("type") or "Opaque", mark)
    own = entry.get("options")
    merged = _options(options, own if isinstance(own, Map) else Map())
    for name in ("labels", "annotations"):
        if merged.get(name):
            metadata.put(name, made(merged[name], mark), mark)
    if merged.get("immutable"):
        value.put("immutable", True, mark)
    return Resource(value, mark, hashed=not merged.get("disableNameSuffixHash"))


def _options(common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**common, **own}
    for name in ("labels", "annotations"):
        parts = [part for part in (common.get(name), own.get(name)) if isinstance(part, Mapping)]
        merged[name] = {key: text for part in parts for key, text in part.items()}
    return merged


def _fill(
    value: Map, kind: str, data: Mapping[str, bytes], places: Mapping[str, Mark], mark: Mark
) -> None:
    for key, content in sorted(data.items()):
        field, text = "data", ""
        if kind == "Secret":
            text = base64.b64encode(content).decode()
        else:
            try:
                text = content.decode("utf-8")
            except UnicodeDecodeError:
                field, text = "binaryData", base64.b64encode(content).decode()
        if field not in value:
            value.put(field, Map(), mark)
        value[field].put(key, text, places[key])


def _sources(entry: Map, read: ReadFile, mark: Mark) -> list[tuple[str, bytes, Mark]]:
    found: list[tuple[str, bytes, Mark]] = []
    envs = list(entry.get("envs") or ())
    if entry.get("env"):
        envs.append(entry["env"])
    for number, path in enumerate(envs):
        place = mark_of(entry.get("envs"), number) or mark
        found += [(key, text, place) for key, text in _env_file(_content(read, str(path)), path)]
    for number, literal in enumerate(entry.get("literals") or ()):
        key, sign, text = str(literal).partition("=")
        if not sign or not key:
            raise GeneratorError(f"has a literal that is no KEY=VALUE: {literal!r}")
        if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
            text = text[1:-1]
        found.append((key, text.encode(), mark_of(entry["literals"], number) or mark))
    for number, item in enumerate(entry.get("files") or ()):
        first, sign, path = str(item).partition("=")
        path = path if sign else first
        key = first if sign else PurePosixPath(path).name
        place = mark_of(entry["files"], number) or mark
        found.append((key, _content(read, path), place))
    return found


def _content(read: ReadFile, path: str) -> bytes:
    content = read(path)
    if content is None:
        raise GeneratorError(f"names a file that is not there: {path}")
    return content


def _env_file(content: bytes, path: Any) -> list[tuple[str, bytes]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise GeneratorError(f"{path} is not UTF-8") from None
    pairs = []
    for line in text.splitlines():
        stripped = line.lstrip()
        if not stripped or stripped.startswith("#"):
            continue
        key, sign, value = stripped.partition("=")
        if not sign:
            raise GeneratorError(
                f"{path} takes '{key.strip()}' from the environment of whoever builds"
            )
        pairs.append((key, value.encode()))
    return pairs


def combine(known: Resource, new: Resource, behavior: str) -> None:
    """Merge a generated object into an existing one, or replace its content."""
    for field in ("data", "binaryData"):
        if behavior == "replace":
            known.value.pop(field, None)
        for key, text in (new.value.get(field) or {}).items():
            if not isinstance(known.value.get(field), Map):
                known.value.put(field, Map(), new.origin)
            known.value[field].put(key, text, new.value[field].marks.get(key))
    for name in ("labels", "annotations"):
        extra = new.metadata.get(name)
        if isinstance(extra, Map):
            if not isinstance(known.metadata.get(name), Map):
                known.metadata.put(name, Map(), new.origin)
            for key, text in extra.items():
                known.metadata[name].put(key, text, extra.marks.get(key))
    known.hashed = known.hashed or new.hashed


_GO_ESCAPES = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}
_LETTERS = str.maketrans("013ae", "ghkmt")


def name_hash(resource: Resource) -> str:
    """The ten letters that kustomize ends a generated name in.

    They are the SHA-256 of the object's kind and content as Go writes them in JSON, with the
    digits and vowels replaced that could spell words. The name is part of it, and always empty.
    """
    value = resource.value
    content: dict[str, Any] = {
        "kind": resource.kind,
        "name": "",
        "data": value.get("data", ""),
    }
    if resource.kind == "Secret":
        content["type"] = value.get("type", "")
        optional = "stringData"
    else:
        optional = "binaryData"
    if isinstance(value.get(optional), Mapping):
        content[optional] = value[optional]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    text = re.sub("[<>&\u2028\u2029]", lambda match: _GO_ESCAPES[match[0]], text)
    text = text.replace("\\b", "\\u0008").replace("\\f", "\\u000c")
    return hashlib.sha256(text.encode()).hexdigest()[:10].translate(_LETTERS)
