"""A `dvc.lock`: what each stage was when it last ran."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .entries import maps
from .yaml_document import ParseError, YamlDocument, read_yaml


@dataclass(frozen=True)
class LockEntry:
    """What a lock says of one stage."""

    value: Mapping[str, Any]
    line: int
    deps: Mapping[str, tuple[Mapping[str, Any], int | None]]
    """Path as written -> entry and line."""
    outs: Mapping[str, tuple[Mapping[str, Any], int | None]]


def read_lock(content: bytes, path: str) -> dict[str, LockEntry]:
    """The entries of a `dvc.lock`: stage -> entry; schema 2.0, or 1.0 with the stages on top.

    Raises:
        ParseError: it is neither.
    """
    documents = read_yaml(content, path, many=True, core=True)
    if not documents or documents[0].value is None:
        return {}
    document = documents[0]
    if not isinstance(document.value, dict):
        raise ParseError("is no mapping", path)
    if "schema" in document.value or "stages" in document.value:
        if str(document.value.get("schema")) != "2.0":
            raise ParseError("has a schema other than 2.0", path, document.line("schema"))
        stages = [entry for name, entry, _ in document.entries() if name == "stages"]
    else:
        stages = [document]
    return {
        name: _lock_entry(entry, line, path)
        for found in stages
        for name, entry, line in found.entries()
    }


def _lock_entry(entry: YamlDocument, line: int, path: str) -> LockEntry:
    value = entry.value
    if not isinstance(value, dict) or not isinstance(value.get("cmd"), str | list):
        raise ParseError("an entry without a command", path, line)

    def listed(key: str) -> dict[str, tuple[Mapping[str, Any], int | None]]:
        items = value.get(key) or []
        if not isinstance(items, list):
            raise ParseError(f"{key} must be a list", path, line)
        found = {}
        for index, item in enumerate(maps(items, path, line)):
            if not isinstance(item.get("path"), str):
                raise ParseError("an entry without a path", path, entry.line(key, index))
            found[item["path"]] = (item, entry.line(key, index))
        return found

    params = value.get("params") or {}
    if not isinstance(params, dict) or not all(isinstance(v, dict) for v in params.values()):
        raise ParseError("params must be mappings", path, line)
    return LockEntry(value, line, listed("deps"), listed("outs"))
