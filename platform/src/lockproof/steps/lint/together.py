"""What a server takes of each object alone, and may refuse of them together."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lockproof.adapters.kubernetes.answers import Refusal
from lockproof.adapters.kubernetes.cluster import Cluster, Kind
from lockproof.model.manifest import Manifest, dig, items, mapping
from lockproof.model.resource import Body, GroupKind
from lockproof.rules.formats import quantity
from lockproof.rules.manifests.taken import claims, rivals

from .admitting import BY_COUNT, counted, plural

_QUOTA = Kind(GroupKind("", "ResourceQuota"), "v1", "resourcequotas", namespaced=True)
_SERVICE = Kind(GroupKind("", "Service"), "v1", "services", namespaced=True)
_UNKNOWN = float("inf")


class _Placed(NamedTuple):
    """A manifest, and where it goes."""

    manifest: Manifest
    kind: Kind
    namespace: str


def together(
    cluster: Cluster, manifests: Sequence[Manifest]
) -> tuple[Mapping[int, str], list[str]]:
    """Why objects may be refused beside each other that are taken one by one.

    Args:
        cluster: the cluster.
        manifests: all that are asked about.

    Returns:
        By `id` of a manifest, why; and what could not be read.

    Raises:
        UnavailableError: the server does not answer.
    """
    unread = list[str]()
    live: list[Manifest] = []
    if any(str(claim.at[1]).startswith("clusterIP") for one in manifests for claim in claims(one)):
        # A dry run does not look whether an address is free.
        try:
            live = _others(cluster, manifests)
        except Refusal as refusal:
            unread.append(f"whether the addresses of Services are free: {refusal}")
    beside = rivals((*manifests, *live))
    why = {id(one): f"{other.label} takes {what}, too" for one, other, what in beside}
    inside: dict[str, list[_Placed]] = {}
    for placed in _placed(cluster, manifests):
        inside.setdefault(placed.namespace, []).append(placed)
    for namespace, those in inside.items():
        if len(those) < 2:
            continue
        try:
            for quota in cluster.listed(_QUOTA, namespace):
                for one, reason in _beyond(cluster, quota, those):
                    why.setdefault(id(one), reason)
        except Refusal as refusal:
            said = f"whether quotas of namespace {namespace} have room for all objects together"
            unread.append(f"{said}: {refusal}")
    return why, unread


def _others(cluster: Cluster, manifests: Sequence[Manifest]) -> list[Manifest]:
    """The Services in the cluster that are none of the manifests."""
    here = cluster.connection.namespace
    ours = {(one.namespace or here, one.name) for one in manifests if one.kind == "Service"}
    found = (Manifest(body, lambda _: ("", 1)) for body in cluster.members(_SERVICE))
    return [one for one in found if (one.namespace, one.name) not in ours]


def _placed(cluster: Cluster, manifests: Sequence[Manifest]) -> Iterator[_Placed]:
    for manifest in manifests:
        try:
            kind = cluster.kind(manifest.api_version, manifest.kind)
        except Refusal:
            continue  # As is said where it is asked about.
        if kind is not None and kind.namespaced:
            yield _Placed(manifest, kind, manifest.namespace or cluster.connection.namespace)


def _beyond(
    cluster: Cluster, quota: Body, those: Sequence[_Placed]
) -> Iterator[tuple[Manifest, str]]:
    """The objects that a quota counts and may have no room for, and why."""
    name = dig(quota, "metadata", "name")
    hard = dig(quota, "status", "hard") or dig(quota, "spec", "hard")
    for resource, most in mapping(hard).items():
        more: dict[str, float] = {}
        of: dict[str, list[Manifest]] = {}
        for manifest, kind, namespace in those:
            if plural(kind) != counted(resource):
                continue
            stated = manifest.metadata.get("name")
            live = cluster.get(kind, namespace, str(stated)) if stated else None
            added = _amount(resource, manifest.value) - (_amount(resource, live) if live else 0)
            key = str(stated or id(manifest))  # Overlays have the same object several times.
            if not added <= 0:  # What is not known is no number.
                more[key] = max(more.get(key, 0), added)
                of.setdefault(key, []).append(manifest)
        used, room = quantity(dig(quota, "status", "used", resource)), quantity(most)
        left = -1 if used is None or room is None else room - used
        if len(more) > 1 and not sum(more.values()) <= left * (1 + 1e-9):
            said = f"ResourceQuota/{name} ({resource}) may have no room for it beside"
            for manifest in (one for same in of.values() for one in same):
                yield manifest, f"{said} {len(more) - 1} more of the manifests"


def _amount(resource: str, value: Mapping[str, Any]) -> float:
    """How much of a line of a quota an object takes at most; infinite where that is not known."""
    if resource.startswith("count/") or resource in BY_COUNT:
        return 1
    spec = mapping(value.get("spec"))
    kind = spec.get("type")
    if resource == "services.loadbalancers":
        return kind == "LoadBalancer"
    if resource == "services.nodeports":
        ports = list(items(spec.get("ports"), ()))
        return len(ports) if kind in ("NodePort", "LoadBalancer") else 0
    if resource.endswith("requests.storage"):
        asked = quantity(dig(spec, "resources", "requests", "storage"))
        return _UNKNOWN if asked is None else asked
    return 1 if resource.endswith("/persistentvolumeclaims") else _UNKNOWN
