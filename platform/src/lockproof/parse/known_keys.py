"""The keys that DVC knows in its files, and what it takes under each: else it refuses the file.

As `dvc.schema` of DVC 3 has them, without importing it; a test compares the two.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .yaml_document import ParseError

Fits = Callable[[Any], bool]
Keys = Mapping[str, Fits]


def _of(*types: type) -> Fits:
    return lambda value: isinstance(value, types)


def _list_of(inner: Fits) -> Fits:
    return lambda value: isinstance(value, list) and all(map(inner, value))


def _list_of_types(*types: type) -> Fits:
    usual, inner = frozenset(types), _of(*types)  # It is seldom one of a type made of those.
    return lambda value: (
        isinstance(value, list) and (usual.issuperset(map(type, value)) or all(map(inner, value)))
    )


def _mapping(keys: Keys, *required: str) -> Fits:
    return lambda value: (
        isinstance(value, dict)
        and all(key in keys and keys[key](item) for key, item in value.items())
        and all(key in value for key in required)
    )


def _anything(_: Any) -> bool:
    return True


def _checksum(value: Any) -> bool:
    if value is None or value == "":
        return True
    return isinstance(value, str | int) and len(str(value)) >= 3


def _cloud(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= 1
        and all(isinstance(key, str) and _VERSION(item) for key, item in value.items())
    )


_text, _flag, _count, _dict = _of(str), _of(bool), _of(int), _of(dict)
_CHECKSUMS: Keys = dict.fromkeys(("md5", "checksum", "etag"), _checksum)
_META: Keys = {"size": _count, "nfiles": _count, "isexec": _flag, "version_id": _text}
_VERSION = _mapping({**_CHECKSUMS, **_META})
_FILE = _mapping({**_CHECKSUMS, **_META, "relpath": _text, "cloud": _cloud}, "relpath")
_ITEM: Keys = {
    **_CHECKSUMS,
    **_META,
    "path": _text,
    "cloud": _cloud,
    "hash": _text,
    "files": _list_of(_FILE),
}
_NOTES: Keys = {"desc": _text, "type": _text, "labels": _list_of(_text), "meta": _anything}
_REPOSITORY: Keys = {
    **dict.fromkeys(("url", "rev", "rev_lock"), _text),
    **dict.fromkeys(("config", "remote"), _of(str, dict)),
}

LOCKED: Keys = {**_ITEM, "dataset": _dict}
"""Of a dependency or an output in a `dvc.lock`."""
ENTRY: Keys = {
    "cmd": _of(str, list),
    "params": lambda value: isinstance(value, dict) and all(map(_dict, value.values())),
    **dict.fromkeys(("deps", "outs"), _of(list)),
}
"""Of a stage in a `dvc.lock`."""
LOCK: Keys = {"schema": _text, "datasets": _anything, "stages": _dict}
"""Of a `dvc.lock` at its top."""
DATA_OUT: Keys = {
    **_ITEM,
    **_NOTES,
    "fs_config": _dict,
    "remote": _text,
    **dict.fromkeys(("persist", "cache", "push"), _flag),
}
"""Of an output in a `.dvc` file."""
DATA_DEP: Keys = {
    **_ITEM,
    "persist": _flag,
    "fs_config": _dict,
    "repo": _mapping(_REPOSITORY, "url"),
    "db": _mapping(dict.fromkeys(("query", "connection", "file_format", "table"), _text)),
}
"""Of a dependency in a `.dvc` file."""
DATA: Keys = {
    "md5": _checksum,
    "wdir": _of(str, type(None)),
    **dict.fromkeys(("deps", "outs"), _of(list, type(None))),
    **dict.fromkeys(("locked", "frozen", "always_changed"), _flag),
    "meta": _anything,
    "desc": _text,
}
"""Of a `.dvc` file at its top."""
STAGE: Keys = {
    "cmd": _of(str, list),
    "wdir": _text,
    "deps": _list_of_types(str),
    **dict.fromkeys(("params", "vars"), _list_of_types(str, dict)),
    **dict.fromkeys(("outs", "metrics", "plots"), _list_of_types(str, dict)),
    **dict.fromkeys(("frozen", "always_changed"), _flag),
    "desc": _text,
    "meta": _anything,
    "matrix": lambda value: (
        isinstance(value, dict) and all(isinstance(axis, str | list) for axis in value.values())
    ),
}
"""Of a stage in a `dvc.yaml`, before its templates are filled."""
FLAGS: Keys = {
    **_NOTES,
    "remote": _text,
    **dict.fromkeys(("cache", "persist", "checkpoint", "push"), _flag),
}
"""Of an output of such a stage."""
PLOT_FLAGS: Keys = {
    **FLAGS,
    **dict.fromkeys(("template", "x", "y", "x_label", "y_label", "title"), _text),
    "header": _flag,
}
"""Of a plot of such a stage."""
_CURVE: Keys = {
    **dict.fromkeys(("x_label", "y_label", "title", "template"), _text),
    "x": lambda value: (
        isinstance(value, str) or (isinstance(value, dict) and all(map(_text, value.values())))
    ),
    "y": lambda value: (
        _columns(value) or (isinstance(value, dict) and all(map(_columns, value.values())))
    ),
}
_ARTIFACT = _mapping({**_NOTES, "path": _text}, "path")
TOP: Keys = {
    "datasets": _anything,
    "stages": _dict,
    "vars": _list_of(_of(str, dict)),
    **dict.fromkeys(("params", "metrics"), _list_of(_text)),
    "plots": _list_of(
        lambda item: (
            isinstance(item, str)
            or (isinstance(item, dict) and all(map(_curve, item.values())) and bool(item))
        )
    ),
    "artifacts": lambda value: isinstance(value, dict) and all(map(_ARTIFACT, value.values())),
}
"""Of a `dvc.yaml` at its top."""


def _columns(value: Any) -> bool:
    return isinstance(value, str) or _list_of(_text)(value)


def _curve(value: Any) -> bool:
    return value is None or _mapping(_CURVE)(value)


def strange_stage(template: Mapping[str, Any]) -> str | None:
    """As `strange`, of a stage in a `dvc.yaml` with the flags of its outputs."""
    why = strange(template, STAGE)
    if why:
        return why
    for key in ("outs", "metrics", "plots"):
        for item in template.get(key, ()):
            for path, flags in item.items() if isinstance(item, dict) else ():
                parts = flags if key == "plots" and isinstance(flags, list) else [flags]
                keys = PLOT_FLAGS if key == "plots" else FLAGS
                for part in parts:
                    if not isinstance(part, dict):
                        return f"has under {key} what are no flags of {path[:60]!r}: {part!s:.60}"
                    if why := strange(part, keys):
                        return f"{why}, in {key} of {path[:60]!r}"
    return None


def strange(value: Mapping[str, Any], keys: Keys) -> str | None:
    """What DVC would refuse in a mapping; None where it takes it."""
    for key, item in value.items():
        if key not in keys:
            return f"has a key that DVC does not know: {str(key)[:60]!r}"
        if not keys[key](item):
            return f"has under {str(key)[:60]!r} what DVC does not take: {str(item)[:60]!r}"
    return None


def refuse_strange(
    items: Iterable[tuple[Mapping[str, Any], int | None]], keys: Keys, name: str
) -> None:
    """Refuse mappings, each with its line, that DVC would.

    Raises:
        ParseError: one of them holds a key that DVC does not know, or a value that it does not
            take.
    """
    for value, line in items:
        why = strange(value, keys)
        if why:
            raise ParseError(why, name, line)
