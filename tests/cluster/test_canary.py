"""The platform's own canary, by the real Argo Rollouts controller and a real Prometheus.

The manifests are those of the overlay; only time is shortened, and each pod's figures come from a
stand-in for its proxy, by the model version that the pod names.
"""

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from cluster.bridge import forward
from cluster.lab import ROOT, Api, Lab, free_port, wait_until
from cluster.stand_in import open_definition
from lockproof.steps.provision.manifests import load_manifests

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

ROLLOUT = "/apis/argoproj.io/v1alpha1/namespaces/serving/rollouts/digits"
PODS = "/api/v1/namespaces/serving/pods"
RUNS = "/apis/argoproj.io/v1alpha1/namespaces/serving/analysisruns"
until = partial(wait_until, seconds=90)
HASH = "rollouts-pod-template-hash"
WINDOW = "10s"
"""Instead of two minutes: what rates are taken over."""

# The controller only wants to list it.
EXPERIMENTS = open_definition("argoproj.io", "v1alpha1", "Experiment")

# Model version -> requests a second, the share of them that fails, and how long one takes.
FIGURES = {
    "1": (50, 0.0, 0.05),
    "2": (50, 0.0, 0.05),
    "3": (50, 0.5, 0.05),
    "4": (50, 0.0, 0.4),
    "5": (0, 0.0, 0.05),
    "6": (50, 0.0, 0.05),
}
SEEN = {
    "Healthy": ("1", None),
    "Paused": ("3", "ModelCanaryWaits"),
    "Degraded": ("4", "ModelRolloutAborted"),
}
"""Phase of the rollout -> the value of its panel, and the alert that will fire if it stays."""
BOUNDS = (0.1, 0.5, 1.0)
"""Upper bounds of the latency's buckets, in seconds; the proxy has them in milliseconds."""


class Proxies(ThreadingHTTPServer):
    """A stand-in for the proxies of all pods: what Envoy counts, with the labels of a scrape."""

    def __init__(self, api: Api) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.api = api

    def figures(self) -> str:
        """The counters of every pod, as they would be after its age."""
        lines: list[str] = []
        for pod in self.api.items(PODS):
            age = time.time() - _seconds(pod["metadata"]["creationTimestamp"])
            uri = pod["spec"]["initContainers"][0]["env"][0]["value"]
            common = {
                "namespace": "serving",
                "service": "digits",
                "pod": pod["metadata"]["name"],
                "rollouts_pod_template_hash": pod["metadata"]["labels"][HASH],
            }
            lines += self.of(uri.rsplit("/", 1)[1], age, common)
        return "\n".join(lines) + "\n"

    def of(self, version: str, age: float, labels: dict[str, str]) -> Iterator[str]:
        """The lines of a pod."""
        rate, failing, latency = FIGURES[version]
        common = labels | {"envoy_http_conn_manager_prefix": "model"}
        name = "envoy_http_downstream_rq"
        for code, share in (("2", 1 - failing), ("5", failing)):
            one = common | {"envoy_response_code_class": code}
            yield f"{name}_xx{_labels(one)} {rate * share * age}"
        for bound in (*BOUNDS, None):
            one = common | {"le": "+Inf" if bound is None else str(int(bound * 1000))}
            within = rate * age if bound is None or latency <= bound else 0
            yield f"{name}_time_bucket{_labels(one)} {within}"
        yield f"{name}_time_count{_labels(common)} {rate * age}"


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def _labels(labels: dict[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


class _Answer(BaseHTTPRequestHandler):
    server: Proxies

    def do_GET(self) -> None:
        content = self.server.figures().encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")  # Prometheus 3 wants one.
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: a scrape each second."""


class Prometheus:
    """A real one, at its address."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, query: str) -> list[Any]:
        """The vector that an expression gives now."""
        with urlopen(f"{self.url}/api/v1/query?{urlencode({'query': query})}") as answer:
            return list(json.load(answer)["data"]["result"])


def spawned(argv: list[str], folder: Path, name: str) -> "subprocess.Popen[bytes]":
    with (folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(argv, stdout=log, stderr=log, cwd=folder)


@contextmanager
def prometheus(folder: Path, rules: Any, proxies: int, controller: int) -> Iterator[Prometheus]:
    """Prometheus with the platform's rules, asking each second."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("no prometheus on PATH (Debian package prometheus)")
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    # The stand-in gives what a scrape would add. The controller's labels meet those of its service,
    # as the chart's ServiceMonitor has it with the platform's values.
    scrapes = [
        {
            "job_name": "models",
            "honor_labels": True,
            "static_configs": [{"targets": [f"127.0.0.1:{proxies}"]}],
        },
        {
            "job_name": "argo-rollouts-metrics",
            "static_configs": [
                {"targets": [f"127.0.0.1:{controller}"], "labels": {"namespace": "argo-rollouts"}}
            ],
            "metric_relabel_configs": relabelings(),
        },
    ]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": scrapes,
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    port = free_port()
    argv = [program, "--config.file=prometheus.yaml", f"--web.listen-address=127.0.0.1:{port}"]
    process = spawned([*argv, f"--storage.tsdb.path={folder / 'tsdb'}"], folder, "prometheus")
    try:
        yield Prometheus(port)
    finally:
        process.kill()
        process.wait()


def relabelings() -> list[dict[str, Any]]:
    """Those of the controller's chart, in Prometheus's own words instead of its operator's."""
    values = yaml.safe_load((ROOT / "control-plane/controllers/argo-rollouts.yaml").read_text())
    monitor = values["controller"]["metrics"]["serviceMonitor"]
    words = {"sourceLabels": "source_labels", "targetLabel": "target_label"}
    return [
        {words.get(key, key): value for key, value in one.items()}
        for one in monitor["metricRelabelings"]
    ]


@contextmanager
def controller(lab: Lab, folder: Path, sockets: Path, *reached: int) -> Iterator[None]:
    """Argo Rollouts in a network of its own, from which it reaches these ports and no more."""
    program = lab.assets / "rollouts-controller"
    if not program.exists():
        pytest.skip(f"no rollouts-controller in KUBEBUILDER_ASSETS={lab.assets}")
    apart = ["unshare", "--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child"]
    if not shutil.which("unshare") or subprocess.call([*apart, "true"]):
        pytest.skip("no network namespace can be made here, and the controller binds to all of it")
    inside = []
    for port in (lab.port, *reached):
        forward(str(sockets / f"{port}"), str(port))
        inside.append(f"{port}={sockets / str(port)}")
    inside.append(f"{sockets / 'metrics'}=8090")
    argv = [*apart, sys.executable, str(Path(__file__).with_name("bridge.py")), *inside, "--"]
    argv += [str(program), f"--kubeconfig={lab.kubeconfig()}", "--leader-elect=false"]
    process = spawned(argv, folder, "rollouts")
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def platform() -> list[Any]:
    found = load_manifests(ROOT, ROOT / "control-plane" / "overlays" / "local")
    return shortened([m.body for m in found])


def shortened(bodies: list[Any]) -> list[Any]:
    """What is declared for serving, with its time shortened."""
    bodies = json.loads(json.dumps(bodies))
    text = json.dumps([b for b in bodies if b["metadata"].get("namespace") == "serving"])
    for old, new in (("[2m]", f"[{WINDOW}]"), ('"15s"', '"1s"'), ('"30s"', '"1s"')):
        assert old in text
        text = text.replace(old, new)
    return list(json.loads(text.replace('"duration": "2m"', '"duration": "5s"')))


@pytest.fixture(scope="module")
def serving(
    lab: Lab,
    definitions: list[dict[str, Any]],
    platform: list[Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Prometheus]:
    """Version 1 of the model, served and watched."""
    folder = tmp_path_factory.mktemp("canary")
    sockets = tmp_path_factory.mktemp("s")  # A socket's path has 107 bytes.
    with at_work(lab, platform, Proxies(lab.api), folder, sockets) as watching:
        yield watching


@contextmanager
def at_work(
    lab: Lab, platform: list[Any], proxies: Proxies, folder: Path, sockets: Path, *reached: int
) -> Iterator[Prometheus]:
    """What is declared for serving; its controller reaches these ports as well."""
    lab.install([EXPERIMENTS])
    rules = next(b["spec"] for b in platform if b["kind"] == "PrometheusRule")
    threading.Thread(target=proxies.serve_forever, daemon=True).start()
    metrics = free_port()
    forward(str(metrics), str(sockets / "metrics"))
    with prometheus(folder, rules, proxies.server_port, metrics) as watching:
        port = int(watching.url.rsplit(":", 1)[1])
        with controller(lab, folder, sockets, port, *reached):
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "serving"}}
            lab.api.create("/api/v1/namespaces", namespace)
            for body in platform:
                _create(lab.api, body, watching.url)
            yield watching
            lab.api.call("DELETE", "/api/v1/namespaces/serving")
            until(lambda: lab.api.get("/api/v1/namespaces/serving") is None)
    proxies.shutdown()
    proxies.server_close()


def _create(api: Api, body: Any, url: str) -> None:
    groups = {
        "Service": "/api/v1/namespaces/serving/services",
        "AnalysisTemplate": "/apis/argoproj.io/v1alpha1/namespaces/serving/analysistemplates",
        "Rollout": ROLLOUT.rpartition("/")[0],
    }
    if body["kind"] == "AnalysisTemplate":
        for argument in body["spec"]["args"]:
            if argument["name"] == "prometheus":
                argument["value"] = url
    if body["kind"] in groups:
        api.create(groups[body["kind"]], body)


def phase(api: Api) -> str:
    """Of the rollout, once its controller has seen the newest generation."""
    one = api.get(ROLLOUT)
    status = one.get("status", {})
    seen = status.get("observedGeneration") == str(one["metadata"]["generation"])
    return str(status.get("phase", "")) if seen else ""


def version(api: Api, new: str = "") -> str:
    """The version that Git names; with `new`, it names that from now on."""
    field = ("spec", "template", "spec", "initContainers", 0, "env", 0, "value")
    value = api.get(ROLLOUT)
    for step in field:
        value = value[step]
    if new:
        path = "/" + "/".join(str(step) for step in field)
        patch = [{"op": "replace", "path": path, "value": f"models:/digits/{new}"}]
        code, answer = api.call("PATCH", ROLLOUT, patch, "application/json-patch+json")
        assert code == 200, answer
    return str(value).rsplit("/", 1)[1]


def served(api: Api) -> set[str]:
    """The versions of all pods that are not on their way out."""
    return {
        pod["spec"]["initContainers"][0]["env"][0]["value"].rsplit("/", 1)[1]
        for pod in api.items(PODS)
        if "deletionTimestamp" not in pod["metadata"]
    }


def judged(api: Api, before: set[str]) -> list[tuple[str, dict[str, str]]]:
    """Each new analysis run's phase, and that of each of its metrics."""
    found = []
    for one in api.items(RUNS):
        if one["metadata"]["name"] not in before:
            results = one["status"].get("metricResults", ())
            found.append((one["status"]["phase"], {m["name"]: m["phase"] for m in results}))
    return found


def panel(title: str) -> str:
    """The expression of a panel of the dashboard."""
    path = ROOT / "control-plane" / "gitops" / "dashboards" / "models.json"
    (found,) = (p for p in json.loads(path.read_text())["panels"] if p["title"] == title)
    return str(found["targets"][0]["expr"]).replace("$namespace", "serving")


def alerts(serving: Prometheus) -> set[str]:
    """Those of the rollout whose expression is true now."""
    found = serving.ask('ALERTS{alertname=~"Model(CanaryWaits|RolloutAborted)"}')
    return {one["metric"]["alertname"] for one in found}


@pytest.mark.parametrize(
    ("new", "ends", "runs", "metric", "verdict"),
    [
        ("2", "Healthy", 3, "error-ratio", "Successful"),
        ("3", "Degraded", 1, "error-ratio", "Failed"),
        ("4", "Degraded", 1, "p95-against-stable", "Failed"),
        ("5", "Paused", 1, "error-ratio", "Inconclusive"),
    ],
    ids=["good", "errors", "slow", "silent"],
)
def test_a_version_gets_the_traffic_that_its_figures_earn(
    new: str, ends: str, runs: int, metric: str, verdict: str, lab: Lab, serving: Prometheus
) -> None:
    api = lab.api
    until(lambda: phase(api) == "Healthy")
    until(lambda: len(serving.ask("model:requests:increase2m >= 20")))
    before = {one["metadata"]["name"] for one in api.items(RUNS)}
    stable = version(api, new)
    until(lambda: phase(api) not in ("", "Healthy"))
    until(lambda: (found := judged(api, before)) and len(found) == runs and found[-1][0] == verdict)
    until(lambda: phase(api) == ends)
    found = judged(api, before)
    assert [one[0] for one in found] == [verdict] * runs
    assert found[-1][1][metric] == verdict

    # The dashboard and the alerts see it, in the controller's own figures.
    shown, alert = SEEN[ends]
    until(lambda: [one["value"][1] for one in serving.ask(panel("Rollout"))] == [shown])
    analyses = panel("Analyses, last day")
    until(lambda: verdict in {one["metric"]["phase"] for one in serving.ask(analyses)})
    until(lambda: alerts(serving) == ({alert} if alert else set()))
    if ends == "Healthy":
        until(lambda: served(api) == {new})
        return
    # Refused or not judged: most pods are the old version's, and Git going back ends it at once.
    left = {stable} if ends == "Degraded" else {stable, new}
    until(lambda: served(api) == left)
    before = {one["metadata"]["name"] for one in api.items(RUNS)}
    version(api, stable)
    until(lambda: phase(api) == "Healthy" and served(api) == {stable})
    assert judged(api, before) == [], "going back needs no analysis"
