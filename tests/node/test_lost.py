"""`lockproof reproduce --on` where its pod is evicted, or its node is away or lost meanwhile.

A node that answers nobody is one whose kubelet is stopped, which takes a shell on it:
$LOCKPROOF_TEST_NODE_SHELL is a command that runs its arguments there, as root.
"""

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from integration.pipelines import SORT_AND_TRAIN, Project, new_project, prove
from lockproof.model.report import Report, SkipReason
from lockproof.model.verdict import Verdict
from node.files import LIMIT, kubectl, served, wait_until
from node.test_on_cluster import ACCOUNT, ENGINES, POLICY, TRAIN, command, engine

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("node")]

PIPELINE = (
    SORT_AND_TRAIN.replace("python3 train.py", TRAIN).replace("[train.py, data.csv]", "[data.csv]")
    + """
  slow:
    cmd: sleep 20 && wc -l < raw.csv > lines.txt
    deps: [raw.csv]
    outs: [lines.txt]
"""
)


@pytest.fixture(scope="module")
def project(
    kubeconfig: Path, namespace: str, image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """A proved pipeline that takes its time; on the branch `once` no pod is tried again."""
    kubectl(kubeconfig, "apply", "-f", "-", given=ACCOUNT.format(namespace))
    project = new_project(tmp_path_factory.mktemp("project"))
    text = POLICY.format(namespace=namespace, image=image, account="prover")
    text = text.replace('"8m"', '"20m"').replace('"5m"', '"15m"')
    project.write({"dvc.yaml": PIPELINE, "raw.csv": "b\na\n", "lockproof.toml": text})
    project.dvc("add", "-q", "raw.csv")
    project.repro()
    there = f"http://files.{namespace}.svc:8080/remote"
    project.dvc("remote", "modify", "-q", "store", "url", there)
    project.commit("where pods find it")
    with served(kubeconfig, namespace, image, project):
        yield project


@contextmanager
def policy(project: Project, was: str, now: str) -> Iterator[None]:
    """The work tree's policy is the one that counts."""
    path = project.root / "lockproof.toml"
    text = path.read_text()
    assert was in text
    path.write_text(text.replace(was, now))
    try:
        yield
    finally:
        path.write_text(text)


def at_work(
    process: "subprocess.Popen[str]", kubeconfig: Path, namespace: str, before: set[str]
) -> str:
    """A pod of the run, once its stages have begun, and no other pod has that name."""

    def found() -> str:
        assert process.poll() is None, "it ended before a stage began"
        words = ("-n", namespace, "get", "pods", "-l", "lockproof.dev/run", "-o", "json")
        for one in json.loads(kubectl(kubeconfig, *words))["items"]:
            name = one["metadata"]["name"]
            if name in before or "deletionTimestamp" in one["metadata"]:
                continue
            main = [s for s in one["status"].get("containerStatuses", ()) if s["name"] == "main"]
            log = kubectl(kubeconfig, "-n", namespace, "logs", name, "-c", "main") if any(
                "running" in s["state"] for s in main
            ) else ""  # fmt: skip
            if "slow" in log:
                return str(name)
        return ""

    return str(wait_until(found))


def pods(kubeconfig: Path, namespace: str, which: str = "") -> set[str]:
    """Those of runs; the ones with these fields."""
    words = ("-n", namespace, "get", "pods", "-l", "lockproof.dev/run", "-o", "name")
    found = kubectl(kubeconfig, *words, "--field-selector", which)
    return {one.removeprefix("pod/") for one in found.split()}


def evict(kubeconfig: Path, namespace: str, pod: str) -> None:
    """As `kubectl drain` does."""
    place = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
    body: dict[str, Any] = {"apiVersion": "policy/v1", "kind": "Eviction"}
    body["metadata"] = {"name": pod, "namespace": namespace}
    kubectl(kubeconfig, "create", "--raw", place, "-f", "-", given=json.dumps(body))


def result(process: "subprocess.Popen[str]") -> tuple[int, Report, str]:
    out, err = process.communicate(timeout=LIMIT)
    assert out, err
    return process.returncode, Report.model_validate(json.loads(out)), err


@pytest.mark.parametrize("on", ENGINES)
def test_an_evicted_pod_is_tried_again(
    project: Project, kubeconfig: Path, namespace: str, on: str
) -> None:
    engine(kubeconfig, on)
    before = pods(kubeconfig, namespace)
    with command(project, kubeconfig, "--on", on, "--format", "json") as process:
        evict(kubeconfig, namespace, at_work(process, kubeconfig, namespace, before))
        code, report, said = result(process)
    assert (code, report.verdict) == (0, Verdict.PASSED), (said, report.findings)
    assert report.core() == prove(project).core()


@pytest.mark.parametrize(
    ("on", "verdict"), [("kubernetes", Verdict.PASSED), ("argo", Verdict.INCONCLUSIVE)]
)
def test_without_retries_an_evicted_pod_is_another_one_of_a_job_and_no_verdict_of_a_workflow(
    project: Project, kubeconfig: Path, namespace: str, on: str, verdict: Verdict
) -> None:
    engine(kubeconfig, on)
    before = pods(kubeconfig, namespace)
    with (
        policy(project, "retries = 1", "retries = 0"),
        command(project, kubeconfig, "--on", on, "--format", "json") as process,
    ):
        pod = at_work(process, kubeconfig, namespace, before)
        if on == "argo":
            wait_until(lambda: known(kubeconfig, namespace, pod))
        evict(kubeconfig, namespace, pod)
        code, report, said = result(process)
    assert report.verdict is verdict, (said, report.findings)
    if verdict is Verdict.PASSED:
        assert code == 0
        assert report.core() == prove(project).core()
    else:
        assert code == 5
        lost = {s.address for s in report.stages if s.skipped is SkipReason.NOT_REPORTED}
        assert "slow" in lost
        passed = {s.verdict for s in report.stages if s.address not in lost}
        assert passed <= {Verdict.PASSED}
        assert "LP708" in {f.rule for f in report.findings}


def known(kubeconfig: Path, namespace: str, pod: str) -> bool:
    """Whether Argo's controller knows that it runs: else it makes another that was never begun."""
    words = ("-n", namespace, "get", "workflows", "-o", "json")
    found = json.loads(kubectl(kubeconfig, *words))["items"]
    nodes = [n for one in found for n in one.get("status", {}).get("nodes", {}).values()]
    ident = pod.rpartition("-")[2]
    return any(n["phase"] == "Running" and n["id"].endswith(f"-{ident}") for n in nodes)


def on_node(*words: str) -> str:
    """What a command prints there."""
    shell = os.environ.get("LOCKPROOF_TEST_NODE_SHELL")
    if not shell:
        pytest.skip("no cluster with nodes that may be stopped: LOCKPROOF_TEST_NODE_SHELL is unset")
    argv = [*shlex.split(shell), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=LIMIT).stdout


def ready(kubeconfig: Path) -> bool:
    """Whether the API server takes the node for one that works."""
    (one,) = json.loads(kubectl(kubeconfig, "get", "nodes", "-o", "json"))["items"]
    states = {c["type"]: c["status"] for c in one["status"]["conditions"]}
    return bool(states["Ready"] == "True")


@contextmanager
def away(kubeconfig: Path) -> Iterator[None]:
    """The node answers nobody, and its API server knows."""
    pid = on_node("pidof", "kubelet").strip()
    on_node("kill", "-STOP", pid)
    try:
        wait_until(lambda: not ready(kubeconfig))
        yield
    finally:
        on_node("kill", "-CONT", pid)
        wait_until(lambda: ready(kubeconfig))


def test_a_node_that_is_away_costs_no_verdict(
    project: Project, kubeconfig: Path, namespace: str
) -> None:
    on_node("true")
    before = pods(kubeconfig, namespace)
    with command(project, kubeconfig, "--on", "kubernetes", "--format", "json") as process:
        at_work(process, kubeconfig, namespace, before)
        with away(kubeconfig):
            assert process.poll() is None, process.communicate()
        code, report, said = result(process)
    assert (code, report.verdict) == (0, Verdict.PASSED), (said, report.findings)
    assert report.core() == prove(project).core()


def by_force(kubeconfig: Path, namespace: str, pod: str) -> None:
    """As somebody does who has lost patience with a node."""
    kubectl(kubeconfig, "-n", namespace, "delete", "pod", pod, "--force", "--grace-period=0",
            "--wait=false")  # fmt: skip


def test_a_pod_deleted_by_force_while_its_node_is_away_is_said_to_be(
    project: Project, kubeconfig: Path, namespace: str
) -> None:
    """The Job makes no other one before it is known how this one ended, and nobody can say."""
    on_node("true")
    before = pods(kubeconfig, namespace)
    with (
        policy(project, 'deadline = "20m"', 'deadline = "4m"'),
        command(project, kubeconfig, "--on", "kubernetes", "--format", "json") as process,
    ):
        pod = at_work(process, kubeconfig, namespace, before)
        with away(kubeconfig):
            by_force(kubeconfig, namespace, pod)
            code, report, said = result(process)
    assert (code, report.verdict) == (5, Verdict.INCONCLUSIVE), (said, report.findings)
    told = [f.message for f in report.findings if f.rule == "LP708"]
    assert told, report.findings
    assert all("its pod was deleted, and its node" in one for one in told), told


def test_once_the_node_is_back_such_a_run_has_its_verdict(
    project: Project, kubeconfig: Path, namespace: str
) -> None:
    on_node("true")
    before = pods(kubeconfig, namespace)
    with command(project, kubeconfig, "--on", "kubernetes", "--format", "json") as process:
        pod = at_work(process, kubeconfig, namespace, before)
        with away(kubeconfig):
            by_force(kubeconfig, namespace, pod)
            assert process.poll() is None, process.communicate()
        code, report, said = result(process)
    assert (code, report.verdict) == (0, Verdict.PASSED), (said, report.findings)
    assert report.core() == prove(project).core()
