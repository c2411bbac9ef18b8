"""What the pods of a run tell: pure readings of objects of the Kubernetes API."""

from collections.abc import Iterable, Mapping
from typing import Any

from lockproof.model.resource import Body

from .pod import FETCH, MAIN, TASK

_SHOWN = 300


def task_of(pod: Body) -> str:
    """The task that a pod was made for; empty where it names none."""
    return str((pod["metadata"].get("labels") or {}).get(TASK, ""))


def has_ended(pod: Body) -> bool:
    """Whether its containers will write nothing more."""
    phase = _status(pod).get("phase")
    return phase in ("Succeeded", "Failed") or _terminated(_container(pod, MAIN)) is not None


def is_being_deleted(pod: Body) -> bool:
    """Whether somebody deleted it; it is there until its node says that it ended."""
    return "deletionTimestamp" in pod["metadata"]


def is_over(work: Body) -> bool:
    """Whether a Job or Workflow starts no more pods."""
    status = _status(work)
    if work["kind"] == "Workflow":
        return status.get("phase") in ("Succeeded", "Failed", "Error")
    return condition(status, ("Complete", "Failed")) is not None


def why_over(work: Body) -> str:
    """What a Job or Workflow that came to no good end says of it; empty where it says nothing."""
    status = _status(work)
    if work["kind"] == "Workflow":
        return _brief(status.get("message"))
    failed = condition(status, ("Failed",))
    return said(failed) if failed else ""


def line_of(pod: Body) -> str:
    """What is being done, in a few words."""
    status = _status(pod)
    if is_being_deleted(pod):
        node = (pod.get("spec") or {}).get("nodeName")
        last = f", and its node {node} has not said that it ended" if node else ""
        return f"its pod was deleted{last}"
    fetch, main = _container(pod, FETCH), _container(pod, MAIN)
    for container in (fetch, main):
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in (None, "PodInitializing", "ContainerCreating"):
            return f"waits: {said(waiting)}"
    unscheduled = condition(status, ("PodScheduled",), "False")
    if unscheduled:
        return f"waits for a node: {said(unscheduled)}"
    if (main.get("state") or {}).get("running") is not None:
        return "running"
    if (fetch.get("state") or {}).get("running") is not None:
        return "fetching the commit"
    return "starting"


def why_lost(pod: Body) -> str:
    """Why a pod that brought no report did not, as far as it tells."""
    status = _status(pod)
    if status.get("reason"):  # Such as Evicted, NodeLost or DeadlineExceeded.
        return f"its pod ended: {said(status)}"
    taken = condition(status, ("DisruptionTarget", "TerminationTarget"))  # The second is Kueue's.
    if taken:
        return f"its pod was taken away: {said(taken)}"
    deleted = "; its pod was deleted" if is_being_deleted(pod) else ""
    for name, what in ((FETCH, "the commit could not be fetched"), (MAIN, "lockproof ended")):
        ended = _terminated(_container(pod, name))
        if ended and ended.get("exitCode"):
            reason = ended.get("reason")
            more = f", {reason}" if reason and reason != "Error" else ""
            return f"{what} (exit code {ended['exitCode']}{more}){deleted}"
    return f"its pod ended without a report{deleted}"


def failed_container(pod: Body) -> str:
    """The container whose log tells why."""
    ended = _terminated(_container(pod, FETCH))
    return FETCH if ended and ended.get("exitCode") else MAIN


def _status(body: Body) -> Mapping[str, Any]:
    return body.get("status") or {}


def _container(pod: Body, name: str) -> Mapping[str, Any]:
    status = _status(pod)
    known: Iterable[Mapping[str, Any]] = (
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    )
    return next((each for each in known if each.get("name") == name), {})


def _terminated(container: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return (container.get("state") or {}).get("terminated")


def condition(
    status: Mapping[str, Any], types: tuple[str, ...], value: str = "True"
) -> Mapping[str, Any] | None:
    """The first condition of one of these types that has this value."""
    listed = status.get("conditions") or ()
    return next((c for c in listed if c.get("type") in types and c.get("status") == value), None)


def said(value: Mapping[str, Any]) -> str:
    """Reason and message of a condition or a state, in a line."""
    parts = (str(value.get("reason") or ""), _brief(value.get("message")))
    return ": ".join(part for part in parts if part)


def _brief(text: object) -> str:
    return " ".join(str(text or "").split())[:_SHOWN]
