"""`lockproof reproduce --on kubernetes` in a queue of Kueue, by its own controller.

The cluster has Kueue with its integration of batch/v1 Jobs, and of plain pods for those of Argo
Workflows; the queues are these tests' own.
"""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from cluster import kueue
from cluster.test_runs import Lines
from integration.pipelines import Project, prove
from lockproof.model.report import Report, SkipReason
from lockproof.model.verdict import Verdict
from node.files import LIMIT, kubectl, wait_until
from node.test_lost import at_work, pods, policy, project
from node.test_on_cluster import command, engine, objects

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


@contextmanager
def queued(project: Project, queue: str) -> Iterator[None]:
    """Under a policy that names a queue."""
    with policy(project, "retries = 1", f'retries = 1\nqueue = "{queue}"'):
        yield


@dataclass
class Run:
    """A command at work."""

    process: "subprocess.Popen[str]"
    lines: Lines

    def says(self, text: str) -> None:
        """See that it says something, and goes on."""
        wait_until(lambda: self.lines.have(text) or self.process.poll() is not None)
        assert self.process.poll() is None, self.lines.said
        assert self.lines.have(text), self.lines.said

    def waiting(self) -> set[str]:
        """The tasks that were said to wait for quota."""
        told = [line.partition(f": {WAITS}") for line in self.lines.said.copy()]
        return {before.split()[-1] for before, what, _ in told if what}

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=LIMIT) == 130, self.lines.said

    def report(self) -> tuple[int, Report]:
        """Exit code and report."""
        assert self.process.stdout is not None
        report = Report.model_validate(json.loads(self.process.stdout.read()))
        return self.process.wait(timeout=LIMIT), report

    def passes(self, project: Project) -> None:
        code, report = self.report()
        said = (self.lines.said, report.findings)
        assert (code, report.verdict) == (0, Verdict.PASSED), said
        assert report.core() == prove(project).core()


@contextmanager
def run(project: Project, kubeconfig: Path, *argv: str) -> Iterator[Run]:
    with command(project, kubeconfig, *argv, "--format", "json") as process:
        try:
            yield Run(process, Lines(process))
        finally:
            process.kill()  # Where a test failed; else it has ended.


WORDS = kueue.FULL.partition(" in flavor")[0]  # The stand-in's, of another cluster's flavor.
WAITS = f"waits in queue ml: no quota yet, Pending: {WORDS} in flavor {NAME}, "
PREEMPTED = f"Preempted: {kueue.PREEMPTED.partition(' (UID')[0]}"
TASKS = {"prepare", "train", "slow"}
NEVER = f"insufficient quota for cpu in flavor {NAME}, previously considered podsets"


def test_over_its_quota_a_run_waits_and_says_for_what(
    project: Project, kubeconfig: Path, namespace: str, image: str, queue: str
) -> None:
    with queued(project, queue), ExitStack() as theirs:
        theirs.enter_context(other(kubeconfig, namespace, image))
        before = pods(kubeconfig, namespace)
        with run(project, kubeconfig, "--on", "kubernetes") as ours:
            ours.says(WAITS)
            assert pods(kubeconfig, namespace) == before
            theirs.close()
            ours.passes(project)


def test_preempted_while_it_ran_a_run_goes_on_later(
    project: Project, kubeconfig: Path, namespace: str, image: str, queue: str
) -> None:
    before = pods(kubeconfig, namespace)
    with queued(project, queue), run(project, kubeconfig, "--on", "kubernetes") as ours:
        at_work(ours.process, kubeconfig, namespace, before)
        with other(kubeconfig, namespace, image, priority_class=NAME):
            ours.says(f"{WAITS}80m more needed; {PREEMPTED}")
        ours.passes(project)


def test_who_leaves_while_it_waits_finds_it_again(
    project: Project, kubeconfig: Path, namespace: str, image: str, queue: str
) -> None:
    with queued(project, queue), ExitStack() as theirs:
        theirs.enter_context(other(kubeconfig, namespace, image))
        with command(project, kubeconfig, "--on", "kubernetes", "--detach") as process:
            ident = process.communicate(timeout=LIMIT)[0].strip()
        assert process.returncode == 0
        with run(project, kubeconfig, "--attach", ident) as ours:
            ours.says(WAITS)
            ours.interrupt()
        assert f"job.batch/{ident}" in objects(kubeconfig, namespace)
        with run(project, kubeconfig, "--attach", ident) as ours:
            ours.says(WAITS)
            theirs.close()
            ours.passes(project)


def test_interrupted_while_it_waits_it_leaves_nothing(
    project: Project, kubeconfig: Path, namespace: str, image: str, queue: str
) -> None:
    before = set(objects(kubeconfig, namespace))
    with queued(project, queue), other(kubeconfig, namespace, image):
        there = workloads(kubeconfig, namespace)
        with run(project, kubeconfig, "--on", "kubernetes") as ours:
            ours.says(WAITS)
            assert workloads(kubeconfig, namespace) > there
            ours.interrupt()
        wait_until(lambda: set(objects(kubeconfig, namespace)) <= before)
        wait_until(lambda: workloads(kubeconfig, namespace) <= there)


def workloads(kubeconfig: Path, namespace: str) -> set[str]:
    return set(kubectl(kubeconfig, "-n", namespace, "get", "workloads", "-o", "name").split())


@pytest.mark.parametrize(
    ("name", "cpu", "why"),
    [("nobodys", "50m", "LocalQueue nobodys doesn't exist"), ("ml", "200m", NEVER)],
    ids=["no queue", "never fits"],
)
def test_what_is_never_admitted_is_no_verdict_and_named(
    project: Project, kubeconfig: Path, namespace: str, queue: str, name: str, cpu: str, why: str
) -> None:
    with (
        queued(project, name),
        policy(project, 'cpu = "50m"', f'cpu = "{cpu}"'),
        policy(project, 'deadline = "20m"', 'deadline = "20s"'),
        run(project, kubeconfig, "--on", "kubernetes") as ours,
    ):
        code, report = ours.report()
    assert (code, report.verdict) == (5, Verdict.INCONCLUSIVE), ours.lines.said
    assert {s.skipped for s in report.stages} == {SkipReason.NOT_REPORTED}
    assert f"waits in queue {name}: no quota yet, " in report.findings[0].message
    assert why in report.findings[0].message
    (left,) = [line for line in ours.lines.said if "the run goes on: " in line]
    ident = left.split()[-1]
    assert f"job.batch/{ident}" in objects(kubeconfig, namespace)
    kubectl(kubeconfig, "-n", namespace, "delete", "job", ident)


@pytest.fixture
def of_pods(kubeconfig: Path, namespace: str, image: str, queue: str) -> str:
    """The queue, where Kueue looks after plain pods, too."""
    engine(kubeconfig, "argo")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "seen",
            "namespace": namespace,
            "labels": {"kueue.x-k8s.io/queue-name": queue},
        },
        "spec": {"containers": [{"name": "one", "image": image}]},
    }
    words = ("create", "--dry-run=server", "-o", "json", "-f", "-")
    if "schedulingGates" not in kubectl(kubeconfig, *words, given=yaml.safe_dump(pod)):
        pytest.skip("no cluster with nodes that has Kueue for plain pods")
    return queue


def test_each_pod_of_a_workflow_waits_for_its_quota(
    project: Project, kubeconfig: Path, namespace: str, image: str, of_pods: str
) -> None:
    """There is room for one at a time."""
    with queued(project, of_pods), ExitStack() as theirs:
        theirs.enter_context(other(kubeconfig, namespace, image))
        with run(project, kubeconfig, "--on", "argo") as ours:
            wait_until(lambda: len(ours.waiting()) == 3 or ours.process.poll() is not None)
            assert {task.rpartition("-")[0] for task in ours.waiting()} == TASKS, ours.lines.said
            theirs.close()
            ours.passes(project)


def test_a_preempted_pod_of_a_workflow_is_tried_again(
    project: Project, kubeconfig: Path, namespace: str, image: str, of_pods: str
) -> None:
    before = pods(kubeconfig, namespace)
    with queued(project, of_pods), run(project, kubeconfig, "--on", "argo") as ours:
        pod = at_work(ours.process, kubeconfig, namespace, before)
        with other(kubeconfig, namespace, image, priority_class=NAME):
            assert pod not in pods(kubeconfig, namespace, "status.phase=Running")
        ours.passes(project)


def test_a_preempted_pod_that_is_not_tried_again_is_no_verdict_and_named(
    project: Project, kubeconfig: Path, namespace: str, image: str, of_pods: str
) -> None:
    before = pods(kubeconfig, namespace)
    with (
        queued(project, of_pods),
        policy(project, "retries = 1", "retries = 0"),
        run(project, kubeconfig, "--on", "argo") as ours,
    ):
        at_work(ours.process, kubeconfig, namespace, before)
        with other(kubeconfig, namespace, image, priority_class=NAME):
            pass
        code, report = ours.report()
    assert (code, report.verdict) == (5, Verdict.INCONCLUSIVE), (ours.lines.said, report.findings)
    lost = [s.address for s in report.stages if s.skipped is SkipReason.NOT_REPORTED]
    assert lost == ["slow"]
    (why,) = [f.message for f in report.findings if f.rule == "LP708"]
    taken = "its pod was taken away: WorkloadEvicted: Preempted to accommodate"
    gone = "its pod was deleted before it was seen to end"  # It is not there for long.
    assert taken in why or gone in why
