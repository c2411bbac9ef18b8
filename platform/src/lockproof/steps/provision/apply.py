"""Applying, batch by batch: what others need is ready before they are applied."""

import time
from collections.abc import Sequence

from lockproof.adapters.kubernetes.answers import Refusal, Why
from lockproof.adapters.kubernetes.cluster import Kind
from lockproof.model.finding import Finding
from lockproof.model.resource import Body, GroupKind
from lockproof.rules.manifests import cluster as rules

from .inventory import listed_kinds, listed_namespaces
from .order import DELIVERY, FOUNDATIONS, phase_of
from .plan import all_items, compare, explain, wanted
from .session import Item, Session, side_by_side
from .wait import wait

_CONFIG_MAP = Kind(GroupKind("", "ConfigMap"), "v1", "configmaps", namespaced=True)
_CLAIM = GroupKind("", "PersistentVolumeClaim")
_ROLLOUT = GroupKind("argoproj.io", "Rollout")
_KIND_POLL = 0.5


def apply(session: Session, batches: Sequence[Sequence[Item]]) -> list[Finding]:
    """Apply what is planned, and wait for each batch where waiting is asked for.

    Not for what may need what comes after it: `wait_for_rest` does that.

    It may be killed at any point and run again: the inventory names every kind before the first
    object of it is made, and what is applied already is left as it is.

    Returns:
        What went wrong; the batches after it were not applied.
    """
    for batch in batches:
        todo = [item for item in batch if not item.applied]
        findings = [f for found in side_by_side(lambda i: _apply(session, i), todo) for f in found]
        if findings:
            return findings
        # A definition is waited for in any case: without it nothing of its kind can be applied.
        needed = phase_of(batch[0].key.group_kind) == FOUNDATIONS
        if session.request.wait or needed:
            findings = wait(session, [item for item in batch if not _is_late(item)])
            if findings:
                return findings
    return []


def wait_for_rest(session: Session, batches: Sequence[Sequence[Item]]) -> list[Finding]:
    """Wait for what may need what came after it, where waiting is asked for."""
    if not session.request.wait:
        return []
    return wait(session, [item for item in all_items(batches) if _is_late(item)])


def _is_late(item: Item) -> bool:
    """Whether an object may need what is applied after it in order to be ready.

    A volume may be bound only when a pod asks for it; a GitOps application is healthy when all that
    it applies is, which may be all of this; a rollout serves a model that somebody registers once
    the rest is up.
    """
    kind = item.key.group_kind
    return kind in (_CLAIM, _ROLLOUT) or phase_of(kind) == DELIVERY


def read_parent(session: Session) -> Body | None:
    """The inventory's parent; None where there is none yet.

    Raises:
        Refusal: it may not be read.
    """
    inventory = session.inventory
    return session.cluster.get(_CONFIG_MAP, inventory.namespace, inventory.name)


def foreign_parent(session: Session, parent: Body | None) -> list[Finding]:
    """A finding where the parent's name is taken by something else."""
    if parent is None or session.inventory.is_parent(parent):
        return []
    name = f"ConfigMap {session.inventory.namespace}/{session.inventory.name}"
    return [rules.foreign(name, "another tool", rules.Place())]


def enlarge_parent(session: Session, parent: Body | None, items: Sequence[Item]) -> None:
    """Write into the inventory what is about to be applied, besides what is there.

    Raises:
        Refusal: it may not be written.
    """
    kinds = {item.key.group_kind for item in items} | listed_kinds(parent)
    namespaces = {i.key.namespace for i in items if i.key.namespace} | listed_namespaces(parent)
    write_parent(session, kinds, namespaces)


def write_parent(session: Session, kinds: set[GroupKind], namespaces: set[str]) -> None:
    """Write the inventory's parent; the server leaves it alone where it says this already.

    Raises:
        Refusal: it may not be written.
    """
    body = session.inventory.parent(kinds, namespaces)
    session.cluster.apply(_CONFIG_MAP, body, dry_run=False, force=True)


def remove_parent(session: Session, parent: Body) -> None:
    """Delete the inventory's parent, when there is nothing left in it."""
    session.cluster.delete(_CONFIG_MAP, parent)


def _apply(session: Session, item: Item) -> list[Finding]:
    place = rules.Place(*item.manifest.place())
    if item.kind is None:
        item.kind = _await_kind(session, item)
        if item.kind is None:
            name, version = item.name, item.manifest.api_version
            return [rules.not_served(name, version, item.origin, place)]
    try:
        if item.action == "wait":
            findings = compare(session, item, item.kind)
            if findings or item.applied:
                return findings
        try:
            _write(session, item, item.kind)
        except Refusal as refusal:
            if refusal.why is not Why.CONFLICT:
                raise
            # A controller may have taken its field since it was compared.
            findings = compare(session, item, item.kind)
            if findings or item.applied:
                return findings
            _write(session, item, item.kind)
    except Refusal as refusal:
        item.action = "refuse"
        return [explain(item, refusal)]
    item.applied = True
    session.progress.say(f"{'created' if item.action == 'create' else 'changed'} {item.name}")
    return []


def _write(session: Session, item: Item, kind: Kind) -> None:
    force = session.request.force_conflicts or item.alike
    session.cluster.apply(kind, wanted(session, item), dry_run=False, force=force)


def _await_kind(session: Session, item: Item) -> Kind | None:
    """The kind, as soon as what brings it has been at work; None when the time is up."""
    said = False
    while True:
        kind = session.kind_of(item.manifest, fresh=True)
        if kind is not None or session.late:
            session.progress.end(item.name)
            return kind
        if not said:
            session.progress.say(f"waiting for {item.origin}, which brings {item.key.group_kind}")
            said = True
        session.progress.show(item.name, f"waiting for its kind from {item.origin}")
        time.sleep(_KIND_POLL)
