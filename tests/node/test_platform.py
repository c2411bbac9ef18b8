"""The local overlay, brought up on pods as control-plane/README.md says, by the commands it gives.

Each test goes on where the one before ended. What is stood in for says bring_up.py. Prometheus
is real, its operator is not (watching.py). Time is shortened, and latency is not judged: here it is
the machine's. Of the node no more is left for it than the declared one has (room.py). It needs some
6 GiB of memory.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from integration.models import proof_of, without_settings
from integration.pipelines import Project, new_project
from lockproof.steps.provision.manifests import load_manifests
from node import room
from node.bring_up import (
    BUCKET,
    PROGRAM,
    ROOT,
    Platform,
    ask,
    by,
    commands,
    finish,
)
from node.files import LIMIT, wait_until
from node.local import DIGITS, brought_up
from node.tracking import LOG, TOLD
from node.watching import watching

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("node")]

PROMETHEUS = os.environ.get("LOCKPROOF_TEST_NODE_PROMETHEUS", "localhost/prometheus:1")
GUIDE = "docs/guides/platform.md"
BACKUP = "docs/guides/mlflow-backup.md"
MODEL = ROOT / "data-plane/remote/files/md5/09/59686e76b5f1eed268286930ea1cf9"
"""The bytes that the rollout's digest is about."""
POLICY = """\
[[model]]
name = "digits"
paths = ["pca.skops"]
flavour = "sklearn"
skops-trusted = ["numpy.dot"]
"""
PIPELINE = """\
stages:
  train:
    cmd: cp raw.skops pca.skops
    deps: [raw.skops, why.txt]
    outs: [pca.skops]
"""
CI = ("ci", "a-passw0rd-of-ci")
IMAGE = {"dataframe_split": {"columns": list(range(64)), "data": [[0.0] * 64] * 2}}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with brought_up(tmp_path_factory.mktemp("platform")) as one:
        yield one


def test_mlflow_answers_those_whom_it_knows(platform: Platform) -> None:
    """An administrator by the README's Secret, a user by the guide's calls; nobody else."""
    search = "/api/2.0/mlflow/experiments/search"
    with platform.forwarded("mlflow", "mlflow", 80) as url:
        assert ask(f"{url}/health")[0] == 200
        wanted = {"max_results": 10}
        assert ask(url + search, wanted)[0] == 401
        assert ask(url + search, wanted, ("admin", "password1234"))[0] == 401
        assert ask(url + search, wanted, platform.admin())[0] == 200
        made = {"username": CI[0], "password": CI[1]}
        assert ask(f"{url}/api/2.0/mlflow/users/create", made, CI)[0] == 401
        assert ask(f"{url}/api/2.0/mlflow/users/create", made, platform.admin())[0] == 200
        assert ask(url + search, wanted, CI)[0] == 200
        look = ("sh", "-c", "cat /proc/[0-9]*/cmdline")
        programs = platform.kubectl("-n", "mlflow", "exec", "deployment/mlflow", "--", *look)
        assert "mlflow" in programs
        assert "mlflow.server.jobs" not in programs  # As much memory again as the server itself.
        said = (platform.root / ".lockproof/platform.env").read_text()
        assert "MLFLOW_TRACKING_URI=http://localhost:5000" in said
        assert "kubectl -n mlflow port-forward" in said


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A pipeline that makes the very bytes which the rollout names."""
    with without_settings():
        project = new_project(tmp_path_factory.mktemp("model"))
        project.write({"dvc.yaml": PIPELINE, "lockproof.toml": POLICY, "why.txt": "first\n"})
        shutil.copy(MODEL, project.root / "raw.skops")
        project.dvc("add", "-q", "raw.skops")
        project.repro()
        yield project


def register(platform: Platform, project: Project, url: str, name: str) -> None:
    """`lockproof register` of HEAD, by the user of CI."""
    argv = f"{PROGRAM} -C {project.root} register --model digits --report {proof_of(project, name)}"
    platform.sh(argv, **by(CI, url))


def test_the_model_is_served_through_the_proxy(platform: Platform, model: Project) -> None:
    """Step 4: a version, a reader; then the rollout has all it waited for, and says so."""
    (calls,) = commands(GUIDE, "## A user of MLflow")[:1]
    with platform.forwarded("mlflow", "mlflow", 80) as url:
        register(platform, model, url, "first.json")
        platform.sh(calls.replace("http://localhost:5000", url))
    code, report = platform.provision()
    assert code == 0, report["findings"]
    with platform.forwarded("serving", "digits", 80) as url:
        code, answer = ask(f"{url}/invocations", IMAGE)
    assert code == 200, answer
    assert len(answer["predictions"]) == 2
    assert len(platform.pods("serving", DIGITS)) == 4


def test_a_run_is_logged_and_its_files_are_in_the_bucket(platform: Platform) -> None:
    """By a client that has no key of the bucket."""
    with platform.forwarded("mlflow", "mlflow", 80) as url:
        platform.python(LOG, "first", "0.5", **by(CI, url))
        told = json.loads(platform.python(TOLD, **by(CI, url)))
    assert told["notes"] == ["of first"]
    assert any(key.endswith("/artifacts/note.txt") for key in platform.stored("mlflow/"))


def patiently(script: str) -> str:
    """What a page says, on a machine that may be slower than any node."""
    assert "--timeout 10m" in script
    return script.replace("--timeout 10m", f"--timeout {LIMIT}s")


def test_a_backup_is_made_and_restored_by_the_guides_commands(platform: Platform) -> None:
    """In pods: what MLflow says of runs and models is then what it said when it was saved."""
    (save,), (restore,) = commands(BACKUP, "## Save")[:1], commands(BACKUP, "## Restore")[:1]
    with platform.forwarded("mlflow", "mlflow", 80) as url:
        saved = json.loads(platform.python(TOLD, **by(CI, url)))
    told = platform.sh(patiently(save))
    (moment,) = re.findall(r"^\d{8}T\d{6}Z$", told, re.MULTILINE)
    assert f"backups/mlflow/{moment}/manifest.json" in platform.stored("backups/")
    with platform.forwarded("mlflow", "mlflow", 80) as url:
        platform.python(LOG, "second", "0.75", **by(CI, url))
        later = json.loads(platform.python(TOLD, **by(CI, url)))
        assert {"first", "second"} <= set(later["runs"])
        assert later["models"]["kept"] == {"champion": "2"}
    restore = patiently(restore).replace("TIME", moment)
    platform.sh(f"export PATH={PROGRAM.parent}:$PATH\n{restore}")
    platform.mlflow_is_up()
    application = platform.get("-n", "argocd", "application", "lockproof")
    assert application["spec"]["syncPolicy"]["automated"]
    with platform.forwarded("mlflow", "mlflow", 80) as url:
        assert json.loads(platform.python(TOLD, **by(CI, url))) == saved
        assert ask(f"{url}/api/2.0/mlflow/experiments/search", {"max_results": 1})[0] == 401
        # Not a database that can only be read: the next run and version find their places.
        platform.python(LOG, "third", "0.75", **by(CI, url))
        told = json.loads(platform.python(TOLD, **by(CI, url)))
    assert told["models"]["kept"] == {"champion": "2"}


@pytest.fixture(scope="module")
def watched(platform: Platform) -> Iterator[str]:
    """Prometheus as its operator would set it up for the overlay, and a client of the model."""
    overlay = platform.root / "control-plane/overlays/local"
    bodies = [one.body for one in load_manifests(platform.root, overlay)]
    text = yaml.safe_dump_all(watching(bodies, platform.admin(), PROMETHEUS, DIGITS))
    platform.kubectl("apply", "-f", "-", given=text)
    try:
        platform.kubectl("-n", "monitoring", "rollout", "status", "deployment/scraper",
                         f"--timeout={LIMIT}s")  # fmt: skip
        yield "watched"
    finally:
        platform.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", given=text)


def asked(platform: Platform, query: str) -> list[Any]:
    """The vector that an expression gives now."""
    with platform.forwarded("monitoring", "prometheus-kube-prometheus-prometheus", 9090) as url:
        code, answer = ask(f"{url}/api/v1/query?{urlencode({'query': query})}")
    assert code == 200, answer
    return list(answer["data"]["result"])


def rollout(platform: Platform) -> Any:
    """The status of the rollout."""
    return platform.get("-n", "serving", "rollout", "digits")["status"]


def test_prometheus_scrapes_what_the_monitors_name(platform: Platform, watched: str) -> None:
    """MLflow behind its password, and every proxy, by the version that it stands before."""
    wait_until(lambda: asked(platform, 'up{namespace="mlflow"} == 1'))
    for endpoint in ("metrics", "predictions"):
        each = f'up{{namespace="serving",endpoint="{endpoint}"}} == 1'
        wait_until(lambda each=each: len(asked(platform, each)) == 4)
    found = wait_until(lambda: asked(platform, "model:requests:increase2m > 0"))
    hashes = {one["metric"]["rollouts_pod_template_hash"] for one in found}
    assert hashes == {rollout(platform)["stableRS"]}


def test_a_new_version_goes_through_its_canary_while_provision_runs_again(
    platform: Platform, model: Project, watched: str
) -> None:
    """What the controller does to its services and pods is left to it, at every moment."""
    model.write({"why.txt": "second\n"})
    model.repro("second")
    with platform.forwarded("mlflow", "mlflow", 80) as url:
        register(platform, model, url, "second.json")
    path = platform.root / "control-plane/gitops/rollout-canary.yaml"
    path.write_text(path.read_text().replace("models:/digits/1", "models:/digits/2"))
    before = rollout(platform)["stableRS"]
    beside = platform.start("--timeout", f"{LIMIT}s")
    again = 0
    while rollout(platform)["stableRS"] == before or not again:
        now = rollout(platform)
        assert now["phase"] != "Degraded", (now.get("message"), now.get("conditions"))
        code, report = platform.provision("--no-wait")
        assert code in (0, 5), report["findings"]
        assert not {"LP902", "LP906"} & {one["rule"] for one in report["findings"]}
        if rollout(platform).get("currentPodHash", before) != before:
            done = {one["name"]: one["action"] for one in report["host"]["objects"]}
            for name in ("Service serving/digits-stable", "Service serving/digits-canary"):
                assert done[name] == "none"
            again += 1
    assert finish(beside)[0] == 0
    code, report = platform.provision()
    assert code == 0, report["findings"]
    assert {one["action"] for one in report["host"]["objects"]} == {"none"}
    runs = platform.get("-n", "serving", "analysisruns")["items"]
    assert [one["status"]["phase"] for one in runs] == ["Successful"] * 3
    first = [one["spec"]["initContainers"][0]["env"][0] for one in platform.pods("serving", DIGITS)]
    assert {one["value"] for one in first} == {"models:/digits/2"}


def test_all_of_it_found_room_on_a_node_of_the_declared_size(platform: Platform) -> None:
    """By the real scheduler, with the first pod of an update beside all others, and the kubelet."""
    assert not room.refused(platform)
    asks, held = room.by_namespace(platform), room.quotas(platform.root)
    mine = set(held) - set(room.BY_HELM) | {"storage"}
    assert mine == {"mlflow", "serving", "storage"}
    for key, whole in room.NODE.items():
        away = sum(held[name][key] for name in room.BY_HELM)
        assert sum(asks[name][key] for name in mine) <= whole - room.ADD_ONS[key] - away
    measured = room.used(platform)
    left = room.NODE["memory"] - room.ADD_ONS["memory"]
    left -= sum(held[name]["memory"] for name in room.BY_HELM)
    assert sum(measured.get(name, 0) for name in mine) <= left, measured


def test_down_keeps_the_data_and_up_finds_it_again(platform: Platform) -> None:
    """The README's `down`: pods go; runs, versions, volumes and all that is in the bucket stay."""

    def told() -> Any:
        with platform.forwarded("mlflow", "mlflow", 80) as url:
            return json.loads(platform.python(TOLD, **by(CI, url)))

    def claims() -> dict[str, tuple[str, str]]:
        found = platform.get("-n", "mlflow", "pvc")["items"]
        found += platform.get("-n", "storage", "pvc")["items"]
        return {c["metadata"]["name"]: (c["metadata"]["uid"], c["status"]["phase"]) for c in found}

    runs, keys, held = told(), platform.stored(""), claims()
    assert set(held) == {"mlflow-data", "seaweedfs-data"}
    code, report = platform.provision("down")
    assert code == 0, report["findings"]
    kept = {one["name"] for one in report["host"]["objects"] if one["action"] == "keep"}
    assert {"PersistentVolumeClaim mlflow/mlflow-data",
            "PersistentVolumeClaim storage/seaweedfs-data"} <= kept  # fmt: skip
    assert any(name.startswith("Bucket.s3.") for name in kept), kept
    for namespace in ("mlflow", "serving", "storage"):
        wait_until(lambda namespace=namespace: not platform.get("-n", namespace, "pods")["items"])
    assert claims() == held
    code, report = platform.provision()
    assert code == 0, report["findings"]
    assert told() == runs
    assert platform.stored("") >= keys
    with platform.store() as client:
        assert [one["Name"] for one in client.list_buckets()["Buckets"]] == [BUCKET]
    with platform.forwarded("serving", "digits", 80) as url:
        code, answer = ask(f"{url}/invocations", IMAGE)
    assert code == 200, answer
