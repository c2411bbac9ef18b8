"""The scripts and rules that run in the cluster, with the real MLflow, S3 server and promtool."""

import configparser
import gzip
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lockproof.steps.provision.manifests import load_manifests

from .s3 import KEY, SECRET, S3Server, s3_server

CONTROL = Path(__file__).resolve().parents[2] / "control-plane"
BACKUP = CONTROL / "mlflow/config/backup.py"


def documents(path: Path) -> list[Any]:
    return [d for d in yaml.safe_load_all(path.read_text()) if d]


def manifests() -> Iterator[tuple[Path, Any]]:
    """Every Kubernetes object; ci-cd/ holds templates of CI files and function/ a package."""
    for path in sorted(CONTROL.rglob("*.yaml")):
        if {"ci-cd", "function"}.isdisjoint(path.parts) and path.name != "kustomization.yaml":
            for document in documents(path):
                # A patch may be a list of operations.
                if isinstance(document, dict) and {"apiVersion", "kind"} <= set(document):
                    yield path, document


# --- what no schema can say ---------------------------------------------------------------------


def test_every_image_is_pinned_by_digest_in_one_file_that_says_where_from() -> None:
    path = CONTROL / "components/images/kustomization.yaml"
    pinned = {one["name"]: one for one in documents(path)[0]["images"]}
    for one in pinned.values():
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", one["digest"])
        assert one["newTag"]
    used = {
        match
        for file in CONTROL.rglob("*.yaml")
        for match in re.findall(r"^\s+image: (\S+)$", file.read_text(), re.MULTILINE)
    }
    # Nobody publishes one of lockproof; whoever takes components/canary or nightly names their own.
    assert used == set(pinned) | {"lockproof", '"{{workflow.parameters.image}}"'}
    comments = re.findall(r"# source: .*, \d{4}-\d{2}-\d{2}$", path.read_text(), re.MULTILINE)
    assert len(comments) == len(pinned)


def test_the_quotas_and_what_kubernetes_takes_fit_the_small_node() -> None:
    group = next(
        d
        for d in documents(CONTROL / "cluster/nodegroup.yaml")
        if d["metadata"]["name"] == "lockproof-cpu"
    )
    assert group["spec"]["forProvider"]["instanceTypes"] == ["t3.large"]
    assert group["spec"]["forProvider"]["scalingConfig"]["maxSize"] == 1
    quotas = [
        d["spec"]["hard"]
        for d in documents(CONTROL / "namespaces/budget.yaml")
        if d["kind"] == "ResourceQuota"
    ]
    cpu = sum(_millis(q["requests.cpu"]) for q in quotas)
    memory = sum(_mebibytes(q["requests.memory"]) for q in quotas)
    # What the add-ons in kube-system request, and what pods may on this node.
    assert cpu + 450 <= 1930
    assert memory + 556 <= 7000


def _mebibytes(quantity: str) -> int:
    factor = {"Mi": 1, "Gi": 1024}[quantity[-2:]]
    return int(quantity[:-2]) * factor


def _millis(quantity: str) -> int:
    return int(quantity.removesuffix("m"))


CHARTS: dict[str, list[tuple[str, str, bool, int]]] = {
    "crossplane-system": [
        ("crossplane", "resourcesCrossplane", False, 0),
        ("crossplane", "resourcesRBACManager", False, 0),
    ],
    "argocd": [
        ("argo-cd", "controller.resources", False, 0),
        ("argo-cd", "repoServer.resources", False, 0),
        ("argo-cd", "server.resources", True, 0),
        ("argo-cd", "redis.resources", True, 0),
    ],
    "argo-rollouts": [("argo-rollouts", "controller.resources", True, 0)],
    "monitoring": [
        ("prometheus", "kube-state-metrics.resources", True, 0),
        ("prometheus", "prometheusOperator.resources", True, 0),
        ("prometheus", "grafana.resources", False, 2),
        ("prometheus", "prometheus.prometheusSpec.resources", False, 1),
    ],
}
"""Namespace -> file of values, where its requests stand, whether an update surges, sidecars.

Read in the charts' templates, since nothing here renders them: what is no StatefulSet surges unless
our values say Recreate, and the sidecars are those for which the values name no requests.
"""


def test_each_controllers_quota_has_room_for_an_update() -> None:
    """A quota that refuses the first new pod stops an upgrade for ever."""
    quotas = {
        d["metadata"]["namespace"]: d["spec"]["hard"]
        for d in documents(CONTROL / "namespaces/budget.yaml")
        if d["kind"] == "ResourceQuota"
    }
    providers = list(documents(CONTROL / "crossplane/packages.yaml"))
    runtime = next(d for d in providers if d["kind"] == "DeploymentRuntimeConfig")
    (container,) = runtime["spec"]["deploymentTemplate"]["spec"]["template"]["spec"]["containers"]
    provider = container["resources"]["requests"]
    count = sum(d["kind"] == "Provider" for d in providers)
    reserved = [450, 556]
    for namespace, charts in CHARTS.items():
        asked: list[tuple[int, int, bool]] = []
        for file, way, surges, sidecars in charts:
            value = documents(CONTROL / f"controllers/{file}.yaml")[0]
            for step in way.split("."):
                value = value[step]
            cpu, memory = _millis(value["requests"]["cpu"]), _mebibytes(value["requests"]["memory"])
            asked.append((cpu + 10 * sidecars, memory + 32 * sidecars, surges))
        if namespace == "crossplane-system":
            one = (_millis(provider["cpu"]), _mebibytes(provider["memory"]), True)
            asked += [one] * count  # A new revision runs beside the old one.
        for place, name, read in ((0, "requests.cpu", _millis), (1, "requests.memory", _mebibytes)):
            always = sum(int(one[place]) for one in asked)
            surge = max(int(one[place]) * one[2] for one in asked)
            reserved[place] += always
            assert always + surge <= read(quotas[namespace][name]), (namespace, name, always, surge)
    policy = tomllib.loads((CONTROL.parent / "lockproof.toml").read_text())["lint"]["budget"]
    assert _millis(policy["reserved-cpu"]) == reserved[0]
    assert _mebibytes(policy["reserved-memory"]) == reserved[1]
    recreated = ("crossplane.yaml", "argo-cd.yaml", "prometheus.yaml")
    assert all("Recreate" in (CONTROL / "controllers" / one).read_text() for one in recreated)


def test_the_cluster_manages_what_its_nodes_need() -> None:
    """Network policies hold on EKS only where its plugin is told so."""
    addons = {
        d["spec"]["forProvider"]["addonName"]: d["spec"]["forProvider"]
        for d in documents(CONTROL / "cluster/eks-cluster.yaml")
        if d["kind"] == "Addon"
    }
    assert {"vpc-cni", "coredns", "kube-proxy"} < set(addons)
    assert json.loads(addons["vpc-cni"]["configurationValues"]) == {"enableNetworkPolicy": "true"}
    groups = documents(CONTROL / "cluster/nodegroup.yaml")
    (gpu,) = (d for d in groups if d["metadata"]["name"] == "lockproof-gpu")
    assert gpu["spec"]["forProvider"]["labels"]["k8s.amazonaws.com/accelerator"]


def test_what_helm_values_repeat_of_the_inputs_is_the_same() -> None:
    inputs = documents(CONTROL / "overlays/aws/account/inputs.yaml")[0]["data"]
    values = documents(CONTROL / "controllers/cluster-autoscaler.yaml")[0]
    cluster = documents(CONTROL / "cluster/eks-cluster.yaml")[0]
    assert values["awsRegion"] == inputs["region"]
    external = cluster["metadata"]["annotations"]["crossplane.io/external-name"]
    assert values["autoDiscovery"]["clusterName"] == external


def test_no_secret_and_no_moving_revision_is_in_git() -> None:
    revisions = set()
    for path, document in manifests():
        assert document["kind"] != "Secret", path
        text = path.read_text()
        revisions |= set(re.findall(r"(?:revision|commit): ([0-9a-f]{40})$", text, re.MULTILINE))
        for found in re.findall(r"targetRevision: (\S+)", text):
            assert re.fullmatch(r"[0-9a-f]{40}|\d+\.\d+\.\d+", found), path
    assert len(revisions) == 1, "both overlays and Flux name one commit"


@pytest.mark.parametrize("overlay", ["local", "aws"])
def test_argo_cd_syncs_everything_but_the_pins_that_it_follows(
    overlay: str, tmp_path: Path
) -> None:
    """A commit cannot name itself: an Application in it would send Argo CD back to an older one."""
    shutil.copytree(CONTROL, tmp_path / "control-plane")
    folder = tmp_path / "control-plane/overlays" / overlay
    declared = load_manifests(tmp_path, folder)
    applications = {m.key: m.body for m in declared if m.body["kind"] == "Application"}
    (source,) = (b["spec"]["source"] for b in applications.values() if "source" in b["spec"])
    assert source["path"] == f"control-plane/overlays/{overlay}"

    # What Argo CD does with `kustomize.patches`: it appends them to the kustomization's own.
    file = folder / "kustomization.yaml"
    kustomization = yaml.safe_load(file.read_text())
    kustomization["patches"] += source["kustomize"]["patches"]
    file.write_text(json.dumps(kustomization))
    synced = load_manifests(tmp_path, folder)
    left_out = {m.key for m in declared} - {m.key for m in synced}
    assert left_out == set(applications)


def test_the_pin_is_a_commit_of_this_repository_that_has_what_is_asked_of_it() -> None:
    (pin,) = {
        d["data"]["revision"]
        for overlay in ("aws/account", "local")
        for d in documents(CONTROL / "overlays" / overlay / "inputs.yaml")
    }
    if git("rev-parse", "--is-shallow-repository") == "true":
        pytest.skip("a shallow clone has no history")
    git("merge-base", "--is-ancestor", pin, "HEAD")
    for path, document in manifests():
        if document["kind"] not in ("Application", "Kustomization"):
            continue
        spec = document["spec"]
        for source in spec.get("sources", [spec.get("source", spec)]):
            values = source.get("helm", {}).get("valueFiles", [])
            for asked in [*values, *([source["path"]] if "path" in source else [])]:
                name = asked.removeprefix("$platform/").removeprefix("./")
                assert git("cat-file", "-t", f"{pin}:{name}") in ("blob", "tree"), path


def git(*arguments: str, cwd: Path = CONTROL) -> str:
    argv = ["git", *arguments]
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=True).stdout.strip()


def test_one_command_moves_the_pin_wherever_it_is(tmp_path: Path) -> None:
    git("clone", "--quiet", str(CONTROL.parent), str(tmp_path / "clone"))
    clone = tmp_path / "clone"
    for name in ("control-plane", "scripts"):  # as they are here, committed or not
        shutil.copytree(CONTROL.parent / name, clone / name, dirs_exist_ok=True)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    git("add", "--all", cwd=clone)
    git(*identity, "commit", "--quiet", "--allow-empty", "--message", "new", cwd=clone)
    new = git("rev-parse", "HEAD", cwd=clone)

    def pin(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-B", "scripts/pin_platform.py", *arguments]
        return subprocess.run(argv, cwd=clone, capture_output=True, text=True, check=False)

    wrong = pin("no-such-commit")
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (1, 1)
    done = pin()
    assert done.returncode == 0, done.stderr
    assert "on no branch of a remote yet" in done.stderr
    changed = git("diff", "--unified=0", cwd=clone).splitlines()
    added = [line for line in changed if re.match(r"\+[^+]", line)]
    assert len(added) == len([line for line in changed if re.match("-[^-]", line)])
    assert all(line.endswith(new) for line in added)
    applications = [
        m.body["spec"]
        for overlay in ("aws", "local")
        for m in load_manifests(clone, clone / "control-plane/overlays" / overlay)
        if m.body["kind"] == "Application"
    ]
    for spec in applications:
        source = spec.get("source") or spec["sources"][1]
        assert source["targetRevision"] == new
    assert "already" in pin().stdout


@pytest.mark.parametrize("overlay", ["local", "aws", "aws-bootstrap"])
def test_storage_and_cluster_survive_a_prune(overlay: str) -> None:
    """And nothing that the cluster itself runs on is deleted in AWS by Crossplane."""
    kept = set()
    for manifest in load_manifests(CONTROL.parent, CONTROL / "overlays" / overlay):
        body = manifest.body
        group = body["apiVersion"].partition("/")[0]
        claim = body["kind"] == "PersistentVolumeClaim"
        if claim or group in ("s3.aws.m.upbound.io", "eks.aws.m.upbound.io"):
            annotations = body["metadata"]["annotations"]
            options = annotations["argocd.argoproj.io/sync-options"]
            assert options == "Prune=false,Delete=false", manifest.key
            assert annotations["kustomize.toolkit.fluxcd.io/prune"] == "disabled", manifest.key
            if not claim:
                assert "Delete" not in body["spec"]["managementPolicies"], manifest.key
            kept.add(body["kind"])
    wanted = {"Bucket", "Cluster", "NodeGroup", "Addon", "PodIdentityAssociation"}
    assert kept >= ({"Bucket", "PersistentVolumeClaim"} if overlay == "local" else wanted)


def test_every_managed_kind_is_served_and_is_healthy_only_when_it_says_so() -> None:
    """Argo CD and Flux call an object that has no status yet healthy, unless they are told."""
    groups = ("s3.aws.m.upbound.io", "eks.aws.m.upbound.io")
    declared = {
        (group, m.body["kind"])
        for m in load_manifests(CONTROL.parent, CONTROL / "overlays/aws")
        if (group := m.body["apiVersion"].partition("/")[0]) in groups
    }
    values = documents(CONTROL / "controllers/argo-cd.yaml")[0]["configs"]["cm"]
    argo = {
        tuple(key.removeprefix("resource.customizations.health.").split("_"))
        for key in values
        if key.startswith("resource.customizations.health.")
    }
    flux = {
        (one["apiVersion"].partition("/")[0], one["kind"])
        for d in documents(CONTROL / "gitops/flux-kustomization.yaml")
        for one in d["spec"].get("healthCheckExprs", ())
    }
    (policy,) = documents(CONTROL / "crossplane/activation-policy.yaml")
    assert declared == argo == flux
    assert {f"{kind.lower()}s.{group}" for group, kind in declared} == set(
        policy["spec"]["activate"]
    )


@pytest.mark.parametrize("overlay", ["local", "aws"])
def test_no_wave_waits_for_a_volume_whose_pod_comes_later(overlay: str) -> None:
    """Argo CD ends a wave when all in it is healthy, which a claim without a pod may never be."""
    waves: dict[str, set[str]] = {}
    for manifest in load_manifests(CONTROL.parent, CONTROL / "overlays" / overlay):
        body = manifest.body
        wave = body["metadata"].get("annotations", {}).get("argocd.argoproj.io/sync-wave", "0")
        names = {body["metadata"]["name"]} if body["kind"] == "PersistentVolumeClaim" else set()
        if body["kind"] == "Deployment":
            volumes = body["spec"]["template"]["spec"]["volumes"]
            claims = [v.get("persistentVolumeClaim", {}).get("claimName") for v in volumes]
            names = {name for name in claims if name}
        for name in names:
            waves.setdefault(name, set()).add(wave)
    assert waves
    assert all(len(found) == 1 for found in waves.values()), waves


def test_the_rules_that_judge_a_canary_pass_their_unit_tests(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("no promtool on PATH (Debian package prometheus)")
    rules = next(
        d
        for d in documents(CONTROL / "gitops/metrics-config.yaml")
        if d["kind"] == "PrometheusRule"
    )
    (tmp_path / "model-rules.yaml").write_text(yaml.safe_dump(rules["spec"]))
    shutil.copy(CONTROL / "gitops/tests/model-rules.test.yaml", tmp_path)
    argv = [promtool, "test", "rules", "model-rules.test.yaml"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# --- MLflow's database ---------------------------------------------------------------------------


# MLflow's own warnings are not ours to fix, so it runs in a process of its own.
WRITE = """\
import sys
import tomllib
from pathlib import Path
from mlflow import MlflowClient

folder = Path(sys.argv[1])
uri = f"sqlite:///{folder}/mlflow.db"
client = MlflowClient(tracking_uri=uri, registry_uri=uri)
experiment = client.create_experiment("digits", artifact_location=str(folder / "artifacts"))
run = client.create_run(experiment, run_name="one").info.run_id
client.log_metric(run, "accuracy", 0.96)
client.log_text(run, "weights", "model/weights.txt")
client.create_registered_model("digits")
client.create_model_version("digits", f"{folder}/artifacts/{run}/artifacts/model", run)
"""
READ = """\
import json
import sys
import tomllib
from mlflow import MlflowClient

uri = f"sqlite:///{sys.argv[1]}"
client = MlflowClient(tracking_uri=uri, registry_uri=uri)
experiment = client.get_experiment_by_name("digits")
(run,) = client.search_runs([experiment.experiment_id])
version = client.get_model_version("digits", "1")
print(json.dumps([run.data.metrics, run.info.run_id == version.run_id]))
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as this MLflow makes it, with one run, one model version and its artifact."""
    folder = tmp_path_factory.mktemp("mlflow")
    (folder / "write.py").write_text(WRITE)
    done = run(folder / "write.py", str(folder))
    assert done.returncode == 0, done.stderr
    return folder / "mlflow.db"


def run(
    script: Path, *arguments: str, flag: str = "-s", **variables: str
) -> subprocess.CompletedProcess[str]:
    # Of our variables only those that are given: a developer's MLflow is not ours.
    base = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "AWS_", "MODEL_"))}
    path = f"{Path(sys.executable).parent}:{base['PATH']}"
    environment = {**base, "PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true", **variables}
    argv = [sys.executable, flag, str(script), *arguments]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr if done.returncode else done.stdout).strip().splitlines()[-1]


@pytest.mark.s3
@pytest.mark.xdist_group("s3")
def test_a_saved_database_comes_back_and_a_damaged_one_does_not(
    database: Path, tmp_path: Path
) -> None:
    (tmp_path / "s3").mkdir()
    with s3_server(tmp_path / "s3") as server:
        _save_and_restore(server, database, tmp_path)


def _save_and_restore(server: S3Server, database: Path, folder: Path) -> None:
    client: Any = server.client()
    client.create_bucket(Bucket="store")
    tracking, auth = folder / "mlflow.db", folder / "basic_auth.db"
    shutil.copy(database, tracking)
    with sqlite3.connect(auth) as users:  # as MLflow's authentication lays it out
        users.execute("CREATE TABLE alembic_version_auth (version_num VARCHAR(32))")
        users.execute("INSERT INTO alembic_version_auth VALUES ('abc123')")
        users.execute("CREATE TABLE users (username VARCHAR(255))")
        users.execute("INSERT INTO users VALUES ('ann')")
    users.close()
    (folder / "basic_auth.ini").write_text(f"[mlflow]\ndatabase_uri = sqlite:///{auth}\n")

    def backup(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run(
            BACKUP,
            *arguments,
            MLFLOW_BACKEND_STORE_URI=f"sqlite:///{tracking}",
            MLFLOW_AUTH_CONFIG_PATH=str(folder / "basic_auth.ini"),
            MLFLOW_S3_ENDPOINT_URL=server.url,
            BACKUP_DESTINATION="s3://store/backups/mlflow",
            AWS_ACCESS_KEY_ID=KEY,
            AWS_SECRET_ACCESS_KEY=SECRET,
            AWS_DEFAULT_REGION="us-east-1",
        )

    # A writer is in the middle of a transaction: what is saved is the state before it.
    writer = sqlite3.connect(tracking, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("UPDATE experiments SET name = 'half done' WHERE name = 'digits'")
    done = backup("save")
    writer.execute("ROLLBACK")
    writer.close()
    assert done.returncode == 0, done.stderr
    time = done.stdout.strip()
    assert backup("list").stdout.split() == [time]

    refused = backup("restore", time)
    assert (refused.returncode, "is in the way" in refused.stderr) == (2, True)
    tracking.unlink()
    auth.unlink()
    refused = backup("restore", "20200101T000000Z")
    assert (refused.returncode, "no complete backup" in refused.stderr) == (2, True)

    # One byte that is not what was saved: nothing is put back, not even the file that was good.
    key = f"backups/mlflow/{time}/basic_auth.db.gz"
    good = client.get_object(Bucket="store", Key=key)["Body"].read()
    damaged = bytearray(gzip.decompress(good))
    damaged[-1] ^= 1
    client.put_object(Bucket="store", Key=key, Body=gzip.compress(bytes(damaged)))
    refused = backup("restore", time)
    assert (refused.returncode, "is not what was saved" in refused.stderr) == (1, True)
    assert not tracking.exists()
    client.put_object(Bucket="store", Key=key, Body=good)

    done = backup("restore", time)
    assert done.returncode == 0, done.stderr
    (folder / "read.py").write_text(READ)
    assert last_line(run(folder / "read.py", str(tracking))) == '[{"accuracy": 0.96}, true]'
    users = sqlite3.connect(auth)
    assert users.execute("SELECT username FROM users").fetchall() == [("ann",)]
    users.close()

    # What is broken already is not saved over what was good.
    tracking.write_bytes(tracking.read_bytes()[:4096] + b"\0" * 8192)
    broken = backup("save")
    assert broken.returncode == 1, broken.stdout + broken.stderr
    assert backup("list").stdout.split() == [time]


def test_what_cannot_be_saved_is_one_line(tmp_path: Path) -> None:
    ini = tmp_path / "basic_auth.ini"
    ini.write_text("[mlflow]\ndatabase_uri = postgresql:///mlflow_auth\n")
    variables = {
        "MLFLOW_BACKEND_STORE_URI": "postgresql:///mlflow",
        "MLFLOW_AUTH_CONFIG_PATH": str(ini),
        "BACKUP_DESTINATION": "s3://store/backups",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    done = run(BACKUP, "save", **variables)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "backup: not an absolute sqlite path; PostgreSQL is saved with pg_dump"
    ]
    done = run(BACKUP, "list")
    assert (done.returncode, last_line(done)) == (2, "backup: 'BACKUP_DESTINATION' is not set")


def test_the_server_has_no_room_for_mlflows_jobs_and_runs_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are eight processes; on a real node the server was killed for memory at its limit."""
    from mlflow import environment_variables

    (settings,) = documents(CONTROL / "mlflow/config/server.yaml")
    name = "MLFLOW_SERVER_ENABLE_JOB_EXECUTION"
    assert getattr(environment_variables, name).get() is True
    monkeypatch.setenv(name, settings["data"][name])
    assert getattr(environment_variables, name).get() is False


def test_the_server_gets_its_administrator_and_a_schema_that_is_never_newer(
    database: Path, tmp_path: Path
) -> None:
    for name in ("prepare.py", "basic_auth.ini"):
        shutil.copy(CONTROL / "mlflow/config" / name, tmp_path)
    target = tmp_path / "run.ini"
    copy = tmp_path / "mlflow.db"
    variables = {
        "MLFLOW_AUTH_CONFIG_PATH": str(target),
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{copy}",
        "MLFLOW_AUTH_ADMIN_USERNAME": "admin",
        "MLFLOW_AUTH_ADMIN_PASSWORD": "100% = #1",
    }
    script = tmp_path / "prepare.py"
    refused = run(script, **{**variables, "MLFLOW_AUTH_ADMIN_PASSWORD": ""})
    assert refused.returncode == 1
    assert "MLFLOW_AUTH_ADMIN_PASSWORD is not set" in last_line(refused)
    assert not target.exists()

    assert run(script, **variables).returncode == 0, "an empty database is the server's to make"
    config = configparser.ConfigParser()  # as MLflow reads it
    config.read(target)
    assert config["mlflow"]["admin_password"] == "100% = #1"
    assert config["mlflow"]["default_permission"] == "NO_PERMISSIONS"
    assert target.stat().st_mode & 0o777 == 0o600

    shutil.copy(database, copy)
    assert run(script, **variables).returncode == 0
    with sqlite3.connect(copy) as newer:
        newer.execute("UPDATE alembic_version SET version_num = 'from-the-future'")
    newer.close()
    before = hashlib.sha256(copy.read_bytes()).hexdigest()
    assert run(script, **variables).returncode != 0
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == before


def test_a_pod_serves_the_model_that_git_names_or_nothing(database: Path, tmp_path: Path) -> None:
    md5 = hashlib.md5(b"weights").hexdigest()

    store = {"MLFLOW_TRACKING_URI": f"sqlite:///{database}"}
    trust = tmp_path / "trust"

    def fetch(uri: str, digest: str) -> tuple[int, str]:
        target = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        target.mkdir()
        variables = {"MODEL_URI": uri, "MODEL_DIGEST": digest, **store}
        # As the pod runs it, with -I: no variable and no folder of elsewhere brings code.
        done = run(CONTROL / "gitops/fetch.py", str(target), str(trust), flag="-I", **variables)
        return done.returncode, last_line(done)

    good = (0, f"fetch: models:/digits/1: weights.txt is md5:{md5}")
    assert fetch("models:/digits/1", f"md5:{md5}") == good
    code, line = fetch("models:/digits/1", f"sha256:{'0' * 64}")
    assert (code, "not the model that Git names" in line) == (1, True)
    assert fetch("models:/digits@champion", f"md5:{md5}")[0] == 2
    assert fetch("models:/digits/1", md5)[0] == 2
    # Once somebody is trusted, the digest alone is not enough.
    trust.mkdir()
    (trust / "..2026").mkdir()
    (trust / "..data").symlink_to("..2026")
    assert fetch("models:/digits/1", f"md5:{md5}") == good, (
        "a folder as the kubelet makes it of an optional ConfigMap that is not there"
    )
    (trust / "revoked").write_text("")
    code, line = fetch("models:/digits/1", f"md5:{md5}")
    assert (code, "is not proved: there is no lockproof-proof.jsonl beside it" in line) == (1, True)
