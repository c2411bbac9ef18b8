"""What an object of a cluster becomes where a manifest is applied to it.

As server-side apply merges
(https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy), but on behalf of
whoever applied the object before: what they set and the manifest no longer states goes, what others
set stays. The server cannot be asked for that itself: it takes a new manager for one more, and an
object that was applied by kubectl or Argo CD on their own side for one that nobody applied.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lockproof.model.resource import Body

_LAST_APPLIED = "f:kubectl.kubernetes.io/last-applied-configuration"
"""Who sets this annotation applies on the client's side."""

_Fields = Mapping[str, Any] | None
"""A part of a FieldsV1: `f:NAME`, `k:KEYS`, `v:VALUE` -> what is owned in there; None: nothing."""


def becomes(live: Body, manifest: Body, *, alone: bool = False) -> dict[str, Any]:
    """The object to put in place of the live one.

    Args:
        live: as the server gives it, with `managedFields`.
        manifest: what is applied, in the same version.
        alone: whether what others set goes too; what nobody set, such as defaults, stays.
    """
    entries = list(live["metadata"].get("managedFields") or ())
    appliers = [entry for entry in entries if alone or _applies(entry)]
    others = [entry for entry in entries if not (alone or _applies(entry))]
    merged = _map(live, manifest, _union(appliers), _union(others))
    metadata = {**merged["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}
    metadata.pop("managedFields", None)
    return {**merged, "metadata": metadata}


def other_managers(live: Body) -> tuple[str, ...]:
    """The managers of an object that have not applied it, by name."""
    entries = live["metadata"].get("managedFields") or ()
    names = {str(e.get("manager")) for e in entries if not _applies(e) and not e.get("subresource")}
    return tuple(sorted(names))


def _applies(entry: Mapping[str, Any]) -> bool:
    if entry.get("operation") == "Apply":
        return True
    metadata = (entry.get("fieldsV1") or {}).get("f:metadata") or {}
    return _LAST_APPLIED in (metadata.get("f:annotations") or {})


def _union(entries: Iterable[Mapping[str, Any]]) -> _Fields:
    fields: _Fields = None
    for entry in entries:
        fields = _both(fields, entry.get("fieldsV1") or {})
    return fields


def _both(one: _Fields, other: _Fields) -> _Fields:
    if one is None or other is None:
        return other if one is None else one
    return {key: _both(one.get(key), other.get(key)) for key in {**one, **other}}


def _merged(live: Any, stated: Any, applied: _Fields, others: _Fields) -> Any:
    if isinstance(live, Mapping) and isinstance(stated, Mapping):
        return _map(live, stated, applied, others)
    if isinstance(live, list) and isinstance(stated, list):
        return _list(live, stated, applied, others)
    return stated


def _map(live: Body, stated: Body, applied: _Fields, others: _Fields) -> dict[str, Any]:
    if _is_whole(applied, others):
        return dict(stated)
    merged = {}
    for key, value in stated.items():
        inner = (_in(applied, f"f:{key}"), _in(others, f"f:{key}"))
        merged[key] = _merged(live[key], value, *inner) if key in live else value
    for key, value in live.items():
        if key not in stated:
            _keep(merged, key, value, _in(applied, f"f:{key}"), _in(others, f"f:{key}"))
    return merged


def _keep(kept: dict[Any, Any], key: Any, value: Any, applied: _Fields, others: _Fields) -> None:
    """Keep what the manifest does not state, as far as it is not the appliers' alone."""
    if applied is None or (others is not None and _is_whole(applied, others)):
        kept[key] = value
    elif others is not None:
        empty: Any = {} if isinstance(value, Mapping) else [] if isinstance(value, list) else value
        kept[key] = _merged(value, empty, applied, others)


def _list(live: list[Any], stated: list[Any], applied: _Fields, others: _Fields) -> list[Any]:
    named = [key for key in {**(applied or {}), **(others or {})} if key[:2] in ("k:", "v:")]
    if not named or any(isinstance(item, Mapping) != (named[0][0] == "k") for item in stated):
        return stated
    names = list(json.loads(named[0][2:])) if named[0][0] == "k" else []
    inner = {
        _name(json.loads(key[2:]), names): (_in(applied, key), _in(others, key)) for key in named
    }
    there = {_name(item, names): item for item in live}
    merged: list[Any] = []
    for item in stated:
        key = _name(item, names)
        fields = inner.get(key, (None, None))
        merged.append(_merged(there[key], item, *fields) if key in there else item)
    kept: dict[str, Any] = {}
    for key in [key for key in there if key not in {_name(item, names) for item in stated}]:
        _keep(kept, key, there[key], *inner.get(key, (None, None)))
    return [*merged, *kept.values()]


def _name(item: Any, names: Sequence[str]) -> str:
    """What tells an item of a list from the others."""
    if not names:
        return json.dumps(item)
    # Of the keys of Kubernetes' own lists only this one has a default.
    return json.dumps([item.get(name, "TCP" if name == "protocol" else None) for name in names])


def _is_whole(*fields: _Fields) -> bool:
    """Whether a value is owned as one: nobody has a part of it, and somebody has it."""
    owned = [one for one in fields if one is not None]
    return bool(owned) and not any(owned)


def _in(fields: _Fields, key: str) -> _Fields:
    return None if fields is None else fields.get(key)
