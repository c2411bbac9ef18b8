"""The local overlay with two of the platform's components, on pods: postgres and verify.

Each test goes on where the one before ended.
PostgreSQL runs in a pod of its own, of the image $LOCKPROOF_TEST_NODE_POSTGRES; the first step of
the pods that serve is of the image $LOCKPROOF_TEST_NODE_VERIFY, which has to be named by digest.
"""

import copy
import json
import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integration.models import proof_of, without_settings
from integration.pipelines import Project, new_project
from integration.test_proofs import pem_of, public_of
from lockproof.steps.provision.manifests import load_manifests
from node.bring_up import PROGRAM, Platform, ask, by, commands
from node.files import LIMIT, wait_until
from node.local import DIGITS, brought_up
from node.test_platform import BACKUP, CI, GUIDE, IMAGE, MODEL, PIPELINE, POLICY, patiently
from node.tracking import LOG, TOLD

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("node")]

POSTGRES = os.environ.get("LOCKPROOF_TEST_NODE_POSTGRES")
VERIFY = os.environ.get("LOCKPROOF_TEST_NODE_VERIFY")
KEY = Ed25519PrivateKey.generate()
TRUST = '[[trust]]\nkey = "ci.pem"\n'
WORD = "a-passw0rd-of-the-database"
_SERVER = """
set -eu
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
cd /tmp && umask 077
printf %s "$PGPASSWORD" > word
initdb --pgdata data --username mlflow --auth scram-sha-256 --pwfile word > /dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=database -keyout data/server.key -out data/server.crt
echo 'hostssl all all all scram-sha-256' >> data/pg_hba.conf
pg_ctl --pgdata data --silent --wait --options "-k /tmp -h ''" start > /dev/null
for name in mlflow mlflow_auth; do createdb --host /tmp --username mlflow "$name"; done
pg_ctl --pgdata data --silent --wait stop
exec postgres -D data -k /tmp -h 0.0.0.0 -c ssl=on
"""  # noqa: E501
DATABASE = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: database}}
---
apiVersion: v1
kind: Service
metadata: {{name: postgres, namespace: database}}
spec:
  selector: {{app: postgres}}
  ports: [{{port: 5432}}]
---
apiVersion: v1
kind: Pod
metadata: {{name: postgres, namespace: database, labels: {{app: postgres}}}}
spec:
  terminationGracePeriodSeconds: 5
  containers:
    - name: postgres
      image: {POSTGRES}
      command: [sh, -c, {json.dumps(_SERVER)}]
      env: [{{name: PGPASSWORD, value: {WORD}}}]
      readinessProbe: {{tcpSocket: {{port: 5432}}, periodSeconds: 2}}
"""
CONNECTION = {
    "PGHOST": "postgres.database.svc",
    "PGPORT": "5432",
    "PGUSER": "mlflow",
    "PGPASSWORD": WORD,
    "PGSSLMODE": "require",
}


def with_components(platform: Platform) -> None:
    """As both components say; and a server, with the connection to it in the Secret."""
    overlay = platform.root / "control-plane/overlays/local"
    path = overlay / "kustomization.yaml"
    content = yaml.safe_load(path.read_text())
    assert VERIFY is not None
    name, _, digest = VERIFY.partition("@")
    content["components"] += ["../../components/postgres", "../../components/verify"]
    content["images"] = [{"name": "lockproof", "newName": name, "digest": digest}]
    content["configMapGenerator"] = [
        {
            "name": "model-trust",
            "namespace": "serving",
            "files": ["trust/lockproof.toml", "trust/ci.pem"],
            "options": {"disableNameSuffixHash": True},
        }
    ]
    path.write_text(yaml.safe_dump(content))
    (overlay / "trust").mkdir()
    (overlay / "trust/lockproof.toml").write_text(TRUST)
    (overlay / "trust/ci.pem").write_bytes(public_of(KEY))
    platform.kubectl("apply", "-f", "-", given=DATABASE)
    words = [f"--from-literal={key}={value}" for key, value in CONNECTION.items()]
    platform.kubectl("-n", "mlflow", "create", "secret", "generic", "mlflow-database", *words)
    platform.kubectl("-n", "database", "wait", "--for=condition=Ready", "pod/postgres",
                     f"--timeout={LIMIT}s")  # fmt: skip


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    for name in ("POSTGRES", "VERIFY"):
        if f"LOCKPROOF_TEST_NODE_{name}" not in os.environ:
            pytest.skip(f"no cluster with nodes that have it: LOCKPROOF_TEST_NODE_{name} is unset")
    one = None
    try:
        with brought_up(tmp_path_factory.mktemp("platform"), with_components) as one:
            yield one
    finally:
        if one is not None:
            one.kubectl("delete", "namespace", "database", "--ignore-not-found")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A pipeline that makes the very bytes which the rollout names, and trusts one key."""
    with without_settings():
        project = new_project(tmp_path_factory.mktemp("model"))
        files = {"dvc.yaml": PIPELINE, "lockproof.toml": POLICY + TRUST, "why.txt": "first\n"}
        project.write(files | {"ci.pem": public_of(KEY).decode()})
        shutil.copy(MODEL, project.root / "raw.skops")
        project.dvc("add", "-q", "raw.skops")
        project.repro()
        yield project


def run(platform: Platform, project: Project, words: str, url: str) -> str:
    """`lockproof` in a clone of the model's repository, by the user of CI."""
    return platform.sh(f"{PROGRAM} -C {project.root} {words}", **by(CI, url))


def test_on_postgresql_mlflow_knows_whom_it_answers(platform: Platform) -> None:
    """Users are in its second database; nothing is left of a file."""
    search, wanted = "/api/2.0/mlflow/experiments/search", {"max_results": 10}
    with platform.forwarded("mlflow", "mlflow", 80) as url:
        assert ask(url + search, wanted)[0] == 401
        made = {"username": CI[0], "password": CI[1]}
        assert ask(f"{url}/api/2.0/mlflow/users/create", made, platform.admin())[0] == 200
        assert ask(url + search, wanted, CI)[0] == 200
        assert ask(url + search, wanted, (CI[0], "another"))[0] == 401
        platform.python(LOG, "first", "0.5", **by(CI, url))
        assert json.loads(platform.python(TOLD, **by(CI, url)))["notes"] == ["of first"]
    look = ("sh", "-c", "ls -A /var/lib/mlflow")
    assert not platform.kubectl("-n", "mlflow", "exec", "deployment/mlflow", "--", *look).split()
    jobs = platform.get("-n", "mlflow", "cronjobs")["items"]
    assert not jobs  # It would save files that nobody writes to.


def test_a_proved_model_is_served_where_lockproof_verify_is_the_first_step(
    platform: Platform, model: Project
) -> None:
    key = model.remote.parent / "ci.key"
    key.write_bytes(pem_of(KEY))
    (calls,) = commands(GUIDE, "## A user of MLflow")[:1]
    with platform.forwarded("mlflow", "mlflow", 80) as url:
        run(platform, model, f"attest --report {proof_of(model, 'first.json')} --key {key}", url)
        run(platform, model, "register --model digits", url)
        platform.sh(calls.replace("http://localhost:5000", url))
    code, report = platform.provision()
    assert code == 0, report["findings"]
    pods = platform.pods("serving", DIGITS)
    steps = [one["spec"]["initContainers"][0] for one in pods]
    assert [(s["image"], s["command"][-1]) for s in steps] == [(VERIFY, "verify")] * 4
    with platform.forwarded("serving", "digits", 80) as url:
        code, answer = ask(f"{url}/invocations", IMAGE)
    assert code == 200, answer
    assert len(answer["predictions"]) == 2


def alone(platform: Platform, **values: str) -> tuple[str, str]:
    """How a pod as the rollout's ends, or that it runs, and the words of its first step."""
    overlay = platform.root / "control-plane/overlays/local"
    (rollout,) = (
        one.body for one in load_manifests(platform.root, overlay) if one.body["kind"] == "Rollout"
    )
    spec: Any = copy.deepcopy(rollout["spec"]["template"]["spec"])
    for one in spec["initContainers"][0]["env"]:
        if one["name"] in values:
            one["value"] = values[one["name"]]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "alone", "namespace": "serving"},
        "spec": spec | {"restartPolicy": "Never"},
    }
    platform.kubectl("apply", "-f", "-", given=json.dumps(pod))
    try:
        phase = wait_until(lambda: _settled(platform.get("-n", "serving", "pod", "alone")))
        return phase, platform.kubectl("-n", "serving", "logs", "alone", "-c", "fetch")
    finally:
        platform.kubectl("-n", "serving", "delete", "pod", "alone", "--now")


def _settled(pod: Any) -> str | None:
    states = {c["type"]: c["status"] for c in pod["status"].get("conditions", ())}
    if pod["status"].get("phase") == "Failed" or states.get("Ready") == "True":
        return str(pod["status"]["phase"])
    return None


def test_a_model_that_is_not_proved_is_not_served(platform: Platform, model: Project) -> None:
    """Registered by a report that nobody signed: the same bytes, and the pod does not start."""
    model.write({"why.txt": "second\n"})
    model.repro("second")
    with platform.forwarded("mlflow", "mlflow", 80) as url:
        report = proof_of(model, "second.json")
        run(platform, model, f"register --model digits --report {report}", url)
    assert alone(platform)[0] == "Running"  # The first version, by such a pod.
    phase, said = alone(platform, MODEL_URI="models:/digits/2")
    assert phase == "Failed"
    assert "proof" in said, said
    phase, said = alone(platform, MODEL_DIGEST=f"md5:{32 * '0'}")
    assert phase == "Failed"
    assert "md5" in said or "digest" in said, said


def test_on_postgresql_it_is_saved_and_restored_by_the_guides_commands(
    platform: Platform, tmp_path: Any
) -> None:
    """By a pod: what MLflow says of runs, models and users is what it said when it was saved."""
    assert POSTGRES is not None
    save, restore = commands(BACKUP, "## PostgreSQL")[:2]
    stop = "\n".join(commands(BACKUP, "## Restore")[0].splitlines()[:3])
    image = "docker.io/library/postgres:17"
    assert save.count(image) == 1
    here = f"cd {tmp_path}\n"
    with platform.forwarded("mlflow", "mlflow", 80) as url:
        saved = json.loads(platform.python(TOLD, **by(CI, url)))
    platform.sh(here + patiently(save).replace(image, POSTGRES))
    with platform.forwarded("mlflow", "mlflow", 80) as url:
        platform.python(LOG, "second", "0.75", **by(CI, url))
        later = {"username": "later", "password": "a-passw0rd-of-later"}
        assert ask(f"{url}/api/2.0/mlflow/users/create", later, platform.admin())[0] == 200
    way = f"export PATH={PROGRAM.parent}:$PATH\n"
    *steps, last = restore.splitlines()
    platform.sh("\n".join([way, patiently(stop), f"({here}", *steps, ")", last]))
    platform.mlflow_is_up()
    search, wanted = "/api/2.0/mlflow/experiments/search", {"max_results": 1}
    with platform.forwarded("mlflow", "mlflow", 80) as url:
        assert json.loads(platform.python(TOLD, **by(CI, url))) == saved
        assert ask(url + search, wanted, ("later", "a-passw0rd-of-later"))[0] == 401
        platform.python(LOG, "third", "0.75", **by(CI, url))
        told = json.loads(platform.python(TOLD, **by(CI, url)))
    assert set(told["runs"]) == {*saved["runs"], "third"}
