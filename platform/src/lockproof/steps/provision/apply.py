"""Applying, batch by batch: each object when what it needs is there, whatever else failed."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain

from lockproof.adapters.kubernetes.answers import Refusal, Why
from lockproof.adapters.kubernetes.cluster import Kind
from lockproof.model.finding import Finding
from lockproof.model.resource import Body, GroupKind
from lockproof.rules.manifests import cluster as rules

from .inventory import listed_kinds, listed_namespaces
from .needs import link
from .order import DELIVERY, FOUNDATIONS, phase_of
from .plan import all_items, compare, explain, wanted
from .readiness import State
from .session import Item, Session, side_by_side
from .wait import explain_state, look_at, wait

_CONFIG_MAP = Kind(GroupKind("", "ConfigMap"), "v1", "configmaps", namespaced=True)
_CLAIM = GroupKind("", "PersistentVolumeClaim")
_ROLLOUT = GroupKind("argoproj.io", "Rollout")
_FIRST, _POLL = 0.2, 1.0
_GRACE = 10.0
"""Seconds for which a controller says that something is wrong before later batches go on: much of
it passes, such as a reference to what is being made."""
_UNWAITED = "applied when the time for waiting was up"


def apply(session: Session, batches: Sequence[Sequence[Item]]) -> list[Finding]:
    """Apply what is planned, and wait for each batch where waiting is asked for.

    What fails holds back what needs it (`needs.link`), until it is there, and nothing else. When
    the time is up, all that nothing holds back is applied still. Not waited for is what may need
    what comes after it: `wait_for_rest` does that.

    It may be killed at any point and run again: the inventory names every kind before the first
    object of it is made, and what is applied already is left as it is.

    Returns:
        What went wrong. What was not applied says in `Item.held` which object held it back.
    """
    link(batches)
    begun: list[Item] = []
    found: list[Finding] = []
    for batch in batches:
        begun += batch
        found += _until(session, begun, partial(_none_open, session, batch))
    found += _until(session, begun, lambda: all(_is_settled(session, item) for item in begun))
    for item in begun:
        session.progress.end(item.name)
        found += _account_for(session, item)
    return found


def wait_for_rest(session: Session, batches: Sequence[Sequence[Item]]) -> list[Finding]:
    """Wait for what may need what came after it, where waiting is asked for."""
    if not session.request.wait:
        return []
    late = [item for item in all_items(batches) if item.applied and _is_late(item)]
    return wait(session, [item for item in late if not item.unwaited])


def _until(session: Session, begun: Sequence[Item], done: Callable[[], bool]) -> list[Finding]:
    """Go on until something is so, or the time is up."""
    found, delay = [], _FIRST
    while True:
        found += _go_on(session, begun)
        if session.late or done():
            return found
        time.sleep(delay)
        delay = min(delay * 1.5, _POLL)


def _go_on(session: Session, begun: Sequence[Item]) -> list[Finding]:
    """Apply what nothing holds back any more, and look at what is waited for."""
    late = session.late
    due = [one for one in begun if not _is_over(one) and _holder(session, one) is None]
    found = [f for findings in side_by_side(lambda i: _apply(session, i), due) for f in findings]
    for item in due:
        item.unwaited = late and session.request.wait
    looked = [
        item
        for item in begun
        if item.applied
        and _is_waited_for(session, item)
        and item.state not in (State.READY, State.FAILED)
    ]
    look_at(session, looked)
    for item in looked:
        failing = item.state == State.FAILING
        item.failing_since = (item.failing_since or time.monotonic()) if failing else None
    return found


def _account_for(session: Session, item: Item) -> list[Finding]:
    """What is to be said of an object when all is over; a refusal was told when it came."""
    if item.action == "refuse":
        return []
    if not item.applied:
        holder = _holder(session, item)
        if holder is None:
            place, version = rules.Place(*item.manifest.place()), item.manifest.api_version
            return [rules.not_served(item.name, version, item.origin, place)]
        while (next_one := _holder(session, holder)) is not None and not holder.applied:
            holder = next_one
        item.held = holder.name
        item.reason = f"held back by {holder.name}"
        session.progress.say(f"{item.name} is held back by {holder.name}")
        return []
    if item.unwaited and item.state in (None, State.WAITING, State.UNSEEN):
        item.state, item.reason = None, _UNWAITED
        return []
    if not _is_waited_for(session, item) or item.state == State.READY:
        return []
    return [explain_state(session, item)]


def _is_late(item: Item) -> bool:
    """Whether an object may need what is applied after it in order to be ready.

    A volume may be bound only when a pod asks for it; a GitOps application is healthy when all that
    it applies is, which may be all of this; a rollout serves a model that somebody registers once
    the rest is up.
    """
    kind = item.key.group_kind
    return kind in (_CLAIM, _ROLLOUT) or phase_of(kind) == DELIVERY


def _is_waited_for(session: Session, item: Item) -> bool:
    # A definition is waited for in any case: without it nothing of its kind can be applied.
    needed = phase_of(item.key.group_kind) == FOUNDATIONS
    return (session.request.wait and not _is_late(item)) or needed


def _is_there(session: Session, item: Item) -> bool:
    """Whether what needs an object may be applied."""
    return item.applied and (not _is_waited_for(session, item) or item.state == State.READY)


def _holder(session: Session, item: Item) -> Item | None:
    """What an object needs and is not there; the first of it."""
    missing = (one for one in item.needs if not _is_there(session, one))
    return next(chain(missing, _refused_guards(item)), None)


def _refused_guards(item: Item) -> Iterator[Item]:
    return (one for one in item.guards if one.action == "refuse")


def _is_over(item: Item) -> bool:
    """Whether an object is applied, or refused."""
    return item.applied or item.action == "refuse"


def _is_lost(item: Item) -> bool:
    """Whether an object will not be there in this run."""
    if _is_over(item):
        return item.action == "refuse" or item.state == State.FAILED
    return any(map(_is_lost, item.needs)) or any(_refused_guards(item))


def _is_settled(session: Session, item: Item) -> bool:
    return _is_there(session, item) or _is_lost(item)


def _none_open(session: Session, batch: Sequence[Item]) -> bool:
    """Whether later batches may go on: nothing of this one is on its way."""
    return not any(_is_on_its_way(session, item) for item in batch)


def _is_on_its_way(session: Session, item: Item) -> bool:
    if _is_settled(session, item):
        return False
    if item.applied:
        since = item.failing_since
        return since is None or time.monotonic() - since < _GRACE
    if _holder(session, item) is not None:
        return False
    # Its kind is to come, from what was applied before it or else from what comes after it.
    return any(str(one.manifest.key) == item.origin for one in item.needs)


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
    if item.kind is None:
        item.kind = session.kind_of(item.manifest, fresh=True)
        if item.kind is None:
            session.progress.show(item.name, f"waiting for its kind from {item.origin}")
            return []
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
