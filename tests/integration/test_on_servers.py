"""From a reproduction to what is served, on servers: MLflow's with users, PostgreSQL, and S3.

The same as the walk-through on the embedded default, which test_models_guide follows.
"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockproof.cli.main import main

from .mlflow_server import ADMIN, mlflow_server
from .models import POLICY, toy_project, versions, without_settings
from .pipelines import Project
from .postgresql import postgresql_server
from .s3 import KEY, SECRET, s3_server
from .test_promote import ROLLOUT, SERVICE
from .test_proofs import pem_of, public_of

pytestmark = [pytest.mark.s3, pytest.mark.xdist_group("s3")]

FETCH = Path(__file__).resolve().parents[2] / "control-plane" / "gitops" / "fetch.py"
SIGNER = Ed25519PrivateKey.generate()
TRUST = '[[trust]]\nkey = "ci.pem"\n[gate]\nreproduction = "required"\noff = ["git", "record"]\n'


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Its data is in a bucket; the environment names the MLflow server, by somebody who may."""
    if importlib.util.find_spec("flask_wtf") is None:
        pytest.skip("no authentication: mlflow[auth] is not installed")
    for name in ("s3", "mlflow"):
        (tmp_path / name).mkdir()
    with without_settings(), postgresql_server() as database, s3_server(tmp_path / "s3") as s3:
        client: Any = s3.client()
        client.create_bucket(Bucket="team")
        given = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
        given |= {"AWS_DEFAULT_REGION": "us-east-1", "MLFLOW_S3_ENDPOINT_URL": s3.url}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in given.items():
                patch.setenv(name, value)
            place = {"backend": database, "bucket": "s3://team/mlflow"}
            with mlflow_server(tmp_path / "mlflow", auth=True, **place) as uri:
                patch.setenv("MLFLOW_TRACKING_URI", uri)
                patch.setenv("MLFLOW_TRACKING_USERNAME", ADMIN[0])
                patch.setenv("MLFLOW_TRACKING_PASSWORD", ADMIN[1])
                patch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "600")  # A slow machine is no fault.
                made = toy_project(tmp_path / "work", POLICY + TRUST)
                made.dvc("remote", "add", "-q", "-d", "-f", "store", "s3://team/dvc")
                made.dvc("remote", "modify", "-q", "store", "endpointurl", s3.url)
                made.dvc("push", "-q")
                made.write({"serve/rollout.yaml": ROLLOUT, "serve/service.yaml": SERVICE})
                (made.root / "ci.pem").write_bytes(public_of(SIGNER))
                made.commit("trust, and another remote")
                yield made


def test_from_a_reproduction_to_what_is_served(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*argv: str) -> str:
        assert main(["-C", str(project.root), *argv]) == 0
        return capsys.readouterr().out

    report, key = tmp_path / "report.json", tmp_path / "ci.key"
    key.write_bytes(pem_of(SIGNER))
    run("reproduce", "--output", str(report))
    assert "remote store: lockproof/proofs/" in run(
        "attest", "--report", str(report), "--key", str(key)
    )
    run("gate")
    run("register", "--model", "toy", "--alias", "candidate")
    run("register", "--model", "toy", "--alias", "candidate")
    (version,) = versions(project)
    assert version.source.startswith("s3://team/mlflow/")
    assert "signed by ci.pem" in run("verify", "toy@candidate")
    run("lineage")
    run("promote", "toy@candidate", "--to", "serve/rollout.yaml", "--commit")
    run("promote", "toy@candidate", "--to", "serve/service.yaml", "--commit")
    assert project.git("status", "--porcelain") == ""
    assert f"storageUri: {version.source}\n" in (project.root / "serve/service.yaml").read_text()
    digest = version.served_digest
    assert f"value: {digest}\n" in (project.root / "serve/rollout.yaml").read_text()
    model, trust = tmp_path / "model", tmp_path / "trust"
    for folder in (model, trust):
        folder.mkdir()
    (trust / "ci.pem").write_bytes(public_of(SIGNER))
    done = subprocess.run(
        [sys.executable, "-I", str(FETCH), str(model), str(trust)],
        env={**os.environ, "MODEL_URI": version.uri, "MODEL_DIGEST": digest or ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ", signed by " in done.stdout
    assert (model / "model.txt").read_bytes() == b"a\nb\n"
