"""Removing what is owned: never what holds data, unless that is asked for by its name."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from lockproof.adapters.kubernetes.answers import Refusal
from lockproof.adapters.kubernetes.cluster import Kind
from lockproof.model.finding import Finding
from lockproof.model.provisioned import ObjectReport
from lockproof.model.resource import Body, GroupKind, ResourceKey, group_kind_of
from lockproof.rules.manifests import cluster as rules

from .inventory import PART_OF, is_created, listed_kinds, set_of
from .order import removal_rank
from .readiness import conditions_line
from .session import Session, side_by_side
from .storage import holds_data, needed_by_kept

_POLL = 0.5
_NAMESPACE = GroupKind("", "Namespace")
_DEFINITION = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
_MADE_BY_CLUSTER = {
    ("ServiceAccount", "default"),
    ("ConfigMap", "kube-root-ca.crt"),
    ("Endpoints", None),
    ("EndpointSlice", None),
    ("Event", None),
    ("Lease", None),
    ("PodMetrics", None),
    ("ManagedResourceDefinition", None),
}

DATA = "it holds data or is marked to stay (--allow-data-loss removes it, with the data)"


@dataclass
class Removal:
    """What came of removing."""

    objects: list[ObjectReport] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    remaining: list[Body] = field(default_factory=list)
    """Members that are still in the inventory."""

    def count(self, action: str) -> int:
        """How many objects came to this end."""
        return sum(one.action == action for one in self.objects)


def members(session: Session, parent: Body | None) -> list[Body]:
    """Every object of the inventory, as it is now.

    Raises:
        Refusal: a kind may not be listed.
    """
    kinds = [session.cluster.served(kind) for kind in sorted(listed_kinds(parent))]
    selector = session.inventory.selector
    listed = side_by_side(
        lambda kind: session.cluster.members(kind, selector), [k for k in kinds if k is not None]
    )
    return [body for bodies in listed for body in bodies]


def undeclared(session: Session, bodies: Sequence[Body], keys: set[ResourceKey]) -> list[Body]:
    """The members that nothing declares any more."""
    return [body for body in bodies if ResourceKey.of(body) not in keys]


def remove(session: Session, doomed: Sequence[Body], everything: Sequence[Body]) -> Removal:
    """Remove objects in the opposite order of applying, and wait until they are gone.

    What holds data stays, and what that needs; what was there before provision found it is let go
    of and stays as it is. Nothing is deleted after something that does not go away: its provider
    would be gone before it.

    Args:
        session: the run; with `dry_run` nothing is removed.
        doomed: the members to remove.
        everything: all members of the inventory.

    Raises:
        Refusal: something may not be read.
    """
    removal = Removal()
    doomed_keys = {ResourceKey.of(body) for body in doomed}
    staying = [body for body in everything if ResourceKey.of(body) not in doomed_keys]
    kept = _keep_data(session, doomed, staying, removal)
    kept_keys = {ResourceKey.of(body) for body in kept}
    going = [body for body in doomed if ResourceKey.of(body) not in kept_keys]
    ordered = sorted(going, key=_place)
    removal.remaining += kept
    for _, group in groupby(ordered, key=lambda body: _place(body)[:2]):
        batch = list(group)
        if removal.findings and any(f.rule != "LP909" for f in removal.findings):
            removal.remaining += batch
            for body in batch:
                _told(removal, body, "keep", "was left alone after what went wrong before")
            continue
        for body in batch:
            _remove(session, body, removal)
        if session.request.wait and not session.request.dry_run:
            _await_end(session, batch, removal)
    return removal


def _place(body: Body) -> tuple[int, int, int]:
    return removal_rank(body, str(ResourceKey.of(body)))


def _keep_data(
    session: Session, doomed: Sequence[Body], staying: Sequence[Body], removal: Removal
) -> list[Body]:
    """The objects that must stay, each with its reason in `removal`."""
    also = session.storage
    data: list[Body] = [body for body in staying if holds_data(body, also)]
    kept: list[Body] = []
    if not session.request.allow_data_loss:
        for body in doomed:
            if holds_data(body, also):
                kept.append(body)
                _keep(removal, body, DATA)
        data += kept
    for body in doomed:
        reason = None if body in kept else needed_by_kept(body, data)
        if reason:
            kept.append(body)
            _keep(removal, body, reason)
    return kept


def _remove(session: Session, body: Body, removal: Removal) -> None:
    kind = session.cluster.served(group_kind_of(body))
    name = str(ResourceKey.of(body))
    try:
        if kind is None:
            return
        if not is_created(body):
            if not session.request.dry_run:
                session.cluster.unlabel(kind, body, PART_OF)
            _told(removal, body, "release", "was there before provision; it stays as it is")
            return
        removed = {one.name for one in removal.objects if one.action == "remove"}
        reason = _contents(session, body, removed)
        if reason:
            _keep(removal, body, reason)
            removal.remaining.append(body)
            return
        session.cluster.delete(kind, body, dry_run=session.request.dry_run)
    except Refusal as refusal:
        removal.findings.append(rules.forbidden(name, str(refusal), rules.Place()))
        removal.remaining.append(body)
        _told(removal, body, "keep", str(refusal))
        return
    if not session.request.dry_run:
        session.progress.say(f"removed {name}")
    _told(removal, body, "remove")


def _contents(session: Session, body: Body, removed: set[str]) -> str | None:
    """Why a namespace or a definition must stay: it would take with it what is not ours."""
    kind = group_kind_of(body)
    if kind == _NAMESPACE:
        return _in_namespace(session, str(body["metadata"]["name"]), removed)
    if kind == _DEFINITION:
        spec = body["spec"]
        served = session.cluster.served(GroupKind(spec["group"], spec["names"]["kind"]))
        if served is not None and (there := session.cluster.members(served, whole=False)):
            names = ", ".join(sorted(one["metadata"]["name"] for one in there)[:3])
            return f"there are objects of the kind that it defines: {names}"
    return None


def _in_namespace(session: Session, namespace: str, removed: set[str]) -> str | None:
    kinds = [k for k in session.cluster.kinds() if k.namespaced and {"list", "delete"} <= k.verbs]

    def listed(kind: Kind) -> list[str]:
        return [
            f"{kind.group_kind} {one['metadata']['name']}"
            for one in session.cluster.names_in(kind, namespace)
            if not _comes_by_itself(session, kind, one, removed)
        ]

    found = [name for names in side_by_side(listed, kinds) for name in names]
    if not found:
        return None
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return f"it holds {', '.join(sorted(found)[:3])}{more}"


def _comes_by_itself(session: Session, kind: Kind, one: Body, removed: set[str]) -> bool:
    metadata, name = one["metadata"], kind.group_kind.kind
    if (
        metadata.get("ownerReferences")
        or {(name, metadata["name"]), (name, None)} & _MADE_BY_CLUSTER
    ):
        return True
    # What is on its way out goes with the namespace, unless something holds it back. A dry run has
    # removed nothing: there it is what would have been removed before, as told so far.
    ours = set_of(one) == session.inventory.id
    going = bool(metadata.get("deletionTimestamp"))
    if session.request.dry_run:
        return ours and is_created(one) and _key_of(kind, one) in removed
    return ours and going and not metadata.get("finalizers") and is_created(one)


def _key_of(kind: Kind, one: Body) -> str:
    metadata = one["metadata"]
    return str(ResourceKey(kind.group_kind, metadata.get("namespace"), metadata["name"]))


def _await_end(session: Session, batch: Sequence[Body], removal: Removal) -> None:
    gone = {one.name for one in removal.objects if one.action == "remove"}
    waiting = [body for body in batch if str(ResourceKey.of(body)) in gone]
    while waiting:
        now = [(body, _now(session, body)) for body in waiting]
        waiting = [body for body, there in now if there is not None]
        for body, there in now:
            name = str(ResourceKey.of(body))
            if there is None:
                session.progress.end(name)
            else:
                session.progress.show(name, _holding(there))
        if waiting and session.late:
            for body in waiting:
                name = str(ResourceKey.of(body))
                session.progress.end(name)
                removal.findings.append(rules.stays(name, _holding(_now(session, body) or body)))
            removal.remaining += waiting
            return
        if waiting:
            time.sleep(_POLL)


def _now(session: Session, body: Body) -> Body | None:
    kind = session.cluster.served(group_kind_of(body))
    metadata = body["metadata"]
    if kind is None:
        return None
    there = session.cluster.get(kind, metadata.get("namespace"), metadata["name"])
    return there if there is not None and there["metadata"]["uid"] == metadata["uid"] else None


def _holding(body: Body) -> str:
    finalizers = ", ".join(body["metadata"].get("finalizers") or ())
    waits = f"its finalizers wait ({finalizers})" if finalizers else "it is being deleted"
    line = conditions_line(body)
    return f"{waits}; {line}" if line else waits


def _keep(removal: Removal, body: Body, reason: str) -> None:
    _told(removal, body, "keep", reason)
    removal.findings.append(rules.kept(str(ResourceKey.of(body)), reason))


def _told(removal: Removal, body: Body, action: str, reason: str = "") -> None:
    name = str(ResourceKey.of(body))
    removal.objects.append(
        ObjectReport.model_validate({"name": name, "action": action, "reason": reason})
    )
