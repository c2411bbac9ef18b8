"""What waits to be admitted by Kueue, and what for: readings of its Workloads."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lockproof.adapters.kubernetes.answers import Refusal
from lockproof.adapters.kubernetes.cluster import Cluster
from lockproof.errors import UnavailableError
from lockproof.model.resource import Body

from .plan import Plan
from .pods import condition, said, task_of

_VERSIONS = ("kueue.x-k8s.io/v1beta2", "kueue.x-k8s.io/v1beta1")
_GATE = "kueue.x-k8s.io/admission"
_OF = "kueue.x-k8s.io/job-uid"
"""The label of a Workload that names the Job, or the pod, which it was made for."""


@dataclass(frozen=True)
class Queue:
    """The queue of a run; asked only while something waits in it."""

    plan: Plan
    cluster: Cluster

    def waiting(self, work: Body | None, pods: Iterable[Body]) -> Iterator[tuple[str, str]]:
        """Each task that waits, with a line that says what for."""
        waits = [(task_of(pod), pod) for pod in pods if _is_gated(pod)]
        if work is not None and is_suspended(work):
            waits += [(task.name, work) for task in self.plan.tasks]
        if not waits:
            return
        queue = self.plan.cluster.queue
        known = self._workloads() if queue else {}
        for task, body in waits:
            if queue is None:
                yield task, "is suspended, and no queue is named that would let it go on"
                continue
            why = known if isinstance(known, str) else _why(known.get(body["metadata"]["uid"]))
            yield task, f"waits in queue {queue}: {why}"

    def _workloads(self) -> Mapping[str, Body] | str:
        """uid of what they were made for -> Workload; or why they cannot be looked at."""
        try:
            kinds = (self.cluster.kind(version, "Workload") for version in _VERSIONS)
            kind = next((kind for kind in kinds if kind is not None), None)
            if kind is None:
                return "why is not known, since the cluster serves no Workloads of Kueue"
            found = self.cluster.listed(kind, self.plan.cluster.namespace, _OF)
        except Refusal:
            return "why is not known: let yourself list workloads.kueue.x-k8s.io to see it"
        except UnavailableError:  # Its own API, as its webhook; the run needs it no more.
            return "why is not known, since Kueue's API does not answer"
        return {str(one["metadata"]["labels"][_OF]): one for one in found}


def is_suspended(work: Body) -> bool:
    """Whether a Job starts no pods until somebody lets it."""
    return work["kind"] == "Job" and (work.get("spec") or {}).get("suspend") is True


def _is_gated(pod: Body) -> bool:
    gates: Iterable[Mapping[str, Any]] = (pod.get("spec") or {}).get("schedulingGates") or ()
    return any(gate.get("name") == _GATE for gate in gates)


def _why(workload: Body | None) -> str:
    """What a Workload says of why it is not admitted; the types of conditions are Kueue's."""
    status = (workload or {}).get("status") or {}
    evicted = condition(status, ("Evicted",))  # Turned false once it has quota anew.
    if condition(status, ("QuotaReserved",)):
        if evicted:  # Kept until its Job says that no pod is active.
            return f"its quota is taken away, {said(evicted)}"
        if condition(status, ("Admitted",)):
            return "it is admitted, and about to begin"
        return "it has its quota, and checks of its admission are not done"
    pending = condition(status, ("QuotaReserved",), "False")
    if pending and evicted and pending.get("message") == evicted.get("message"):
        pending = None  # Until it is looked at again.
    told = "; ".join(said(part) for part in (pending, evicted) if part is not None)
    return f"no quota yet, {told}" if told else "Kueue has not looked at it yet"
