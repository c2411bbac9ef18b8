"""A stand-in for Prometheus's operator: Prometheus with an overlay's monitors and rules."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

NAME = "prometheus-kube-prometheus-prometheus"
"""The service of the chart, which the analysis asks."""
_POD = "__meta_kubernetes_pod_"
CLIENT = """
import json, time, urllib.request
body = json.dumps({"dataframe_split": {"columns": list(range(64)), "data": [[0.0] * 64]}}).encode()
while True:
    try:
        url = "http://digits.serving.svc/invocations"
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=20).close()
    except OSError:
        pass  # The proxy counts what fails.
    time.sleep(0.2)
"""


def watching(
    bodies: Sequence[Any], user: tuple[str, str], image: str, digits: str
) -> Iterator[dict[str, Any]]:
    """Objects of the namespace `monitoring`, and a client of the model in `default`.

    Args:
        bodies: the objects of the overlay.
        user: who may read MLflow's figures, which the operator reads from the Secret.
        image: of Prometheus.
        digits: the label of the model's pods.
    """
    monitors = {b["metadata"]["name"]: b for b in bodies if b["kind"] == "ServiceMonitor"}
    (rules,) = (b["spec"] for b in bodies if b["kind"] == "PrometheusRule")
    name, password = user
    mlflow = list(_jobs(monitors["mlflow"], "app.kubernetes.io/name=mlflow"))
    for job in mlflow:
        job["basic_auth"] = {"username": name, "password": password}
    models = list(_jobs(monitors["models"], digits))
    config = {
        "global": {"evaluation_interval": "5s"},
        "rule_files": ["/files/rules.yml"],
        "scrape_configs": [*mlflow, *models],
    }
    files = {"prometheus.yml": json.dumps(config), "rules.yml": yaml.safe_dump(rules)}
    yield _object("v1", "ServiceAccount", "scraper", "monitoring")
    rbac = "rbac.authorization.k8s.io"
    role = _object(f"{rbac}/v1", "ClusterRole", "lockproof-test-scraper")
    verbs = ["get", "list", "watch"]
    yield role | {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}]}
    binding = _object(
        "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "lockproof-test-scraper"
    )
    who = {"kind": "ServiceAccount", "name": "scraper", "namespace": "monitoring"}
    of = {"apiGroup": rbac, "kind": "ClusterRole"}
    yield binding | {"roleRef": of | {"name": "lockproof-test-scraper"}, "subjects": [who]}
    yield _object("v1", "ConfigMap", "scraper", "monitoring") | {"data": files}
    words = ["/prometheus", "--config.file=/files/prometheus.yml", "--storage.tsdb.path=/data"]
    yield _deployment("scraper", "monitoring", image, words, 9090)
    ports = {"selector": {"app": "scraper"}, "ports": [{"port": 9090}]}
    yield _object("v1", "Service", NAME, "monitoring") | {"spec": ports}
    server = next(
        b for b in bodies if b["kind"] == "Deployment" and b["metadata"]["name"] == "mlflow"
    )
    (with_python,) = (c["image"] for c in server["spec"]["template"]["spec"]["containers"])
    yield _deployment("lockproof-test-client", "default", with_python, ["python", "-c", CLIENT], 0)


def _object(version: str, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _jobs(monitor: Any, label: str) -> Iterator[dict[str, Any]]:
    """One of each endpoint, on the ports of the pods with a label."""
    namespace, name = monitor["metadata"]["namespace"], monitor["metadata"]["name"]
    key, _, value = label.partition("=")
    pod_label = f"{_POD}label_{key.translate({46: 95, 47: 95})}"
    version = f"{_POD}label_rollouts_pod_template_hash"
    for number, endpoint in enumerate(monitor["spec"]["endpoints"]):
        port = endpoint["port"]
        yield {
            "job_name": f"{namespace}/{name}/{number}",
            "metrics_path": endpoint["path"],
            "params": endpoint.get("params", {}),
            "scrape_interval": "5s",
            "kubernetes_sd_configs": [{"role": "pod", "namespaces": {"names": [namespace]}}],
            "relabel_configs": [
                {"source_labels": [pod_label], "regex": value, "action": "keep"},
                {"source_labels": [f"{_POD}container_port_name"], "regex": port, "action": "keep"},
                {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
                {"source_labels": [f"{_POD}name"], "target_label": "pod"},
                {"source_labels": [version], "target_label": "rollouts_pod_template_hash"},
                {"target_label": "service", "replacement": value},
                {"target_label": "endpoint", "replacement": port},
            ],
        }


def _deployment(
    name: str, namespace: str, image: str, words: list[str], port: int
) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": "one",
        "image": image,
        "command": words,
        # Next to nothing: on a node of the declared size there is none of it.
        "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}},
    }
    spec: dict[str, Any] = {"terminationGracePeriodSeconds": 2, "containers": [container]}
    if port:
        container["ports"] = [{"containerPort": port}]
        container["readinessProbe"] = {"httpGet": {"path": "/-/ready", "port": port}}
        container["volumeMounts"] = [
            {"name": "files", "mountPath": "/files"},
            {"name": "data", "mountPath": "/data"},
        ]
        files = {"name": "files", "configMap": {"name": name}}
        spec |= {
            "serviceAccountName": name,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "fsGroup": 65534},
            "volumes": [files, {"name": "data", "emptyDir": {}}],
        }
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": spec}
    selected = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return _object("apps/v1", "Deployment", name, namespace) | {"spec": selected}
