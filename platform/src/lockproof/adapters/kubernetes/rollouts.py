"""Argo Rollouts: what is going on with a canary, and the four things that can be done about it.

What the fields mean, and which of them a promotion, an abort and a pause set, is as in
`pkg/apis/rollouts/v1alpha1/types.go` and `pkg/kubectl-argo-rollouts/cmd` of Argo Rollouts 1.9.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lockproof.errors import UnavailableError, UsageError
from lockproof.model.manifest import dig, mapping, sequence
from lockproof.model.resource import Body
from lockproof.model.rollout import RolloutState

from .answers import Refusal, Why
from .cluster import Cluster, Kind
from .experiments import LABEL, compared, running

_PHASES = ("Healthy", "Degraded", "Progressing", "Paused")
_STEP = "CanaryPauseStep"
_DOUBTS = ("InconclusiveAnalysisRun", "InconclusiveExperiment")
_GROUP = "argoproj.io/v1alpha1"


@dataclass(frozen=True)
class Rollouts:
    """Those of one cluster."""

    cluster: Cluster

    def state(self, namespace: str, name: str) -> RolloutState:
        """The canary that is going on.

        Raises:
            UsageError: there is no such Rollout, no canary going on, or it may not be read.
            UnavailableError: the cluster or the Rollout's controller does not answer.
        """
        return self._read(namespace, name)[1]

    def promote(self, namespace: str, name: str, seen: RolloutState) -> bool:
        """End the pause that it waits at; False where it has changed since it was read."""
        return self._set(namespace, name, seen, {"status": {"pauseConditions": None}})

    def promote_full(self, namespace: str, name: str, seen: RolloutState) -> bool:
        """Skip all steps that are left; False where it has changed since it was read."""
        return self._set(namespace, name, seen, {"status": {"promoteFull": True}})

    def abort(self, namespace: str, name: str, seen: RolloutState) -> bool:
        """Give all traffic back to the stable version; False where it has changed since."""
        return self._set(namespace, name, seen, {"status": {"abort": True}})

    def pause(self, namespace: str, name: str, seen: RolloutState) -> bool:
        """Let it stay where it is; False where it has changed since it was read."""
        return self._set(namespace, name, seen, {"spec": {"paused": True}})

    def _set(self, namespace: str, name: str, seen: RolloutState, patch: Body) -> bool:
        live = {
            "metadata": {
                "namespace": namespace,
                "name": name,
                "uid": seen.uid,
                "resourceVersion": seen.version,
            }
        }
        try:
            self.cluster.change(self._kind("Rollout"), live, patch, status="status" in patch)
        except Refusal as refusal:
            if refusal.why in (Why.CHANGED, Why.NOT_FOUND):
                return False
            raise
        return True

    def _kind(self, name: str, api_version: str = _GROUP) -> Kind:
        found = self.cluster.kind(api_version, name)
        if found is None:
            raise UsageError(
                f"the cluster {self.cluster.server} (context {self.cluster.context}) serves no"
                f" {name} of {api_version}: is Argo Rollouts installed in it?"
            )
        return found

    def _read(self, namespace: str, name: str) -> tuple[Body, RolloutState]:
        body = self.cluster.get(self._kind("Rollout"), namespace, name)
        if body is None:
            raise UsageError(
                f"there is no Rollout {namespace}/{name} in the cluster {self.cluster.server}"
                f" (context {self.cluster.context}): 'kubectl get rollouts -A' lists them"
            )
        canary = _going_on(body, f"the Rollout {namespace}/{name}")
        uid = str(body["metadata"]["uid"])
        selector = f"{LABEL}={canary}"
        sets = self.cluster.listed(self._kind("ReplicaSet", "apps/v1"), namespace, selector)
        runs = self.cluster.listed(self._kind("AnalysisRun"), namespace, selector)
        state = state_of(
            body,
            [one for one in sets if _owned(one, uid)],
            [one for one in runs if _owned(one, uid)],
        )
        return body, self._beside(body, state)

    def _beside(self, body: Body, state: RolloutState) -> RolloutState:
        """The state with the pods that an experiment compares, where one runs."""
        name, namespace = running(body), str(body["metadata"]["namespace"])
        steps = sequence(dig(body, "spec", "strategy", "canary", "steps"))
        at = state.step
        step = mapping(steps[at]) if at is not None and 0 <= at < len(steps) else {}
        if not name or "experiment" not in step:
            return state
        experiment = self.cluster.get(self._kind("Experiment"), namespace, name)
        if experiment is None or not _owned(experiment, state.uid):
            raise UnavailableError(
                f"the Rollout {namespace}/{body['metadata']['name']}: its experiment {name} is not"
                " there: look again"
            )
        sets = self.cluster.listed(self._kind("ReplicaSet", "apps/v1"), namespace, LABEL)
        own = str(experiment["metadata"]["uid"])
        made = [one for one in sets if _owned(one, own)]
        found = compared(step, experiment, made, (state.canary, state.stable))
        return replace(
            state,
            began=found.began,
            experiment=found.experiment,
            arms=(found.canary, found.baseline),
        )


def _going_on(body: Body, called: str) -> str:
    """The hash of the canary that is going on."""
    canary = dig(body, "spec", "strategy", "canary")
    if not isinstance(canary, Mapping):
        raise UsageError(f"{called} has no canary: its strategy is another one")
    status = mapping(body.get("status"))
    generation = str(body["metadata"].get("generation", ""))
    seen = str(status.get("observedGeneration", ""))
    if seen != generation:
        raise UnavailableError(
            f"{called}: its controller has not seen generation {generation} yet"
            f" ({seen or 'none'} was the last): see that Argo Rollouts runs, and look again"
        )
    current, stable = str(status.get("currentPodHash", "")), str(status.get("stableRS", ""))
    if not stable:
        raise UsageError(
            f"{called} has no stable version yet: a canary needs one that it is compared with"
        )
    if not current:
        raise UnavailableError(f"{called}: its controller names no current version: look again")
    if current == stable:
        raise UsageError(f"{called} has no canary going on: all of it is the version {stable}")
    phase = str(status.get("phase", ""))
    if phase not in _PHASES:
        raise UsageError(
            f"{called} is in the phase {phase[:80]!r}, of which this version of lockproof does not"
            " know what it means; it may be that of a newer Argo Rollouts"
        )
    return current


def state_of(body: Body, sets: list[Body], runs: list[Body]) -> RolloutState:
    """What a Rollout with a canary going on, its ReplicaSets and its AnalysisRuns say.

    Args:
        body: of the Rollout, in which a canary is going on.
        sets: the canary's ReplicaSet, and no other.
        runs: the canary's AnalysisRuns.

    Raises:
        UnavailableError: the canary has no ReplicaSet yet.
    """
    status, metadata = mapping(body.get("status")), body["metadata"]
    called = f"the Rollout {metadata.get('namespace')}/{metadata.get('name')}"
    created = [_seconds(one["metadata"].get("creationTimestamp")) for one in sets]
    if not created:
        raise UnavailableError(
            f"{called}: its canary has no ReplicaSet yet: see that Argo Rollouts runs, and look"
            " again"
        )
    steps = sequence(dig(body, "spec", "strategy", "canary", "steps"))
    index = status.get("currentStepIndex")
    step = index if isinstance(index, int) and not isinstance(index, bool) else None
    now = mapping(steps[step]) if step is not None and 0 <= step < len(steps) else {}
    pauses = [mapping(one) for one in sequence(status.get("pauseConditions"))]
    reasons = {str(one.get("reason")) for one in pauses}
    started = [_seconds(one.get("startTime")) for one in pauses if one.get("reason") == _STEP]
    doubted = not reasons.isdisjoint(_DOUBTS)
    pause = now.get("pause")
    endless = isinstance(pause, Mapping) and not pause.get("duration")
    return RolloutState(
        uid=str(metadata["uid"]),
        version=str(metadata["resourceVersion"]),
        canary=str(status["currentPodHash"]),
        stable=str(status["stableRS"]),
        phase=str(status["phase"]),
        began=max(max(created), _diverged(status)),
        message=str(status.get("message", ""))[:300],
        step=step,
        steps=len(steps),
        plan=tuple(_in_words(mapping(one)) for one in steps),
        aborted=status.get("abort") is True,
        promoted=status.get("promoteFull") is True,
        held=mapping(body.get("spec")).get("paused") is True,
        waits=endless and _STEP in reasons and not doubted,
        paused=max(started, default=0),
        doubted=doubted,
        analyses={
            str(one["metadata"]["name"]): str(mapping(one.get("status")).get("phase", "Pending"))
            for one in sorted(runs, key=lambda one: str(one["metadata"]["name"]))
        },
    )


def _in_words(step: Mapping[str, Any]) -> str:
    """`weight 25 %`, `pause of 5m`, `pause until promoted`, `analysis`."""
    if "setWeight" in step:
        return f"weight {str(step['setWeight'])[:20]} %"
    if "pause" in step:
        duration = mapping(step["pause"]).get("duration")
        return f"pause of {str(duration)[:20]}" if duration else "pause until promoted"
    return str(next(iter(step), "nothing"))[:40]


def _diverged(status: Mapping[str, Any]) -> int:
    """When the wanted version was no longer the stable one; 0 where that is not said.

    A ReplicaSet may be older: that of a version that was there before is used again.
    """
    said = [mapping(status.get("duration")).get("rolloutStartedAt")]  # From 1.10 on.
    for condition in sequence(status.get("conditions")):
        one = mapping(condition)
        if (one.get("type"), one.get("status")) == ("Completed", "False"):
            said.append(one.get("lastTransitionTime"))
    return max(_seconds(one) for one in (*said, None))


def _seconds(stamp: object) -> int:
    try:
        return int(datetime.fromisoformat(str(stamp)).timestamp())
    except ValueError:
        return 0


def _owned(body: Body, uid: str) -> bool:
    owners = sequence(body["metadata"].get("ownerReferences"))
    return any(mapping(owner).get("uid") == uid for owner in owners)
