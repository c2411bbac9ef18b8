"""What the pods of a workload wait for, which its own conditions do not say."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lockproof.adapters.kubernetes.answers import Refusal
from lockproof.adapters.kubernetes.cluster import Kind
from lockproof.model.resource import Body, GroupKind

from .session import Item, Session

_POD = Kind(GroupKind("", "Pod"), "v1", "pods", namespaced=True)
_EVENT = Kind(GroupKind("", "Event"), "v1", "events", namespaced=True)
_JOB = GroupKind("batch", "Job")
_REASONS = 3


def waits_for(session: Session, item: Item) -> str:
    """Why the pods of an object are not ready, in one line; empty where nothing says so.

    A container that cannot start, a pod that no node takes, and else the last warning about a pod
    or about the object itself. Where pods or events may not be read, that much is not told.
    """
    namespace, selector = item.key.namespace, _selector(item)
    if item.live is None or namespace is None:
        return ""
    try:
        pods = session.cluster.listed(_POD, namespace, selector) if selector else []
        found = list(dict.fromkeys(line for pod in pods for line in reasons(pod)))
        if not found:
            names = {item.key.name, *(str(pod["metadata"]["name"]) for pod in pods)}
            events = session.cluster.listed(_EVENT, namespace)
            found = list(dict.fromkeys(warnings(events, names)))
    except Refusal:
        return ""
    more = f"; and {len(found) - _REASONS} more" if len(found) > _REASONS else ""
    return "; ".join(found[:_REASONS]) + more


def reasons(pod: Body) -> Iterator[str]:
    """What keeps a pod from being ready, by its own status."""
    status = pod.get("status") or {}
    for one in status.get("conditions") or ():
        if one.get("type") == "PodScheduled" and one.get("status") == "False":
            yield f"no node takes its pods: {_line(one.get('message') or one.get('reason'))}"
    statuses = [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]
    for one in statuses:
        state = one.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
        why = waiting.get("reason")
        if why and why not in ("PodInitializing", "ContainerCreating"):
            last = (one.get("lastState") or {}).get("terminated") or {}
            told = _line(waiting.get("message")) or why
            code = f" (it ended with {last['exitCode']})" if "exitCode" in last else ""
            yield f"container {one.get('name')}: {told}{code}"
        elif ended.get("exitCode"):
            yield f"container {one.get('name')} ended with {ended['exitCode']}"


def warnings(events: Iterable[Body], names: set[str]) -> Iterator[str]:
    """The warnings about these objects, the newest first."""
    about = [
        event
        for event in events
        if event.get("type") == "Warning"
        and (event.get("involvedObject") or {}).get("name") in names
    ]
    for event in sorted(about, key=_when, reverse=True):
        yield f"{event.get('reason')}: {_line(event.get('message'))}"


def _when(event: Mapping[str, Any]) -> str:
    metadata = event.get("metadata") or {}
    times = (event.get("lastTimestamp"), event.get("eventTime"), metadata.get("creationTimestamp"))
    return str(next((one for one in times if one), ""))


def _selector(item: Item) -> str:
    if item.key.group_kind == _JOB:
        return f"batch.kubernetes.io/job-name={item.key.name}"
    selector = ((item.live or {}).get("spec") or {}).get("selector") or {}
    labels = selector.get("matchLabels") if isinstance(selector, Mapping) else None
    return ",".join(f"{name}={value}" for name, value in (labels or {}).items())


def _line(text: object) -> str:
    return " ".join(str(text or "").split())[:300]
