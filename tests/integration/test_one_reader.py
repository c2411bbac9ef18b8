"""Every verb reads each file of the pipeline once, whatever the number of its stages."""

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import anyio
import pytest

from integration.pipelines import Project, Silence, new_project
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.worktree import WorkTree
from lockproof.errors import ConfigError
from lockproof.steps.affected import affected
from lockproof.steps.declared import declared
from lockproof.steps.gather import gather
from lockproof.steps.init.survey import survey
from lockproof.steps.reproduce.request import Request
from lockproof.steps.reproduce.run import reproduce

STAGES = 6
DECLARED = "stages:\n" + "".join(
    f"  s{n}:\n    cmd: cp raw.txt o{n}\n    deps: [raw.txt]\n    params: [p]\n    outs: [o{n}]\n"
    for n in range(STAGES)
)
FILES = ("dvc.yaml", "dvc.lock", "params.yaml")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("once"))
    project.write({"dvc.yaml": DECLARED, "params.yaml": "p: 1\n", "raw.txt": "x"})
    project.write({"lockproof.toml": '[reproduce]\nunaffected = "accept"\n'})
    project.repro()
    project.write({"dvc.yaml": f"# A line more.\n{DECLARED}"})
    lock = (project.root / "dvc.lock").read_text()
    project.write({"dvc.lock": f"# A line more.\n{lock}"})
    project.commit()
    return project


@contextmanager
def parsed() -> Iterator[Counter[str]]:
    """How often each file is parsed as YAML, by our reader or by DVC's; threads included."""
    found: Counter[str] = Counter()
    before = sys.getprofile()

    def notice(frame: FrameType, event: str, _: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        if code.co_name == "read_yaml" and code.co_filename.endswith("yaml_document.py"):
            found[frame.f_locals["name"]] += 1
        elif code.co_name in ("parse_yaml", "parse_yaml_for_update", "load_yaml"):
            found[f"by DVC: {Path(str(frame.f_locals['path'])).name}"] += 1

    threading.setprofile(notice)
    sys.setprofile(notice)
    try:
        yield found
    finally:
        sys.setprofile(before)
        threading.setprofile(None)  # type: ignore[arg-type]


def _reproduce(root: Path) -> object:
    return anyio.run(reproduce, Request(directory=root, since="HEAD~1", reuse=False), Silence())


VERBS: dict[str, tuple[Callable[[Path], object], int]] = {
    "affected": (lambda root: affected(root, "HEAD", None), 1),
    "affected --since": (lambda root: affected(root, "HEAD", "HEAD~1"), 2),
    "reproduce --since": (_reproduce, 2),
    "init": (survey, 1),
    "record": (lambda root: anyio.run(gather, root, "pipeline", Silence()), 1),
}


@pytest.mark.parametrize("verb", VERBS)
def test_each_file_is_parsed_once_for_each_revision(verb: str, project: Project) -> None:
    run, revisions = VERBS[verb]
    with parsed() as found:
        run(project.root)
    assert found == dict.fromkeys(FILES, revisions)


def test_a_line_more_affects_no_stage(project: Project) -> None:
    assert affected(project.root, "HEAD", "HEAD~1").stages == ()


def test_the_work_tree_is_read_as_it_is(tmp_path: Path) -> None:
    other = new_project(tmp_path)
    other.write({".gitignore": "hidden/\n", "hidden/dvc.yaml": "stages: {no: {cmd: no}}\n"})
    other.write({"a/dvc.yaml": "stages: {old: {cmd: x}}\n"})
    other.write({"b/dvc.yaml": "stages: {b: {cmd: x}}\n"})
    other.commit()
    other.write({"a/dvc.yaml": "stages: {new: {cmd: x}}\n"})
    other.write({"c/dvc.yaml": "stages: {c: {cmd: x}}\n"})
    (other.root / "b" / "dvc.yaml").unlink()
    found = declared(WorkTree(GitRepository.discover(other.root)), "")
    assert [s.address for s in found.pipeline.stages] == ["a/dvc.yaml:new", "c/dvc.yaml:c"]


def test_a_pipeline_file_that_is_a_link_is_refused(tmp_path: Path) -> None:
    other = new_project(tmp_path)
    other.write({"real.yaml": "stages: {a: {cmd: x}}\n"})
    (other.root / "dvc.yaml").symlink_to("real.yaml")
    with pytest.raises(ConfigError, match=r"dvc\.yaml: is no regular file"):
        declared(WorkTree(GitRepository.discover(other.root)), "")
