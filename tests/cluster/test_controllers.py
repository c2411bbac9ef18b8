"""What controllers write into what provision applied: the real Argo Rollouts, and others' edits."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cluster.lab import Lab, free_port, wait_until
from cluster.project import Project
from cluster.stand_in import open_definition
from cluster.test_canary import controller

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

EXPERIMENTS = open_definition("argoproj.io", "v1alpha1", "Experiment")
HASH = "rollouts-pod-template-hash"


@pytest.fixture(scope="module")
def rollouts(
    lab: Lab, definitions: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """The controller; it has no Prometheus to ask."""
    lab.install([EXPERIMENTS])
    folder, sockets = tmp_path_factory.mktemp("rollouts"), tmp_path_factory.mktemp("s")
    with controller(lab, folder, sockets, free_port()):
        yield


def workload(project: Project) -> list[dict[str, Any]]:
    labels = {"app": "web"}
    container = {"name": "web", "image": "example.org/web:1"}
    rollout = {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "strategy": {
            "canary": {
                "stableService": "stable",
                "canaryService": "canary",
                "steps": [{"setWeight": 50}],
            }
        },
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    service = {"selector": labels, "ports": [{"port": 80}]}
    return [
        project.thing("v1 Service", "stable", service),
        project.thing("v1 Service", "canary", service),
        project.thing("argoproj.io/v1alpha1 Rollout", "web", rollout),
    ]


@pytest.mark.usefixtures("rollouts")
def test_the_selectors_of_a_rollouts_services_are_its_controllers(project: Project) -> None:
    """It writes its hash into them, and the same overlay goes up again, forced as well."""
    declared = workload(project)
    project.declare(*declared)
    assert project.run("--no-wait").code in (0, 5)

    def selector(name: str) -> dict[str, str]:
        return dict(project.read(f"/api/v1 services/{name}")["spec"]["selector"])

    wait_until(lambda: all(HASH in selector(name) for name in ("stable", "canary")))
    now = selector("stable")
    for arguments in ([], ["--force-conflicts"], ["status"]):
        again = project.run(*arguments, *([] if "status" in arguments else ["--timeout", "500s"]))
        assert again.code == 0, (
            arguments,
            [f["message"] for f in again.report.get("findings", ())],
        )
        left = {one["name"]: one["left"] for one in again.report["host"]["objects"]}
        assert left[f"Service {project.name}/stable"] == {"spec.selector": "rollouts-controller"}
        assert set(again.actions.values()) == {"none"}, again.report["host"]["objects"]
        assert selector("stable") == now

    # Another selector in Git is another selector: nobody's hash hides that.
    declared[0]["spec"] = declared[0]["spec"] | {"selector": {"app": "other"}}
    project.declare(*declared)
    changed = project.run()
    assert (changed.code, changed.rules) == (1, ["LP902"])
    assert selector("stable") == now


def test_the_replicas_of_what_is_scaled_are_left_to_the_autoscaler(project: Project) -> None:
    scaler = project.thing(
        "autoscaling/v2 HorizontalPodAutoscaler",
        "web",
        {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "maxReplicas": 9,
        },
    )
    web = project.deployment()
    web["spec"]["replicas"] = 1
    project.declare(web, scaler)
    assert project.run("--no-wait").code in (0, 5)
    path = f"/apis/apps/v1/namespaces/{project.name}/deployments/web"
    scaled = {"spec": {"replicas": 4}}
    # As the controller manager's autoscaler does it.
    project.lab.api.merge(f"{path}/scale", scaled, "?fieldManager=kube-controller-manager")
    web["spec"]["template"]["spec"]["containers"][0]["image"] = "example.org/web:2"
    project.declare(web, scaler)
    assert project.run("--no-wait").code in (0, 5)
    now = project.lab.api.get(path)["spec"]
    assert now["replicas"] == 4
    assert now["template"]["spec"]["containers"][0]["image"] == "example.org/web:2"


def test_status_shows_what_others_added(project: Project) -> None:
    """Which `up` leaves alone, and so must say."""
    project.declare(project.deployment())
    assert project.run("--timeout", "500s").code == 0
    path = f"/apis/apps/v1/namespaces/{project.name}/deployments/web"
    restart = {
        "template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "x"}}}
    }
    project.lab.api.merge(path, {"spec": restart}, "?fieldManager=kubectl-rollout")
    assert project.run("status").code == 0
    sidecar = [{"op": "add", "path": "/spec/template/spec/containers/-", "value": SIDECAR}]
    code, answer = project.lab.api.call(
        "PATCH", f"{path}?fieldManager=kubectl-edit", sidecar, "application/json-patch+json"
    )
    assert code == 200, answer
    done = project.run("status")
    assert (done.code, done.rules) == (1, ["LP910"])
    told = done.finding("LP910")["message"]
    assert "spec.template.spec.containers[name=miner] (by kubectl-edit)" in told
    away = [{"op": "remove", "path": "/spec/template/spec/containers/1"}]
    project.lab.api.call("PATCH", path, away, "application/json-patch+json")
    assert project.run("status").code == 0, "the advice was followed"

    # What is not ready is told beside it.
    web = project.deployment()
    web["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "golden"}
    project.declare(web)
    assert project.run("--no-wait").code in (0, 5)
    project.lab.api.call(
        "PATCH", f"{path}?fieldManager=kubectl-edit", sidecar, "application/json-patch+json"
    )
    assert sorted(project.run("status").rules) == ["LP906", "LP910"]


@pytest.mark.usefixtures("rollouts")
def test_a_rollout_that_waits_for_its_model_holds_nothing_else_back(project: Project) -> None:
    """How to reach MLflow is written before: a model is registered there."""
    *services, rollout = workload(project)
    rollout["spec"]["template"]["spec"]["nodeSelector"] = {"model": "registered"}
    labels = {"metadata": {"labels": {"app.kubernetes.io/name": "mlflow"}}}
    mlflow = project.thing("v1 Service", "mlflow", {"ports": [{"port": 80}]}, **labels)
    project.declare(*services, mlflow, rollout, project.deployment())
    done = project.run("--timeout", "20s")
    assert (done.code, done.rules) == (1, ["LP906"])
    assert "Rollout.argoproj.io" in done.finding("LP906")["message"]
    assert "no node takes its pods" in done.finding("LP906")["message"]
    assert done.actions[f"Deployment.apps {project.name}/web"] == "create"
    address = f"http://mlflow.{project.name}.svc"
    assert done.report["host"]["platform"]["MLflow"] == address
    text = (project.root / ".lockproof" / "platform.env").read_text()
    assert "MLFLOW_TRACKING_URI=http://localhost:5000" in text.splitlines()
    assert f"kubectl -n {project.name} port-forward service/mlflow 5000:80" in text


def test_what_pods_wait_for_is_told(project: Project) -> None:
    """Conditions only say that pods are not there."""
    web = project.deployment()
    web["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "golden"}
    project.declare(web)
    done = project.run("--timeout", "5s")
    assert (done.code, done.rules) == (1, ["LP906"])
    told = done.finding("LP906")["message"]
    assert "no node takes its pods: 0/" in told
    assert "node affinity/selector" in told

    tight = project.thing("v1 ResourceQuota", "tight", {"hard": {"pods": "0"}})
    database = json.loads(json.dumps(web["spec"]).replace("web", "db")) | {"serviceName": "db"}
    project.declare(tight, project.thing("apps/v1 StatefulSet", "db", database))
    refused = project.run("--timeout", "5s")
    assert "exceeded quota: tight" in refused.finding("LP906")["message"]


SIDECAR = {"name": "miner", "image": "example.org/miner:1"}
