"""A `dvc.lock`: what each stage was when it last ran."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from .entries import maps
from .known_keys import ENTRY, LOCK, LOCKED, refuse_strange
from .yaml_document import ParseError, YamlDocument, read_yaml

_LISTS = ("deps", "outs")
_USUAL = frozenset({"path", "hash", "md5", "size"})
"""What DVC writes of nearly every path."""


class Locked(NamedTuple):
    """What a lock says of one path."""

    said: Mapping[str, Any]
    line: int | None
    usual: bool = False
    """Whether `said` is what DVC writes of nearly every path, and nothing but that: path, `md5` as
    the kind of hash, MD5 and size."""


class LockEntry(NamedTuple):
    """What a lock says of one stage."""

    value: Mapping[str, Any]
    line: int
    deps: Mapping[str, Locked]
    """By path as written."""
    outs: Mapping[str, Locked]


class Lock(dict[str, LockEntry]):
    """The entries of a `dvc.lock`: stage -> entry."""

    datasets: Any = None
    """What stands there of datasets."""


def read_lock(content: bytes, path: str) -> Lock:
    """The entries of a `dvc.lock`.

    Raises:
        ParseError: it is not of schema 2.0, the only one that DVC reads since its version 3.
    """
    documents = read_yaml(content, path, many=True, core=True)
    if not documents or documents[0].value is None:
        return Lock()
    if len(documents) > 1:
        raise ParseError(f"has {len(documents)} documents, must have one", path)
    document = documents[0]
    if not isinstance(document.value, dict):
        raise ParseError("is no mapping", path)
    if "schema" not in document.value:
        raise ParseError(
            "names no schema (DVC 1 wrote such locks, and DVC does not read them any more; remove"
            " it and run 'dvc repro')",
            path,
        )
    if document.value["schema"] != "2.0":
        raise ParseError("has a schema other than '2.0'", path, document.line("schema"))
    refuse_strange([(document.value, document.line())], LOCK, path)
    lock = Lock(
        (name, _lock_entry(entry, line, path))
        for key, stages, _ in document.entries()
        if key == "stages"
        for name, entry, line in stages.entries()
    )
    lock.datasets = document.value.get("datasets")
    return lock


def _lock_entry(entry: YamlDocument, line: int, path: str) -> LockEntry:
    value = entry.value
    if not isinstance(value, dict) or not isinstance(value.get("cmd"), str | list):
        raise ParseError("an entry without a command", path, line)

    refuse_strange([(value, line)], ENTRY, path)
    deps, outs = (_listed(entry, key, line, path) if key in value else {} for key in _LISTS)
    return LockEntry(value, line, deps, outs)


def _listed(entry: YamlDocument, key: str, line: int, path: str) -> dict[str, Locked]:
    """The items under a key, by path."""
    found: dict[str, Locked] = {}
    for item, at in zip(entry.value[key], entry.lines(key), strict=True):
        usual = type(item) is dict and _is_usual(item)
        if not usual:
            (item,) = maps([item], path, line)
        named = item.get("path")
        if not isinstance(named, str):
            raise ParseError("an entry without a path", path, at)
        if named in found:
            raise ParseError(f"names {named[:200]!r} twice in {key}", path, at)
        if not usual:
            refuse_strange([(item, at)], LOCKED, path)
        found[named] = Locked(item, at, usual)
    return found


def _is_usual(item: Mapping[str, Any]) -> bool:
    """Whether there is nothing in it that DVC could refuse: the rules for all keys take longer."""
    return (
        item.keys() == _USUAL
        and item["hash"] == "md5"
        and type(item["md5"]) is str
        and len(item["md5"]) >= 3
        and type(item["size"]) is int
        and item["size"] >= 0
    )
