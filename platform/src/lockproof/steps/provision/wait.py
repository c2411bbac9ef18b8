"""Waiting until objects are ready, with what their controllers say."""

import time
from collections.abc import Sequence

from lockproof.model.finding import Finding
from lockproof.model.resource import Body
from lockproof.rules.manifests import cluster as rules

from .pods import waits_for
from .readiness import Readiness, State, conditions_line, readiness
from .session import Item, Session, side_by_side

_POLL = 1.0
_FIRST = 0.2


def wait(session: Session, items: Sequence[Item]) -> list[Finding]:
    """Wait until every object is ready, has failed for good, or the time is up.

    Returns:
        A finding for each that is not ready: an error where something is wrong or only time
        passed, a warning where nothing has looked at the object at all.
    """
    waiting, delay = list(items), _FIRST
    while True:
        look_at(session, waiting)
        waiting = [item for item in waiting if item.state != State.READY]
        if session.late or all(item.state == State.FAILED for item in waiting):
            for item in waiting:
                session.progress.end(item.name)
            order = sorted(waiting, key=lambda item: item.state != State.FAILED)
            return [explain_state(session, item) for item in order]
        time.sleep(delay)
        delay = min(delay * 1.5, _POLL)


def look_at(session: Session, items: Sequence[Item]) -> None:
    """Write into each object how ready it is, and show it."""
    states = side_by_side(lambda item: look(session, item), items)
    for item, (state, line) in zip(items, states, strict=True):
        item.state, item.reason = state.state.value, state.reason
        if state.ready:
            session.progress.end(item.name)
            continue
        text = " · ".join(part for part in (line, state.reason) if part)
        session.progress.show(item.name, text)


def look(session: Session, item: Item) -> tuple[Readiness, str]:
    """The readiness of an object as it is now, and its conditions in one line."""
    body = read(session, item)
    if body is None:
        return Readiness(State.WAITING, "is not there"), ""
    state = readiness(body, composite=session.is_composite(item.key.group_kind))
    return state, conditions_line(body)


def read(session: Session, item: Item) -> Body | None:
    """The object as it is now; kept in the item."""
    if item.kind is None:
        return None
    item.live = session.cluster.get(item.kind, item.key.namespace, item.key.name)
    return item.live


def explain_state(session: Session, item: Item, *, waited: bool = True) -> Finding:
    """The finding for an object that is not ready."""
    place = rules.Place(*item.manifest.place())
    if item.state == State.UNSEEN:
        return rules.unseen(item.name, item.reason, place)
    seconds = session.timeout if waited and item.state != State.FAILED else None
    reason = " · ".join(part for part in (item.reason, waits_for(session, item)) if part)
    return rules.not_ready(item.name, reason, seconds, place)
