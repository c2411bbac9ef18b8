"""The advice on signed proofs, followed: after it they count."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockproof.cli.main import main
from lockproof.rules.catalog import RULES

from .advice import page
from .models import POLICY, toy_project, without_settings
from .pipelines import Project, copy_of, prove
from .test_proofs import asked, pem_of, public_of

KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
TRUST = '[[trust]]\nkey = "ci.pem"\n'


class Desk(NamedTuple):
    """A copy of the proved project, and what lies beside it."""

    project: Project

    @property
    def proof(self) -> Path:
        return self.project.remote.parent / "proof.jsonl"

    @property
    def policy(self) -> Path:
        """A policy from elsewhere, with the key beside it."""
        return self.project.remote.parent / "elsewhere" / "lockproof.toml"

    def says(self, more: str) -> None:
        self.policy.parent.mkdir(exist_ok=True)
        (self.policy.parent / "ci.pem").write_bytes(public_of(KEY))
        self.policy.write_text(POLICY + more)

    def reproduce(self, runs: int = 1) -> Path:
        path = self.project.remote.parent / "report.json"
        path.write_text(prove(self.project, runs=runs).model_dump_json())
        return path

    def attest(self, key: Ed25519PrivateKey = KEY, runs: int = 1) -> None:
        """`lockproof reproduce`, then `lockproof attest`, as the pages say."""
        file = self.project.remote.parent / "key"
        file.write_bytes(pem_of(key))
        argv = ["--report", str(self.reproduce(runs)), "--key", str(file)]
        root = str(self.project.root)
        assert main(["-C", root, "attest", *argv, "--bundle", str(self.proof)]) == 0


class Case(Protocol):
    """Breaks something, gives how verify is asked, and goes on where the advice is followed."""

    def __call__(self, desk: Desk) -> Iterator[list[str]]: ...


def unreadable(desk: Desk) -> Iterator[list[str]]:
    desk.proof.write_bytes(desk.proof.read_bytes()[:100])
    yield ["--bundle", str(desk.proof)]
    desk.attest()


def changed(desk: Desk) -> Iterator[list[str]]:
    whole = desk.proof.read_text()
    desk.proof.write_text(
        whole.replace('"sig": "', '"sig": "AAAA').replace('"sig":"', '"sig":"AAAA')
    )
    yield ["--bundle", str(desk.proof)]
    desk.proof.write_text(whole)


def untrusted(desk: Desk) -> Iterator[list[str]]:
    desk.attest(OTHER)
    yield ["--bundle", str(desk.proof)]
    desk.attest(KEY)


def of_another_commit(desk: Desk) -> Iterator[list[str]]:
    desk.project.write({"README.md": "new\n"})
    desk.project.commit("a word")
    yield ["--bundle", str(desk.proof)]
    desk.attest()


def other_bytes(desk: Desk) -> Iterator[list[str]]:
    model = desk.project.root / "model.txt"
    model.unlink()
    model.write_text("other\n")
    yield []
    model.unlink()
    desk.project.dvc("checkout", "-q", "model.txt")


def too_old(desk: Desk) -> Iterator[list[str]]:
    desk.says(TRUST + 'max-age = "0.001s"\n')
    yield ["--policy", str(desk.policy)]
    desk.says(TRUST + 'max-age = "30d"\n')


def revoked(desk: Desk) -> Iterator[list[str]]:
    commit = desk.project.git("rev-parse", "HEAD").strip()
    desk.says(f'{TRUST}[[revoked]]\ncommit = "{commit}"\nreason = "by mistake"\n')
    yield ["--policy", str(desk.policy)]
    desk.says(TRUST)


def under_another_policy(desk: Desk) -> Iterator[list[str]]:
    desk.says(f"{TRUST}[reproduce]\nruns = 2\n")
    yield ["--policy", str(desk.policy), "--bundle", str(desk.proof)]
    desk.attest(runs=2)


def not_there(desk: Desk) -> Iterator[list[str]]:
    for path in (desk.project.remote / "lockproof").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.unlink()
    yield []
    desk.attest()


CASES: dict[str, tuple[Case, str]] = {
    "LP721": (unreadable, "make it again"),
    "LP722": (changed, "Take the proof from where it was made, byte for byte"),
    "LP723": (untrusted, "Sign with a key that is trusted"),
    "LP724": (of_another_commit, "Prove this commit"),
    "LP725": (other_bytes, "`dvc checkout PATH` brings the locked bytes back"),
    "LP726": (too_old, "Or raise `max-age`"),
    "LP727": (revoked, "a wrong entry is removed"),
    "LP728": (under_another_policy, "Reproduce this commit under the policy that counts"),
    "LP729": (not_there, "`lockproof reproduce --output report.json`"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = toy_project(tmp_path_factory.mktemp("advised"), POLICY + TRUST)
    (project.root / "ci.pem").write_bytes(public_of(KEY))
    project.commit("trust")
    with without_settings():
        Desk(project).attest()
    return project


@pytest.mark.parametrize("rule", CASES)
def test_after_the_advice_the_proof_counts(rule: str, made: Project, tmp_path: Path) -> None:
    desk = Desk(copy_of(made, tmp_path))
    case, words = CASES[rule]
    assert words in " ".join(page(rule).split())
    with without_settings():
        desk.proof.write_bytes(Desk(made).proof.read_bytes())
        steps = case(desk)
        argv = next(steps)
        code, found = asked(desk.project, "verify", *argv)
        assert code == 1
        assert {line.split()[0] for line in found} >= {rule}, found
        assert next(steps, None) is None
        assert asked(desk.project, "verify", *argv) == (0, [])


def test_every_rule_of_proofs_has_its_case() -> None:
    assert CASES.keys() == {rule for rule in RULES if rule.startswith("LP72")}
