"""When an object is ready."""

from typing import Any

import pytest

from lockproof.steps.provision.readiness import State, readiness

BUCKET = "s3.aws.m.upbound.io/v1beta1 Bucket"


def thing(which: str, status: Any = None, **rest: Any) -> dict[str, Any]:
    version, kind = which.split()
    metadata = {"name": "a", "generation": 2, **rest.pop("metadata", {})}
    spec = {"forProvider": {}} if "upbound" in version else {}
    body = {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec, **rest}
    return body if status is None else body | {"status": status}


def said(**conditions: str) -> dict[str, Any]:
    """`Ready="False Creating"`: the status and the reason of a condition."""
    listed = []
    for name, text in conditions.items():
        status, _, reason = text.partition(" ")
        listed.append({"type": name, "status": status, "reason": reason, "message": reason})
    return {"conditions": listed}


STALE = {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1}]}
ROLLED = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "observedGeneration": 2}


@pytest.mark.parametrize(
    ("body", "state"),
    [
        (thing("v1 ConfigMap"), State.READY),
        (thing("v1 ConfigMap", metadata={"deletionTimestamp": "now"}), State.WAITING),
        (thing(BUCKET), State.UNSEEN),
        (thing(BUCKET, said(Ready="True")), State.WAITING),
        (thing(BUCKET, said(Synced="True", Ready="True")), State.READY),
        (thing(BUCKET, said(Synced="True", Ready="False Creating")), State.WAITING),
        (thing(BUCKET, said(Synced="False ReconcileError", Ready="True")), State.FAILING),
        (
            thing(BUCKET, said(Synced="True", Ready="True", LastAsyncOperation="False Denied")),
            State.FAILING,
        ),
        (
            thing(BUCKET, said(Synced="True", Ready="True", LastAsyncOperation="True")),
            State.READY,
        ),
        (
            thing(
                BUCKET,
                said(Synced="True", Ready="True"),
                metadata={"annotations": {"crossplane.io/paused": "true"}},
            ),
            State.FAILING,
        ),
        (thing("example.org/v1 X", said(Ready="False Broken")), State.FAILING),
        (thing("example.org/v1 X", STALE), State.WAITING),
        (thing("example.org/v1 X", {"phase": "whatever"}), State.READY),
        (thing("kustomize.toolkit.fluxcd.io/v1 Kustomization"), State.UNSEEN),
        (
            thing(
                "kustomize.toolkit.fluxcd.io/v1 Kustomization", said(Ready="True", Stalled="True")
            ),
            State.FAILING,
        ),
        (thing("apps/v1 Deployment"), State.UNSEEN),
        (thing("apps/v1 Deployment", ROLLED), State.READY),
        (thing("apps/v1 Deployment", ROLLED | {"observedGeneration": 1}), State.WAITING),
        (thing("apps/v1 Deployment", ROLLED | {"availableReplicas": 0}), State.WAITING),
        (thing("apps/v1 Deployment", ROLLED | {"replicas": 2}), State.WAITING),
        (
            thing(
                "apps/v1 Deployment",
                ROLLED | said(Progressing="False ProgressDeadlineExceeded"),
            ),
            State.FAILED,
        ),
        (
            thing(
                "apps/v1 StatefulSet",
                {"observedGeneration": 2, "readyReplicas": 1, "updatedReplicas": 1},
            ),
            State.READY,
        ),
        (
            thing(
                "apps/v1 StatefulSet",
                {"observedGeneration": 2, "readyReplicas": 1, "updatedReplicas": 0},
            ),
            State.WAITING,
        ),
        (thing("apps/v1 DaemonSet", {"observedGeneration": 2}), State.READY),
        (
            thing(
                "apps/v1 DaemonSet",
                {"observedGeneration": 2, "desiredNumberScheduled": 2, "numberAvailable": 1},
            ),
            State.WAITING,
        ),
        (thing("batch/v1 Job"), State.UNSEEN),
        (thing("batch/v1 Job", said(Complete="True")), State.READY),
        (thing("batch/v1 Job", said(Failed="True BackoffLimitExceeded")), State.FAILED),
        (thing("v1 PersistentVolumeClaim", {"phase": "Pending"}), State.WAITING),
        (thing("v1 PersistentVolumeClaim", {"phase": "Bound"}), State.READY),
        (thing("v1 PersistentVolumeClaim", {"phase": "Lost"}), State.FAILING),
        (thing("v1 Service", {}), State.READY),
        (thing("v1 Service", {"loadBalancer": {}}, spec={"type": "LoadBalancer"}), State.WAITING),
        (thing("pkg.crossplane.io/v1 Provider", said(Installed="True")), State.WAITING),
        (
            thing("pkg.crossplane.io/v1 Provider", said(Installed="True", Healthy="True")),
            State.READY,
        ),
        (
            thing("argoproj.io/v1alpha1 Rollout", {"observedGeneration": "2", "phase": "Healthy"}),
            State.READY,
        ),
        (
            thing("argoproj.io/v1alpha1 Rollout", {"observedGeneration": "1", "phase": "Healthy"}),
            State.WAITING,
        ),
        (
            thing("argoproj.io/v1alpha1 Rollout", {"observedGeneration": "2", "phase": "Degraded"}),
            State.FAILING,
        ),
        (thing("argoproj.io/v1alpha1 Application", {}), State.UNSEEN),
        (
            thing(
                "argoproj.io/v1alpha1 Application",
                {"health": {"status": "Healthy"}, "sync": {"status": "OutOfSync"}},
            ),
            State.WAITING,
        ),
    ],
)
def test_states(body: dict[str, Any], state: State) -> None:
    found = readiness(body)
    assert found.state == state
    assert found.ready == (state is State.READY)
    assert bool(found.reason) != found.ready, "just what is not ready says why"


def test_a_composite_resource_is_held_to_both_conditions() -> None:
    body = thing("platform.example.org/v1 ModelStore", said(Ready="True"))
    assert readiness(body).ready
    assert readiness(body, composite=True).state is State.WAITING


def test_the_controllers_words_are_told() -> None:
    body = thing(BUCKET, said(LastAsyncOperation="False AccessDenied", Ready="True", Synced="True"))
    assert readiness(body).reason == "LastAsyncOperation=False: AccessDenied"
