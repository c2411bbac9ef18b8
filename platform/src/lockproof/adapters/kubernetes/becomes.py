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

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Who sets this annotation applies on the client's side: what it holds and a manifest does not
state goes, whoever has changed it since."""
_APPLYING = (f"f:{_LAST_APPLIED}", "f:meta.helm.sh/release-name")
"""Annotations of those that apply by updates: kubectl, Argo CD; Helm."""

_MOST_APPLIERS = 4

_Fields = Mapping[str, Any] | None
"""A part of a FieldsV1: `f:NAME`, `k:KEYS`, `v:VALUE` -> what is owned in there; None: nothing."""


def becomes(live: Body, manifest: Body, *, alone: bool = False) -> dict[str, Any]:
    """The object to put in place of the live one.

    Args:
        live: as the server gives it, with `managedFields`.
        manifest: what is applied, in the same version.
        alone: whether what others set goes too; what nobody set, such as defaults, stays.
    """
    entries = _entries(live)
    return _becomes(live, manifest, [entry for entry in entries if alone or _applies(entry)])


def ways(live: Body, manifest: Body) -> list[dict[str, Any]]:
    """What it becomes by each way in which it may be applied; one, but where several apply it.

    A manager leaves to the others what they applied, or takes it over, as clients do that change
    from their own side to the server's.
    """
    appliers: dict[Any, list[Mapping[str, Any]]] = {}
    for entry in _entries(live):
        if _applies(entry):
            appliers.setdefault(entry.get("manager"), []).append(entry)
    found = [becomes(live, manifest)]
    for own in list(appliers.values())[:_MOST_APPLIERS] if len(appliers) > 1 else ():
        update = _becomes(live, manifest, own)
        found += [update] if update not in found else []
    return found


def _becomes(live: Body, manifest: Body, appliers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    others = [entry for entry in _entries(live) if entry not in appliers]
    # A client that keeps what it applied in an annotation states some annotation always.
    stated = {**manifest, "metadata": {"annotations": {}, **manifest["metadata"]}}
    left = _left(live, _last_applied(live, appliers), stated, _union(_entries(live)))
    merged = _map(left, manifest, _union(appliers), _union(others))
    metadata = {**merged["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}
    metadata.pop("managedFields", None)
    return {**merged, "metadata": metadata}


def other_managers(live: Body) -> tuple[str, ...]:
    """The managers of an object that have not applied it, or not alone, by name."""
    entries = [entry for entry in _entries(live) if not entry.get("subresource")]
    appliers = {str(entry.get("manager")) for entry in entries if _applies(entry)}
    named = {str(entry.get("manager")) for entry in entries}
    return tuple(sorted(named if len(appliers) > 1 else named - appliers))


def _entries(live: Body) -> list[Mapping[str, Any]]:
    return list(live["metadata"].get("managedFields") or ())


def _applies(entry: Mapping[str, Any]) -> bool:
    if entry.get("subresource"):
        return False
    if entry.get("operation") == "Apply":
        return True
    metadata = (entry.get("fieldsV1") or {}).get("f:metadata") or {}
    return any(name in (metadata.get("f:annotations") or {}) for name in _APPLYING)


def _last_applied(live: Body, appliers: Iterable[Mapping[str, Any]]) -> Any:
    """What these applied last on the client's side; None where they apply on the server's."""
    stated = live["metadata"].get("annotations") or {}
    if _LAST_APPLIED not in stated or any(e.get("operation") == "Apply" for e in appliers):
        return None
    try:
        return json.loads(stated[_LAST_APPLIED])
    except ValueError:
        return None


def _left(live: Any, before: Any, stated: Any, fields: _Fields) -> Any:
    """The live part without what was stated before and is not any more."""
    if all(isinstance(one, Mapping) for one in (live, before, stated)):
        return {
            key: _left(value, before.get(key), stated.get(key), _in(fields, f"f:{key}"))
            for key, value in live.items()
            if key in stated or key not in before
        }
    lists = all(isinstance(one, list) for one in (live, before, stated))
    if not lists or (names := _names_of(fields, *live, *before, *stated)) is None:
        return live
    owned = {_name(json.loads(key[2:]), names): key for key in fields or () if key != "."}
    was, now = ({_name(item, names, live): item for item in part} for part in (before, stated))
    return [
        _left(item, was.get(key), now.get(key), _in(fields, owned.get(key, "")))
        for item in live
        if (key := _name(item, names)) in now or key not in was
    ]


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
    fields = _both(applied, others)
    names = _names_of(fields, *live, *stated)
    if names is None:
        return stated
    inner = {
        _name(json.loads(key[2:]), names): (_in(applied, key), _in(others, key))
        for key in fields or ()
        if key != "."
    }
    there = {_name(item, names): item for item in live}
    merged: list[Any] = []
    now = [_name(item, names, live) for item in stated]
    for key, item in zip(now, stated, strict=True):
        parts = inner.get(key, (None, None))
        merged.append(_merged(there[key], item, *parts) if key in there else item)
    kept: dict[str, Any] = {}
    for key in [key for key in there if key not in now]:
        own, theirs = inner.get(key, (None, None))
        # An item goes with whoever has it as one, also where others have set something in it.
        if "." not in (own or ()) or "." in (theirs or ()):
            _keep(kept, key, there[key], own, theirs)
    return [*merged, *kept.values()]


def _names_of(fields: _Fields, *items: Any) -> list[str] | None:
    """The keys that tell items of a list apart; none for a set; None where it is owned as one."""
    named = next((key for key in fields or () if key[:2] in ("k:", "v:")), None)
    if named is None or any(isinstance(item, Mapping) != (named[0] == "k") for item in items):
        return None
    return list(json.loads(named[2:])) if named[0] == "k" else []


def _name(item: Any, names: Sequence[str], there: Iterable[Any] = ()) -> str:
    """What tells an item of a list from the others; keys it leaves out are as those there have."""
    if not names:
        return json.dumps(item)
    # Of the keys of Kubernetes' own lists only this one has a default.
    keys = {name: item.get(name, "TCP" if name == "protocol" else None) for name in names}
    stated = [name for name in names if keys[name] is not None]
    if len(stated) < len(names):
        like = [one for one in there if all(one.get(name) == keys[name] for name in stated)]
        keys |= {name: like[0].get(name) for name in names} if len(like) == 1 else {}
    return json.dumps(list(keys.values()))


def _is_whole(*fields: _Fields) -> bool:
    """Whether a value is owned as one: nobody has a part of it, and somebody has it."""
    owned = [one for one in fields if one is not None]
    return bool(owned) and not any(owned)


def _in(fields: _Fields, key: str) -> _Fields:
    return None if fields is None else fields.get(key)
