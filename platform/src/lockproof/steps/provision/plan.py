"""What applying would do, asked of the server before anything is written."""

from collections.abc import Iterable
from typing import Any

from lockproof.adapters.kubernetes.answers import Refusal, Why, way_to
from lockproof.adapters.kubernetes.cluster import Kind
from lockproof.model.finding import Finding
from lockproof.model.resource import Body, GroupKind
from lockproof.rules.manifests import cluster as rules

from .controllers import left_to_others, without
from .difference import changes, takes_over
from .order import batches
from .origin import origin_of
from .session import Item, Session, side_by_side

_NAMESPACE = GroupKind("", "Namespace")


def plan(session: Session) -> tuple[list[list[Item]], list[Finding]]:
    """Every declared object in the order of its batch, and what stands against applying it.

    The server is asked for each object in a dry run, so what it would default, convert or refuse
    is known. An object whose kind or namespace is only about to come waits for it.

    Raises:
        ConfigError: a sync wave is not a number.
        UnavailableError: the server does not answer.
    """
    items = [[Item(manifest) for manifest in batch] for batch in batches(session.manifests)]
    found = side_by_side(lambda item: _ask(session, item), [i for b in items for i in b])
    return items, [finding for findings in found for finding in findings]


def _ask(session: Session, item: Item) -> list[Finding]:
    item.kind = session.kind_of(item.manifest)
    if item.kind is None:
        origin = origin_of(item.key.group_kind, session.manifests)
        if origin is None:
            item.action = "refuse"
            place = rules.Place(*item.manifest.place(("kind",)))
            return [rules.not_served(item.name, item.manifest.api_version, None, place)]
        item.origin = str(origin.key)
        item.reason = f"{item.origin} brings its kind"
        return []
    try:
        return compare(session, item, item.kind)
    except Refusal as refusal:
        if _lacks_namespace(session, item, refusal):
            return _ask_elsewhere(session, item, item.kind)
        item.action = "refuse"
        if refusal.why is Why.LEAVING and _declares_namespace(session, item):
            return []  # Its namespace says so already.
        return [explain(item, refusal)]


def _ask_elsewhere(session: Session, item: Item, kind: Kind) -> list[Finding]:
    """Whether the server would take an object whose namespace comes first, asked in another one."""
    metadata = {**item.body["metadata"], "namespace": "default"}
    try:
        session.cluster.apply(kind, {**item.body, "metadata": metadata}, dry_run=True, force=True)
    except Refusal as refusal:
        if refusal.why is Why.INVALID:
            item.action = "refuse"
            return [explain(item, refusal)]
        item.reason = f"Namespace {item.key.namespace} comes first"
        return []
    item.action = "create"
    return []


def compare(session: Session, item: Item, kind: Kind) -> list[Finding]:
    """Find out what applying an object would change, and set its action.

    Raises:
        Refusal: the server would not take it.
    """
    item.live = session.cluster.get(kind, item.key.namespace, item.key.name)
    owner = session.inventory.owner(item.live) if item.live is not None else None
    if owner:
        item.action = "refuse"
        return [rules.foreign(item.name, owner, rules.Place(*item.manifest.place()))]
    if item.live is not None and item.live["metadata"].get("deletionTimestamp"):
        item.action = "refuse"
        return [rules.going(item.name, rules.Place(*item.manifest.place()))]
    force = session.request.force_conflicts
    try:
        would_be = session.cluster.apply(kind, wanted(session, item), dry_run=True, force=force)
    except Refusal as refusal:
        would_be = _taken_alike(session, item, kind, refusal)
    item.changes = changes(item.live, would_be)
    if item.live is None:
        item.action = "create"
    elif item.changes or takes_over(item.live, would_be, session.cluster.manager):
        item.action = "change"
    else:
        item.action = "none"
        item.applied = True
    return []


def _taken_alike(session: Session, item: Item, kind: Kind, refusal: Refusal) -> Body:
    """What taking the fields in conflict would give, where each has the declared value already.

    The server compares what was sent, and defaults come later: a part that is owned as a whole,
    such as a `fieldRef` or the claims of a StatefulSet, is in conflict with itself when two
    managers apply the same file.

    Raises:
        Refusal: a field would get another value; it names only those.
    """
    if refusal.why is not Why.CONFLICT or item.live is None:
        raise refusal
    would_be = session.cluster.apply(kind, wanted(session, item), dry_run=True, force=True)
    causes = [c for c in refusal.causes if _at(c.field, item.live) != _at(c.field, would_be)]
    if causes or not refusal.causes:
        raise Refusal(Why.CONFLICT, str(refusal), tuple(causes))
    item.alike = True
    return would_be


def _at(field: str, body: Body) -> Any:
    """The value of a field that the server names, or of the nearest part that there is."""
    value: Any = body
    for step in way_to(field, body):
        value = value.get(step) if isinstance(value, dict) else value[step]
    return value


def wanted(session: Session, item: Item) -> Body:
    """The object as it is applied, without what a controller has by now; that is kept in `left`."""
    more = session.policy.provision.left
    item.left = left_to_others(item.key, item.body, item.live, session.manifests, more)
    return session.inventory.member(without(item.body, item.left), item.live)


def explain(item: Item, refusal: Refusal) -> Finding:
    """A refusal as a finding, at the line of the first field that it names."""
    name = item.name
    ways = [way_to(cause.field, item.body) for cause in refusal.causes]
    place = rules.Place(*item.manifest.place(ways[0] if ways else ()))
    if refusal.why is Why.CONFLICT:
        owners = [rules.FieldTrouble(c.field, c.owner or c.message) for c in refusal.causes]
        return rules.conflict(name, owners, place)
    if refusal.why is Why.LEAVING:
        return rules.going(f"the namespace of {name}", place)
    if refusal.why is Why.FORBIDDEN:
        return rules.forbidden(name, str(refusal), place)
    troubles = [rules.FieldTrouble(c.field, c.message) for c in refusal.causes]
    return rules.invalid(name, troubles, str(refusal), place)


def all_items(planned: Iterable[Iterable[Item]]) -> list[Item]:
    """The objects of all batches, in order."""
    return [item for batch in planned for item in batch]


def _lacks_namespace(session: Session, item: Item, refusal: Refusal) -> bool:
    return refusal.why is Why.NOT_FOUND and _declares_namespace(session, item)


def _declares_namespace(session: Session, item: Item) -> bool:
    return item.key.namespace is not None and any(
        manifest.key.group_kind == _NAMESPACE and manifest.key.name == item.key.namespace
        for manifest in session.manifests
    )
