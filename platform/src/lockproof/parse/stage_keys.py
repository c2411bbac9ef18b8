"""What the keys of one stage in a `dvc.yaml` say, once its templates are filled.

Each raises TemplateError where DVC would not take what is there.
"""

from collections.abc import Mapping, Sequence
from posixpath import normpath
from typing import Any

from .entries import commands
from .template import DEFAULT_PARAMS, TemplateError

_TEXTS = frozenset({str})


def command_of(value: Any) -> tuple[str, ...]:
    """The commands under `cmd`, each of them a line."""
    if isinstance(value, str):
        return commands(value)
    parts = value if isinstance(value, list) else [value]
    if any(isinstance(part, list | dict) for part in parts):
        raise TemplateError("cmd must be text, or a list of texts")
    return commands(value)


def texts_of(definition: Mapping[str, Any], key: str) -> list[str]:
    """The paths of a list, each of them once."""
    items = definition.get(key) or []
    if not isinstance(items, list) or not _TEXTS.issuperset(map(type, items)):
        raise TemplateError(f"{key} must be a list of paths")
    return list(dict.fromkeys(items))


def flags_of(definition: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    """Output -> its flags, from a list of paths and of mappings."""
    items = definition.get(key) or []
    if not isinstance(items, list):
        raise TemplateError(f"{key} must be a list")
    found: dict[str, dict[str, Any]] = {}
    for item in items:
        if isinstance(item, str):
            found.setdefault(item, {})
            continue
        for path, flags in item.items() if isinstance(item, dict) else ((None, None),):
            parts: Sequence[Any] = flags if isinstance(flags, list) else [flags]
            if not isinstance(path, str) or not all(isinstance(p, dict) for p in parts):
                raise TemplateError(f"{key} must be a list of paths, each with its flags")
            for part in parts:
                found.setdefault(path, {}).update(part)
    return found


def params_of(definition: Mapping[str, Any]) -> dict[str, list[str]]:
    """Parameter file -> the keys taken from it; none means the whole file."""
    items = definition.get("params") or []
    if not isinstance(items, list):
        raise TemplateError("params must be a list")
    if _TEXTS.issuperset(map(type, items)):
        return {DEFAULT_PARAMS: list(items)} if items else {}
    whole = {
        normpath(k)
        for item in items
        if isinstance(item, dict)
        for k, v in item.items()
        if isinstance(k, str) and not v
    }
    written: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    for item in items:
        if isinstance(item, str):
            written.setdefault(DEFAULT_PARAMS, DEFAULT_PARAMS)
            if DEFAULT_PARAMS not in whole:
                found.setdefault(DEFAULT_PARAMS, []).append(item)
            continue
        for path, keys in item.items() if isinstance(item, dict) else ((None, None),):
            names = keys or []
            if not isinstance(path, str) or not isinstance(names, list):
                raise TemplateError("params must be a list of keys, or of files with their keys")
            name = normpath(path)  # As the lock has it.
            if written.setdefault(name, path) != path:
                raise TemplateError(
                    f"params name {name} in two ways, of which DVC locks only one: write {name}"
                )
            listed = [] if name in whole else [str(key) for key in names]
            found.setdefault(name, []).extend(listed)
    return found


def gpus_of(definition: Mapping[str, Any]) -> int:
    """How many GPUs it asks for."""
    meta = definition.get("meta")
    asked = meta.get("gpu", 0) if isinstance(meta, dict) else 0
    if not isinstance(asked, int) or asked < 0:
        raise TemplateError("meta.gpu must be true, false or a number of GPUs")
    return int(asked)
