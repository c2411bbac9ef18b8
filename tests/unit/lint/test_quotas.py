"""Quotas, and what their namespaces need to run and to be updated."""

from typing import Any

import pytest

from lockproof.model.manifest import Bundle, Manifest
from lockproof.rules.manifests.quotas import quota_findings


def manifest(version: str, kind: str, name: str, spec: Any, namespace: str = "n") -> Manifest:
    metadata = {"name": name, "namespace": namespace}
    value = {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
    return Manifest(value, lambda _: ("all.yaml", 1))


def pod(memory: str, cpu: str = "10m") -> dict[str, Any]:
    resources = {"requests": {"memory": memory, "cpu": cpu}}
    return {"spec": {"containers": [{"name": "c", "resources": resources}]}}


def workload(kind: str, memory: str, replicas: int = 1, **spec: Any) -> Manifest:
    version = "argoproj.io/v1alpha1" if kind == "Rollout" else "apps/v1"
    name = kind.lower()
    return manifest(version, kind, name, {"replicas": replicas, "template": pod(memory), **spec})


def told(hard: dict[str, str], *others: Manifest, **more: Any) -> list[str]:
    quota = manifest("v1", "ResourceQuota", "budget", {"hard": hard, **more})
    found, count = quota_findings(Bundle("b", (quota, *others)))
    assert count == (0 if more else 1)
    assert {one.rule for one in found} <= {"LP628"}
    return [one.message for one in found]


ROOM = {"requests.memory": "256Mi", "requests.cpu": "1"}
SURGES = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


@pytest.mark.parametrize(
    ("fits", "others"),
    [
        (True, [workload("Deployment", "128Mi")]),
        # One pod more, by the defaults: 25 % of one is one more and none less.
        (False, [workload("Deployment", "129Mi")]),
        (False, [workload("Deployment", "129Mi", strategy=SURGES)]),
        (True, [workload("Deployment", "256Mi", strategy={"type": "Recreate"})]),
        (
            True,
            [workload("Deployment", "256Mi", strategy={"rollingUpdate": {"maxUnavailable": 1}})],
        ),
        # A quarter of four is one that may be less.
        (True, [workload("Deployment", "64Mi", replicas=4)]),
        (False, [workload("Deployment", "65Mi", replicas=4)]),
        (True, [workload("StatefulSet", "256Mi")]),
        (False, [workload("StatefulSet", "257Mi")]),
        (
            False,
            [workload("Rollout", "60Mi", 4, strategy={"canary": SURGES["rollingUpdate"]})],
        ),
        (True, [workload("Rollout", "51Mi", 4, strategy={"canary": SURGES["rollingUpdate"]})]),
        (False, [workload("Rollout", "60Mi", 4, strategy={"blueGreen": {}})]),
        # Two at once wait for each other's end; the larger must fit.
        (True, [workload("Deployment", "100Mi"), workload("DaemonSet", "56Mi")]),
        (False, [workload("Deployment", "100Mi"), workload("DaemonSet", "57Mi")]),
    ],
)
def test_an_update_needs_room_for_its_first_pod(fits: bool, others: list[Manifest]) -> None:
    assert bool(told(ROOM, *others)) is not fits


def test_a_job_needs_room_beside_what_always_runs() -> None:
    spec = {"jobTemplate": {"spec": {"template": pod("100Mi")}}}
    backup = manifest("batch/v1", "CronJob", "backup", spec)
    (message,) = told(ROOM, workload("StatefulSet", "200Mi"), backup)
    assert "CronJob/backup needs 100Mi more to begin" in message
    assert not told(ROOM, workload("StatefulSet", "156Mi"), backup)


def test_what_it_says() -> None:
    (message,) = told(ROOM, workload("Deployment", "200Mi"))
    assert message == (
        "ResourceQuota/budget: it allows 256Mi of memory in n, where pods request 200Mi and"
        " Deployment/deployment needs 200Mi more to begin, which would be refused for ever:"
        " raise it, or lower requests, replicas or maxSurge"
    )
    (message,) = told({"memory": "256Mi"}, workload("Deployment", "200Mi", 2))
    assert "pods request 400Mi, the most Deployment/deployment" in message


def test_other_namespaces_and_quotas_of_some_pods_are_left_out() -> None:
    elsewhere = manifest("apps/v1", "Deployment", "d", {"template": pod("9Gi")}, "m")
    assert not told(ROOM, elsewhere)
    assert not told(ROOM, workload("Deployment", "9Gi"), scopes=["BestEffort"])
    assert not told({"pods": "1"}, workload("Deployment", "9Gi"))


@pytest.mark.parametrize("strange", [None, "x%", "%", True, {}, [], "1e400%", -1, 10**40])
def test_strange_values_are_no_error_here(strange: Any) -> None:
    """The schema's check names them."""
    rolling = {"rollingUpdate": {"maxSurge": strange, "maxUnavailable": strange}}
    told(ROOM, workload("Deployment", "1Mi", strategy=rolling))
    told(ROOM, workload("Rollout", "1Mi", strategy={"canary": strange, "blueGreen": strange}))
    told({"requests.memory": strange}, workload("Deployment", "1Mi", replicas=strange))
