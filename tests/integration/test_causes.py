"""Each way in which a lock comes to be untrue is traced to its true cause."""

from pathlib import Path

import anyio
import pytest

from lockproof.model.verdict import Verdict
from lockproof.steps.reproduce.request import Request
from lockproof.steps.reproduce.run import reproduce

from .pipelines import Project, Silence, causes, copy_of, new_project, prove, rules, stage, verdicts

CLEAN = """\
import sys

rows = [line.split(",") for line in open("raw.csv").read().splitlines()]
kept = [row for row in rows if len(row) == 2]
open("clean.csv", "w").write("".join(",".join(row) + "\\n" for row in kept))
"""
FIT = """\
import json

import scale

params = json.load(open("params.json"))
values = [float(line.split(",")[1]) for line in open("clean.csv")]
mean = sum(values) / len(values) * params["weight"] * scale.FACTOR
json.dump({"mean": mean}, open("model.json", "w"))
"""
YAML = """\
stages:
  clean:
    cmd: python3 clean.py
    deps: [clean.py, raw.csv]
    outs: [clean.csv]
  fit:
    cmd: python3 fit.py
    deps: [fit.py, clean.csv]
    params: [params.json: [weight]]
    outs: [model.json]
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("original"))
    project.write(
        {
            "clean.py": CLEAN,
            "fit.py": FIT,
            "scale.py": "FACTOR = 2\n",
            "params.json": '{"weight": 1.5}\n',
            "raw.csv": "a,1\nb,2\nbroken\nc,4\n",
            "dvc.yaml": YAML,
        }
    )
    project.dvc("add", "-q", "raw.csv")
    project.repro("first")
    return project


@pytest.fixture
def project(original: Project, tmp_path: Path) -> Project:
    return copy_of(original, tmp_path)


@pytest.fixture(params=["isolated", "chain"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_an_honest_lock_passes(project: Project, mode: str) -> None:
    before = project.state()
    report = prove(project, mode=mode)
    assert report.verdict is Verdict.PASSED
    assert set(verdicts(report).values()) == {"identical"}
    assert project.state() == before


def test_changed_source_line(project: Project, mode: str) -> None:
    project.write({"fit.py": FIT.replace("/ len(values)", "/ (len(values) + 1)")})
    project.commit("another mean")
    report = prove(project, mode=mode)
    assert report.verdict is Verdict.FAILED
    assert causes(report, "fit") == [("code", "fit.py", "proven")]
    assert causes(report, "clean") == []
    evidence = report.host.stages["fit"].evidence
    assert any("another mean" in e.text for e in evidence)
    assert any("len(values) + 1" in (e.detail or "") for e in evidence)
    assert {"LP104", "LP701"} <= rules(report)


def test_changed_data(project: Project, mode: str) -> None:
    project.write({"raw.csv": "a,1\nb,2\nc,40\n"})
    project.dvc("add", "-q", "raw.csv")
    project.dvc("push", "-q")
    project.commit("new data")
    report = prove(project, mode=mode)
    assert causes(report, "clean") == [("data", "raw.csv", "proven")]
    if mode == "chain":
        assert causes(report, "fit") == [("data", "clean.csv", "proven")]
    assert "LP105" in rules(report)


def test_changed_data_and_code(project: Project) -> None:
    project.write(
        {"raw.csv": "a,1\nb,2\nc,40\n", "clean.py": CLEAN.replace('","', '";"', 1) + "# x\n"}
    )
    project.dvc("add", "-q", "raw.csv")
    project.dvc("push", "-q")
    project.write({"clean.py": CLEAN.replace("kept = [row", "kept = [[c.upper() for c in row]")})
    project.commit("both")
    report = prove(project)
    assert sorted(causes(report, "clean")) == [
        ("code", "clean.py", "proven"),
        ("data", "raw.csv", "proven"),
    ]


def test_a_change_without_effect_is_no_cause(project: Project) -> None:
    project.write({"raw.csv": "a,1\nb,2\nc,40\n", "clean.py": CLEAN + "# a comment\n"})
    project.dvc("add", "-q", "raw.csv")
    project.dvc("push", "-q")
    project.commit("data, and a comment")
    report = prove(project)
    assert causes(report, "clean") == [("data", "raw.csv", "proven")]


def test_changed_parameter(project: Project, mode: str) -> None:
    project.write({"params.json": '{"weight": 2.5}\n'})
    project.commit("weight")
    report = prove(project, mode=mode)
    assert causes(report, "fit") == [("parameter", "weight", "proven")]
    assert "LP103" in rules(report)


class Turning(Silence):
    """Turns the coin where what changed is about to be put back."""

    def __init__(self, coin: Path) -> None:
        self.coin = coin

    def say(self, text: str) -> None:
        if "putting back" in text:
            self.coin.write_text("1\n")


def test_a_parameter_is_not_proven_by_a_value_that_came_by_itself(tmp_path: Path) -> None:
    """One of two values, as a coin has: the locked one comes with the parameter put back, and then
    without it as well. Where nothing is isolated, so that this test can say how the coin falls."""
    project, coin = new_project(tmp_path), tmp_path / "coin"
    yaml = f"cmd: cp {coin} out.txt, params: [params.json: [lr]], outs: [out.txt]"
    off = '[run]\nisolation = "off"\n'
    project.write({"dvc.yaml": f"stages:\n  coin: {{{yaml}}}\n", "lockproof.toml": off})
    project.write({"params.json": '{"lr": 1}\n'})
    coin.write_text("1\n")
    project.repro("first")
    project.write({"params.json": '{"lr": 2}\n'})
    project.commit("a parameter that nothing reads")
    coin.write_text("0\n")
    asked = Request(directory=project.root, reuse=False, mode="isolated")
    report = anyio.run(reproduce, asked, Turning(coin))
    assert [cause for cause in causes(report, "coin") if cause[2] != "possible"] == [
        ("nondeterminism", "out.txt", "proven")
    ]
    assert report.verdict is Verdict.INCONCLUSIVE or verdicts(report) == {
        "out.txt": "nondeterministic"
    }


def test_changed_command(project: Project) -> None:
    project.write({"dvc.yaml": YAML.replace("cmd: python3 fit.py", "cmd: WEIGHT=2 python3 fit.py")})
    project.write({"fit.py": FIT})
    project.commit("command")
    report = prove(project)
    assert report.verdict is Verdict.FAILED  # The lock names another command.
    assert verdicts(report)["model.json"] == "identical"
    assert rules(report) >= {"LP102"}


def test_changed_command_that_matters(project: Project) -> None:
    changed = YAML.replace("cmd: python3 fit.py", "cmd: python3 fit.py && echo >> model.json")
    project.write({"dvc.yaml": changed})
    project.commit("command")
    assert causes(prove(project), "fit") == [("command", "fit", "proven")]


def test_undeclared_input(project: Project, mode: str) -> None:
    project.write({"scale.py": "FACTOR = 3\n"})
    project.commit("another factor")
    report = prove(project, mode=mode)
    assert causes(report, "fit") == [("undeclared input", "scale.py", "proven")]
    assert "scale.py" in report.host.stages["fit"].undeclared_inputs


def test_unseeded_random_number(project: Project) -> None:
    project.write({"fit.py": FIT.replace("mean = ", "import random\nmean = random.random() * ")})
    project.repro("random")
    report = prove(project)
    assert causes(report, "fit") == [("nondeterminism", "model.json", "proven")]
    assert verdicts(report)["model.json"] == "nondeterministic"
    assert report.verdict is Verdict.INCONCLUSIVE
    assert rules(report) == {"LP705", "LP709"}


def test_hash_order_is_found_by_fixing_it(project: Project) -> None:
    project.write({"fit.py": FIT.replace('{"mean": mean}', 'list({"mean", "a", "b", "c", "d"})')})
    project.repro("set order")
    report = prove(project)
    assert causes(report, "fit")[0][0] == "nondeterminism"
    assert [c.condition for c in stage(report, "fit").causes] == ["hash-seed"]
    assert any("PYTHONHASHSEED=2" in e.text for e in report.host.stages["fit"].evidence)


def test_tampered_and_blessed_output(project: Project) -> None:
    """An honest run elsewhere leaves the same lock, so it is not called what it is; but told."""
    project.write({"model.json": '{"mean": 99}'})
    project.dvc("commit", "-f", "-q")
    project.dvc("push", "-q")
    project.commit("a better model")
    report = prove(project)
    assert causes(report, "fit") == [("unknown", "model.json", "possible")]
    assert any("a better model" in e.text for e in report.host.stages["fit"].evidence)


def test_tampered_intermediate_is_blamed_on_its_own_stage(project: Project) -> None:
    project.write({"clean.csv": "a,1\nb,2\nc,5\n"})
    project.dvc("commit", "-f", "-q")
    project.dvc("push", "-q")
    project.commit("cleaner")
    report = prove(project, mode="isolated")
    assert causes(report, "clean") == [("unknown", "clean.csv", "possible")]
    assert any("cleaner" in e.text for e in report.host.stages["clean"].evidence)
    assert causes(report, "fit") == [("data", "clean.csv", "proven")]


def test_forged_lock_without_history_or_record_is_unknown(project: Project) -> None:
    digest = next(
        line.split()[-1]
        for line in (project.root / "dvc.lock").read_text().split("model.json")[1].splitlines()
        if "md5:" in line
    )
    project.edit_lock(digest, "deadbeef" * 4)
    project.git("add", "-A")
    project.git("commit", "-q", "--amend", "-m", "first")
    report = prove(project)
    assert [c[0] for c in causes(report, "fit")] == ["unknown"]
    assert any("run record" in e.text for e in report.host.stages["fit"].evidence)


@pytest.mark.parametrize(("fails", "named"), [("LK*[2-8]", False), ("*[2-8]", True)])
def test_a_command_is_said_to_fail_with_a_condition_only_where_that_was_confirmed(
    fails: str, named: bool, project: Project
) -> None:
    """Not where it is two together, or chance."""
    command = f"echo new > made.txt; case $TZ$PYTHONHASHSEED in {fails}) exit 1;; esac"
    project.write({"dvc.yaml": f'stages: {{made: {{cmd: "{command}", outs: [made.txt]}}}}\n'})
    project.repro("fails elsewhere")
    lock = (project.root / "dvc.lock").read_text()
    digest = lock.split("path: made.txt")[1].split("md5: ")[1].split()[0]
    project.edit_lock(digest, "deadbeef" * 4)
    project.git("add", "-A")
    project.git("commit", "-q", "--amend", "-m", "fails elsewhere")
    report = prove(project)
    said = [e.text for e in report.host.stages["made"].evidence if "not excluded: " in e.text]
    blamed = [text for text in said if "the command fails with it" in text]
    which = "not excluded: the order of a set or of hashes (the command fails with it)"
    assert blamed == ([which] if named else [])
    assert named or any("the command failed with all of them varied, and" in t for t in said)


def test_stage_that_rewrites_its_input(project: Project, mode: str) -> None:
    project.write({"fit.py": FIT + 'open("clean.csv", "a").write("z,9\\n")\n'})
    project.repro("rewrites")
    report = prove(project, mode=mode)
    assert ("rewritten input", "clean.csv", "proven") in causes(report, "fit")
    assert report.verdict is Verdict.FAILED
    assert "LP707" in rules(report)


def test_undeclared_output_of_another_stage(project: Project) -> None:
    project.write(
        {
            "clean.py": CLEAN + 'open("stray.txt", "w").write("3")\n',
            "fit.py": FIT.replace("scale.FACTOR", 'float(open("stray.txt").read())'),
            ".gitignore": "/raw.csv\n/clean.csv\n/model.json\n/stray.txt\n",
        }
    )
    project.repro("stray")
    report = prove(project, mode="isolated")
    assert causes(report, "fit") == [("undeclared input", "stray.txt", "proven")]
    assert prove(project, mode="chain").verdict is Verdict.PASSED


def test_output_written_elsewhere(project: Project) -> None:
    project.write({"fit.py": FIT.replace('open("model.json"', 'open("mode1.json"')})
    project.commit("typo")
    report = prove(project)
    found = causes(report, "fit")
    assert ("code", "fit.py", "proven") in found
    assert ("undeclared output", "mode1.json", "likely") in found
    assert verdicts(report)["model.json"] == "missing"
