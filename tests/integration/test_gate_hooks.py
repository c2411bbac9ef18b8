"""What the gate does in hooks: at a commit it needs nobody, at a push it asks the remotes."""

from pathlib import Path

import pytest

from lockproof.cli.main import main

from .good_project import Edit, append, put
from .mutations_gate import TOKEN
from .pipelines import Project, copy_of
from .remotes import Folder

Said = pytest.CaptureFixture[str]
UNREACHABLE = (
    "[core]\n    remote = store\n['remote \"store\"']\n    url = s3://none/there\n"
    "    endpointurl = http://127.0.0.1:9\n"
)
LINES = ("lockproof gate: PASSED: ", "lockproof gate: FAILED: ")


@pytest.fixture(scope="module")
def hooked(good: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return copy_of(good, tmp_path_factory.mktemp("hooks"))


def gate(project: Project, said: Said, *argv: str) -> tuple[int, list[str], str]:
    code = main(["-C", str(project.root), "gate", *argv])
    out, err = said.readouterr()
    return code, out.splitlines(), err


def staged(project: Project, *edits: Edit) -> None:
    for edit in edits:
        edit(project, Folder(project.remote))
    project.git("add", "-A")


def test_a_commit_needs_no_remote_and_a_push_does(
    hooked: Project, tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_of(hooked, tmp_path)
    for held in Path(project.remote).rglob("*"):
        if held.is_file():
            held.unlink()
    code, lines, err = gate(project, capsys, "--staged")
    assert (code, len(lines), err) == (0, 1, "")
    assert lines[0].startswith(LINES[0])
    code, lines, err = gate(project, capsys, "--pushed")
    assert (code, err) == (1, "")
    assert {line.split()[1] for line in lines[:-1]} <= {"LP201", "LP202", "LP203", "LP208"}
    assert lines[-1].startswith(LINES[1])
    # What is pushed counts, not what is checked out.
    monkeypatch.setenv("PRE_COMMIT_TO_REF", "0" * 40)
    assert gate(project, capsys, "--pushed")[0] == 2

    staged(project, put(".dvc/config", UNREACHABLE))
    code, lines, err = gate(project, capsys, "--staged", "-v")
    assert (code, err) == (0, "")
    assert lines[-1].startswith(LINES[0])


def test_only_what_is_staged_is_searched_and_linted(
    hooked: Project, tmp_path: Path, capsys: Said
) -> None:
    project = copy_of(hooked, tmp_path)
    staged(project, put("control-plane/old.yaml", "kind: [\n"), put("old.txt", f"{TOKEN}\n"))
    project.git("commit", "-qm", "from before the hook")
    assert gate(project, capsys, "--staged")[0] == 0
    staged(project, put("new.txt", f"{TOKEN}\n"), append("control-plane/old.yaml", "# more\n"))
    code, lines, _ = gate(project, capsys, "--staged")
    assert code == 1
    assert {line.split(":")[0] for line in lines[:-1]} == {"new.txt", "control-plane/old.yaml"}
    # A baseline is of everything.
    assert gate(project, capsys, "--staged", "--baseline")[0] == 0
    assert '"old.txt"' in (project.root / "baseline.json").read_text()


def test_the_options_of_hooks_do_not_contradict_each_other(hooked: Project, capsys: Said) -> None:
    for argv in (("--staged", "--pushed"), ("--pushed", "HEAD"), ("--staged", "--deep")):
        code, _, err = gate(hooked, capsys, *argv)
        assert code == 2, argv
        assert "leave" in err
