"""A canary for real: pods that answer, Prometheus that scrapes them, Argo Rollouts that asks.

`lockproof canary serve` runs in a pod of the cluster, and the analysis is that of the component
control-plane/components/canary; only time is shortened, and the namespace another. The cluster of
$LOCKPROOF_TEST_NODE has Argo Rollouts, and the images of lockproof and Prometheus that
$LOCKPROOF_TEST_NODE_IMAGE and $LOCKPROOF_TEST_NODE_PROMETHEUS name.
"""

import json
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPONENT = ROOT / "control-plane/components/canary"
IMAGE = os.environ.get("LOCKPROOF_TEST_NODE_IMAGE", "localhost/lockproof:1")
PROMETHEUS = os.environ.get("LOCKPROOF_TEST_NODE_PROMETHEUS", "localhost/prometheus:1")

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("node")]

CHECKS = """
apiVersion: lockproof.dev/v1alpha1
kind: CanaryChecks
metadata: {name: digits}
spec:
  interval: 10
  horizon: 1200
  arms: {canary: 'hash="$hash"', stable: 'hash="$hash"'}
  comparisons:
    - name: errors
      method: requests # the server draws each on its own
      ratio:
        events: sum(increase(model_requests_total{code="500",$arm}[$interval]))
        total: sum(increase(model_requests_total{$arm}[$interval]))
      smallestEffect: 0.03
    - name: slow
      method: requests
      ratio:
        events: >-
          sum(increase(model_request_duration_seconds_bucket{le="+Inf",$arm}[$interval]))
          - sum(increase(model_request_duration_seconds_bucket{le="0.05",$arm}[$interval]))
        total: sum(increase(model_request_duration_seconds_bucket{le="+Inf",$arm}[$interval]))
      smallestEffect: 0.1
    - name: more-ones
      method: requests
      ratio:
        events: sum(increase(model_predictions_total{class="1",$arm}[$interval]))
        total: sum(increase(model_predictions_total{$arm}[$interval]))
      smallestEffect: 0.15
"""
SCRAPES = """
global: {scrape_interval: 2s, evaluation_interval: 2s}
scrape_configs:
  - job_name: pods
    kubernetes_sd_configs: [{role: pod, namespaces: {own_namespace: true}}]
    relabel_configs:
      - {source_labels: [__meta_kubernetes_pod_label_app], regex: digits, action: keep}
      - source_labels: [__meta_kubernetes_pod_label_rollouts_pod_template_hash]
        target_label: hash
"""
GOOD = {"FAILING": "0", "SLOW": "0.02", "ONES": "0.5"}
NO_TOKEN = {"automountServiceAccountToken": False}
ROLES = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
]


class Node:
    """A namespace of its own in the cluster."""

    def __init__(self) -> None:
        self.config = os.environ["LOCKPROOF_TEST_NODE"]
        self.name = f"canary-{uuid.uuid4().hex[:8]}"

    def kubectl(self, *words: str, given: str = "") -> str:
        done = subprocess.run(
            ["kubectl", "--kubeconfig", self.config, *words],
            input=given, capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def apply(self, *objects: Any) -> None:
        text = "---\n".join(yaml.safe_dump(one) for one in objects)
        self.kubectl("-n", self.name, "apply", "-f", "-", given=text)

    def get(self, *words: str) -> Any:
        return json.loads(self.kubectl("-n", self.name, "get", *words, "-o", "json"))

    def until(self, what: Callable[[], Any], seconds: float = 300) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := what():
                return found
            time.sleep(1)
        raise AssertionError(self.kubectl("-n", self.name, "get", "rollout,ar,pod", "-o", "wide"))

    def ready(self, name: str) -> None:
        self.kubectl("-n", self.name, "rollout", "status", f"deployment/{name}", "--timeout=170s")

    def scale(self, name: str, replicas: int) -> None:
        self.kubectl("-n", self.name, "scale", f"deployment/{name}", f"--replicas={replicas}")

    def rollout(self) -> tuple[str, Any]:
        """Its phase, once its controller has seen the newest generation; and its status."""
        one = self.get("rollout", "digits")
        status = one.get("status", {})
        seen = status.get("observedGeneration") == str(one["metadata"]["generation"])
        return (status.get("phase", "") if seen else ""), status

    def release(self, **changed: str) -> set[str]:
        """A new version; the analysis runs of before."""
        before = {one["metadata"]["name"] for one in self.get("analysisruns")["items"]}
        values = GOOD | changed | {"VERSION": uuid.uuid4().hex}
        env = [{"name": name, "value": value} for name, value in values.items()]
        patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/env", "value": env}]
        self.kubectl("-n", self.name, "patch", "rollout", "digits", "--type", "json",
                     "-p", json.dumps(patch))  # fmt: skip
        self.until(lambda: self.rollout()[1].get("currentPodHash") != self.rollout()[1]["stableRS"])
        return before

    def watched(self, seconds: int) -> None:
        """Until Prometheus knows for so long how the rollout does: a canary begins after that."""
        query = quote(f"count_over_time(sum(increase(model_requests_total[8s]))[{seconds}s:1s])")
        path = f"/api/v1/namespaces/{self.name}/services/prometheus:9090/proxy/api/v1/query"

        def there() -> bool:
            found = json.loads(self.kubectl("get", "--raw", f"{path}?query={query}"))
            return any(int(one["value"][1]) >= seconds - 1 for one in found["data"]["result"])

        self.until(there)

    def analysis(self, before: set[str]) -> Any:
        """The newest analysis run's status; empty where there is none yet."""
        new = [o for o in self.get("analysisruns")["items"] if o["metadata"]["name"] not in before]
        return new[0].get("status", {}) if new else {}


def deployment(name: str, image: str, words: list[str], port: int, volume: str, **more: Any) -> Any:
    container = {
        "name": "one",
        "image": image,
        "command": words,
        "ports": [{"containerPort": port}],
        "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 2},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "files", "mountPath": "/files"},
            {"name": "data", "mountPath": "/data"},
        ],
    }
    spec = {
        "terminationGracePeriodSeconds": 2,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1001, "fsGroup": 1001},
        "volumes": [
            {"name": "files", "configMap": {"name": volume}},
            {"name": "data", "emptyDir": {}},
        ],
        "containers": [container],
        **more,
    }
    if not port:
        del container["ports"], container["readinessProbe"]
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def service(name: str, port: int, target: int) -> Any:
    spec = {"selector": {"app": name}, "ports": [{"port": port, "targetPort": target}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def files(name: str, **content: str) -> Any:
    data = {key.replace("__", "."): value for key, value in content.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def template(namespace: str) -> Any:
    """The component's, with its time shortened."""
    text = (COMPONENT / "analysis.yaml").read_text()
    for old, new in (
        ("interval: 1m", "interval: 5s"),
        ("count: 250", "count: 24"),
        ("inconclusiveLimit: 249", "inconclusiveLimit: 23"),
        ("lockproof-canary.canary.svc", f"lockproof-canary.{namespace}.svc"),
        ("  namespace: serving\n", ""),
    ):
        assert old in text
        text = text.replace(old, new)
    return yaml.safe_load(text)


def rollout() -> Any:
    """Four pods; a canary of one is judged, and then everybody gets it."""
    pod = deployment("digits", IMAGE, ["python3", "/files/canary_model.py", "serve"], 8080, "code")
    spec = pod["spec"]
    container = spec["template"]["spec"]["containers"][0]
    container["env"] = [{"name": name, "value": value} for name, value in GOOD.items()]
    arguments = [
        {"name": f"{arm}-hash", "valueFrom": {"podTemplateHashValue": value}}
        for arm, value in (("canary", "Latest"), ("stable", "Stable"))
    ]
    analysis = {"templates": [{"templateName": "model-canary"}], "args": arguments}
    steps = [{"setWeight": 25}, {"analysis": analysis}, {"setWeight": 100}]
    canary = {"maxSurge": 1, "maxUnavailable": 0, "steps": steps}
    spec |= {"replicas": 4, "strategy": {"canary": canary}}
    return {**pod, "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}


@contextmanager
def under_traffic(beside: Callable[[str], list[Any]], scrapes: str = SCRAPES) -> Iterator[Node]:
    """Version 1 under traffic, watched, with what is made `beside` it in its namespace."""
    one = Node()
    kinds = one.kubectl("api-resources", "--api-group=argoproj.io", "-o", "name")
    if "rollouts.argoproj.io" not in kinds:
        pytest.skip("no cluster with nodes: the one of LOCKPROOF_TEST_NODE has no Argo Rollouts")
    one.kubectl("create", "namespace", one.name)
    watcher = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "watcher"}}
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "watcher"},
        "rules": ROLES,
    }
    binding = {
        **role,
        "kind": "RoleBinding",
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "watcher"},
        "subjects": [{"kind": "ServiceAccount", "name": "watcher", "namespace": one.name}],
    }
    del binding["rules"]
    code = Path(__file__).with_name("canary_model.py").read_text()
    scrape = ["/prometheus", "--config.file=/files/prometheus.yml", "--storage.tsdb.path=/data"]
    ask = ["python3", "/files/canary_model.py", "ask", "http://digits/", "0.02"]
    more = beside(one.name)
    try:
        one.apply(
            watcher, role, binding,
            files("code", canary_model__py=code),
            files("scrapes", prometheus__yml=scrapes),
            deployment("prometheus", PROMETHEUS, scrape, 9090, "scrapes",
                       serviceAccountName="watcher"),
            service("prometheus", 9090, 9090),
            service("digits", 80, 8080),
            deployment("client", IMAGE, ask, 0, "code", **NO_TOKEN),
            *more,
            rollout(),
        )  # fmt: skip
        made = [body["metadata"]["name"] for body in more if body["kind"] == "Deployment"]
        for name in ("prometheus", "client", *made):
            one.ready(name)
        one.until(lambda: one.rollout()[0] == "Healthy")
        yield one
    finally:
        one.kubectl("delete", "namespace", one.name, "--wait=false")


def answering(namespace: str) -> list[Any]:
    """The service that is asked, and the analysis that asks it."""
    serve = ["lockproof", "canary", "serve", "--checks=/files/checks.yaml", "--timeout=5"]
    serve += ["--prometheus=http://prometheus:9090", "--listen=0.0.0.0:8080"]
    return [
        files("checks", checks__yaml=CHECKS),
        deployment("lockproof-canary", IMAGE, serve, 8080, "checks", **NO_TOKEN),
        service("lockproof-canary", 80, 8080),
        template(namespace),
    ]


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with under_traffic(answering) as one:
        yield one


def back(node: Node) -> None:
    """Git goes back to the version that runs."""
    env = [{"name": name, "value": value} for name, value in GOOD.items()]
    stable = node.rollout()[1]["stableRS"]
    for one in node.get("replicasets")["items"]:
        if one["metadata"]["labels"].get("rollouts-pod-template-hash") == stable:
            env = one["spec"]["template"]["spec"]["containers"][0]["env"]
    patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/env", "value": env}]
    node.kubectl("-n", node.name, "patch", "rollout", "digits", "--type", "json",
                 "-p", json.dumps(patch))  # fmt: skip
    node.until(lambda: node.rollout()[0] == "Healthy")


def test_a_good_version_is_promoted(node: Node) -> None:
    node.watched(60)
    before = node.release()
    node.until(lambda: node.analysis(before).get("phase") == "Successful")
    node.until(lambda: node.rollout()[0] == "Healthy")
    status = node.rollout()[1]
    assert status["stableRS"] == status["currentPodHash"]


@pytest.mark.parametrize(
    "changed",
    [{"FAILING": "0.05"}, {"SLOW": "0.5"}, {"ONES": "0.9"}],
    ids=["fails", "slow", "drifts"],
)
def test_a_bad_version_is_aborted(changed: dict[str, str], node: Node) -> None:
    node.watched(60)
    before = node.release(**changed)
    node.until(lambda: node.analysis(before).get("phase") == "Failed")
    node.until(lambda: node.rollout()[0] == "Degraded")
    assert node.rollout()[1]["abort"] is True
    (metric,) = node.analysis(before)["metricResults"]
    assert metric["measurements"][-1]["value"] == '"failed"'
    back(node)


@pytest.mark.parametrize("lacks", ["client", "prometheus"])
def test_without_an_answer_it_waits_for_a_person(lacks: str, node: Node) -> None:
    node.scale(lacks, 0)
    try:
        before = node.release()
        node.until(lambda: node.analysis(before).get("phase") == "Inconclusive", 400)
        node.until(lambda: node.rollout()[0] == "Paused")
        (metric,) = node.analysis(before)["metricResults"]
        assert {one["value"] for one in metric["measurements"]} == {'"inconclusive"'}
        assert metric.get("error", 0) == 0
        assert node.rollout()[1].get("abort") is None
        back(node)
    finally:
        node.scale(lacks, 1)
        node.ready(lacks)
