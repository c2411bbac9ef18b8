"""What a stage leaves in an output and no object of DVC's holds is no part of what is proved."""

import sys

import anyio
import pytest

from lockproof.adapters.sandbox.detect import find_isolation
from lockproof.model.verdict import Verdict

from .pipelines import Project, causes, new_project, prove, stage

NEEDS = {
    "lists": ("ls out > lists.txt", "the empty folder out/empty"),
    "fills": ("cp out/a out/empty/ && rm out/empty/a && cp out/a fills.txt", "the empty folder"),
    "calls": ("out/tool > calls.txt", "the permission to execute out/tool"),
}
MAKE = (
    "mkdir -p out/empty && echo x > out/a"
    " && printf '#!/bin/sh\\necho y\\n' > out/tool && chmod +x out/tool"
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("unkept"))
    stages = "".join(
        f"  {name}:\n    cmd: {command}\n    deps: [out]\n    outs: [{name}.txt]\n"
        for name, (command, _) in NEEDS.items()
    )
    stages += (
        "  hollow:\n    cmd: mkdir hollow\n    outs: [hollow]\n"
        "  after:\n    cmd: ls -d hollow > after.txt\n    deps: [hollow]\n    outs: [after.txt]\n"
    )
    make = f"  make:\n    cmd: {MAKE}\n    outs: [out]\n"
    policy = f'[environment]\ninterpreter = "{sys.executable}"\n[run]\nview = "declared"\n'
    project.write({"dvc.yaml": f"stages:\n{make}{stages}", "lockproof.toml": policy})
    project.repro()
    return project


def test_a_stage_that_needs_it_fails_alone_with_the_reason(project: Project) -> None:
    report = prove(project, mode="isolated")
    for name, (_, words) in NEEDS.items():
        assert stage(report, name).verdict is Verdict.FAILED
        assert causes(report, name) == [("data", "out", "proven")]
        assert words in stage(report, name).causes[0].summary
    for name in ("make", "hollow", "after"):
        assert stage(report, name).verdict is Verdict.PASSED


@pytest.mark.skipif(not anyio.run(find_isolation).level.own_root, reason="no verdict is kept here")
def test_a_verdict_that_rests_on_it_stands_for_no_later_run(
    project: Project, keeps_verdicts: None
) -> None:
    """In chain mode the stage finds it, since that which leaves it has just run."""
    assert prove(project, mode="chain", reuse=True).verdict is Verdict.PASSED
    text = (project.root / "dvc.yaml").read_text()
    project.write(
        {"dvc.yaml": text.replace("    outs: [out]\n", "    outs: [out]\n    frozen: true\n")}
    )
    project.commit("frozen")
    report = prove(project, mode="chain", reuse=True, stages=("calls",))
    assert stage(report, "calls").verdict is Verdict.FAILED
