"""`lockproof canary check --rollout … --act …`, and `watch`, on the real Argo Rollouts controller.

Pods are kwok's, and a stand-in answers as Prometheus would: what the canary does is up to the test.
"""

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import yaml

from cluster.lab import ADMIN, LIMITED, ROOT, Lab, wait_until
from cluster.test_canary import EXPERIMENTS, controller
from lockproof.cli.main import main

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

NAMESPACE = "canary-act"
ROLLOUTS = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/rollouts"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
COMPONENT = ROOT / "control-plane/components/canary-job"
CHECKS = """
apiVersion: lockproof.dev/v1alpha1
kind: CanaryChecks
metadata: {name: web}
spec:
  interval: 1
  horizon: 600
  arms: {canary: 'hash="$hash"', stable: 'hash="$hash"'}
  guards:
    - name: errors
      method: requests
      limit: 0.2
      ratio: {events: 'events{$arm}[$interval]', total: 'total{$arm}[$interval]'}
"""


class Figures(ThreadingHTTPServer):
    """A stand-in for Prometheus: 1,000 requests a second, and `failing` of them fail."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.failing: float | None = 0.0
        self.hashes: set[str] = set()
        """What was asked for."""
        self.began: dict[str, float] = {}
        """Hash -> Unix seconds of its first request."""
        self.asked: Callable[[], None] = lambda: None
        """Is told of each question."""


class _Answer(BaseHTTPRequestHandler):
    server: Figures

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        form = {k: v[0] for k, v in parse_qs(self.rfile.read(length).decode()).items()}
        found = re.search(r'hash="([^"]+)"', form["query"])
        assert found, form
        self.server.hashes.add(found[1])
        self.server.asked()
        value = 1000.0
        if form["query"].startswith("events"):
            value *= self.server.failing or 0
        ends = range(int(form["start"]), int(form["end"]) + 1, int(form["step"]))
        first = self.server.began.get(found[1], 0)
        series = {"metric": {}, "values": [[end, str(value)] for end in ends if end > first]}
        result = [] if self.server.failing is None else [series]
        body = {"status": "success", "data": {"resultType": "matrix", "result": result}}
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def figures() -> Iterator[Figures]:
    with Figures() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def ruled(
    lab: Lab,
    definitions: list[dict[str, Any]],
    figures: Figures,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    """A namespace, and the controller at work."""
    lab.install([EXPERIMENTS])
    folder, sockets = tmp_path_factory.mktemp("act"), tmp_path_factory.mktemp("s")
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    with ExitStack() as stack:
        at_work = partial(controller, lab, folder, sockets, figures.server_port)
        stack.enter_context(at_work())
        lab.api.create("/api/v1/namespaces", body)

        @contextmanager
        def away() -> Iterator[None]:
            stack.close()
            yield
            stack.enter_context(at_work())

        Canary.without_controller = staticmethod(away)
        yield lab
        path = f"/api/v1/namespaces/{NAMESPACE}"
        lab.api.call("DELETE", path)
        wait_until(lambda: lab.api.get(path) is None)  # Another module makes it anew.


def _generation(rollout: Any) -> str:
    return str(rollout["metadata"]["generation"])


class Canary:
    """A Rollout of its own, with version 1 in full and version 2 waiting at its first pause."""

    without_controller: Callable[[], AbstractContextManager[None]]
    """Its controller is killed, and a new one started at the end."""

    def __init__(self, lab: Lab, figures: Figures, name: str, folder: Path) -> None:
        self.api, self.figures, self.name = lab.api, figures, name
        self.path = f"{ROLLOUTS}/{name}"
        self.config = lab.kubeconfig(ADMIN)
        self.limited = lab.kubeconfig(LIMITED)
        self.checks = folder / "checks.yaml"
        self.checks.write_text(CHECKS)
        self.report = folder / "report.json"
        labels = {"app": name}
        container = {"name": "one", "image": "one:1", "env": [{"name": "V", "value": "1"}]}
        steps = [{"setWeight": 25}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}]
        strategy = {"canary": {"steps": [*steps, {"setWeight": 100}]}}
        self.api.create(
            ROLLOUTS,
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Rollout",
                "metadata": {"name": name, "namespace": NAMESPACE},
                "spec": {
                    "replicas": 4,
                    "selector": {"matchLabels": labels},
                    "strategy": strategy,
                    "template": {
                        "metadata": {"labels": labels},
                        "spec": {"containers": [container]},
                    },
                },
            },
        )
        self.until("Healthy")

    def get(self) -> Any:
        return self.api.get(self.path)

    def until(self, phase: str, step: int | None = None) -> None:
        """Wait for a phase of what is wanted now."""

        def there() -> bool:
            one = self.get()
            status = one.get("status", {})
            seen = status.get("observedGeneration") == str(one["metadata"]["generation"])
            at = step is None or status.get("currentStepIndex") == step
            return bool(seen and status.get("phase") == phase and at)

        wait_until(there)

    def version(self, number: str) -> None:
        path = "/spec/template/spec/containers/0/env/0/value"
        patch = [{"op": "replace", "path": path, "value": number}]
        code, answer = self.api.call("PATCH", self.path, patch, "application/json-patch+json")
        assert code == 200, answer

    def check(self, *more: str, config: Path | None = None, action: str = "check") -> int:
        return main(
            [
                "canary", action, "--checks", str(self.checks),
                "--prometheus", f"http://127.0.0.1:{self.figures.server_port}",
                "--rollout", f"{NAMESPACE}/{self.name}", "--output", str(self.report),
                "--kubeconfig", str(config or self.config), *more,
            ]
        )  # fmt: skip

    def ended(self) -> None:
        """An interval has ended since the canary began, and the one after it."""
        report = self.seen()
        while report["host"]["canary"]["measures"][0]["intervals"] == 0:
            time.sleep(0.2)
            report = self.seen()

    def seen(self) -> Any:
        self.check()
        return json.loads(self.report.read_text())

    def noticed(self) -> None:
        """Its controller has seen what was changed last; until then it is not judged."""
        wait_until(lambda: _generation(self.get()) == self.get()["status"]["observedGeneration"])

    def done(self) -> str:
        report = json.loads(self.report.read_text())
        return str(report["host"]["canary"]["rollout"]["done"])


@pytest.fixture
def canary(
    ruled: Lab, figures: Figures, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Canary]:
    words = request.node.name.removeprefix("test_").split("[")[0].replace("_", "-")
    one = Canary(ruled, figures, words[:30].strip("-"), tmp_path)
    figures.failing, figures.asked = 0.0, lambda: None
    figures.hashes.clear()
    figures.began.clear()
    yield one
    one.api.call("DELETE", one.path)


def test_a_good_version_is_promoted_step_by_step(
    canary: Canary, capsys: pytest.CaptureFixture[str]
) -> None:
    assert canary.check() == 2
    assert "no canary going on" in capsys.readouterr().err
    canary.version("2")
    canary.until("Paused", 1)
    canary.ended()
    status = canary.get()["status"]
    assert canary.figures.hashes == {status["currentPodHash"]}
    rollout = json.loads(canary.report.read_text())["host"]["canary"]["rollout"]
    assert (rollout["canary"], rollout["stable"]) == (status["currentPodHash"], status["stableRS"])

    assert canary.check() == 0
    assert canary.get()["status"]["currentStepIndex"] == 1, "without --act nothing is done"
    assert canary.check("--act", "abort") == 0
    assert canary.done().startswith("nothing: ")

    def promoted() -> bool:
        assert canary.check("--act", "promote") == 0
        waits = canary.done().startswith("nothing: it waits at this pause since")
        assert waits or canary.done() == "ended the pause that it waited at"
        return not waits

    wait_until(promoted, 60)
    canary.until("Paused", 3)
    assert canary.check("--act", "promote-full") == 0
    assert canary.done() == "promoted it past all its steps"
    canary.until("Healthy")
    assert canary.get()["status"]["stableRS"] == status["currentPodHash"]


def test_a_bad_version_is_aborted_once(canary: Canary) -> None:
    canary.figures.failing = 0.5
    canary.version("2")
    canary.until("Paused", 1)
    canary.ended()
    assert canary.check("--act", "pause") == 1
    assert canary.done() == "paused it"
    canary.noticed()
    assert canary.check("--act", "pause") == 1
    assert canary.done() == "nothing: it is paused already"
    assert canary.check("--act", "promote") == 1
    assert canary.done() == "aborted it"
    wait_until(lambda: canary.get()["status"].get("abort"))
    assert canary.check("--act", "promote") == 1
    assert canary.done() == "nothing: it was aborted"
    canary.figures.failing = 0.0
    for act in ("promote", "promote-full", "abort", "pause"):
        assert canary.check("--act", act) == 5, "its figures are good, and it is no canary any more"
        assert canary.done().startswith("nothing: it was aborted, so its canary is none any more")
    assert canary.check() == 5, "as without --act"
    assert canary.get()["status"].get("abort") is True


def test_silence_does_nothing(canary: Canary) -> None:
    canary.figures.failing = None
    canary.version("2")
    canary.until("Paused", 1)
    before = canary.get()["metadata"]["generation"]
    assert canary.check("--act", "promote") == 5
    assert canary.done() == "nothing: the verdict is inconclusive"
    status = canary.get()["status"]
    assert (status["currentStepIndex"], status.get("abort")) == (1, None)
    assert canary.get()["metadata"]["generation"] == before


def test_it_is_watched_until_it_is_decided(
    canary: Canary, capsys: pytest.CaptureFixture[str]
) -> None:
    canary.figures.failing = 0.5
    canary.version("2")
    canary.until("Paused", 1)
    assert canary.check(action="watch") == 1
    assert re.search(r"until .{9} \(Paused, step 2 of 5\): errors failed", capsys.readouterr().err)
    assert canary.done() == ""
    assert canary.get()["status"].get("abort") is None, "to watch changes nothing"


def test_what_is_aborted_is_watched_no_more(canary: Canary) -> None:
    canary.figures.failing = None
    canary.version("2")
    canary.until("Paused", 1)

    def aborts() -> None:  # While it is looked at.
        canary.api.merge(f"{canary.path}/status", {"status": {"abort": True}})

    canary.figures.asked = aborts
    assert canary.check(action="watch") == 5
    assert canary.done() == ("no more to watch: it was aborted, so its canary gets no more traffic")


def lower(text: str, times: dict[str, str]) -> Any:
    for old, new in times.items():
        assert old in text
        text = text.replace(old, new)
    return yaml.safe_load(text)


class Kubelet:
    """A stand-in for what runs the pods of Jobs: it runs their command here, and says how it ended.

    Of the pod the volume and the address of Prometheus are others here.
    """

    def __init__(self, canary: Canary, prometheus: str) -> None:
        self.canary, self.prometheus = canary, prometheus
        self.codes: dict[str, int] = {}
        """Job -> exit code of its pod."""

    def run(self) -> None:
        """All that wait to be run."""
        for pod in self.canary.api.items(PODS):
            job = pod["metadata"]["labels"].get("job-name")
            if job and pod["status"]["phase"] == "Running":
                self._run(pod, job)

    def _run(self, pod: Any, job: str) -> None:
        (container,) = pod["spec"]["containers"]
        given = {
            "/checks/canary-checks.yaml": str(self.canary.checks),
            "http://prometheus-kube-prometheus-prometheus.monitoring.svc:9090": self.prometheus,
            "$(JOB)": job,
        }
        words = [*container["command"], *container["args"]]
        for old, new in given.items():
            words = [word.replace(old, new) for word in words]
        self.codes[job] = code = main(words[1:])
        state = {"terminated": {"exitCode": code, "finishedAt": pod["status"]["startTime"]}}
        said = {
            "name": container["name"], "image": "one", "imageID": "", "ready": False,
            "restartCount": 0, "state": state,
        }  # fmt: skip
        phase = "Failed" if code else "Succeeded"
        path = f"{PODS}/{pod['metadata']['name']}"
        self.canary.api.set_status(path, {"phase": phase, "containerStatuses": [said]})


@pytest.mark.parametrize(
    ("failing", "there", "codes", "ends", "phase"),
    [
        (0.0, True, [0, 0], "Successful", "Healthy"),
        (0.5, True, [1, 1, 1], "Failed", "Degraded"),
        (0.0, False, [0, 1, 0, 1], "Inconclusive", "Paused"),
    ],
    ids=["good", "bad", "without-prometheus"],
)
def test_jobs_come_to_three_outcomes(
    failing: float, there: bool, codes: list[int], ends: str, phase: str,
    canary: Canary,
) -> None:  # fmt: skip
    api, figures = canary.api, canary.figures
    namespaced = {"namespace: serving": f"namespace: {NAMESPACE}", "interval: 10s": "interval: 1s"}
    template = lower((COMPONENT / "analysis.yaml").read_text(), namespaced)
    template["metadata"]["name"] = canary.name
    template["spec"]["args"] = [{"name": "canary-hash"}, {"name": "stable-hash"}]
    api.create(ROLLOUTS.replace("rollouts", "analysistemplates"), template)
    arms = {"canary-hash": "Latest", "stable-hash": "Stable"}
    args = [{"name": n, "valueFrom": {"podTemplateHashValue": v}} for n, v in arms.items()]
    analysis = {"analysis": {"templates": [{"templateName": canary.name}], "args": args}}
    steps = [{"setWeight": 25}, analysis, {"setWeight": 100}]
    api.merge(canary.path, {"spec": {"strategy": {"canary": {"steps": steps}}}})
    canary.until("Healthy")
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = figures.server_port if there else nobody.getsockname()[1]
    kubelet = Kubelet(canary, f"http://127.0.0.1:{port}")
    figures.failing = failing
    canary.version("2")
    wait_until(lambda: canary.get()["status"].get("currentStepIndex") == 1)
    figures.began[canary.get()["status"]["currentPodHash"]] = time.time()

    uid = canary.get()["metadata"]["uid"]

    def ended() -> Any:
        kubelet.run()
        runs = api.items(ROLLOUTS.replace("rollouts", "analysisruns"))
        owned = [one for one in runs if one["metadata"]["ownerReferences"][0]["uid"] == uid]
        (found,) = owned or [{}]
        return found.get("status", {}).get("completedAt") and found["status"]

    assert wait_until(ended)["phase"] == ends
    by_turn = sorted(kubelet.codes, key=lambda job: int(job.rpartition(".")[2]))
    assert [kubelet.codes[job] for job in by_turn] == codes
    canary.until(phase)


def test_a_controller_that_restarts_in_the_middle_is_waited_for(
    canary: Canary, capsys: pytest.CaptureFixture[str]
) -> None:
    canary.version("2")
    canary.until("Paused", 1)
    canary.ended()
    second = canary.get()["status"]["currentPodHash"]
    with canary.without_controller():
        # What it said stands as long as nobody wants anything else.
        assert canary.check() == 0
        canary.version("3")
        assert canary.check("--act", "promote-full") == 4
        assert "its controller has not seen generation" in capsys.readouterr().err
    wait_until(lambda: canary.get()["status"]["currentPodHash"] != second)
    canary.until("Paused", 1)
    status = canary.get()["status"]
    canary.figures.hashes.clear()
    canary.ended()
    assert canary.figures.hashes == {status["currentPodHash"]}
    assert canary.check("--act", "promote-full") == 0
    canary.until("Healthy")


def test_the_pods_of_an_experiment_are_compared(
    canary: Canary, capsys: pytest.CaptureFixture[str]
) -> None:
    arms = {"baseline": "stable", "canary": "canary"}
    templates = [
        {"name": name, "specRef": ref, "replicas": 1, "metadata": {"labels": {"arm": name}}}
        for name, ref in arms.items()
    ]
    steps = [{"setWeight": 25}, {"experiment": {"templates": templates}}, {"setWeight": 100}]
    canary.api.merge(canary.path, {"spec": {"strategy": {"canary": {"steps": steps}}}})
    canary.until("Healthy")
    canary.version("2")
    path = ROLLOUTS.replace("rollouts", "experiments")

    def there() -> Any:
        named = canary.get()["status"].get("canary", {}).get("currentExperiment")
        one = canary.api.get(f"{path}/{named}") if named else None
        return one and one.get("status", {}).get("availableAt") and one

    experiment = wait_until(there)
    canary.ended()
    hashes = []
    for arm in ("canary", "baseline"):
        name = f"{experiment['metadata']['name']}-{arm}"
        made = canary.api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/replicasets/{name}")
        hashes.append(made["metadata"]["labels"]["rollouts-pod-template-hash"])
    status = canary.get()["status"]
    assert not {status["currentPodHash"], status["stableRS"]} & set(hashes)
    rollout = canary.seen()["host"]["canary"]["rollout"]
    assert (rollout["experiment"], rollout["arms"]) == (experiment["metadata"]["name"], hashes)
    assert hashes[0] in canary.figures.hashes
    # Its pods are those with these hashes, of one size.
    for value in hashes:
        pods = canary.api.items(f"{PODS}?labelSelector=rollouts-pod-template-hash%3D{value}")
        assert len(pods) == 1
    canary.figures.failing = 0.5
    assert canary.check("--act", "abort") == 1
    wait_until(lambda: canary.get()["status"].get("abort"))


def test_who_may_not_is_told(canary: Canary, capsys: pytest.CaptureFixture[str]) -> None:
    canary.version("2")
    canary.until("Paused", 1)
    assert canary.check(config=canary.limited) == 2
    assert 'cannot get resource "rollouts"' in capsys.readouterr().err
    canary.name = "no-such"
    assert canary.check() == 2
    assert f"there is no Rollout {NAMESPACE}/no-such" in capsys.readouterr().err
