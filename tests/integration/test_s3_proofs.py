"""Proofs beside the data of a real S3 server: kept whole, found, and written by who may alone."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockproof.adapters.store.s3 import S3Store
from lockproof.cli.main import main

from .killed import killed_at
from .models import POLICY, toy_project, without_settings
from .pipelines import Project, copy_of, prove
from .s3 import KEY, READER, SECRET, S3Server, s3_server
from .test_proofs import asked, pem_of, public_of

pytestmark = [pytest.mark.s3, pytest.mark.xdist_group("s3")]

SIGNER = Ed25519PrivateKey.generate()
TRUST = '[[trust]]\nkey = "ci.pem"\n[gate]\nreproduction = "required"\noff = ["git", "record"]\n'
BUCKET = "proofs"


@pytest.fixture(autouse=True, scope="module")
def _own_settings() -> Iterator[None]:
    with without_settings():
        yield


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, server: S3Server) -> Project:
    """A proved model whose data is in a bucket; each test has a prefix of its own."""
    client: Any = server.client()
    client.create_bucket(Bucket=BUCKET)
    project = toy_project(tmp_path_factory.mktemp("made"), POLICY + TRUST)
    project.dvc("remote", "add", "-q", "-d", "-f", "store", "s3://made/ml")
    project.dvc("remote", "modify", "-q", "store", "endpointurl", server.url)
    (project.root / "ci.pem").write_bytes(public_of(SIGNER))
    project.commit("trust, and another remote")
    (project.remote.parent / "report.json").write_text(prove(project).model_dump_json())
    (project.remote.parent / "ci.key").write_bytes(pem_of(SIGNER))
    return project


@pytest.fixture
def project(made: Project, tmp_path: Path) -> Project:
    project = copy_of(made, tmp_path)
    # As people do it: what is not for Git is beside it.
    url = f"s3://{BUCKET}/{tmp_path.name}"
    project.dvc("remote", "modify", "-q", "--local", "store", "url", url)
    let_in(project, KEY, SECRET)
    project.dvc("push", "-q")
    return project


def let_in(project: Project, key: str, secret: str) -> None:
    project.dvc("remote", "modify", "-q", "--local", "store", "access_key_id", key)
    project.dvc("remote", "modify", "-q", "--local", "store", "secret_access_key", secret)


def above(project: Project) -> str:
    """Where the proofs of a project are."""
    return f"{project.root.parent.name}/lockproof/proofs/"


def keys(project: Project, server: S3Server) -> dict[str, str]:
    """Every object of a project: key -> ETag."""
    client: Any = server.client()
    prefix = f"{project.root.parent.name}/"
    found = client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())
    return {item["Key"]: item["ETag"] for item in found}


def attest(made: Project, project: Project) -> list[str]:
    base = made.remote.parent
    argv = ["-C", str(project.root), "attest", "--report", str(base / "report.json")]
    return [*argv, "--key", str(base / "ci.key")]


def test_a_proof_goes_into_the_bucket_and_counts_in_another_clone(
    made: Project, project: Project, server: S3Server, tmp_path: Path
) -> None:
    before = keys(project, server)
    assert main(attest(made, project)) == 0
    after = keys(project, server)
    assert {k: after[k] for k in before} == before, "DVC's objects stay as they are"
    assert all(key.startswith(above(project)) for key in after.keys() - before.keys())
    assert len(after.keys() - before.keys()) == 4
    assert main(attest(made, project)) == 0
    assert keys(project, server) == after, "the same again is not written again"
    clone = copy_of(project, tmp_path / "clone")
    shutil.rmtree(clone.root / ".dvc" / "cache")
    (clone.root / "model.txt").unlink()
    # Who may only read has all of it.
    let_in(clone, *READER)
    assert asked(clone, "gate") == (0, [])
    assert asked(clone, "verify") == (0, [])
    clone.dvc("pull", "-q", "model.txt")
    assert asked(clone, "verify", "./model.txt") == (0, [])


def test_who_may_not_write_is_told_what_it_takes(
    made: Project, project: Project, server: S3Server, capsys: pytest.CaptureFixture[str]
) -> None:
    let_in(project, *READER)
    before = keys(project, server)
    capsys.readouterr()
    assert main(attest(made, project)) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert "writing it takes s3:PutObject" in line
    assert READER[1] not in line
    assert keys(project, server) == before
    assert asked(project, "verify")[0] == 1


def test_an_object_that_was_meddled_with_is_no_proof(
    made: Project, project: Project, server: S3Server
) -> None:
    assert main(attest(made, project)) == 0
    client: Any = server.client()
    (key,) = (key for key in keys(project, server) if key.startswith(f"{above(project)}objects/"))
    whole = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    for content in (whole[:-100], whole + b"\n", b"", json.dumps({}).encode()):
        client.put_object(Bucket=BUCKET, Key=key, Body=content)
        code, found = asked(project, "verify")
        assert (code, {line[:5] for line in found}) == (1, {"LP729"})
    # Attested again, it is as it was.
    assert main(attest(made, project)) == 0
    assert asked(project, "verify") == (0, [])


def test_killed_before_a_write_the_next_run_completes_it(
    made: Project, project: Project, server: S3Server
) -> None:
    client: Any = server.client()
    number = 0
    for number in range(1, 10):
        for key in keys(project, server):
            if key.startswith(above(project)):
                client.delete_object(Bucket=BUCKET, Key=key)
        if not killed_at(S3Store, "put", number, "before", attest(made, project)):
            break
        code, found = asked(project, "verify")
        # The place of the commit is the last that is written.
        assert (code, {line[:5] for line in found}) in ((0, set()), (1, {"LP729"}))
        assert main(attest(made, project)) == 0
        assert asked(project, "verify") == (0, [])
    assert number == 5
