"""Experiments keep within what the policy allows, and what they will cost is said before."""

import re
from pathlib import Path

import anyio

from lockproof.steps.reproduce.request import Request
from lockproof.steps.reproduce.run import reproduce

from .pipelines import Silence, new_project

PIPELINE = "stages:\n  path: {cmd: pwd > out.txt, outs: [out.txt]}\n"


class Heard(Silence):
    """A progress that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def test_experiments_keep_within_the_policy_and_say_before_what_they_cost(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.write({"dvc.yaml": PIPELINE, "lockproof.toml": "[reproduce]\nexperiments = 3\n"})
    project.repro("first")
    heard = Heard()
    asked = Request(directory=project.root, reuse=False, mode="isolated", vary=("path", "umask"))
    report = anyio.run(reproduce, asked, heard)
    host = report.host.stages["path"]
    assert host.executed <= 7, "judged once, explained by three runs and varied by three"
    said = "\n".join(heard.said)
    # Where stages have no root of their own, one run more is what the others are compared with.
    assert re.search(r"\npath: varying what else it may depend on, at most [12] runs of ", said)
    assert re.search(r"\nvarying 2 conditions: [1-3] runs of 1 stage, about \d+ s with ", said), (
        said
    )
    assert "at most 3 runs a stage" in said
    assert re.fullmatch(r"experiments: 3 runs, \d+\.\d s", host.evidence[-1].text)
