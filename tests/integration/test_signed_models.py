"""From a signed proof to what is served, by whom the policy trusts."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockproof.adapters.signing.keys import public_key
from lockproof.cli.main import main
from lockproof.model.registration import ModelVersion
from unit.test_proof_in_pods import in_pods

from .models import (
    POLICY,
    downloaded,
    next_commit,
    proof_of,
    register,
    registry_of,
    toy_project,
    versions,
    without_settings,
)
from .pipelines import Project, copy_of
from .test_proofs import asked, pem_of, public_of

KEY = Ed25519PrivateKey.generate()
TRUST = '[[trust]]\nkey = "ci.pem"\n'
ROLLOUT = """\
kind: Rollout
env:
  - {name: MODEL_URI, value: models:/toy/9}
  - {name: MODEL_DIGEST, value: md5:00000000000000000000000000000000}
"""
TOY = "toy@candidate"


@pytest.fixture(autouse=True)
def _own_settings() -> Iterator[None]:
    with without_settings():
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A model whose proof is signed, beside the data."""
    project = toy_project(tmp_path_factory.mktemp("signed"), POLICY + TRUST)
    (project.root / "ci.pem").write_bytes(public_of(KEY))
    project.write({"rollout.yaml": ROLLOUT})
    project.commit("trust")
    assert run(project, "attest", "--report", str(proof_of(project)), "--key", key(project)) == 0
    return project


@pytest.fixture
def project(made: Project, tmp_path: Path) -> Project:
    return copy_of(made, tmp_path)


def run(project: Project, *argv: str) -> int:
    return main(["-C", str(project.root), *argv])


def key(project: Project) -> str:
    path = project.remote.parent / "ci.key"
    path.write_bytes(pem_of(KEY))
    return str(path)


def revoke(project: Project) -> None:
    commit = project.git("rev-parse", "HEAD").strip()
    text = f'{POLICY}{TRUST}[[revoked]]\ncommit = "{commit}"\nreason = "bad labels"\n'
    project.write({"lockproof.toml": text})
    project.commit("revoke")


def prove_key() -> str:
    return public_key(public_of(KEY), "ci.pem").keyid


def served(project: Project, version: ModelVersion, base: Path, key: Any = KEY) -> str:
    """Who signed what a pod is given, by the code that runs there."""
    folder, trust = base / "served", base / "trust"
    files = downloaded(project, version, folder)
    assert files.keys() == {"model.txt", "lockproof-model.json", "lockproof-proof.jsonl"}
    trust.mkdir()
    (trust / "ci.pem").write_bytes(public_of(key))
    digest = str(version.digests("outputs")["model.txt"])  # type: ignore[index]
    return str(in_pods().prove(folder, {"": folder / "model.txt"}, digest, "toy", trust))


def test_a_version_of_a_report_gets_the_proof_that_is_made_later(
    project: Project, tmp_path: Path
) -> None:
    assert register(project, proof_of(project, "report.json")) == 0
    [version] = versions(project)
    assert "lockproof-proof.jsonl" not in downloaded(project, version, tmp_path / "before")
    assert run(project, "register", "--model", "toy") == 0
    assert [v.number for v in versions(project)] == [version.number]
    assert served(project, version, tmp_path) == prove_key()


def test_a_signed_proof_is_registered_promoted_and_verified(
    project: Project, tmp_path: Path
) -> None:
    assert run(project, "register", "--model", "toy", "--alias", "candidate") == 0
    [version] = versions(project)
    assert str(version.said("evidence")).startswith("signed proof sha256:")
    assert run(project, "register", "--model", "toy") == 0
    assert len(versions(project)) == 1
    assert served(project, version, tmp_path) == prove_key()
    assert asked(project, "verify", TOY) == (0, [])
    assert asked(project, "verify", "models:/toy/1") == (0, [])
    assert run(project, "promote", TOY, "--to", "rollout.yaml") == 0
    assert "models:/toy/1" in (project.root / "rollout.yaml").read_text()


def test_a_newer_proof_takes_the_place_of_one_whose_key_is_revoked(
    project: Project, tmp_path: Path
) -> None:
    report = str(proof_of(project, "report.json"))
    assert run(project, "register", "--model", "toy") == 0
    proved, other = project.git("rev-parse", "HEAD").strip(), Ed25519PrivateKey.generate()
    (project.root / "new.pem").write_bytes(public_of(other))
    (project.remote.parent / "new.key").write_bytes(pem_of(other))
    revoked = f'[[revoked]]\nkey = "{prove_key()}"\nreason = "leaked"\n'
    policy = f"{POLICY}{TRUST}{revoked}".replace("ci.pem", "new.pem")
    project.write({"lockproof.toml": policy})
    project.commit("another key")
    new = ["--key", str(project.remote.parent / "new.key")]
    assert run(project, "attest", proved, "--report", report, *new) == 0
    assert run(project, "register", proved, "--model", "toy") == 0
    [version] = versions(project)
    assert served(project, version, tmp_path, other) == public_key(public_of(other), "new").keyid


def test_a_bundle_of_many_lines_is_kept_in_one(project: Project, tmp_path: Path) -> None:
    report, bundle = str(proof_of(project, "report.json")), tmp_path / "proof.jsonl"
    argv = ("--report", report, "--key", key(project), "--no-push", "--bundle", str(bundle))
    assert run(project, "attest", *argv) == 0
    bundle.write_text(json.dumps(json.loads(bundle.read_text().splitlines()[0]), indent=4))
    assert run(project, "register", "--model", "toy", "--bundle", str(bundle)) == 0
    [version] = versions(project)
    assert served(project, version, tmp_path) == prove_key()


def test_of_a_version_by_reference_it_is_said_that_pods_with_keys_refuse_it(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    by_reference = POLICY.replace('["model.txt"]', '["model.txt"]\nupload = "reference"')
    assert by_reference != POLICY
    project.write({"lockproof.toml": by_reference + TRUST})
    project.commit("by reference")
    report = str(proof_of(project, "report.json"))
    assert run(project, "attest", "--report", report, "--key", key(project)) == 0
    assert run(project, "register", "--model", "toy") == 0
    assert "no proof is beside it: pods that ask for one refuse it" in capsys.readouterr().err


def test_what_was_revoked_since_counts_no_more(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commit's own policy does not know of it."""
    assert run(project, "register", "--model", "toy", "--alias", "candidate") == 0
    revoke(project)
    assert run(project, "register", "HEAD~1", "--model", "toy") == 1
    assert "bad labels" in capsys.readouterr().err
    for subject in (TOY, "HEAD~1"):
        code, found = asked(project, "verify", subject)
        assert code == 1
        assert any(line.startswith("LP727") and "bad labels" in line for line in found), found
    assert run(project, "promote", TOY, "--to", "rollout.yaml") == 1
    assert "bad labels" in capsys.readouterr().err
    assert (project.root / "rollout.yaml").read_text() == ROLLOUT


def test_a_revert_passes_over_what_was_revoked_since(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, rows in ((1, ""), (2, "c\nb\na\n"), (3, "d\n")):
        if rows:
            _, proof = next_commit(project, rows)
            assert run(project, "attest", "--report", str(proof), "--key", key(project)) == 0
        assert run(project, "register", "--model", "toy") == 0
        version = f"models:/toy/{number}"
        assert run(project, "promote", version, "--to", "rollout.yaml", "--commit") == 0
        if number == 2:
            second = project.git("rev-parse", "HEAD~1").strip()
    revert = ("promote", "models:/toy/3", "--to", "rollout.yaml", "--revert", "slow", "--branch")
    # What was taken back itself is not gone back to.
    assert run(project, *revert[:-1], "--commit") == 0
    assert "models:/toy/2" in (project.root / "rollout.yaml").read_text()
    again = ("promote", "models:/toy/2", *revert[2:])
    assert run(project, *again, "back-0") == 0
    assert "models:/toy/1" in project.git("show", "back-0:rollout.yaml")
    assert run(project, "promote", "models:/toy/3", "--to", "rollout.yaml", "--commit") == 0
    revoked = f'[[revoked]]\ncommit = "{second}"\nreason = "bad labels"\n'
    project.write({"lockproof.toml": f"{POLICY}{TRUST}{revoked}"})
    project.commit("revoke the second")
    assert run(project, *revert, "back-1") == 0
    assert "models:/toy/1" in project.git("show", "back-1:rollout.yaml")
    assert "not gone back to models:/toy/2: " in capsys.readouterr().err
    first = versions(project)[0].commit
    revoked += f'[[revoked]]\ncommit = "{first}"\nreason = "bad labels"\n'
    project.write({"lockproof.toml": f"{POLICY}{TRUST}{revoked}"})
    project.commit("revoke the first")
    capsys.readouterr()
    assert run(project, *revert, "back-2") == 1
    assert "nothing may be served any more" in capsys.readouterr().err
    assert project.git("branch", "--list", "back-2") == ""


def test_a_commit_that_was_revoked_is_not_served_without_any_trust(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who proves is asked of nobody then; of which commit a version is, it says itself."""
    project.write({"lockproof.toml": POLICY})
    project.repro("without trust")
    assert register(project, proof_of(project, "first.json")) == 0
    _, report = next_commit(project, "c\nb\na\n")
    assert register(project, report) == 0
    for number in (1, 2):
        version = f"models:/toy/{number}"
        assert run(project, "promote", version, "--to", "rollout.yaml", "--commit") == 0
    first = versions(project)[0].commit
    # As another commit has the same files, such as after a squash.
    same = project.git("commit-tree", f"{first}^{{tree}}", "-m", "squashed").strip()
    for commit in (first, same):
        revoked = f'[[revoked]]\ncommit = "{commit}"\nreason = "bad labels"\n'
        project.write({"lockproof.toml": POLICY + revoked})
        project.commit("revoke the first")
        capsys.readouterr()
        back = ("promote", "models:/toy/2", "--to", "rollout.yaml", "--revert", "slow", "--commit")
        assert run(project, *back) == 1
        said = capsys.readouterr().err
        assert f"[[revoked]] of lockproof.toml names commit {commit[:12]}: bad labels" in said
        assert "models:/toy/2" in (project.root / "rollout.yaml").read_text()
        assert run(project, "promote", "models:/toy/1", "--to", "rollout.yaml") == 1
        assert "bad labels" in capsys.readouterr().err
    revoked = f'[[revoked]]\noutput = "{"a" * 64}"\nreason = "bad labels"\n'
    project.write({"lockproof.toml": POLICY + revoked})
    project.commit("revoke an output")
    assert run(project, *back) == 0
    assert "without [[trust]] no proof says whose those are" in capsys.readouterr().err


def test_a_proof_in_gits_notes_is_gone_back_to_without_a_remote(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, rows in ((1, ""), (2, "c\nb\na\n")):
        if rows:
            _, proof = next_commit(project, rows)
        else:
            proof = proof_of(project, "again.json")
        argv = ("attest", "--report", str(proof), "--key", key(project), "--notes")
        assert run(project, *argv) == 0
        assert run(project, "register", "--model", "toy") == 0
        version = f"models:/toy/{number}"
        assert run(project, "promote", version, "--to", "rollout.yaml", "--commit") == 0
    project.remote.rename(project.remote.with_name("gone"))
    project.remote.write_text("no folder")
    back = ("promote", "models:/toy/2", "--to", "rollout.yaml", "--revert", "slow", "--branch")
    assert run(project, *back, "back-1") == 0
    assert "models:/toy/1" in project.git("show", "back-1:rollout.yaml")
    project.git("update-ref", "-d", "refs/notes/lockproof")
    capsys.readouterr()
    assert run(project, *back, "back-2") == 4


def test_a_report_registers_but_only_a_signature_promotes_where_the_policy_trusts(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.write({"more.txt": "other\n"})
    project.dvc("add", "-q", "more.txt")
    project.repro("unsigned")
    report = proof_of(project, "unsigned.json")
    assert run(project, "register", "--model", "toy") == 1
    assert "'lockproof attest'" in capsys.readouterr().err
    assert register(project, report, "--alias", "candidate") == 0
    assert run(project, "promote", TOY, "--to", "rollout.yaml") == 1
    assert "no signed proof of it counts" in capsys.readouterr().err
    assert asked(project, "verify", TOY)[0] == 1
    # The advice, followed.
    assert run(project, "attest", "--report", str(report), "--key", key(project)) == 0
    assert run(project, "promote", TOY, "--to", "rollout.yaml") == 0


def test_where_the_policy_names_a_branch_only_what_is_merged_is_served(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    branch = project.git("symbolic-ref", "--short", "HEAD").strip()
    project.git("checkout", "-q", "-b", "feature")
    project.write({"lockproof.toml": f'{POLICY}{TRUST}branch = "{branch}"\n'})
    project.commit("a branch")
    bundle, report = tmp_path / "proof.jsonl", str(proof_of(project, "branch.json"))
    signed = ("--report", report, "--key", key(project), "--bundle", str(bundle))
    assert run(project, "attest", *signed) == 0
    named = ("register", "--model", "toy", "--alias", "candidate")
    assert run(project, *named) == 1
    assert run(project, *named, "--report", report) == 0
    for subject in (TOY, "HEAD", "./model.txt"):
        code, found = asked(project, "verify", subject)
        assert code == 1
        assert f"is not part of the branch {branch}, which [[trust]] asks for" in found[0], found
    capsys.readouterr()
    assert run(project, "promote", TOY, "--to", "rollout.yaml") == 1
    assert f"is not part of the branch {branch}" in capsys.readouterr().err
    # What the gate looks at no branch has yet.
    _, found = asked(project, "gate", "--proof", str(bundle))
    assert not [line for line in found if line.startswith("LP72")], found
    project.git("branch", "-q", "-f", branch, "HEAD")
    for subject in (TOY, "HEAD", "./model.txt"):
        assert asked(project, "verify", subject) == (0, []), subject
    assert run(project, *named) == 0
    assert run(project, "promote", TOY, "--to", "rollout.yaml") == 0
    # What origin has counts, whatever the clone calls its own; then as is said.
    project.git("clone", "-q", "--bare", ".", str(tmp_path / "origin"))
    project.git("remote", "add", "origin", str(tmp_path / "origin"))
    project.git("update-ref", f"refs/remotes/origin/{branch}", "HEAD^")
    code, found = asked(project, "verify", TOY)
    assert code == 1
    (command,) = re.findall("'(git fetch [^']+)'", found[0])
    project.run(*command.split())
    assert asked(project, "verify", TOY) == (0, [])


def test_a_model_in_the_place_of_an_output_that_is_none_is_refused(project: Project) -> None:
    """Anywhere else it is a copy of the model, and what reads that place expects other bytes."""
    model = (project.root / "model.txt").read_bytes()
    (project.root / "copy.txt").write_bytes(model)
    assert asked(project, "verify", "./copy.txt") == (0, [])
    (project.root / "other.txt").unlink()  # It may be a link into the cache.
    (project.root / "other.txt").write_bytes(model)
    code, found = asked(project, "verify", "./other.txt")
    assert code == 1
    assert [line.split()[0] for line in found] == ["LP725"]


def _copied(project: Project, **changed: str) -> None:
    """A version that somebody made by hand, with the tags of the proved one but for some."""
    with registry_of(project).session() as session:
        (proved,) = session.versions("toy")
        tags = {**proved.tags, **{f"lockproof.{name}": value for name, value in changed.items()}}
        made = session.make_version("toy", proved.source, proved.run_id or "", tags, "")
        session.set_alias(made, "candidate")


HANDS: dict[str, dict[str, str]] = {
    "a copy": {},
    "other outputs": {"outputs": json.dumps({"model.txt": f"md5:{'0' * 32}"})},
    "another commit": {"commit": "a" * 40},
    "another lock": {"lock_digest": "b" * 64},
}


@pytest.mark.parametrize("name", HANDS)
def test_an_alias_that_was_moved_by_hand_promotes_nothing(name: str, project: Project) -> None:
    assert run(project, "register", "--model", "toy", "--alias", "candidate") == 0
    assert run(project, "promote", TOY, "--to", "rollout.yaml") == 0
    served = (project.root / "rollout.yaml").read_text()
    _copied(project, **HANDS[name])
    assert run(project, "promote", TOY, "--to", "rollout.yaml") == 1
    assert (project.root / "rollout.yaml").read_text() == served


def test_a_version_with_other_outputs_is_not_verified_though_its_commit_is_proved(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(project, "register", "--model", "toy") == 0
    _copied(project, **HANDS["other outputs"])
    assert run(project, "verify", TOY) == 1
    assert "they do not give its key" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        {"dvc.lock": "lock"},
        {"more.txt.dvc": "data"},
        {"lockproof.toml": f"{POLICY}{TRUST}# another\n"},
        {"dvc.yaml": "pipeline"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_proof_is_not_replayed_for_a_commit_of_other_content(
    change: dict[str, str], project: Project, tmp_path: Path
) -> None:
    bundle = tmp_path / "proof.jsonl"
    argv = ("--report", str(proof_of(project, "report.json")), "--key", key(project))
    assert run(project, "attest", *argv, "--no-push", "--bundle", str(bundle)) == 0
    assert asked(project, "verify", "--bundle", str(bundle)) == (0, [])
    ((name, text),) = change.items()
    before = (project.root / name).read_text()
    project.write({name: text if "\n" in text else before + "# tampered\n"})
    project.commit("tamper")
    for verb, option in (("verify", "--bundle"), ("gate", "--proof")):
        code, found = asked(project, verb, option, str(bundle))
        assert code == 1
        assert any(line.startswith("LP724") and "about commit" in line for line in found), found


def test_a_proof_of_another_repository_is_none_of_this(project: Project, tmp_path: Path) -> None:
    """By the same key, of equal files: another commit in another history."""
    (tmp_path / "elsewhere").mkdir()
    other = toy_project(tmp_path / "elsewhere", POLICY + TRUST)
    (other.root / "ci.pem").write_bytes(public_of(KEY))
    other.commit("trust")
    bundle = tmp_path / "proof.jsonl"
    argv = ("--report", str(proof_of(other)), "--key", key(project), "--bundle", str(bundle))
    assert run(other, "attest", *argv) == 0
    assert asked(other, "verify", "--bundle", str(bundle)) == (0, [])
    code, found = asked(project, "verify", "--bundle", str(bundle))
    assert code == 1
    assert any(line.startswith("LP724") and "about commit" in line for line in found), found


def test_a_signer_of_other_stages_proves_no_model_of_this_one(project: Project) -> None:
    project.write({"lockproof.toml": f'{POLICY}{TRUST}stages = ["other"]\n'})
    project.commit("narrow")
    code, found = asked(project, "verify", "HEAD~1")
    assert code == 1
    assert any("may not prove the stage train" in line for line in found), found


def test_revoking_a_commit_revokes_its_squash_too(project: Project) -> None:
    """The proof was made on another commit of the very same tree."""
    project.git("commit", "-q", "--amend", "-m", "squashed")
    assert asked(project, "verify") == (0, [])
    revoke(project)
    code, found = asked(project, "verify", "HEAD~1")
    assert code == 1
    assert all(line.startswith("LP727") for line in found), found


def test_what_attest_calls_the_proof_can_be_revoked(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    report = str(proof_of(project, "again.json"))
    assert run(project, "attest", "--report", report, "--key", key(project)) == 0
    said = capsys.readouterr().out.split()
    digest = said[said.index("proof") + 1]
    text = f'{POLICY}{TRUST}[[revoked]]\nproof = "{digest}"\nreason = "leaked"\n'
    project.write({"lockproof.toml": text})
    project.commit("revoke the proof")
    assert asked(project, "verify", "HEAD~1")[0] == 1


def test_a_key_of_one_model_proves_the_stages_of_that_model_only(project: Project) -> None:
    policy = f'{POLICY}{TRUST}models = ["toy"]\n[gate]\nreproduction = "required"\n'
    project.write({"lockproof.toml": policy + 'off = ["git", "record", "remote"]\n'})
    project.commit("narrow")
    report = str(proof_of(project, "narrow.json"))
    assert run(project, "attest", "--report", report, "--key", key(project)) == 0
    code, found = asked(project, "gate")
    assert code == 1
    assert [line for line in found if "signed proof of other" in line], found
    assert not [line for line in found if "signed proof of train" in line], found


def test_where_nothing_runs_nothing_is_proved(project: Project) -> None:
    policy = (
        f'{POLICY}{TRUST}[gate]\nreproduction = "required"\noff = ["git", "record", "remote"]\n'
    )
    project.write({"lockproof.toml": policy, "dvc.yaml": "stages: {}\n"})
    (project.root / "dvc.lock").unlink()
    project.commit("no stages")
    code, found = asked(project, "gate")
    assert code == 1
    assert any("there is no stage" in line for line in found), found


def test_a_name_that_may_be_two_things_is_refused(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(project, "register", "--model", "toy", "--alias", "candidate") == 0
    (project.root / TOY).symlink_to("model.txt")
    assert run(project, "verify", TOY) == 2
    assert f"write ./{TOY} for the file" in capsys.readouterr().err
    (project.root / "models:").mkdir()
    (project.root / "models:" / "toy").mkdir()
    (project.root / "models:" / "toy" / "7").symlink_to("../../model.txt")
    assert run(project, "verify", "models:/toy/7") == 2
    assert "has no 'models:/toy/7'" in capsys.readouterr().err
    assert run(project, "verify", f"models:/{TOY}") == 0
    project.git("branch", "model.txt")
    assert run(project, "verify", "model.txt") == 2
    assert run(project, "verify", "./model.txt") == 0


def test_a_later_proof_of_equal_bytes_takes_nothing_away(project: Project) -> None:
    first = project.git("rev-parse", "HEAD").strip()
    project.git("switch", "-q", "-c", "later")
    project.write({"README.md": "new\n"})
    project.commit("a word")
    report = str(proof_of(project, "later.json"))
    assert run(project, "attest", "--report", report, "--key", key(project)) == 0
    assert asked(project, "verify", "./model.txt") == (0, [])
    project.git("switch", "-q", "--detach", first)
    assert asked(project, "verify", "./model.txt") == (0, [])


def test_bytes_of_the_work_tree_are_those_of_head_only(project: Project) -> None:
    project.write({"raw.txt": "c\nb\n"})
    project.dvc("add", "-q", "raw.txt")
    project.repro("another model")
    assert asked(project, "verify", "HEAD~1") == (0, [])


def test_whose_proofs_count_may_be_said_by_the_base_alone(project: Project) -> None:
    base = project.git("rev-parse", "HEAD").strip()
    project.write({"lockproof.toml": POLICY})
    project.commit("trust nobody")
    assert run(project, "register", base, "--model", "toy", "--base", base) == 0


def test_line_ends_that_git_writes_are_no_other_bytes(project: Project) -> None:
    """Of a model that Git keeps, in a checkout as Windows has it."""
    pipeline = (project.root / "dvc.yaml").read_text()
    kept = pipeline.replace("outs: [model.txt]", "outs: [model.txt: {cache: false}]")
    assert kept != pipeline
    project.write({"dvc.yaml": kept})
    (project.root / ".gitignore").unlink()
    project.repro("a model in Git")
    assert project.git("ls-files", "model.txt").strip() == "model.txt"
    report = str(proof_of(project, "kept.json"))
    project.git("config", "core.autocrlf", "true")
    model = project.root / "model.txt"
    model.unlink()
    project.git("checkout", "-q", "--", "model.txt")
    assert b"\r\n" in model.read_bytes()
    assert run(project, "attest", "--report", report, "--key", key(project)) == 0
    for subject in ("HEAD", "./model.txt"):
        assert asked(project, "verify", subject) == (0, []), subject
    model.write_bytes(b"other\r\n")
    for subject in ("HEAD", "./model.txt"):
        code, found = asked(project, "verify", subject)
        assert (code, found[0][:5]) == (1, "LP725"), subject
    # Git's index is told that the file is as it was.
    for flag in ("assume-unchanged", "skip-worktree"):
        project.git("update-index", f"--{flag}", "model.txt")
        assert project.git("status", "--porcelain") == ""
        for subject in ("HEAD", "./model.txt"):
            code, found = asked(project, "verify", subject)
            assert (code, found[0][:5]) == (1, "LP725"), (flag, subject)
        project.git("update-index", f"--no-{flag}", "model.txt")


def test_what_a_filter_makes_of_a_model_is_not_known(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a model that Git keeps: no filter is run, and what DVC could bring back is not said."""
    pipeline = (project.root / "dvc.yaml").read_text()
    kept = pipeline.replace("outs: [model.txt]", "outs: [model.txt: {cache: false}]")
    project.write({"dvc.yaml": kept})
    (project.root / ".gitignore").unlink()
    project.repro("a model in Git")
    project.write({".gitattributes": "model.txt filter=f\n"})
    project.commit("attributes")
    report = str(proof_of(project, "kept.json"))
    assert run(project, "attest", "--report", report, "--key", key(project)) == 0
    assert asked(project, "verify", "HEAD") == (0, [])
    project.git("config", "filter.f.clean", "sed s/^filtered//")
    project.git("config", "filter.f.smudge", "sed s/^/filtered/")
    (project.root / "model.txt").unlink()
    project.git("checkout", "-q", "--", "model.txt")
    assert (project.root / "model.txt").read_bytes().startswith(b"filtered")
    assert project.git("status", "--porcelain") == ""
    for subject in ("HEAD", "./model.txt"):
        capsys.readouterr()
        assert run(project, "verify", subject) == 1
        said = " ".join(capsys.readouterr().out.split())
        assert "model.txt is what the filter 'f' makes, so whether" in said, subject
        assert "dvc checkout" not in said
        assert "'git cat-file blob HEAD:model.txt' prints those that Git keeps" in said
    content = project.git("cat-file", "blob", "HEAD:model.txt")
    (project.root / "model.txt").write_text(content)
    for subject in ("HEAD", "./model.txt"):
        assert asked(project, "verify", subject) == (0, []), subject


FOLDER = {
    "dvc.yaml": """\
stages:
  train:
    cmd: >-
      mkdir net && sort raw.txt > net/a.txt && printf 'a\\nb' > net/b.txt && printf '\\0\\n' > net/w
    deps: [raw.txt]
    outs: [net: {cache: false}]
""",
    "lockproof.toml": '[[model]]\nname = "toy"\npaths = ["net"]\n' + TRUST,
}
ENDS = {
    "autocrlf": ("", ("core.autocrlf", "true")),
    "text=auto": ("* text=auto\n", ("core.eol", "crlf")),
}


@pytest.mark.parametrize("how", ENDS)
def test_line_ends_that_git_writes_in_a_folder_are_no_other_bytes(
    how: str, made: Project, tmp_path: Path
) -> None:
    """Of a model that Git keeps, proved as its stage makes it, in another checkout."""
    attributes, setting = ENDS[how]
    # With eol=crlf the locked bytes would be those, which the gate asks for (LP106).
    project = copy_of(made, tmp_path)
    project.write(FOLDER)
    project.repro("a folder in Git")
    project.write({".gitattributes": attributes})
    project.commit("attributes")
    assert run(project, "attest", "--report", str(proof_of(project)), "--key", key(project)) == 0
    assert asked(project, "verify", "HEAD") == (0, [])
    project.git("config", *setting)
    net = project.root / "net"
    (net / "a.txt").unlink()
    project.git("checkout", "-q", "--", "net")
    assert (net / "a.txt").read_bytes() == b"a\r\nb\r\n"
    for subject in ("HEAD", "./net"):
        assert asked(project, "verify", subject) == (0, []), subject
    changes = {
        "another byte": lambda: (net / "w").write_bytes(b"\1\n"),
        "line ends of what is no text": lambda: (net / "w").write_bytes(b"\0\r\n"),
        "a file more": lambda: (net / "more").write_bytes(b""),
        "a file less": lambda: (net / "w").unlink(),
        "a file by another name": lambda: (net / "w").rename(net / "v"),
    }
    for what, change in changes.items():
        change()
        for subject in ("HEAD", "./net"):
            code, found = asked(project, "verify", subject)
            assert (code, found[0][:5]) == (1, "LP725"), (what, subject)
        project.git("checkout", "-q", "--", "net")
        project.git("clean", "-qfdx", "net")
    assert asked(project, "verify", "./net") == (0, [])


def test_a_pointer_is_no_model_though_git_keeps_it(made: Project, tmp_path: Path) -> None:
    """Of a folder that Git LFS keeps beside text: what is served has to be its content."""
    project = copy_of(made, tmp_path)
    project.write(FOLDER)
    project.repro("a folder in Git")
    content = (project.root / "net" / "w").read_bytes()
    oid = hashlib.sha256(content).hexdigest()
    start = "version https://git-lfs.github.com/spec/v1\noid sha256:"
    pointer = f"{start}{oid}\nsize {len(content)}\n"
    stored = project.root / ".git" / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
    stored.parent.mkdir(parents=True)
    stored.write_bytes(content)
    project.write({".gitattributes": "net/w filter=lfs -text\n", "net/w": pointer})
    project.commit("LFS")
    (project.root / "net" / "w").write_bytes(content)
    assert run(project, "attest", "--report", str(proof_of(project)), "--key", key(project)) == 0
    net = project.root / "net"
    (net / "a.txt").write_bytes(b"a\r\nb\r\n")
    for subject in ("HEAD", "./net"):
        assert asked(project, "verify", subject) == (0, []), subject
    (net / "w").write_text(pointer)
    for subject in ("HEAD", "./net"):
        code, found = asked(project, "verify", subject)
        assert (code, found[0][:5]) == (1, "LP725"), subject
    # Its name is enough to know the content by.
    stored.unlink()
    (net / "w").write_bytes(content)
    for subject in ("HEAD", "./net"):
        assert asked(project, "verify", subject) == (0, []), subject


def test_what_never_ends_is_no_model(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(project, "verify", "/dev/zero") == 2
    assert "/dev/zero is no file" in capsys.readouterr().err


def test_without_trust_a_report_is_asked_for(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.write({"lockproof.toml": POLICY})
    project.commit("trust nobody")
    assert run(project, "register", "--model", "toy") == 2
    assert "give --report FILE" in capsys.readouterr().err


def test_what_no_stage_makes_is_no_model(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """No reproduction can prove a file that somebody only added."""
    project.write({"lockproof.toml": '[[model]]\nname = "toy"\npaths = ["raw.txt"]\n'})
    project.commit("a model that was added")
    assert register(project, proof_of(project, "added.json")) == 2
    assert "no output of a stage matches raw.txt" in capsys.readouterr().err
