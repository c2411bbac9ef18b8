"""Outputs whose bytes cannot be promised, and others that stand for them."""

from pathlib import Path

import pytest

from lockproof.model.verdict import Verdict

from .pipelines import Project, causes, copy_of, new_project, prove, verdicts

TRAIN = """\
import json
import time

json.dump({"weight": 2}, open("weights.json", "w"))
json.dump({"weight": 2, "at": time.time_ns()}, open("model.json", "w"))
"""
USE = """\
import json

model = json.load(open("model.json"))
json.dump({"score": model["weight"] * 10}, open("score.json", "w"))
"""
YAML = """\
stages:
  train:
    cmd: python3 train.py
    deps: [train.py]
    outs: [model.json, weights.json]
  use:
    cmd: python3 use.py
    deps: [use.py, model.json]
    outs: [score.json]
"""
POLICY = """\
[[judged-by]]
paths = ["model.json"]
by = ["weights.json"]
reason = "it holds the time"
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("original"))
    project.write({"train.py": TRAIN, "use.py": USE, "dvc.yaml": YAML, "lockproof.toml": POLICY})
    project.repro()
    return project


@pytest.fixture
def project(original: Project, tmp_path: Path) -> Project:
    return copy_of(original, tmp_path)


@pytest.mark.parametrize("request_", [{"mode": "chain"}, {"mode": "isolated"}, {}])
def test_an_honest_model_passes(project: Project, request_: dict[str, object]) -> None:
    report = prove(project, **request_)
    assert report.verdict is Verdict.PASSED, report.findings
    assert verdicts(report)["model.json"] == "within tolerance"
    assert report.subject.mode == request_.get("mode", "chain")


@pytest.mark.parametrize(
    "request_",
    [{"mode": "chain"}, {"mode": "isolated"}, {"mode": "isolated", "stages": ("train",)}],
)
def test_a_forged_model_does_not(project: Project, request_: dict[str, object]) -> None:
    """The judge agrees, but the locked model itself gives other scores."""
    project.write({"model.json": '{"weight": 3, "at": 0}'})
    project.dvc("commit", "-q", "-f")
    project.dvc("push", "-q")
    project.commit("a better model")
    report = prove(project, **request_)
    assert report.verdict is not Verdict.PASSED
    assert verdicts(report)["model.json"] == "not comparable"
    if request_ == {"mode": "isolated"}:
        assert ("data", "model.json", "proven") in causes(report, "use")


def test_without_a_reader_a_judge_proves_nothing(project: Project) -> None:
    alone = YAML.partition("  use:")[0]
    project.write({"dvc.yaml": alone})
    project.dvc("repro", "-q")
    project.commit("nobody reads it")
    assert verdicts(prove(project))["model.json"] == "not comparable"


def test_numbers_within_a_stated_tolerance(project: Project) -> None:
    use = USE.replace("* 10", "* 10 + (model['at'] % 1000) * 1e-9")
    policy = '[[tolerance]]\npaths = ["score.json"]\nfields = ["score"]\natol = 1e-5\n'
    project.write({"use.py": use, "lockproof.toml": POLICY + policy})
    project.repro()
    report = prove(project, mode="chain")
    assert report.verdict is Verdict.PASSED, report.findings
    assert verdicts(report)["score.json"] == "within tolerance"
    largest = report.host.stages["use"].differences["score.json"][0].largest
    assert largest is not None
    assert largest.where == "score"
    strict = policy.replace("1e-5", "1e-30")
    project.write({"lockproof.toml": POLICY + strict})
    project.commit("strict")
    assert verdicts(prove(project, mode="chain"))["score.json"] in ("different", "nondeterministic")


def test_a_glob_for_files_inside_a_folder(project: Project) -> None:
    """The output is the folder; the rule names the files in it."""
    make = (
        "import json, os, time\n"
        "os.makedirs('out', exist_ok=True)\n"
        "json.dump({'x': 1 + time.time_ns() % 1000 * 1e-9}, open('out/x.json', 'w'))\n"
    )
    yaml = "stages: {make: {cmd: python3 make.py, deps: [make.py], outs: [out]}}\n"
    policy = '[[tolerance]]\npaths = ["*.json"]\natol = 1e-5\n'
    project.git("rm", "-q", "dvc.lock")
    project.write({"make.py": make, "dvc.yaml": yaml, "lockproof.toml": policy})
    project.repro()
    assert verdicts(prove(project)) == {"out": "within tolerance"}
