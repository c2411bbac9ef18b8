"""Whether an object is ready, from what its controllers wrote into it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lockproof.model.resource import Body, GroupKind, group_kind_of

LAST_ASYNC = "LastAsyncOperation"


class State(StrEnum):
    """How far an object is."""

    READY = "ready"
    WAITING = "waiting"
    FAILING = "failing"
    """A controller says that something is wrong; it may still get well."""
    FAILED = "failed"
    """A controller has given up."""
    UNSEEN = "unseen"
    """No controller has written a status: nothing may be looking after it."""


@dataclass(frozen=True)
class Readiness:
    """The state of an object and why."""

    state: State
    reason: str = ""
    """What its controller says, in one line; empty where it is ready."""

    @property
    def ready(self) -> bool:
        """Whether nothing is left to wait for."""
        return self.state is State.READY


READY = Readiness(State.READY)


def readiness(body: Body, *, composite: bool = False) -> Readiness:
    """Whether an object is ready.

    Crossplane's resources are when Synced and Ready are True and LastAsyncOperation is not False;
    workloads when the newest generation was observed and is available; other kinds by the
    conditions that their controllers are known to write. A kind that has no status is ready as
    soon as it is there.

    Args:
        body: the object as the API server gives it.
        composite: whether its kind is defined by a CompositeResourceDefinition.
    """
    metadata = body["metadata"]
    if metadata.get("deletionTimestamp"):
        return Readiness(State.WAITING, "is being deleted")
    kind = group_kind_of(body)
    if kind in _BY_KIND:
        return _BY_KIND[kind](body)
    if composite or _is_managed(body, kind):
        return _conditions(body, ("Synced", "Ready"))
    if kind.group.endswith(".fluxcd.io"):
        return _conditions(body, ("Ready",), must_not=("Stalled",))
    if "Ready" in conditions(body):
        return _conditions(body, ("Ready",))
    return READY


def conditions(body: Body) -> dict[str, Mapping[str, Any]]:
    """The conditions in the status by type."""
    status = body.get("status")
    listed = status.get("conditions") if isinstance(status, Mapping) else None
    return {
        str(one["type"]): one
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, Mapping) and "type" in one
    }


def conditions_line(body: Body) -> str:
    """`Synced=True Ready=False`, for people."""
    return " ".join(f"{name}={one.get('status')}" for name, one in conditions(body).items())


def _is_managed(body: Body, kind: GroupKind) -> bool:
    spec = body.get("spec")
    if not isinstance(spec, Mapping):
        return False
    return "forProvider" in spec or "crossplane" in spec


def _conditions(
    body: Body, needed: tuple[str, ...], *, must_not: tuple[str, ...] = ()
) -> Readiness:
    found = conditions(body)
    paused = (body["metadata"].get("annotations") or {}).get("crossplane.io/paused")
    if paused == "true":
        return Readiness(State.FAILING, "is paused by the annotation crossplane.io/paused")
    generation = body["metadata"].get("generation", 0)
    # A failed operation is told first: it is why the others are not there.
    last = found.get(LAST_ASYNC)
    if last is not None and last.get("status") == "False":
        return Readiness(State.FAILING, _said(LAST_ASYNC, last))
    for name in must_not:
        if found.get(name, {}).get("status") == "True":
            return Readiness(State.FAILING, _said(name, found[name]))
    if not any(name in found for name in needed):
        return Readiness(State.UNSEEN, f"has no condition {' or '.join(needed)} yet")
    for name in needed:
        one = found.get(name)
        if one is None:
            return Readiness(State.WAITING, f"has no condition {name} yet")
        if one.get("status") == "False":
            state = State.WAITING if _is_progress(name, one) else State.FAILING
            return Readiness(state, _said(name, one))
        if one.get("status") != "True":
            return Readiness(State.WAITING, _said(name, one))
        if _is_stale(one.get("observedGeneration"), generation):
            return Readiness(State.WAITING, f"{name} is of an earlier generation")
    observed = (body.get("status") or {}).get("observedGeneration")
    if _is_stale(observed, generation):
        return Readiness(State.WAITING, "the newest generation was not looked at yet")
    return READY


_PROGRESS = ("Creating", "Deleting", "Progressing", "Reconciling", "Unavailable", "Waiting")


def _is_progress(name: str, condition: Mapping[str, Any]) -> bool:
    """Whether a False only says that it is under way (Crossplane's Ready begins as Creating)."""
    return name != "Synced" and str(condition.get("reason", "")).startswith(_PROGRESS)


def _is_stale(observed: object, generation: object) -> bool:
    # Argo Rollouts writes it as text.
    if isinstance(observed, str) and observed.isdigit():
        observed = int(observed)
    return (
        isinstance(observed, int)
        and isinstance(generation, int)
        and 0 < observed < generation  # Zero: not filled in.
    )


def _said(name: str, condition: Mapping[str, Any]) -> str:
    words = " ".join(str(condition.get("message") or condition.get("reason") or "").split())
    return f"{name}={condition.get('status')}" + (f": {words}" if words else "")


def _unobserved(body: Body) -> Readiness | None:
    status = body.get("status") or {}
    observed = status.get("observedGeneration")
    if observed is None:
        return Readiness(State.UNSEEN, "no controller has written its status yet")
    if _is_stale(observed, body["metadata"].get("generation", 0)):
        return Readiness(State.WAITING, "the newest generation was not looked at yet")
    return None


def _deployment(body: Body) -> Readiness:
    unobserved = _unobserved(body)
    if unobserved is not None:
        return unobserved
    found = conditions(body)
    progress = found.get("Progressing", {})
    if progress.get("reason") == "ProgressDeadlineExceeded":
        return Readiness(State.FAILED, _said("Progressing", progress))
    failure = found.get("ReplicaFailure", {})
    if failure.get("status") == "True":
        return Readiness(State.FAILING, _said("ReplicaFailure", failure))
    wanted = _wanted(body)
    status = body["status"]
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated < wanted or available < wanted or status.get("replicas", 0) > updated:
        reason = f"{updated} of {wanted} updated, {available} available"
        return Readiness(State.WAITING, reason)
    return READY


def _stateful_set(body: Body) -> Readiness:
    unobserved = _unobserved(body)
    if unobserved is not None:
        return unobserved
    status, wanted = body["status"], _wanted(body)
    ready, updated = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    strategy = body["spec"].get("updateStrategy") or {}
    partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
    rolls = strategy.get("type", "RollingUpdate") == "RollingUpdate"
    if ready < wanted or (rolls and updated < wanted - partition):
        return Readiness(State.WAITING, f"{ready} of {wanted} ready, {updated} updated")
    return READY


def _daemon_set(body: Body) -> Readiness:
    unobserved = _unobserved(body)
    if unobserved is not None:
        return unobserved
    status = body["status"]
    wanted = status.get("desiredNumberScheduled", 0)
    available = status.get("numberAvailable", 0)
    if available < wanted or status.get("updatedNumberScheduled", 0) < wanted:
        return Readiness(State.WAITING, f"{available} of {wanted} available")
    return READY


def _job(body: Body) -> Readiness:
    found = conditions(body)
    if found.get("Failed", {}).get("status") == "True":
        return Readiness(State.FAILED, _said("Failed", found["Failed"]))
    if found.get("Complete", {}).get("status") == "True" or body["spec"].get("suspend"):
        return READY
    state = State.WAITING if body.get("status") else State.UNSEEN
    return Readiness(state, "has not completed")


def _rollout(body: Body) -> Readiness:
    unobserved = _unobserved(body)
    if unobserved is not None:
        return unobserved
    phase = body["status"].get("phase")
    words = " ".join(str(body["status"].get("message") or "").split())
    reason = f"phase {phase}" + (f": {words}" if words else "")
    if phase == "Healthy":
        return READY
    return Readiness(State.FAILING if phase == "Degraded" else State.WAITING, reason)


def _application(body: Body) -> Readiness:
    status = body.get("status") or {}
    health = (status.get("health") or {}).get("status")
    sync = (status.get("sync") or {}).get("status")
    if health is None and sync is None:
        return Readiness(State.UNSEEN, "Argo CD has not looked at it yet")
    if health == "Healthy" and sync == "Synced":
        return READY
    words = " ".join(str((status.get("health") or {}).get("message") or "").split())
    reason = f"health {health}, sync {sync}" + (f": {words}" if words else "")
    return Readiness(State.FAILING if health == "Degraded" else State.WAITING, reason)


def _pod(body: Body) -> Readiness:
    phase = (body.get("status") or {}).get("phase")
    if phase == "Failed":
        return Readiness(State.FAILED, "phase Failed")
    return READY if phase == "Succeeded" else _conditions(body, ("Ready",))


def _phase(*good: str) -> Callable[[Body], Readiness]:
    def judged(body: Body) -> Readiness:
        phase = (body.get("status") or {}).get("phase")
        if phase in good:
            return READY
        if phase is None:
            return Readiness(State.UNSEEN, "no controller has written its status yet")
        return Readiness(
            State.FAILING if phase in ("Failed", "Lost") else State.WAITING, f"phase {phase}"
        )

    return judged


def _service(body: Body) -> Readiness:
    if body["spec"].get("type") != "LoadBalancer":
        return READY
    status = body.get("status") or {}
    if (status.get("loadBalancer") or {}).get("ingress"):
        return READY
    return Readiness(State.WAITING, "has no load balancer yet")


def _all(*needed: str) -> Callable[[Body], Readiness]:
    return lambda body: _conditions(body, needed)


_BY_KIND: Mapping[GroupKind, Callable[[Body], Readiness]] = {
    GroupKind.parse(name): judge
    for name, judge in {
        "Namespace": _phase("Active"),
        "Pod": _pod,
        "PersistentVolumeClaim": _phase("Bound"),
        "Service": _service,
        "Deployment.apps": _deployment,
        "StatefulSet.apps": _stateful_set,
        "DaemonSet.apps": _daemon_set,
        "Job.batch": _job,
        "APIService.apiregistration.k8s.io": _all("Available"),
        "CustomResourceDefinition.apiextensions.k8s.io": _all("Established"),
        "CompositeResourceDefinition.apiextensions.crossplane.io": _all("Established"),
        "Provider.pkg.crossplane.io": _all("Installed", "Healthy"),
        "Function.pkg.crossplane.io": _all("Installed", "Healthy"),
        "Configuration.pkg.crossplane.io": _all("Installed", "Healthy"),
        "ManagedResourceActivationPolicy.apiextensions.crossplane.io": _all("Healthy"),
        "Rollout.argoproj.io": _rollout,
        "Application.argoproj.io": _application,
        "Canary.flagger.app": _phase("Initialized", "Succeeded"),
    }.items()
}


def _wanted(body: Body) -> int:
    replicas = body["spec"].get("replicas")
    return replicas if isinstance(replicas, int) else 1
