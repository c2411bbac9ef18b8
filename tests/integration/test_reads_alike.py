"""Whether who has read one revision would find the same in another: then it is not read again."""

from pathlib import Path

import pytest

from integration.pipelines import Project, new_repository
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.snapshot import Snapshot

FILES = {"dvc.yaml": "stages: {}\n", "run.py": "a = 1\n", "sub/dvc.yaml": "x\n"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = new_repository(tmp_path, "project")
    project.write(FILES)
    (project.root / "link").symlink_to("run.py")
    project.commit("one")
    return project


def alike(project: Project, *read: str) -> bool:
    """Between the first commit and the last, where so much was read of the last."""
    git = GitRepository.discover(project.root)
    now = Snapshot(git, git.resolve("HEAD"))
    now.load(read)
    return now.reads_alike(Snapshot(git, git.resolve("HEAD~1")))


def test_what_was_not_read_may_be_another(project: Project) -> None:
    project.write({"run.py": "a = 2\n"})
    project.commit("two")
    assert alike(project, "dvc.yaml", "sub/dvc.yaml", "absent.yaml")
    assert not alike(project, "dvc.yaml", "run.py")
    assert not alike(project), "nothing was read, so nothing is known"


@pytest.mark.parametrize("change", ["content", "added", "removed", "mode", "link", "kind"])
def test_whatever_else_is_another_counts(project: Project, change: str) -> None:
    run = project.root / "run.py"
    if change == "content":
        project.write({"sub/dvc.yaml": "y\n"})
    elif change == "added":
        project.write({"params.yaml": "a: 1\n"})
    elif change == "removed":
        run.unlink()
    elif change == "mode":
        run.chmod(0o755)
    elif change == "link":
        (project.root / "link").unlink()
        (project.root / "link").symlink_to("sub")
    else:
        run.unlink()
        run.symlink_to("dvc.yaml")
    project.commit("two")
    assert not alike(project, "dvc.yaml", "sub/dvc.yaml")
