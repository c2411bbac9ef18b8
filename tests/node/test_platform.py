"""The local overlay, brought up on pods as control-plane/README.md says, by the commands it gives.

What is stood in for says bring_up.py. Nobody makes a model here, so the rollout waits for one.
"""

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cluster.lab import crd_folder, read_crds
from cluster.stand_in import RUNTIME_CONFIGS, at_work
from node.bring_up import (
    BY_HELM,
    MADE,
    NodeLab,
    OnNode,
    Platform,
    ask,
    commands,
    proxied,
)

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("node")]

README = "control-plane/README.md"
CI = ("ci", "a-passw0rd-of-ci")
RUN = """
import sys, mlflow
mlflow.set_experiment(sys.argv[1])
with mlflow.start_run(run_name=sys.argv[2]):
    mlflow.log_metric("accuracy", 0.5)
    mlflow.log_text("kept", "note.txt")
"""
FOUND = """
import json, mlflow
runs = mlflow.search_runs(search_all_experiments=True, output_format="list")
print(json.dumps(sorted(run.info.run_name for run in runs)))
"""


def be_patient(root: Path) -> None:
    """A start of MLflow that takes longer than three minutes, on a busy machine, has not failed."""
    path = root / "control-plane/mlflow/deployment.yaml"
    text = path.read_text()
    assert "failureThreshold: 36" in text
    path.write_text(text.replace("failureThreshold: 36", "failureThreshold: 360"))


def has_all_it_needs(platform: Platform) -> None:
    """Skip where the cluster is not one for this."""
    kinds = platform.kubectl("api-resources", "--api-group=argoproj.io", "-o", "name")
    if "rollouts.argoproj.io" not in kinds:
        pytest.skip("no cluster with nodes: the one of LOCKPROOF_TEST_NODE has no Argo Rollouts")
    there = {one["metadata"]["name"] for one in platform.get("namespaces")["items"]}
    if here := there & set(MADE):
        pytest.skip(f"no cluster with nodes to play with: it has {', '.join(sorted(here))}")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Steps 1 to 3 of the README; nobody has made a model yet, nor its reader."""
    base = tmp_path_factory.mktemp("platform")
    one = Platform(base / "repo", Path(os.environ["LOCKPROOF_TEST_NODE"]))
    be_patient(one.root)
    has_all_it_needs(one)
    folder = crd_folder()
    if folder is None:
        pytest.skip("no real CustomResourceDefinitions: LOCKPROOF_CRDS names no folder of them")
    definitions = [*read_crds(folder), RUNTIME_CONFIGS]
    with ExitStack() as stack:
        url = stack.enter_context(proxied(one.config))
        lab = NodeLab(url)
        before = {d["metadata"]["name"] for d in one.get("crds")["items"]}
        stack.callback(tear_down, one, before)
        cloud = ("upbound.io", "m.crossplane.io")
        lab.install([d for d in definitions if not d["spec"]["group"].endswith(cloud)])
        for name in BY_HELM:
            one.kubectl("apply", "-f", "-", given=json.dumps(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            ))  # fmt: skip
        (secrets,) = [b for b in commands(README, "**2. Secrets.**") if "auth.env" in b]
        one.sh(secrets)
        stand_in = OnNode(lab, definitions)
        stand_in.platform, stand_in.volumes = one, base / "volumes"
        stand_in.volumes.mkdir()
        stack.enter_context(at_work(stand_in))
        code, report = one.provision("--no-wait")
        assert code in (0, 5), report["findings"]
        # The namespaces are there already: Helm and the commands above made them.
        assert {o["action"] for o in report["host"]["objects"]} == {"create", "change"}
        one.kubectl("-n", "mlflow", "wait", "--for=condition=Available", "deployment/mlflow",
                    "--timeout=600s")  # fmt: skip
        yield one


def tear_down(platform: Platform, before: set[str]) -> None:
    """Leave the cluster as it was."""
    code, report = platform.provision("down", "--allow-data-loss", "--timeout", "300s")
    platform.kubectl("delete", "namespace", *MADE, "--ignore-not-found", "--timeout=300s")
    volumes = platform.get("persistentvolumes")["items"]
    claimed = {v["metadata"]["name"]: v["spec"].get("claimRef", {}) for v in volumes}
    mine = [name for name, claim in claimed.items() if claim.get("namespace") in MADE]
    names = {d["metadata"]["name"] for d in platform.get("crds")["items"]} - before
    for kind, gone in (("persistentvolume", mine), ("crd", sorted(names))):
        if gone:
            platform.kubectl("delete", kind, *gone, "--timeout=300s")
    assert code == 0, report["findings"]


def admin(platform: Platform) -> tuple[str, str]:
    held = platform.secret("mlflow", "mlflow-auth")
    return held["MLFLOW_AUTH_ADMIN_USERNAME"], held["MLFLOW_AUTH_ADMIN_PASSWORD"]


def by(who: tuple[str, str], url: str) -> dict[str, str]:
    """The variables of an MLflow client."""
    return {
        "MLFLOW_TRACKING_URI": url,
        "MLFLOW_TRACKING_USERNAME": who[0],
        "MLFLOW_TRACKING_PASSWORD": who[1],
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def python(platform: Platform, code: str, *words: str, **variables: str) -> str:
    """Run a program as a person with MLflow's client does."""
    return platform.sh(shlex.join([sys.executable, "-c", code, *words]), **variables)


def test_mlflow_answers_those_whom_it_knows(platform: Platform) -> None:
    """An administrator by the README's Secret, a user by the guide's calls; nobody else."""
    search = "/api/2.0/mlflow/experiments/search"
    with platform.forwarded("mlflow", "mlflow", 80) as url:
        assert ask(f"{url}/health")[0] == 200
        wanted = {"max_results": 10}
        assert ask(url + search, wanted)[0] == 401
        assert ask(url + search, wanted, ("admin", "password1234"))[0] == 401
        assert ask(url + search, wanted, admin(platform))[0] == 200
        made = {"username": CI[0], "password": CI[1]}
        assert ask(f"{url}/api/2.0/mlflow/users/create", made, CI)[0] == 401
        assert ask(f"{url}/api/2.0/mlflow/users/create", made, admin(platform))[0] == 200
        assert ask(url + search, wanted, CI)[0] == 200
        said = (platform.root / ".lockproof/platform.env").read_text()
        assert "MLFLOW_TRACKING_URI=http://localhost:5000" in said
        assert "kubectl -n mlflow port-forward" in said


def test_a_run_is_logged_and_its_files_are_in_the_bucket(platform: Platform) -> None:
    """By a client that has no key of the bucket."""
    with platform.forwarded("mlflow", "mlflow", 80) as url:
        python(platform, RUN, "first", "before", **by(CI, url))
        assert json.loads(python(platform, FOUND, **by(CI, url))) == ["before"]
    assert any(key.endswith("/artifacts/note.txt") for key in platform.stored("mlflow/"))


def test_a_backup_is_made_by_the_guides_commands(platform: Platform) -> None:
    """In a pod of the cluster, beside the server."""
    save = commands("docs/guides/mlflow-backup.md", "## Save")[0]
    wait = "kubectl -n mlflow wait --for=condition=Complete job/save-now --timeout=300s"
    create, logs = save.splitlines()[:2]
    told = platform.sh("\n".join([create, wait, logs.replace(" -f ", " ")]))
    (moment,) = re.findall(r"^\d{8}T\d{6}Z$", told, re.MULTILINE)
    assert f"backups/mlflow/{moment}/manifest.json" in platform.stored("backups/")
