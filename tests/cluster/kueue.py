"""A stand-in for Kueue, whose controller is not among the programs here.

It does with a Job what Kueue's own was seen to do (0.15, `tests/node/test_queue.py`): the Job is
suspended, a Workload is made for it, and it goes on once that has its quota; a preempted one is
suspended again, keeps its quota until no pod of it is active, and then waits like any other.
"""

from typing import Any

from cluster.lab import Lab
from cluster.stand_in import open_definition

WORKLOAD = open_definition("kueue.x-k8s.io", "v1beta2", "Workload")
FULL = (
    "couldn't assign flavors to pod set main: insufficient unused quota for cpu in flavor default,"
    " 1 more needed"
)
PREEMPTED = (
    "Preempted to accommodate a workload (UID: 1, JobUID: 2) due to prioritization in the"
    " ClusterQueue; preemptor path: /all; preemptee path: /all"
)
_MERGE = "application/merge-patch+json"


class StandIn:
    """One for the Jobs of a namespace."""

    def __init__(self, lab: Lab, namespace: str) -> None:
        self.api = lab.api
        self._before: list[dict[str, str]] = []
        self.jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        self.workloads = f"/apis/kueue.x-k8s.io/v1beta2/namespaces/{namespace}/workloads"

    def take(self, queue: str) -> dict[str, Any] | None:
        """Suspend the Job that names a queue, and make its Workload; None while there is none."""
        for job in self.api.items(self.jobs):
            if job["metadata"]["labels"].get("kueue.x-k8s.io/queue-name") != queue:
                continue
            self._suspend(job, suspend=True)
            name, uid = job["metadata"]["name"], job["metadata"]["uid"]
            body = {
                "apiVersion": "kueue.x-k8s.io/v1beta2",
                "kind": "Workload",
                "metadata": {
                    "name": f"job-{name}",
                    "labels": {"kueue.x-k8s.io/job-uid": uid},
                    "ownerReferences": [
                        {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid}
                    ],
                },
                "spec": {"queueName": queue},
            }
            self.api.create(self.workloads, body)
            self._say(job, [_condition("QuotaReserved", "False", "Pending", FULL)])
            return job  # type: ignore[no-any-return]
        return None

    def admit(self, job: dict[str, Any]) -> None:
        """There is quota for it."""
        self._say(job, [*_ADMITTED, *self._before])
        self._suspend(job, suspend=False)

    def preempt(self, job: dict[str, Any]) -> None:
        """Another one is to get the quota, once no pod of this one is active."""
        self._say(job, [*_ADMITTED, *_EVICTED])
        self._before = [
            _condition(kind, "False", "QuotaReserved", f"Previously: {PREEMPTED}")
            for kind in ("Evicted", "Preempted")
        ]
        self._suspend(job, suspend=True)

    def requeue(self, job: dict[str, Any]) -> None:
        """None is, and there is no quota for it."""
        conditions = [
            _condition("QuotaReserved", "False", "Pending", FULL),
            _condition("Admitted", "False", "NoReservation", "The workload has no reservation"),
            _condition("Requeued", "True", "Preempted", PREEMPTED),
        ]
        self._say(job, [*conditions, *_EVICTED])

    def _suspend(self, job: dict[str, Any], *, suspend: bool) -> None:
        path = f"{self.jobs}/{job['metadata']['name']}"
        self.api.call("PATCH", path, {"spec": {"suspend": suspend}}, _MERGE)

    def _say(self, job: dict[str, Any], conditions: list[dict[str, str]]) -> None:
        path = f"{self.workloads}/job-{job['metadata']['name']}"
        # The definition here has no part of its own for the status.
        self.api.call("PATCH", path, {"status": {"conditions": conditions}}, _MERGE)


def _condition(kind: str, status: str, reason: str, message: str) -> dict[str, str]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }


_ADMITTED = (
    _condition("QuotaReserved", "True", "QuotaReserved", "Quota reserved in ClusterQueue all"),
    _condition("Admitted", "True", "Admitted", "The workload is admitted"),
)
_EVICTED = (
    _condition("Evicted", "True", "Preempted", PREEMPTED),
    _condition("Preempted", "True", "InClusterQueue", PREEMPTED),
)
