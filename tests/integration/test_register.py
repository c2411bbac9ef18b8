"""`lockproof register` on the embedded default: what a version holds, and that it is there once."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockproof.model.registration import ModelVersion

from .models import (
    POLICY,
    aliases,
    downloaded,
    next_commit,
    proof_of,
    register,
    registry_of,
    said,
    toy_project,
    versions,
    without_settings,
)
from .pipelines import Project, copy_of


@pytest.fixture(autouse=True, scope="module")
def _no_outer_settings() -> Iterator[None]:
    with without_settings():
        yield


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Path]:
    """A project, and the proof of its commit; nothing is registered in it."""
    project = toy_project(tmp_path_factory.mktemp("toy"))
    return project, proof_of(project)


@pytest.fixture(scope="module")
def filled(
    toy: tuple[Project, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Project, list[tuple[str, Path]]]:
    """A copy with two commits registered, the alias at the second."""
    project = copy_of(toy[0], tmp_path_factory.mktemp("filled"))
    first = project.git("rev-parse", "HEAD").strip()
    commits = [(first, toy[1]), next_commit(project, "c\nb\n")]
    for commit, report in commits:
        assert register(project, report, commit, "--alias", "candidate") == 0
    return project, commits


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


MODEL = f"md5:{md5(b'a/b/'.replace(b'/', bytes([10])))}"
DATA = f"md5:{md5(b'b/a/'.replace(b'/', bytes([10])))}"


def only(found: list[ModelVersion]) -> ModelVersion:
    assert len(found) == 1, found
    return found[0]


def test_a_version_says_all_of_its_commit_and_serves_the_locked_bytes(
    toy: tuple[Project, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, report = copy_of(toy[0], tmp_path), toy[1]
    monkeypatch.setenv("CI_JOB_URL", "https://ci.example.org/job/7?token=s3cret")
    assert register(project, report) == 0
    version = only(versions(project))
    commit = project.git("rev-parse", "HEAD").strip()
    lock = json.loads(report.read_text())["subject"]["lock_digest"]
    assert version.commit == commit
    assert said(version, "outputs") == {"model.txt": MODEL}
    # The data of the model alone: not of the stage beside it.
    assert said(version, "inputs") == {"raw.txt": DATA}
    evidence = hashlib.sha256(report.read_bytes()).hexdigest()
    assert (
        version.tags.items()
        >= {
            "lockproof.lock_digest": lock,
            "lockproof.verdict": "passed",
            "lockproof.evidence": f"report sha256:{evidence}",
            "lockproof.ci_url": "https://ci.example.org/job/7",
            "lockproof.stages": '["train"]',
            "mlflow.source.git.commit": commit,
        }.items()
    )
    assert version.served_digest == MODEL
    files = downloaded(project, version, tmp_path / "served")
    assert files.keys() == {"model.txt", "lockproof-model.json"}
    assert files["model.txt"] == b"a\nb\n"
    assert json.loads(files["lockproof-model.json"])["commit"] == commit


def test_its_run_is_the_recorded_one_else_one_with_data_and_metrics(
    toy: tuple[Project, Path], tmp_path: Path
) -> None:
    from lockproof.cli.main import main
    from lockproof.steps.record import load_records

    project, report = copy_of(toy[0], tmp_path), toy[1]
    assert register(project, report) == 0
    made = only(versions(project)).run_id
    with registry_of(project).session() as session:
        run = session.client.get_run(made)
    assert list(run.data.metrics.values()) == [2.0]
    assert [i.dataset.digest for i in run.inputs.dataset_inputs if i.dataset.name == "raw.txt"] == [
        DATA.removeprefix("md5:")
    ]
    assert main(["-C", str(project.root), "record"]) == 0
    (record,) = load_records(project.root / "experiments")
    project.commit("recorded")
    recorded = proof_of(project, "recorded.json")
    assert register(project, recorded) == 0
    assert versions(project)[1].run_id == record.mlflow_run_id


def test_run_again_it_changes_nothing(
    filled: tuple[Project, list[tuple[str, Path]]], capsys: pytest.CaptureFixture[str]
) -> None:
    project, commits = filled
    before = versions(project)
    assert [v.commit for v in before] == [commit for commit, _ in commits]
    assert len({v.key for v in before}) == 2
    for commit, report in commits:
        assert register(project, report, commit, "--alias", "candidate") == 0
    out = capsys.readouterr().out.splitlines()
    assert "version 1 is there already" in out[0]
    assert out[1] == f"candidate stays at version 2, of the later commit {commits[1][0][:12]}"
    assert out[3] == "candidate is at version 2 already"
    after = versions(project)
    assert [(v.number, v.run_id, v.source) for v in after] == [
        (v.number, v.run_id, v.source) for v in before
    ]
    assert aliases(project) == {"candidate": 2}


def test_an_alias_goes_back_only_with_a_reason_and_stays_there(
    filled: tuple[Project, list[tuple[str, Path]]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = copy_of(filled[0], tmp_path)
    (first, proof1), (second, proof2) = filled[1]
    assert register(project, proof1, first, "--alias", "candidate", "--rollback", "it drifts") == 0
    assert "candidate moved to version 1 (before: version 2)" in capsys.readouterr().out
    assert aliases(project) == {"candidate": 1}
    assert versions(project)[1].tags["lockproof.rolled_back.candidate"] == "it drifts"
    # The job of the second commit runs again: that undoes nothing.
    assert register(project, proof2, second, "--alias", "candidate") == 2
    assert "'candidate' was taken from toy version 2 (it drifts)" in capsys.readouterr().err
    assert aliases(project) == {"candidate": 1}
    # A later commit moves it on.
    third, proof3 = next_commit(project, "d\n")
    assert register(project, proof3, third, "--alias", "candidate") == 0
    assert aliases(project) == {"candidate": 3}
    # And it is given back by the same word.
    assert register(project, proof2, second, "--alias", "candidate", "--rollback", "mended") == 0
    assert aliases(project) == {"candidate": 2}


def test_an_alias_does_not_jump_to_another_branch(
    filled: tuple[Project, list[tuple[str, Path]]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = copy_of(filled[0], tmp_path)
    project.git("checkout", "-q", "-b", "side", filled[1][0][0])
    commit, report = next_commit(project, "side\n")
    assert register(project, report, commit, "--alias", "candidate") == 2
    assert "which does not lead to" in capsys.readouterr().err
    assert aliases(project) == {"candidate": 2}
    assert "lockproof.alias.candidate" not in versions(project)[2].tags
    # By hand, to what names no commit: nobody knows what comes after that.
    with registry_of(project).session() as session:
        odd = session.make_version("toy", "s3://elsewhere/x", "", {}, "")
        session.set_alias(odd, "champion")
    assert register(project, report, commit, "--alias", "champion") == 2
    assert "version 4, which names no commit" in capsys.readouterr().err


REFUSED = {
    "no model": ("", "the policy names no model: add to lockproof.toml: [[model]]", 2),
    "another name": (POLICY.replace("toy", "tot"), "names no model 'toy': there are tot", 2),
    "no output": (POLICY.replace("model.txt", "m.bin"), "no output of a stage matches m.bin", 2),
    "another stage": (POLICY + 'stage = "other"\n', "no output of stage other matches", 2),
    "two for one path": (
        POLICY + POLICY.replace("toy", "tot").replace("model.txt", "m*"),
        "model.txt belongs to two [[model]] of lockproof.toml, toy and tot",
        2,
    ),
    "one name twice": (POLICY + POLICY.replace("model", "other", 2), "", 2),
    "a flavour's file": (POLICY + 'flavour = "sklearn"\n', "sklearn takes a .skops file", 2),
    "which of several": (
        POLICY.replace('"model.txt"', '"model.txt", "other.txt"') + 'flavour = "onnx"\n',
        "which of model.txt, other.txt does onnx load?",
        2,
    ),
    "loads none": (POLICY + 'load = "x"\n', "load = 'x' is none of its outputs", 2),
    "no mlflow folder": (POLICY + 'flavour = "pyfunc"\n', "is no folder with an MLmodel", 2),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_policy_that_does_not_fit_is_one_line(
    case: str, toy: tuple[Project, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy, message, code = REFUSED[case]
    project = copy_of(toy[0], tmp_path)
    if case == "one name twice":
        policy = POLICY + POLICY.replace("model.txt", "other.txt")
        message = "two [[model]] of lockproof.toml are named 'toy'"
    project.write({"lockproof.toml": policy})
    project.commit("policy")
    report = forged(toy[1], project)
    capsys.readouterr()
    assert register(project, report) == code
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("lockproof: ")]
    assert message in line


def test_a_commit_that_was_revoked_is_not_registered(
    toy: tuple[Project, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By HEAD's policy, whoever proves it and with no `[[trust]]`; the commit's own has no such."""
    project = copy_of(toy[0], tmp_path)
    bad = project.git("rev-parse", "HEAD").strip()
    policy = f'{POLICY}[[revoked]]\ncommit = "{bad}"\nreason = "poisoned rows"\n'
    project.write({"lockproof.toml": policy})
    project.commit("revoke it")
    shutil.rmtree(project.root / ".lockproof")
    capsys.readouterr()
    assert register(project, toy[1], bad, "--alias", "candidate") == 1
    told = f"{bad[:12]}: [[revoked]] of lockproof.toml names commit {bad[:12]}: poisoned rows"
    assert told in capsys.readouterr().err
    assert not (project.root / ".lockproof").exists()


def forged(report: Path, project: Project) -> Path:
    """The report, as if it were of HEAD, where a commit changed what no stage sees."""
    content = json.loads(report.read_text())
    content["subject"]["commit"] = project.git("rev-parse", "HEAD").strip()
    path = project.remote.parent / "forged.json"
    path.write_text(json.dumps(content))
    return path
