"""`lockproof reproduce --on` where the API server restarts, the client is killed, a quota is full.

The control plane is real, and so is what is asked of it. Pods run nowhere here: kwok has them look
as if, and a stand-in for a kubelet hands out their logs, in which the report of this machine's own
reproduction stands, sealed as a pod seals it.
"""

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cluster import kueue
from cluster.lab import Lab, wait_until
from cluster.stand_in import open_definition
from integration.pipelines import SORT_AND_TRAIN, Project, new_project, prove
from lockproof.model.order import Order, seal
from lockproof.model.report import Report, SkipReason
from lockproof.model.verdict import Verdict
from lockproof.steps.cluster.begun import read
from lockproof.steps.cluster.gather import handed_in

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

TRAIN = "tr a-z A-Z < data.csv > model.txt && echo '{\"rows\":2}' > metrics.json"
PIPELINE = SORT_AND_TRAIN.replace("python3 train.py", TRAIN).replace(
    "[train.py, data.csv]", "[data.csv]"
)
POLICY = """
[cluster]
namespace = "{namespace}"
image = "registry.example/lockproof@sha256:{zeros}"
repository = "https://git.example/repo.git"
deadline = "{deadline}"
retries = 0
"""


@dataclass
class Kubelet:
    """A stand-in for one: it has the logs of pods."""

    logs: dict[str, str] = field(default_factory=dict)
    """Name of a pod -> what its main container wrote."""


@contextmanager
def serving(kubelet: Kubelet, lab: Lab) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, what, _, pod, *_ = self.path.partition("?")[0].split("/")
            text = kubelet.logs.get(pod) if what == "containerLogs" else None
            self.send_response(200 if text is not None else 404)
            self.end_headers()
            self.wfile.write((text or "").encode())

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = lab.folder / "certs" / "apiserver"  # Any will do: the API server asks for none.
    context.load_cert_chain(certificate.with_suffix(".crt"), certificate.with_suffix(".key"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def kubelet(lab: Lab) -> Iterator[Kubelet]:
    found = Kubelet()
    with serving(found, lab) as port:
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        }
        lab.api.set_status("/api/v1/nodes/node", status)
        yield found


def proved(lab: Lab, folder: Path, namespace: str, deadline: str, more: str = "") -> Project:
    """A proved pipeline, whose policy sends it into a namespace of its own."""
    lab.api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    account = {"metadata": {"name": "default"}}
    lab.api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", account)
    project = new_project(folder)
    policy = POLICY.format(namespace=namespace, zeros="0" * 64, deadline=deadline) + more
    project.write({"dvc.yaml": PIPELINE, "raw.csv": "b\na\n", "lockproof.toml": policy})
    project.dvc("add", "-q", "raw.csv")
    project.repro()
    return project


def command(project: Project, lab: Lab, *argv: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("lockproof")), "reproduce", *argv, "--format", "json"],
        cwd=project.root,
        env={**os.environ, "KUBECONFIG": str(lab.kubeconfig()), "CI": "true"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def running_pod(lab: Lab, namespace: str) -> dict[str, Any]:
    """The run's pod, once it looks as if it ran."""

    def found() -> dict[str, Any] | None:
        pods = lab.api.items(f"/api/v1/namespaces/{namespace}/pods")
        return next((p for p in pods if p["status"].get("phase") == "Running"), None)

    pod: dict[str, Any] = wait_until(found)
    return pod


def orders(lab: Lab, namespace: str, run: str) -> dict[str, Order]:
    return read(lab.api.get(f"/api/v1/namespaces/{namespace}/secrets/{run}"))[1]


def end(lab: Lab, pod: dict[str, Any]) -> None:
    """Have a pod look as if its container had ended well."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    state = {"terminated": {"exitCode": 0, "reason": "Completed"}}
    ended = [
        {"name": c["name"], "image": c["image"], "imageID": "", "ready": False, "restartCount": 0,
         "state": state}
        for c in pod["spec"]["containers"]
    ]  # fmt: skip
    status = {"phase": "Succeeded", "containerStatuses": ended}
    lab.api.set_status(f"/api/v1/namespaces/{namespace}/pods/{name}", status)


def result(process: "subprocess.Popen[str]") -> tuple[int, Report, str]:
    out, err = process.communicate(timeout=560)
    assert out, err
    return process.returncode, Report.model_validate(json.loads(out)), err


@pytest.mark.parametrize("own_key", [True, False])
def test_a_run_outlives_the_api_server_and_its_client(
    lab: Lab, kubelet: Kubelet, tmp_path: Path, own_key: bool
) -> None:
    """The server restarts, then the client is killed: who attaches has the verdict, if any."""
    namespace = f"outlived-{own_key}".lower()
    project = proved(lab, tmp_path, namespace, "1h")
    with command(project, lab, "--on", "kubernetes") as first:
        pod = running_pod(lab, namespace)
        lab.stop_server()
        lab.start_server()
        run = pod["metadata"]["labels"]["lockproof.dev/run"]
        assert first.poll() is None, first.communicate()
        first.send_signal(signal.SIGKILL)
        first.communicate(timeout=100)
    here = prove(project)
    (order,) = orders(lab, namespace, run).values()
    if not own_key:
        order = replace(order, key=bytes(32))
    kubelet.logs[pod["metadata"]["name"]] = f"at work\n{seal(order, handed_in(here))}"
    with command(project, lab, "--attach", run) as second:
        end(lab, pod)
        code, report, said = result(second)
    if own_key:
        assert (code, report.verdict) == (0, Verdict.PASSED), said
        assert report.core() == here.core()
    else:
        assert (code, report.verdict) == (5, Verdict.INCONCLUSIVE), said
        assert "not sealed with the key of this pod" in report.findings[0].message


def test_a_client_waits_while_the_api_server_restarts(
    lab: Lab, kubelet: Kubelet, tmp_path: Path
) -> None:
    namespace = "restarted"
    project = proved(lab, tmp_path, namespace, "1h")
    here = prove(project)
    with command(project, lab, "--on", "kubernetes") as process:
        pod = running_pod(lab, namespace)
        lab.stop_server()
        lab.start_server()
        (order,) = orders(lab, namespace, pod["metadata"]["labels"]["lockproof.dev/run"]).values()
        kubelet.logs[pod["metadata"]["name"]] = seal(order, handed_in(here))
        end(lab, pod)
        code, report, said = result(process)
    assert (code, report.verdict) == (0, Verdict.PASSED), said
    assert report.core() == here.core()


def test_a_full_quota_is_no_verdict_and_says_so(lab: Lab, tmp_path: Path) -> None:
    namespace = "full"
    project = proved(lab, tmp_path, namespace, "20s")
    quotas = f"/api/v1/namespaces/{namespace}/resourcequotas"
    lab.api.create(quotas, {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}})
    wait_until(lambda: (lab.api.get(f"{quotas}/none") or {}).get("status", {}).get("hard"))
    with command(project, lab, "--on", "kubernetes") as process:
        code, report, said = result(process)
    assert (code, report.verdict) == (5, Verdict.INCONCLUSIVE), said
    assert {s.skipped for s in report.stages} == {SkipReason.NOT_REPORTED}
    assert "exceeded quota" in report.findings[0].message


@pytest.fixture
def workloads(lab: Lab) -> Iterator[None]:
    """Kueue's kind."""
    lab.install([kueue.WORKLOAD])
    yield
    name = kueue.WORKLOAD["metadata"]["name"]
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
    lab.api.call("DELETE", path)
    wait_until(lambda: not lab.api.get(path))


class Lines:
    """What a command says, as it says it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stderr is not None
        self.said: list[str] = []
        self._thread = threading.Thread(
            target=self.said.extend, args=(process.stderr,), daemon=True
        )
        self._thread.start()

    def have(self, text: str) -> bool:
        return any(text in line for line in self.said.copy())


@pytest.mark.usefixtures("workloads")
def test_what_waits_in_a_queue_is_named_and_a_preempted_run_goes_on(
    lab: Lab, kubelet: Kubelet, tmp_path: Path
) -> None:
    """Over quota, admitted, preempted while its pod ran, and admitted again: one verdict."""
    namespace = "queued"
    project = proved(lab, tmp_path, namespace, "1h", 'queue = "ml"')
    here = prove(project)
    queue = kueue.StandIn(lab, namespace)
    with command(project, lab, "--on", "kubernetes") as process:
        lines = Lines(process)
        job = wait_until(lambda: queue.take("ml"))
        wait_until(lambda: lines.have(f"waits in queue ml: no quota yet, Pending: {kueue.FULL}"))
        queue.admit(job)
        first = running_pod(lab, namespace)["metadata"]["name"]
        queue.preempt(job)
        told = f"Preempted: {kueue.PREEMPTED}"
        wait_until(lambda: lines.have(f"waits in queue ml: its quota is taken away, {told}"))
        pods = f"/api/v1/namespaces/{namespace}/pods"
        wait_until(lambda: not lab.api.items(pods))
        queue.requeue(job)
        wait_until(lambda: lines.have(f"no quota yet, Pending: {kueue.FULL}; {told}"))
        assert process.poll() is None, lines.said
        queue.admit(job)
        pod = running_pod(lab, namespace)
        assert pod["metadata"]["name"] != first
        (order,) = orders(lab, namespace, job["metadata"]["name"]).values()
        kubelet.logs[pod["metadata"]["name"]] = seal(order, handed_in(here))
        end(lab, pod)
        assert process.stdout is not None
        report = Report.model_validate(json.loads(process.stdout.read()))
        code = process.wait(timeout=560)
    assert (code, report.verdict) == (0, Verdict.PASSED), lines.said
    assert report.core() == here.core()


WORKFLOWS = ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow")
WORKFLOWS += ("WorkflowTaskSet", "WorkflowTaskResult", "WorkflowArtifactGCTask")
WORKFLOWS += ("WorkflowEventBinding",)


@contextmanager
def controller(lab: Lab, namespace: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Argo's own, for one namespace."""
    argv = [
        str(lab.assets / "workflow-controller"),
        f"--kubeconfig={lab.kubeconfig()}",
        f"--namespace={namespace}",
        f"--managed-namespace={namespace}",
        "--namespaced",
        "--executor-image=registry.example/argoexec:1",
    ]
    environment = {**os.environ, "LEADER_ELECTION_DISABLE": "true", "POD_NAME": "controller"}
    with (lab.folder / "workflow-controller.log").open("ab") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=lab.folder, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def workflows(lab: Lab) -> Iterator[None]:
    """Argo's kinds; the other tests of this control plane do without."""
    if not (lab.assets / "workflow-controller").exists():
        pytest.skip("no workflow-controller in KUBEBUILDER_ASSETS: no Kubernetes API server for it")
    found = [open_definition("argoproj.io", "v1alpha1", kind) for kind in WORKFLOWS]
    lab.install(found)
    yield
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    names = [one["metadata"]["name"] for one in found]
    for name in names:
        lab.api.call("DELETE", f"{path}/{name}")
    wait_until(lambda: not any(lab.api.get(f"{path}/{name}") for name in names))


@pytest.mark.usefixtures("workflows")
def test_a_workflow_outlives_its_controller(lab: Lab, kubelet: Kubelet, tmp_path: Path) -> None:
    """Killed when the first pod is there, and started again, it goes on where it was."""
    namespace = "controlled"
    project = proved(lab, tmp_path, namespace, "1h")
    there = f"/api/v1/namespaces/{namespace}"
    settings = {"metadata": {"name": "workflow-controller-configmap"}, "data": {"parallelism": "1"}}
    lab.api.create(f"{there}/configmaps", settings)
    alone = {a: prove(project, stages=(a,), mode="isolated") for a in ("prepare", "train")}
    with command(project, lab, "--on", "argo") as process:
        with controller(lab, namespace) as first:
            pod = running_pod(lab, namespace)
            first.kill()
        run = pod["metadata"]["labels"]["lockproof.dev/run"]
        told = orders(lab, namespace, run)
        with controller(lab, namespace):
            done: set[str] = set()

            def finished() -> bool:
                for one in lab.api.items(f"{there}/pods"):
                    name, task = one["metadata"]["name"], one["metadata"]["labels"]
                    if name in done or one["status"].get("phase") != "Running":
                        continue
                    order = told[task["lockproof.dev/task"]]
                    (address,) = order.stages
                    kubelet.logs[name] = seal(order, handed_in(alone[address]))
                    end(lab, one)
                    done.add(name)
                return process.poll() is not None or len(done) == len(told)

            wait_until(finished)
            code, report, said = result(process)
    assert (code, report.verdict) == (0, Verdict.PASSED), said
    assert report.core() == prove(project, mode="isolated").core()
