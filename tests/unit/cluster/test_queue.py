"""What waits in a queue of Kueue says so, and why; nothing of it is a verdict."""

from types import SimpleNamespace
from typing import Any

import pytest

from lockproof.adapters.kubernetes.answers import Refusal, Why
from lockproof.adapters.kubernetes.cluster import Kind
from lockproof.config import ClusterPolicy
from lockproof.errors import UnavailableError
from lockproof.model.resource import GroupKind
from lockproof.steps.cluster.pod import TASK
from lockproof.steps.cluster.queue import Queue
from unit.cluster.plans import IMAGE, make_plan

KIND = Kind(GroupKind("kueue.x-k8s.io", "Workload"), "v1beta1", "workloads", namespaced=True)
JOB: dict[str, Any] = {"kind": "Job", "metadata": {"uid": "j"}, "spec": {"suspend": True}}
FULL = "couldn't assign flavors to pod set main: insufficient unused quota for cpu, 1 more needed"


def workload(uid: str, *conditions: tuple[str, str, str, str]) -> dict[str, Any]:
    listed = [
        {"type": kind, "status": status, "reason": reason, "message": message}
        for kind, status, reason, message in conditions
    ]
    return {
        "metadata": {"labels": {"kueue.x-k8s.io/job-uid": uid}},
        "status": {"conditions": listed},
    }


def gated(task: str, uid: str) -> dict[str, Any]:
    gates = [{"name": "kueue.x-k8s.io/admission"}]
    return {"metadata": {"uid": uid, "labels": {TASK: task}}, "spec": {"schedulingGates": gates}}


def waiting(
    work: dict[str, Any] | None,
    *pods: dict[str, Any],
    workloads: Any = (),
    served: str = "kueue.x-k8s.io/v1beta1",
    queue: str | None = "ml",
    on: str = "kubernetes",
) -> dict[str, str]:
    """What is said, with a stand-in for the API server that has these Workloads."""

    def listed(kind: Kind, namespace: str, selector: str) -> Any:
        assert (kind, namespace, selector) == (KIND, "default", "kueue.x-k8s.io/job-uid")
        if isinstance(workloads, Exception):
            raise workloads
        return workloads

    cluster: Any = SimpleNamespace(
        kind=lambda version, name: KIND if (version, name) == (served, "Workload") else None,
        listed=listed,
    )
    plan = make_plan(on=on, cluster=ClusterPolicy(image=IMAGE, queue=queue))
    return dict(Queue(plan, cluster).waiting(work, pods))


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ([], "Kueue has not looked at it yet"),
        ([("QuotaReserved", "False", "Pending", FULL)], f"no quota yet, Pending: {FULL}"),
        (
            [("QuotaReserved", "False", "Inadmissible", "LocalQueue ml doesn't exist")],
            "no quota yet, Inadmissible: LocalQueue ml doesn't exist",
        ),
        (
            [
                ("QuotaReserved", "False", "Pending", "Preempted to accommodate a higher one"),
                ("Evicted", "True", "Preempted", "Preempted to accommodate a higher one"),
                ("Preempted", "True", "InClusterQueue", "x"),
            ],
            "no quota yet, Preempted: Preempted to accommodate a higher one",
        ),
        (
            [
                ("QuotaReserved", "False", "Pending", FULL),
                ("Evicted", "True", "Preempted", "Preempted to accommodate a higher one"),
                ("Requeued", "True", "Preempted", "x"),
            ],
            f"no quota yet, Pending: {FULL}; Preempted: Preempted to accommodate a higher one",
        ),
        (  # Seen of Kueue 0.15 while pods of a preempted Job end, and just before a Job begins.
            [
                ("QuotaReserved", "True", "QuotaReserved", "x"),
                ("Admitted", "True", "Admitted", "x"),
                ("Evicted", "True", "Preempted", "Preempted to accommodate a higher one"),
            ],
            "its quota is taken away, Preempted: Preempted to accommodate a higher one",
        ),
        (
            [
                ("QuotaReserved", "True", "QuotaReserved", "x"),
                ("Admitted", "True", "Admitted", "x"),
                ("Evicted", "False", "QuotaReserved", "Previously: Preempted"),
            ],
            "it is admitted, and about to begin",
        ),
        (
            [("QuotaReserved", "True", "QuotaReserved", "x"), ("Admitted", "False", "", "")],
            "it has its quota, and checks of its admission are not done",
        ),
    ],
)
def test_a_job_that_waits_says_what_for(
    conditions: list[tuple[str, str, str, str]], said: str
) -> None:
    others = workload("another", ("QuotaReserved", "False", "Pending", "of another"))
    found = waiting(JOB, workloads=[others, workload("j", *conditions)])
    assert found == {"all": f"waits in queue ml: {said}"}


def test_a_job_that_was_let_go_waits_for_nothing() -> None:
    assert waiting({**JOB, "spec": {"suspend": False}}, workloads=RuntimeError("asked")) == {}
    assert waiting(None, workloads=RuntimeError("asked")) == {}


def test_each_pod_of_a_workflow_waits_for_itself() -> None:
    full = workload("b", ("QuotaReserved", "False", "Pending", FULL))
    pods = [gated("one", "a"), gated("two", "b"), {"metadata": {"uid": "c", "labels": {}}}]
    found = waiting({"kind": "Workflow"}, *pods, workloads=[full], on="argo")
    assert found == {
        "one": "waits in queue ml: Kueue has not looked at it yet",
        "two": f"waits in queue ml: no quota yet, Pending: {FULL}",
    }


def test_who_may_not_look_is_told_how() -> None:
    refused = Refusal(Why.FORBIDDEN, "no")
    assert "list workloads.kueue.x-k8s.io" in waiting(JOB, workloads=refused)["all"]
    assert "serves no Workloads" in waiting(JOB, served="")["all"]
    assert "no queue is named" in waiting(JOB, queue=None)["all"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Refusal(Why.FORBIDDEN, "no"), "let yourself list workloads"),
        (UnavailableError("conversion webhook failed"), "Kueue's API does not answer"),
    ],
)
def test_what_keeps_the_reason_from_being_known_ends_no_run(error: Exception, said: str) -> None:
    """The run needs nothing of Kueue's own API; only what it waits for is in it."""

    def fails(*_: str) -> None:
        raise error

    assert said in waiting(JOB, workloads=error)["all"]
    plan = make_plan(on="kubernetes", cluster=ClusterPolicy(image=IMAGE, queue="ml"))
    discovery: Any = SimpleNamespace(kind=fails)
    assert said in dict(Queue(plan, discovery).waiting(JOB, []))["all"]
