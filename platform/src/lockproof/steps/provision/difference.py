"""What applying would change in an object, field by field."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lockproof.model.provisioned import FieldChange
from lockproof.model.resource import Body

HIDDEN = "(hidden)"
_ABSENT = object()
_SERVER_SET = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")
_SECRET_FIELDS = ("data", "stringData")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def changes(live: Body | None, applied: Body) -> tuple[FieldChange, ...]:
    """The fields that differ between an object as it is and as the server would make it.

    Fields that the server itself sets, and `status`, are left out. Values of a Secret are hidden.

    Args:
        live: the object as it is; None where there is none.
        applied: what the server answered to a dry run.
    """
    before = _declared(live) if live is not None else {}
    after = _declared(applied)
    secret = applied.get("kind") == "Secret" and applied.get("apiVersion") == "v1"
    found = []
    for path, old, new in _walk((), before, after):
        hide = (secret and path[0] in _SECRET_FIELDS) or path[-1] == _LAST_APPLIED
        found.append(
            FieldChange(field=field_name(path), before=_shown(old, hide), after=_shown(new, hide))
        )
    return tuple(found)


def field_name(path: Sequence[str]) -> str:
    """`spec.containers[name=a].image`; a key with a dot or a slash stands in brackets."""
    text = ""
    for part in path:
        if part.startswith("["):
            text += part
        elif "." in part or "/" in part:
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def takes_over(live: Body | None, applied: Body, manager: str) -> bool:
    """Whether applying would give a field manager fields that it does not have yet."""
    return live is not None and _fields_of(live, manager) != _fields_of(applied, manager)


def _fields_of(body: Body, manager: str) -> list[Any]:
    entries = body.get("metadata", {}).get("managedFields") or ()
    return [
        entry.get("fieldsV1")
        for entry in entries
        if entry.get("manager") == manager and entry.get("operation") == "Apply"
    ]


def _declared(body: Body) -> dict[str, Any]:
    metadata = {k: v for k, v in body.get("metadata", {}).items() if k not in _SERVER_SET}
    return {k: v for k, v in body.items() if k != "status"} | {"metadata": metadata}


def _walk(path: tuple[str, ...], old: Any, new: Any) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from _walk((*path, str(key)), old.get(key, _ABSENT), new.get(key, _ABSENT))
        return
    if isinstance(old, list) and isinstance(new, list):
        yield from _walk_lists(path, old, new)
        return
    # A part that is new or goes is told field by field as well, unless it is empty.
    if isinstance(new, Mapping) and new and old in (_ABSENT, None):
        yield from _walk(path, {}, new)
    elif isinstance(old, Mapping) and old and new in (_ABSENT, None):
        yield from _walk(path, old, {})
    else:
        yield path, old, new


def _walk_lists(
    path: tuple[str, ...], old: list[Any], new: list[Any]
) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    names = _names(old), _names(new)
    if names[0] is not None and names[1] is not None:
        for name in dict.fromkeys([*names[0], *names[1]]):
            step = (*path, f"[name={name}]")
            yield from _walk(step, names[0].get(name, _ABSENT), names[1].get(name, _ABSENT))
        return
    if len(old) != len(new):
        yield path, old, new
        return
    for index, (one, other) in enumerate(zip(old, new, strict=True)):
        yield from _walk((*path, f"[{index}]"), one, other)


def _names(items: list[Any]) -> dict[str, Any] | None:
    """The items of a list by their `name`, where each has its own."""
    named = {
        i["name"]: i for i in items if isinstance(i, Mapping) and isinstance(i.get("name"), str)
    }
    return named if len(named) == len(items) else None


def _shown(value: Any, hide: bool) -> str | None:
    if value is _ABSENT:
        return None
    return HIDDEN if hide else json.dumps(value, sort_keys=True, ensure_ascii=False)
