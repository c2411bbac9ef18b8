"""`attest` killed before each write: nothing half-written is believed, and a rerun ends well."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from lockproof.cli.main import main

from .killed import EVERY, NAMING, killed_before
from .models import POLICY, proof_of, toy_project, without_settings
from .pipelines import Project, copy_of
from .test_proofs import asked, pem_of, public_of

KEY = generate_private_key(SECP256R1())
LARGE = bool(os.environ.get("LOCKPROOF_TEST_RACES"))


@pytest.fixture(autouse=True, scope="module")
def _own_settings() -> Iterator[None]:
    with without_settings():
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A proved model, not signed yet."""
    policy = f'{POLICY}[[trust]]\nkey = "ci.pem"\n'
    project = toy_project(tmp_path_factory.mktemp("killed"), policy)
    (project.root / "ci.pem").write_bytes(public_of(KEY))
    project.commit("trust")
    proof_of(project)
    (project.remote.parent / "ci.key").write_bytes(pem_of(KEY))
    return project


def argv_of(project: Project, made: Project) -> list[str]:
    base = made.remote.parent
    argv = ["-C", str(project.root), "attest", "--report", str(base / "proof.json")]
    argv += ["--key", str(base / "ci.key"), "--notes"]
    return [*argv, "--bundle", str(project.root.parent / "out" / "proof.jsonl")]


def names(project: Project) -> set[str]:
    return {str(p.relative_to(project.remote)) for p in project.remote.rglob("*") if p.is_file()}


def test_killed_before_any_write_of_a_proof_the_next_run_completes_it(
    made: Project, tmp_path: Path
) -> None:
    whole = copy_of(made, tmp_path / "whole")
    assert main(argv_of(whole, made)) == 0
    at: list[str] = []
    for number in range(1, 200):
        folder = tmp_path / str(number)
        project = copy_of(made, folder)
        argv = argv_of(project, made)
        said = killed_before(number, argv, folder, EVERY if LARGE else NAMING)
        if not said:
            break
        at.append(said)
        code, found = asked(project, "verify")
        rules = {line[:5] for line in found}
        assert (code, rules) in ((0, set()), (1, {"LP729"})), (said, found)
        bundle = folder / "out" / "proof.jsonl"
        if bundle.exists():
            assert asked(project, "verify", "--bundle", str(bundle)) == (0, []), said
        assert main(argv) == 0, said
        assert asked(project, "verify") == (0, []), said
        kept = {name for name in names(project) if "/objects/" not in name}
        assert kept == {name for name in names(whole) if "/objects/" not in name}, said
        assert not [name for name in os.listdir(bundle.parent) if name != bundle.name], said
    assert len(at) >= (20 if LARGE else 7), at
    for part in ("lockproof/proofs/objects", "lockproof/proofs/commits", "proof.jsonl", "notes"):
        assert any(part in said for said in at), (part, at)
