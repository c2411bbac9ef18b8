"""`lockproof reproduce --on kubernetes` in a queue of Kueue, by its own controller.

The cluster has Kueue with its integration of batch/v1 Jobs; the queues are these tests' own.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster import kueue
from cluster.test_runs import Lines
from integration.pipelines import Project, prove
from lockproof.model.report import Report, SkipReason
from lockproof.model.verdict import Verdict
from node.files import LIMIT, kubectl, wait_until
from node.test_lost import at_work, pods, policy, project, result
from node.test_on_cluster import command

__all__ = ["project"]  # A proved pipeline that takes its time.

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("node")]

NAME = "lockproof-test"
QUEUES = """
apiVersion: kueue.x-k8s.io/v1beta2
kind: ResourceFlavor
metadata: {{name: {name}}}
---
apiVersion: kueue.x-k8s.io/v1beta2
kind: WorkloadPriorityClass
metadata: {{name: {name}}}
value: 1000
---
apiVersion: kueue.x-k8s.io/v1beta2
kind: ClusterQueue
metadata: {{name: {name}}}
spec:
  namespaceSelector: {{}}
  preemption: {{withinClusterQueue: LowerPriority}}
  resourceGroups:
    - coveredResources: [cpu, memory]
      flavors:
        - name: {name}
          resources: [{{name: cpu, nominalQuota: 100m}}, {{name: memory, nominalQuota: 4Gi}}]
---
apiVersion: kueue.x-k8s.io/v1beta2
kind: LocalQueue
metadata: {{name: ml, namespace: {namespace}}}
spec: {{clusterQueue: {name}}}
"""


@pytest.fixture(scope="module")
def queue(kubeconfig: Path, namespace: str) -> Iterator[str]:
    """One with room for two such pods, or one and a larger one."""
    kinds = kubectl(kubeconfig, "api-resources", "--api-group=kueue.x-k8s.io", "-o", "name")
    if "clusterqueues" not in kinds:
        pytest.skip("no cluster with nodes that has Kueue")
    text = QUEUES.format(name=NAME, namespace=namespace)
    kubectl(kubeconfig, "apply", "-f", "-", given=text)
    yield "ml"
    kubectl(kubeconfig, "delete", "--ignore-not-found", "--wait=false", "-f", "-", given=text)


@contextmanager
def other(kubeconfig: Path, namespace: str, image: str, **labels: str) -> Iterator[None]:
    """Somebody else's Job, that has most of the quota."""
    asks = {"requests": {"cpu": "80m", "memory": "64Mi"}}
    container = {"name": "one", "image": image, "command": ["sleep", "3600"], "resources": asks}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": "other",
            "namespace": namespace,
            "labels": {"kueue.x-k8s.io/queue-name": "ml"}
            | {f"kueue.x-k8s.io/{key.replace('_', '-')}": value for key, value in labels.items()},
        },
        "spec": {
            "suspend": True,
            "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
        },
    }
    kubectl(kubeconfig, "apply", "-f", "-", given=yaml.safe_dump(job))
    words = ("-n", namespace, "get", "job", "other", "-o", "json")
    try:
        wait_until(lambda: json.loads(kubectl(kubeconfig, *words))["status"].get("active"))
        yield
    finally:
        kubectl(kubeconfig, "-n", namespace, "delete", "job", "other", "--cascade=foreground",
                f"--timeout={LIMIT}s")  # fmt: skip


def ended(process: Any) -> tuple[int, Report]:
    """Exit code and report of a command whose lines are read already."""
    report = Report.model_validate(json.loads(process.stdout.read()))
    return process.wait(timeout=LIMIT), report


def test_over_its_quota_a_run_waits_and_says_for_what(
    project: Project, kubeconfig: Path, namespace: str, image: str, queue: str
) -> None:
    words = kueue.FULL.partition(" in flavor")[0]  # The stand-in's, of another cluster's flavor.
    argv = ("--on", "kubernetes", "--format", "json")
    with policy(project, "retries = 1", f'retries = 1\nqueue = "{queue}"'):
        with other(kubeconfig, namespace, image):
            before = pods(kubeconfig, namespace)
            process = command(project, kubeconfig, *argv)
            lines = Lines(process)
            told = f"waits in queue ml: no quota yet, Pending: {words} in flavor {NAME}, "
            wait_until(lambda: lines.have(told) or process.poll() is not None)
            assert lines.have(told), lines.said
            assert pods(kubeconfig, namespace) == before
        code, report = ended(process)
    assert (code, report.verdict) == (0, Verdict.PASSED), (lines.said, report.findings)
    assert report.core() == prove(project).core()


def test_preempted_while_it_ran_a_run_goes_on_later(
    project: Project, kubeconfig: Path, namespace: str, image: str, queue: str
) -> None:
    argv = ("--on", "kubernetes", "--format", "json")
    with policy(project, "retries = 1", f'retries = 1\nqueue = "{queue}"'):
        before = pods(kubeconfig, namespace)
        process = command(project, kubeconfig, *argv)
        lines = Lines(process)
        at_work(process, kubeconfig, namespace, before)
        with other(kubeconfig, namespace, image, priority_class=NAME):
            told = kueue.PREEMPTED.partition(" (UID")[0]
            wait_until(lambda: lines.have(told) or process.poll() is not None)
            assert lines.have(f"waits in queue ml: no quota yet, Pending: {told}"), lines.said
        code, report = ended(process)
    assert (code, report.verdict) == (0, Verdict.PASSED), (lines.said, report.findings)
    assert report.core() == prove(project).core()


def test_a_queue_that_is_not_there_is_no_verdict_and_named(
    project: Project, kubeconfig: Path, queue: str
) -> None:
    now = 'retries = 1\nqueue = "nobodys"'
    with (
        policy(project, "retries = 1", now),
        policy(project, 'deadline = "20m"', 'deadline = "20s"'),
        command(project, kubeconfig, "--on", "kubernetes", "--format", "json") as process,
    ):
        code, report, said = result(process)
    assert (code, report.verdict) == (5, Verdict.INCONCLUSIVE), said
    assert {s.skipped for s in report.stages} == {SkipReason.NOT_REPORTED}
    assert "waits in queue nobodys: " in report.findings[0].message
    assert "LocalQueue nobodys doesn't exist" in report.findings[0].message
