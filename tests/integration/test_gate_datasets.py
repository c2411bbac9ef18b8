"""Dependencies on datasets that DVC has registered (`ds://NAME`), beside what `dvc status` says."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from .pipelines import Project, copy_of, new_project, prove
from .test_gate_good import passes, started
from .test_gate_reproduction import asked

PIPELINE = """\
vars:
  - source: {place}
stages:
  use:
    cmd: cp raw.txt made.txt
    deps: [raw.txt, 'ds://dogs']
    outs: [made.txt]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    base = tmp_path_factory.mktemp("datasets")
    source = new_project(base / "source")
    source.write({"dogs.csv": "rex\n"})
    source.commit()
    policy = '[gate]\noff = ["git", "record"]\n'
    files = {"lockproof.toml": policy, "dvc.yaml": PIPELINE.replace("{place}", str(source.root))}
    made = started(base / "own", files)
    made.dvc("ds", "add", "-q", "dogs", "--dvc", str(source.root), "--path", "dogs.csv")
    made.edit_lock(f"url: {source.root}", "url: ${source}", "dvc.yaml")
    made.repro()
    return made


def status(project: Project) -> str:
    """What DVC says."""
    return project.run("dvc", "status")


def test_what_was_run_with_the_dataset_passes(project: Project) -> None:
    assert "up to date" in status(project)
    assert passes(project)["lock"]["not_checked"] == []


def edit(project: Project, change: Callable[[dict[str, Any]], object], name: str) -> None:
    path = project.root / name
    value = yaml.safe_load(path.read_text())
    change(value)
    path.write_text(yaml.safe_dump(value, sort_keys=False))


def moved(project: Project) -> None:
    """As `dvc ds update` leaves the lock, without the stage being run again."""
    edit(project, lambda lock: lock["datasets"][0].update(rev_lock="0" * 40), "dvc.lock")


def moved_in_capitals(project: Project) -> None:
    """DVC takes `DS://` for `ds://`."""
    for name in ("dvc.yaml", "dvc.lock"):
        project.edit_lock("ds://dogs", "DS://dogs", name)
    moved(project)


def with_entry(project: Project, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what the stage's entry has of the dataset."""
    edit(project, lambda lock: change(lock["stages"]["use"]["deps"][0]), "dvc.lock")


NOT_LOCKED = "LP101 use is locked with ds://dogs without its digest"
NOT_IN_SYNC = "LP105 use: ds://dogs is not as dvc.yaml has it in the lock beside that"
CASES: dict[str, tuple[Callable[[Project], None], str, str]] = {
    "updated and not run": (
        moved,
        "modified",
        r"LP105 use: ds://dogs is locked as [0-9a-f]{8}, but dvc.lock, under datasets, has it as",
    ),
    "in capitals, updated and not run": (
        moved_in_capitals,
        "modified",
        r"LP105 use: DS://dogs is locked as [0-9a-f]{8}, but dvc.lock, under datasets, has it as",
    ),
    "the stage's entry edited": (
        lambda p: with_entry(p, lambda dep: dep["dataset"].update(rev_lock="1" * 40)),
        "modified",
        "LP105 use: ds://dogs is locked as",
    ),
    "the stage's entry without it": (
        lambda p: with_entry(p, lambda dep: dep.pop("dataset")),
        "new",
        NOT_LOCKED,
    ),
    "declared otherwise": (
        lambda p: p.edit_lock("path: dogs.csv", "path: cats.csv", "dvc.yaml"),
        "not in sync",
        NOT_IN_SYNC,
    ),
    "declared for another revision": (
        lambda p: edit(p, lambda file: file["datasets"][0].update(rev="main"), "dvc.yaml"),
        "not in sync",
        NOT_IN_SYNC,
    ),
    "not in the lock": (
        lambda p: edit(p, lambda lock: lock.pop("datasets"), "dvc.lock"),
        "not in sync",
        NOT_IN_SYNC,
    ),
    "of a type that is none": (
        lambda p: edit(p, lambda file: file["datasets"][0].update(type=["dvc"]), "dvc.yaml"),
        "",
        "LP111 dvc.yaml: dataset 'dogs' needs a url and a type",
    ),
    "locked with a type that is none": (
        lambda p: with_entry(p, lambda dep: dep["dataset"].update(type={"a": 1})),
        "",
        NOT_LOCKED,
    ),
    "not registered": (
        lambda p: edit(p, lambda file: file.pop("datasets"), "dvc.yaml"),
        "",
        "LP105 use: ds://dogs is under datasets in no dvc.yaml",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_another_version_than_the_stage_was_run_with(
    case: str, project: Project, tmp_path: Path
) -> None:
    change, said, expected = CASES[case]
    copy = copy_of(project, tmp_path)
    change(copy)
    copy.commit()
    if said:
        assert said in status(copy)
    code, found = asked(copy, None)
    assert code == 1
    assert len(found) == 1
    assert re.match(expected, found[0]), found


def test_reproducing_says_so_as_well(project: Project, tmp_path: Path) -> None:
    copy = copy_of(project, tmp_path)
    moved(copy)
    copy.commit()
    assert "LP105" in [f.rule for f in prove(copy).findings]
    assert "LP105" not in [f.rule for f in prove(project).findings]


def test_the_advice_is_followed(project: Project, tmp_path: Path) -> None:
    copy = copy_of(project, tmp_path)
    edit(copy, lambda lock: lock.pop("datasets"), "dvc.lock")
    copy.dvc("ds", "update", "-q", "dogs")
    copy.repro()
    passes(copy)
