"""The nightly proof, as Argo's controller makes it of the CronWorkflow; here each minute.

The namespace, its quota and policies, the account and the pod are the component's; the Git server,
the remote and the image are the tests' own.
"""

import json
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.lab import ROOT
from integration.pipelines import Project
from node.files import kubectl, wait_until
from node.test_on_cluster import engine, project

__all__ = ["project"]  # A proved pipeline, and a branch `forged`.

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("node")]

COMPONENT = ROOT / "control-plane/components/nightly"
WORKFLOWS = "control-plane/components/workflows/application.yaml"
PLACE = "proofs"
METRIC = "argo_workflows_lockproof_nightly_verdict_seconds"
TOKEN = {
    "apiVersion": "v1",
    "kind": "Secret",
    "type": "kubernetes.io/service-account-token",
    "metadata": {
        "name": "nightly-proof.service-account-token",
        "namespace": PLACE,
        "annotations": {"kubernetes.io/service-account.name": "nightly-proof"},
    },
}


@pytest.fixture
def nightly(kubeconfig: Path, namespace: str, image: str, project: Project) -> Iterator[None]:
    """The component, with the tests' image and repository, each minute and not yet begun."""
    engine(kubeconfig, "argo")
    there = json.loads(kubectl(kubeconfig, "get", "namespaces", "-o", "json"))["items"]
    if PLACE in {one["metadata"]["name"] for one in there}:
        pytest.skip(f"no cluster with nodes to play with: it has {PLACE}")
    names = ("namespace", "account", "network", "cron-workflow")
    texts = [(COMPONENT / f"{name}.yaml").read_text() for name in names]
    bodies = [one for text in texts for one in yaml.safe_load_all(text)]
    cron = bodies[-1]
    cron["spec"] |= {"schedules": ["* * * * *"], "suspend": True}
    given = {"image": image, "repository": f"git://files.{namespace}.svc/repository.git"}
    for parameter in cron["spec"]["workflowSpec"]["arguments"]["parameters"]:
        parameter["value"] = given.get(parameter["name"], parameter["value"])
    kubectl(kubeconfig, "apply", "-f", "-", given=yaml.safe_dump_all([*bodies, TOKEN]))
    application = yaml.safe_load((ROOT / WORKFLOWS).read_text())
    executor = application["spec"]["sources"][0]["helm"]["valuesObject"]["executor"]
    before = configured(kubeconfig, yaml.safe_dump(executor))
    yield
    configured(kubeconfig, before)
    kubectl(kubeconfig, "delete", "namespace", PLACE, "--wait=false")


def configured(kubeconfig: Path, executor: str | None) -> str | None:
    """Say what Argo's own containers are like, as its chart does; what was said before."""
    words = ("-n", controller(kubeconfig), "configmap", "workflow-controller-configmap")
    found = json.loads(kubectl(kubeconfig, "get", *words, "-o", "json")).get("data") or {}
    patch = json.dumps({"data": {"executor": executor}})
    kubectl(kubeconfig, "patch", *words, "--type=merge", "-p", patch)
    return str(found["executor"]) if "executor" in found else None


def controller(kubeconfig: Path) -> str:
    """The namespace of Argo's."""
    listed = json.loads(kubectl(kubeconfig, "get", "deployments", "-A", "-o", "json"))["items"]
    names = [one["metadata"] for one in listed]
    (found,) = (m["namespace"] for m in names if m["name"] == "workflow-controller")
    return str(found)


def workflows(kubeconfig: Path) -> list[Any]:
    found = json.loads(kubectl(kubeconfig, "-n", PLACE, "get", "workflows", "-o", "json"))
    return list(found["items"])


def fired(kubeconfig: Path, before: set[str]) -> Any:
    """The next Workflow that the controller makes by itself, once it has ended."""
    suspended(kubeconfig, "false")

    def new() -> Any:
        made = (w for w in workflows(kubeconfig) if w["metadata"]["name"] not in before)
        return next(made, None)

    name = wait_until(new)["metadata"]["name"]
    suspended(kubeconfig, "true")

    def ended() -> Any:
        (one,) = (w for w in workflows(kubeconfig) if w["metadata"]["name"] == name)
        return one if one.get("status", {}).get("finishedAt") else None

    return wait_until(ended)


def told(workflow: Any) -> list[str]:
    nodes = workflow["status"].get("nodes", {}).values()
    return [workflow["status"].get("message", ""), *(n.get("message", "") for n in nodes)]


def suspended(kubeconfig: Path, value: str) -> None:
    patch = f'{{"spec":{{"suspend":{value}}}}}'
    kubectl(kubeconfig, "-n", PLACE, "patch", "cronworkflow", "nightly-proof",
            "--type=merge", "-p", patch)  # fmt: skip


def exported(kubeconfig: Path) -> dict[str, float]:
    """Result -> when a proof with it was last begun, as Argo's controller exports it."""
    argv = ["kubectl", "--kubeconfig", str(kubeconfig), "-n", controller(kubeconfig)]
    argv += ["port-forward", "deployment/workflow-controller", ":9090"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            port = process.stdout.readline().split()[2].rpartition(":")[2]
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # its own
            url = f"https://127.0.0.1:{port}/metrics"
            with urllib.request.urlopen(url, timeout=60, context=context) as answer:
                lines = answer.read().decode().splitlines()
        finally:
            process.kill()
    found = [line for line in lines if line.startswith(f"{METRIC}{{")]
    return {
        result: float(line.rpartition(" ")[2])
        for line in found
        for result in ("passed", "failed")
        if f'result="{result}"' in line
    }


def test_the_night_proves_the_default_branch_and_says_when_it_no_longer_reproduces(
    kubeconfig: Path, namespace: str, nightly: None
) -> None:
    good = fired(kubeconfig, set())
    assert good["status"]["phase"] == "Succeeded", told(good)
    passed = wait_until(lambda: exported(kubeconfig).get("passed"))

    head = ("git", "-C", "/srv/repository.git", "symbolic-ref", "HEAD", "refs/heads/forged")
    kubectl(kubeconfig, "-n", namespace, "exec", "files", "--", *head)
    bad = fired(kubeconfig, {good["metadata"]["name"]})
    assert bad["status"]["phase"] == "Failed", told(bad)
    pods = [n for n in bad["status"]["nodes"].values() if n["type"] == "Pod"]
    assert [one["outputs"]["exitCode"] for one in pods] == ["1"]  # A verdict is not asked again.
    failed = wait_until(lambda: exported(kubeconfig).get("failed"))
    assert failed > passed
