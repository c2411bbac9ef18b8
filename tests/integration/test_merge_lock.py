"""`lockproof merge-lock` under real Git merges and rebases of real DVC pipelines."""

import subprocess
from pathlib import Path

import pytest

from tests.integration.pipelines import BIN, Project, copy_of, new_project

PIPELINE = """stages:
  split: {cmd: "head -n1 raw > left; tail -n1 raw > right", deps: [raw], outs: [left, right]}
  one: {cmd: "cat left p1 > one", deps: [left], params: [p1: [k]], outs: [one]}
  two: {cmd: "cat right p2 > two", deps: [right], params: [p2: [k]], outs: [two]}
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A pipeline of three stages, with the merge driver installed."""
    project = new_project(tmp_path_factory.mktemp("merge"))
    pipeline = PIPELINE.replace("p1:", "p1.yaml:").replace("p2:", "p2.yaml:")
    pipeline = pipeline.replace("cat left p1", "cat left p1.yaml")
    pipeline = pipeline.replace("cat right p2", "cat right p2.yaml")
    project.write({"dvc.yaml": pipeline, "raw": "a\nb\n", "p1.yaml": "k: 1\n", "p2.yaml": "k: 1\n"})
    shown = project.run("lockproof", "merge-lock", "--install")
    assert ".gitattributes: dvc.lock merge=lockproof\n" in shown
    assert "merge.lockproof.driver = " in shown
    assert "(was so already)" not in shown
    assert project.run("lockproof", "merge-lock", "--install").count("(was so already)") == 5
    project.repro("base")
    return project


@pytest.fixture
def project(original: Project, tmp_path: Path) -> Project:
    """A copy to merge in, with a branch `other` that starts where main is."""
    project = copy_of(original, tmp_path)
    project.git("branch", "other")
    return project


def change(project: Project, branch: str, name: str, text: str) -> None:
    """Change a file on a branch and run the pipeline, as a careful person does."""
    project.git("checkout", "-q", branch)
    project.dvc("checkout", "-q")
    project.write({name: text})
    project.repro(f"{name} on {branch}")


def attempt(project: Project, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run a program that may fail."""
    return subprocess.run(
        argv, cwd=project.root, env=project.environment(), capture_output=True, text=True
    )


@pytest.mark.parametrize("how", ["merge", "rebase"])
def test_two_stages_run_on_two_branches_merge(project: Project, how: str) -> None:
    change(project, "main", "p1.yaml", "k: 2\n")
    change(project, "other", "p2.yaml", "k: 3\n")
    done = attempt(project, "git", how, "main")
    assert done.returncode == 0, done.stderr
    assert "dvc.lock: merged, with 1 stage of theirs" in done.stdout + done.stderr
    assert project.git("status", "--porcelain") == ""
    project.dvc("checkout", "-q")
    assert attempt(project, "dvc", "status").stdout == "Data and pipelines are up to date.\n"
    before = (project.root / "dvc.lock").read_bytes()
    project.dvc("repro", "-q", "-f")
    assert (project.root / "dvc.lock").read_bytes() == before, "it is as DVC writes it"


def test_what_neither_side_proved_stays_in_conflict_until_it_is_run(
    project: Project, tmp_path: Path
) -> None:
    change(project, "main", "raw", "c\nb\n")
    change(project, "other", "p1.yaml", "k: 2\n")
    project.git("checkout", "-q", "main")
    done = attempt(project, "git", "merge", "other")
    assert done.returncode == 1
    assert "dvc.lock: 1 stage must be run again:\n  one: was run on both sides" in done.stderr
    assert "merge-lock --unlock dvc.lock" in done.stderr
    assert attempt(project, "dvc", "status").returncode != 0, "DVC refuses it"
    assert project.git("diff", "--name-only", "--diff-filter=U") == "dvc.lock\n"

    careless = copy_of(project, tmp_path / "careless")
    assert attempt(careless, "lockproof", "gate", "--staged").returncode == 2
    careless.commit("markers and all")
    gated = attempt(careless, "lockproof", "gate", "--format", "github")
    assert gated.returncode == 1
    assert "title=LP110" in gated.stdout

    done = attempt(project, "lockproof", "merge-lock", "--unlock", "dvc.lock")
    assert done.returncode == 0
    assert "out of the lock: run 'dvc repro'" in done.stderr
    project.dvc("repro", "-q")
    project.commit("merged")
    assert attempt(project, "dvc", "status").stdout == "Data and pipelines are up to date.\n"
    assert (project.root / "one").read_text() == "c\nk: 2\n"


def test_a_conflict_that_git_left_by_itself_is_merged_afterwards(project: Project) -> None:
    change(project, "main", "p1.yaml", "k: 2\n")
    change(project, "other", "p2.yaml", "k: 3\n")
    for key in ("name", "driver", "recursive"):
        project.git("config", "--unset", f"merge.lockproof.{key}")
    project.git("config", "merge.lockproof.driver", "exit 1")
    assert attempt(project, "git", "merge", "main").returncode == 1
    done = attempt(project, "lockproof", "merge-lock", "dvc.lock")
    assert (done.returncode, done.stdout) == (0, "dvc.lock: merged, with 1 stage of theirs\n")
    project.dvc("checkout", "-q")
    assert attempt(project, "dvc", "status").stdout == "Data and pipelines are up to date.\n"
    done = attempt(project, "lockproof", "merge-lock", "dvc.yaml")
    assert done.returncode == 2
    assert "dvc.yaml is not in conflict" in done.stderr


def test_a_wrong_call_is_a_usage_error(project: Project) -> None:
    for argv in ([], ["a", "b"], ["--unlock"], ["--install", "dvc.lock"]):
        done = attempt(project, str(BIN / "lockproof"), "merge-lock", *argv)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("lockproof: give --install, a FILE in conflict")
