"""Names that changed in a build, followed in whatever refers to them."""

from collections.abc import Mapping, Sequence
from typing import Any

from .fields import CLUSTER_KINDS, NAMES, Field, spots
from .marks import Map, Seq
from .resource import Resource


def follow_names(resources: Sequence[Resource], extra: Mapping[str, tuple[Field, ...]]) -> None:
    """Write the current names where resources are referred to by earlier ones."""
    targets: dict[str, list[Resource]] = {}
    for resource in resources:
        targets.setdefault(resource.kind, []).append(resource)
    for kind, candidates in targets.items():
        fields = (*NAMES.get(kind, ()), *extra.get(kind, ()))
        for resource in resources:
            for field in fields:
                if field.covers(resource):
                    for holder, key in list(spots(resource.value, field.path)):
                        _follow(resource, holder, key, candidates)


def _follow(referrer: Resource, holder: Any, key: Any, candidates: Sequence[Resource]) -> None:
    name = holder[key] if isinstance(holder, Seq) else holder.get(key)
    if not isinstance(name, str) or not _is_about(holder, candidates[0].kind):
        return
    subject = isinstance(holder, Map) and holder.get("kind") == "ServiceAccount"
    space = holder.get("namespace") if subject else None
    found = [c for c in candidates if name in (*c.names, c.name) and _near(referrer, c, space)]
    if len(found) > 1:
        found = sorted(found, key=lambda c: -_shared(referrer, c))
        if _shared(referrer, found[0]) == _shared(referrer, found[1]):
            current = [c for c in found if c.names and c.names[0] == name]
            found = current or found
    if not found:
        return
    holder[key] = found[0].name
    if subject and found[0].namespace:
        holder.put("namespace", found[0].namespace, None)


def _is_about(holder: Any, kind: str) -> bool:
    """Whether a reference that states a kind states this one."""
    stated = holder.get("kind") if isinstance(holder, Map) else None
    return stated is None or "name" not in holder or stated == kind


def _near(referrer: Resource, target: Resource, space: Any) -> bool:
    if target.kind in CLUSTER_KINDS or referrer.kind in CLUSTER_KINDS:
        return space is None or space in _spaces(target)
    if space is not None:
        return space in _spaces(target)
    return referrer.namespace == target.namespace


def _shared(one: Resource, other: Resource) -> int:
    """How many layers two resources passed through together, from the inside."""
    return 1 if one.trail[:1] == other.trail[:1] else 0


def _spaces(target: Resource) -> set[str]:
    """The namespaces a resource is or was in; one that states none was in `default`."""
    return {space or "default" for space in (target.namespace, *target.namespaces)}
