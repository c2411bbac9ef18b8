"""What a lock claims is looked at also where no pipeline stands beside it."""

import pytest
from tests.fuzz.parsers import Files

from lockproof.parse.project import read_project

LOCK = b"schema: '2.0'\nstages:\n  train:\n    cmd: 'true'\n"

BESIDE: dict[str, dict[str, bytes]] = {
    "no pipeline": {},
    "a pipeline that is nothing": {"ml/dvc.yaml": b"~\n"},
    "a pipeline that holds no stage": {"ml/dvc.yaml": b"stages: {}\n"},
    "a pipeline that is hidden": {
        "ml/dvc.yaml": b"stages:\n  train: {cmd: 'true'}\n",
        ".dvcignore": b"dvc.yaml\n",
    },
}


@pytest.mark.parametrize("beside", BESIDE)
def test_an_entry_that_no_stage_has_is_found(beside: str) -> None:
    files = {"ml/dvc.lock": LOCK, ".dvc/config": b"", **BESIDE[beside]}
    reading = read_project(Files(files), "")
    assert (reading.orphans, reading.problems) == ([("ml/dvc.lock", "train", 3)], [])


def test_what_has_its_stage_is_none() -> None:
    yaml = b"stages:\n  train: {cmd: 'true'}\n"
    files = {"ml/dvc.lock": LOCK, "ml/dvc.yaml": yaml, ".dvc/config": b""}
    assert read_project(Files(files), "").orphans == []


@pytest.mark.parametrize("lock", [b"train:\n  cmd: 'true'\n", b"a: [", b"\xff", b"schema: '1.0'\n"])
def test_a_lone_lock_that_dvc_could_not_read_is_no_problem(lock: bytes) -> None:
    """As of a test's data: DVC reads a lock beside a pipeline alone."""
    reading = read_project(Files({"tests/data/dvc.lock": lock, ".dvc/config": b""}), "")
    assert (reading.orphans, reading.problems) == ([], [])
