"""MLflow's database in a file, on a disk that is full or read-only: one line, and no record."""

import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from integration.pipelines import BIN, Project, copy_of, new_project

SMALL = 100 << 10


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("full"))
    project.write({"dvc.yaml": "stages: {a: {cmd: echo 1 > o, outs: [o]}}\n"})
    project.repro()
    return project


def record(project: Project, limit: int = resource.RLIM_INFINITY) -> tuple[int, str]:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    done = subprocess.run(
        [BIN / "lockproof", "record"],
        cwd=project.root,
        # Python would keep the part of a module's byte code that it may write, and stumble over it.
        env={**project.environment(), "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=limited,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr.rstrip("\n").rpartition("\n")[2]


def records(project: Project) -> list[Path]:
    return list(project.root.glob("experiments/*")) + list(project.root.glob("experiments/*"))


def test_no_room_for_a_new_database(made: Project, tmp_path: Path) -> None:
    project = copy_of(made, tmp_path)
    code, said = record(project, SMALL)
    assert code == 2
    assert said.startswith("lockproof: cannot make the MLflow database ")
    assert said.endswith(
        "disk I/O error: make room on its disk, or raise the limit on the size of files"
    )
    assert records(project) == []
    assert [p.name for p in (project.root / ".lockproof").iterdir()] == [".gitignore"]
    assert record(project)[0] == 0, "once there is room"


def test_no_room_on_a_disk(made: Project, tmp_path: Path) -> None:
    project = copy_of(made, tmp_path)
    folder = project.root / ".lockproof"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(folder)]
    if (
        not shutil.which("mount")
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("no small disk (needs root)")
    try:
        code, said = record(project)
    finally:
        subprocess.run(["umount", str(folder)], check=True)
    assert code == 2
    assert said.endswith("database or disk is full: make room on its disk")
    assert records(project) == []


def test_a_database_that_must_not_be_written(made: Project, tmp_path: Path) -> None:
    project = copy_of(made, tmp_path)
    assert record(project)[0] == 0
    shutil.rmtree(records(project)[0].parent)
    folder = str(project.root / ".lockproof")
    bind = subprocess.run(["mount", "--bind", folder, folder], capture_output=True, check=False)
    if bind.returncode:
        pytest.skip("no read-only folder (needs root)")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        project.write({"dvc.yaml": "stages: {a: {cmd: echo 2 > o, outs: [o]}}\n"})
        project.repro()
        code, said = record(project)
    finally:
        subprocess.run(["umount", folder], check=True)
    assert code == 2
    assert "SQL" not in said
    assert said.endswith("readonly database: make the file and its folder writable")
    assert records(project) == []
