"""The remote as the whole gate sees it: what is lost is found, and nothing is ever written."""

import shutil
from pathlib import Path

import pytest

from lockproof.cli.main import main
from lockproof.model.check import Check
from lockproof.model.report import Report
from lockproof.model.verdict import Verdict
from lockproof.steps.gate import Request, gate
from tests.integration.pipelines import Project, Silence, copy_of, new_project

from .remotes import digest_of

OFF = '[gate]\noff = ["git", "record", "metrics", "manifests", "reproduction"]\n'
YAML = """\
stages:
  first:
    cmd: cp -r raw out && cp raw/a model
    deps: [raw]
    outs: [out, model]
  second:
    cmd: cat out/a > secret
    deps: [out]
    outs: [secret: {push: false}]
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("remote"))
    files = {f"raw/{name}": f"content {name}" for name in "abc"}
    project.write({"dvc.yaml": YAML, "lockproof.toml": OFF, **files})
    project.dvc("add", "-q", "raw")
    project.repro()
    return project


@pytest.fixture
def project(original: Project, tmp_path: Path) -> Project:
    return copy_of(original, tmp_path)


def asked(project: Project, **request: object) -> Report:
    """Run the gate; everything must stay as it was, also where something is wrong."""
    before = project.state()
    given = Request(directory=project.root, **request)  # type: ignore[arg-type]
    try:
        return gate(given, Silence()).report
    finally:
        assert project.state() == before


def remote_check(report: Report) -> Check:
    return next(check for check in report.checks if check.name == "remote")


def brief(report: Report) -> list[tuple[str, str, str | None]]:
    return [(f.rule, f.subject, f.path) for f in report.findings]


def stored(project: Project, content: str) -> Path:
    return project.remote / digest_of(content.encode()).object_path


def test_what_was_pushed_is_found(project: Project) -> None:
    report = asked(project)
    assert brief(report) == []
    assert report.verdict is Verdict.PASSED
    check = remote_check(report)
    assert (check.verdict, check.checked) == (Verdict.PASSED, 4)  # Of which one a directory's.
    assert check.summary == "by reading: 1, by size alone: 3"
    assert "secret: push: false" in check.not_checked
    deep = remote_check(asked(project, deep=True))
    assert (deep.summary, deep.not_checked) == ("by reading: 4", ("secret: push: false",))


def test_lost_and_corrupted_objects(project: Project) -> None:
    stored(project, "content b").unlink()
    path = stored(project, "content a")
    path.chmod(0o644)
    path.write_text("CONTENT a")
    report = asked(project)
    # Of `out`, a directory, one file is missing: that wants another mend than `raw`.
    assert brief(report) == [
        ("LP201", "out", "dvc.lock"),
        ("LP201", "raw", "raw.dvc"),
    ]
    assert report.verdict is Verdict.FAILED
    deep = asked(project, deep=True)
    assert brief(deep)[2:] == [
        ("LP202", "model", "dvc.lock"),
        ("LP202", "out", "dvc.lock"),
        ("LP202", "raw", "raw.dvc"),
    ]
    lines = {f.path: f.line for f in deep.findings}
    lock = (project.root / "dvc.lock").read_text().splitlines()
    assert lines["dvc.lock"]
    assert "path: " in "".join(lock[lines["dvc.lock"] - 1 : lines["dvc.lock"] + 1])


def test_a_remote_that_the_commit_brings_is_read(project: Project) -> None:
    """A pull request could put anything of the right size there."""
    shutil.copytree(project.remote, project.root / "data" / "store")
    project.git("config", "core.excludesFile", "/dev/null")
    project.dvc("remote", "modify", "-q", "store", "url", str(project.root / "data" / "store"))
    project.commit("a remote in Git")
    assert remote_check(asked(project)).summary == "by reading: 4"
    path = project.root / "data" / "store" / digest_of(b"content a").object_path
    path.chmod(0o644)
    path.write_text("CONTENT a")
    project.commit("another object")
    assert {rule for rule, *_ in brief(asked(project))} == {"LP202"}


def test_a_lock_that_was_never_pushed(project: Project) -> None:
    text = (project.root / "dvc.lock").read_text()
    old = digest_of(b"content a").value
    (project.root / "dvc.lock").write_text(text.replace(old, "a" * 32))
    project.commit()
    assert ("LP201", "model", "dvc.lock") in brief(asked(project))


def test_a_remote_that_is_not_there_is_no_verdict(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.move(project.remote, project.remote.with_name("away"))
    assert main(["-C", str(project.root), "gate"]) == 4
    assert "the folder is not there" in capsys.readouterr().err


def test_without_a_remote_nothing_is_proved(project: Project) -> None:
    project.dvc("remote", "remove", "store")
    project.commit()
    report = asked(project)
    assert {f.rule for f in report.findings} == {"LP205"}
    assert report.verdict is Verdict.FAILED


def test_a_pull_request_cannot_choose_its_remote(project: Project, tmp_path: Path) -> None:
    project.git("branch", "base")
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(project.remote, elsewhere)
    stored(project, "content b").unlink()
    project.dvc("remote", "modify", "store", "url", str(elsewhere))
    project.commit("move the remote")
    assert brief(asked(project)) == []
    report = asked(project, pull_request=True, base="base")
    assert [rule for rule, _, _ in brief(report)] == ["LP201", "LP201", "LP207"]
    moved = next(f for f in report.findings if f.rule == "LP207")
    assert moved.path == ".dvc/config"


def test_a_pull_request_cannot_bring_local_settings(project: Project, tmp_path: Path) -> None:
    project.git("branch", "base")
    shutil.copytree(project.remote, tmp_path / "elsewhere")
    stored(project, "content b").unlink()
    project.dvc("remote", "modify", "--local", "store", "url", str(tmp_path / "elsewhere"))
    assert brief(asked(project, pull_request=True, base="base")) == []  # It is the user's own.
    project.git("add", "-f", ".dvc/config.local")
    project.commit("credentials")
    report = asked(project, pull_request=True, base="base")
    assert [rule for rule, _, _ in brief(report)] == ["LP201", "LP201", "LP208"]


def test_a_committed_configuration_runs_nothing(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    proof = project.root / "ran"
    with (project.root / ".dvc" / "config").open("a") as file:
        file.write("['remote \"dav\"']\n    url = webdav://localhost/x\n")
        file.write(f"    bearer_token_command = touch {proof}\n")
    project.commit()
    assert main(["-C", str(project.root), "gate"]) == 2
    assert "which can run a program" in capsys.readouterr().err
    assert not proof.exists()
