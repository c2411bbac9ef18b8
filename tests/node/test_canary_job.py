"""A canary judged by Jobs, for real: pods that look, and Argo Rollouts that counts how they end.

All is that of control-plane/components/canary-job as the overlay builds it, but for namespaces, the
address of Prometheus, what is looked at and the time between two Jobs. Argo Rollouts is the
Deployment of its own install.yaml in `argo-rollouts`: it is told where to make Jobs, and at the end
to make them where it did.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from integration.test_canary_component import DIGEST, bodies_of, clone
from node.test_canary import CHECKS, IMAGE, SCRAPES, Node, back, files, under_traffic

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("node")]

CONTROLLER = ("-n", "argo-rollouts")
WHERE = "ARGO_ROLLOUTS_ANALYSIS_JOB_NAMESPACE"
OFTEN = (CHECKS.replace("interval: 10", "interval: 4"), SCRAPES.replace("2s", "1s"))


def settled(node: Node) -> None:
    """Until its controller is the one that is wanted."""
    node.kubectl(*CONTROLLER, "rollout", "status", "deployment/argo-rollouts", "--timeout=170s")


@contextmanager
def jobs_in(node: Node, namespace: str) -> Iterator[None]:
    """Tell Argo Rollouts where to make Jobs."""
    setting = [*CONTROLLER, "set", "env", "deployment/argo-rollouts"]
    deployment = node.kubectl(*CONTROLLER, "get", "deployment", "argo-rollouts", "-o", "json")
    (container,) = json.loads(deployment)["spec"]["template"]["spec"]["containers"]
    was = [one["value"] for one in container.get("env", ()) if one["name"] == WHERE]
    node.kubectl(*setting, f"{WHERE}={namespace}")
    settled(node)
    try:
        yield
    finally:
        node.kubectl(*setting, f"{WHERE}={was[0]}" if was else f"{WHERE}-")
        settled(node)


@pytest.fixture(scope="module")
def component(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return bodies_of(clone(tmp_path_factory.mktemp("canary-job"), "canary-job"))


@pytest.fixture(scope="module")
def node(component: list[dict[str, Any]]) -> Iterator[Node]:
    def analysis(namespace: str) -> list[Any]:
        bodies = [b for b in component if b["metadata"]["name"] == "model-canary"]
        text = json.dumps(bodies)
        for old, new in (
            (f"registry.example/lockproof@{DIGEST}", IMAGE),
            ("prometheus-kube-prometheus-prometheus.monitoring.svc", f"prometheus.{namespace}.svc"),
            ('"interval": "10s"', '"interval": "1s"'),
            ('"namespace": "serving"', f'"namespace": "{namespace}"'),
        ):
            assert old in text
            text = text.replace(old, new)
        return list(json.loads(text))

    with under_traffic(analysis, OFTEN[1]) as one:
        around = [
            b
            for b in component
            if "canary" in (b["metadata"].get("namespace"), b["metadata"]["name"])
            and b["kind"] != "ConfigMap"
        ]
        named = json.dumps(around)
        for key in ("namespace", "name"):
            named = named.replace(f'"{key}": "canary"', f'"{key}": "{jobs(one)}"')
        order = ["Namespace", "ResourceQuota", "ServiceAccount", "NetworkPolicy"]
        parts = sorted(json.loads(named), key=lambda b: order.index(b["kind"]))
        try:
            one.kubectl("apply", "-f", "-", given="---\n".join(json.dumps(b) + "\n" for b in parts))
            checks = files("canary-checks-job", **{"canary-checks__yaml": OFTEN[0]})
            one.kubectl("-n", jobs(one), "apply", "-f", "-", given=json.dumps(checks))
            with jobs_in(one, jobs(one)):
                yield one
        finally:
            one.kubectl("delete", "namespace", jobs(one), "--wait=false")


def jobs(node: Node) -> str:
    """The namespace of its Jobs."""
    return f"{node.name}-jobs"


def ended(node: Node, run: Any) -> list[int]:
    """The exit codes of the pods of an analysis, in the order of its Jobs."""
    pods = json.loads(node.kubectl("-n", jobs(node), "get", "pods", "-o", "json"))["items"]
    (metric,) = run["metricResults"]
    codes = {}
    for pod in pods:
        job = pod["metadata"]["labels"]["job-name"]
        (container,) = pod["status"]["containerStatuses"]
        codes[job] = container["state"]["terminated"]["exitCode"]
    return [codes[one["metadata"]["job-name"]] for one in metric["measurements"]]


def test_a_controller_that_restarts_in_the_middle_goes_on_with_the_job(node: Node) -> None:
    node.watched(40)
    before = node.release()

    def looks() -> bool:
        found = json.loads(node.kubectl("-n", jobs(node), "get", "pods", "-o", "json"))["items"]
        return any(pod["status"]["phase"] == "Running" for pod in found)

    node.until(looks)
    node.kubectl(*CONTROLLER, "delete", "pod", "-l", "app.kubernetes.io/name=argo-rollouts",
                 "--grace-period=0", "--force")  # fmt: skip
    settled(node)
    node.until(lambda: node.analysis(before).get("phase") == "Successful", 500)
    assert ended(node, node.analysis(before)) == [0, 0]
    node.until(lambda: node.rollout()[0] == "Healthy")


@pytest.mark.parametrize(
    ("changed", "lacks", "codes", "ends", "phase"),
    [
        ({}, "", [0, 0], "Successful", "Healthy"),
        ({"FAILING": "0.05"}, "", [1, 1, 1], "Failed", "Degraded"),
        ({}, "prometheus", [0, 1, 0, 1], "Inconclusive", "Paused"),
    ],
    ids=["passed", "failed", "inconclusive"],
)
def test_jobs_come_to_three_outcomes(
    changed: dict[str, str], lacks: str, codes: list[int], ends: str, phase: str, node: Node
) -> None:
    node.watched(40)
    if lacks:
        node.scale(lacks, 0)
    try:
        before = node.release(**changed)
        node.until(lambda: node.analysis(before).get("phase") == ends, 500)
        assert ended(node, node.analysis(before)) == codes
        node.until(lambda: node.rollout()[0] == phase)
        status = node.rollout()[1]
        assert (status["stableRS"] == status["currentPodHash"]) == (ends == "Successful")
        assert status.get("abort") == (True if ends == "Failed" else None)
        if ends != "Successful":
            back(node)
    finally:
        if lacks:
            node.scale(lacks, 1)
            node.ready(lacks)
