"""What Argo's own definitions take: the nightly proof, and the Workflow that `reproduce` makes.

They are in $LOCKPROOF_CRDS where somebody put them there: `manifests/base/crds/full` of a release.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.lab import ROOT, Lab, crd_folder, read_crds, wait_until
from cluster.test_runs import command, proved

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

KINDS = {"workflows.argoproj.io", "cronworkflows.argoproj.io"}
NAMESPACE = "argos-definitions"
PLACE = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}"


@pytest.fixture(scope="module")
def argo(lab: Lab) -> Iterator[Lab]:
    """An API server that has both kinds, as Argo defines them."""
    folder = crd_folder()
    found = [d for d in read_crds(folder) if d["metadata"]["name"] in KINDS] if folder else []
    if len(found) < len(KINDS):
        pytest.skip("no real CustomResourceDefinitions: LOCKPROOF_CRDS has none of Argo Workflows")
    lab.install(found)
    lab.api.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    yield lab
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for name in KINDS:
        lab.api.call("DELETE", f"{path}/{name}")
    wait_until(lambda: not any(lab.api.get(f"{path}/{name}") for name in KINDS))


def taken(lab: Lab, plural: str, body: Any) -> tuple[int, str]:
    """HTTP status and words of the API server, asked as strictly as it can be; nothing is made."""
    body = copy.deepcopy(body)
    body["metadata"] = {"name": body["metadata"]["name"], "namespace": NAMESPACE}
    query = "?dryRun=All&fieldValidation=Strict"
    code, answer = lab.api.call("POST", f"{PLACE}/{plural}{query}", body)
    return code, str(answer.get("message", ""))


def test_the_nightly_proof_is_a_cron_workflow(argo: Lab) -> None:
    path = ROOT / "control-plane/components/nightly/cron-workflow.yaml"
    (cron,) = (b for b in yaml.safe_load_all(path.read_text()) if b["kind"] == "CronWorkflow")
    assert taken(argo, "cronworkflows", cron) == (201, "")
    cron["spec"]["schedule"] = cron["spec"].pop("schedules")[0]  # As Argo had it before 3.6.
    code, said = taken(argo, "cronworkflows", cron)
    assert code in (400, 422), said


def test_a_run_is_a_workflow(argo: Lab, tmp_path: Path) -> None:
    project = proved(argo, tmp_path, NAMESPACE, "1h")
    with command(project, argo, "--on", "argo", "--dry-run") as process:
        text, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    (workflow,) = (b for b in yaml.safe_load_all(text) if b["kind"] == "Workflow")
    assert taken(argo, "workflows", workflow) == (201, "")
    workflow["spec"]["templates"][0]["retryStratagem"] = {}
    code, said = taken(argo, "workflows", workflow)
    assert (code, "retryStratagem" in said) == (400, True), said
