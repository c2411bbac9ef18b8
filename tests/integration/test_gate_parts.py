"""Dependencies that are a part of a directory output, or that hold outputs, against its listing."""

import json
from pathlib import Path

import pytest
import yaml

from .pipelines import Project, copy_of
from .remotes import digest_of
from .test_gate_good import passes, started
from .test_gate_reproduction import asked

PIPELINE = """\
stages:
  split:
    cmd: mkdir -p data/deep && cp raw.txt data/x.csv && cp raw.txt data/deep/y.csv && cp raw.txt
      data/z.csv
    deps: [raw.txt]
    outs: [data]
  file:
    cmd: wc data/x.csv
    deps: [data/x.csv]
  folder:
    cmd: wc data/deep/y.csv
    deps: [data/deep]
  note:
    cmd: cp raw.txt all/made.txt
    deps: [raw.txt]
    outs: [all/made.txt]
  around:
    cmd: wc all/made.txt
    deps: [all]
"""
STAGES = {"file": "data/x.csv", "folder": "data/deep", "around": "all"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    files = {
        "lockproof.toml": '[gate]\noff = ["git", "record"]\n',
        "dvc.yaml": PIPELINE,
        "all/kept.txt": "kept\n",
    }
    made = started(tmp_path_factory.mktemp("parts"), files)
    # DVC makes all/.gitignore before the stage that depends on it runs.
    made.repro()
    return made


def test_of_what_fits_nothing_is_said(project: Project) -> None:
    checks = passes(project)
    assert checks["lock"]["not_checked"] == []
    assert all("data" not in line for line in checks["remote"]["not_checked"])


def locked(project: Project, stage: str, **values: object) -> None:
    path = project.root / "dvc.lock"
    lock = yaml.safe_load(path.read_text())
    lock["stages"][stage]["deps"][0].update(values)
    path.write_text(yaml.safe_dump(lock, sort_keys=False))


@pytest.mark.parametrize("stage", STAGES)
def test_another_digest_than_the_listing_holds_is_found(
    stage: str, project: Project, tmp_path: Path
) -> None:
    copy = copy_of(project, tmp_path)
    md5 = digest_of(b"older\n").value
    locked(copy, stage, md5=md5 if stage == "file" else f"{md5}.dir")
    copy.commit("stale")
    for deep in ((), ("--deep",)):
        code, (message,) = asked(copy, None, *deep)
        assert code == 1
        assert message.startswith(f"LP105 {stage}: {STAGES[stage]} is locked as {md5[:8]}")


def test_a_file_that_the_directory_does_not_have_is_found(project: Project, tmp_path: Path) -> None:
    copy = copy_of(project, tmp_path)
    copy.edit_lock("path: data/x.csv", "path: data/w.csv")
    copy.edit_lock("[data/x.csv]", "[data/w.csv]", "dvc.yaml")
    copy.commit("another name")
    code, found = asked(copy, None)
    assert code == 1
    assert [line[:11] for line in found] == ["LP105 file:"], found
    assert "it is not there" in found[0]


def test_new_data_in_one_stage_alone_is_found_in_all_that_read_it(
    project: Project, tmp_path: Path
) -> None:
    copy = copy_of(project, tmp_path)
    copy.write({"raw.txt": "new\n"})
    copy.dvc("add", "-q", "raw.txt")
    before = yaml.safe_load((copy.root / "dvc.lock").read_text())["stages"]
    copy.dvc("repro", "-q")
    after = yaml.safe_load((copy.root / "dvc.lock").read_text())
    after["stages"] |= {stage: before[stage] for stage in STAGES}
    (copy.root / "dvc.lock").write_text(yaml.safe_dump(after, sort_keys=False))
    copy.dvc("push", "-q")
    copy.commit("two of five stages run")
    code, found = asked(copy, None)
    assert code == 1
    assert {line.split(":")[0] for line in found} == {f"LP105 {stage}" for stage in STAGES}


def test_what_cannot_be_compared_is_said(project: Project, tmp_path: Path) -> None:
    copy = copy_of(project, tmp_path)
    copy.edit_lock("outs: [data]", "outs: [data: {push: false}]", "dvc.yaml")
    copy.commit("not pushed")
    code, found = asked(copy, None)
    said = json.loads((copy.remote.parent / "gate.json").read_text())
    (remote,) = (check for check in said["checks"] if check["name"] == "remote")
    assert (code, found) == (0, [])
    assert sum("no remote that was asked" in line for line in remote["not_checked"]) == 2
    copy.write({"lockproof.toml": '[gate]\noff = ["git", "record", "remote"]\n'})
    copy.commit("no remote")
    assert asked(copy, None)[0] == 0
    said = json.loads((copy.remote.parent / "gate.json").read_text())
    assert "the family remote, which" in said["checks"][0]["not_checked"][0]
