"""Metrics at the top of a `dvc.yaml`, where DVCLive declares its own, are judged like any."""

from pathlib import Path
from typing import Any

import pytest

from .good_project import append, both, in_lock, put, swap
from .mutations_gate import BASE, PR
from .pipelines import Project, copy_of
from .remotes import Folder
from .test_gate_mutations import found, gated

LIVE = "metrics: ['${dir}/metrics.json']\nplots: [live/plots: {x: step}]\n"
DEMAND = '[[metric]]\npath = "ml/live/metrics.json"\nkey = "f1"\nmin = 0.5\ndirection = "higher"\n'


@pytest.fixture
def live(good: Project, tmp_path: Path) -> Project:
    """A second `dvc.yaml`, as DVCLive writes one beside its files."""
    project = copy_of(good, tmp_path)
    project.write(
        {
            "ml/dvc.yaml": f"vars: [dir: live]\n{LIVE}",
            "ml/live/metrics.json": '{"f1": 0.8}',
            "ml/live/plots/f1.tsv": "step\tf1\n0\t0.8\n",
        }
    )
    append("lockproof.toml", DEMAND)(project, Folder(project.remote))
    project.commit("live")
    project.git("branch", "-f", "base")
    return project


def _check(report: dict[str, Any]) -> dict[str, Any]:
    return next(c for c in report["checks"] if c["name"] == "metrics")


def test_they_are_found_and_compared(live: Project) -> None:
    """No lock names them, so a demand of the policy on them is not proved."""
    code, report = gated(live, Folder(live.remote), *PR)
    assert (code, report["findings"]) == (5, [])
    assert _check(report)["verdict"] == "inconclusive"
    assert _check(report)["checked"] == 3
    (line,) = _check(report)["not_checked"]
    assert line.startswith("whether ml/live/metrics.json is what a stage made")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('{"f1": NaN}', "LP502"),
        ('{"f1": 0.4}', "LP503 LP504"),
        ('{"f1": 0.7}', "LP504"),
        ("{}", "LP501"),
        ("{", "LP505"),
    ],
)
def test_what_is_wrong_with_them_is_found(text: str, rule: str, live: Project) -> None:
    live.write({"ml/live/metrics.json": text})
    live.commit("worse")
    code, report = gated(live, Folder(live.remote), *BASE)
    assert (code, found(report)) == (1, set(rule.split()))


def test_a_folder_of_them_is_looked_through(good: Project, tmp_path: Path) -> None:
    project = copy_of(good, tmp_path)
    edit = both(
        append("dvc.yaml", "metrics: [scores]\n"),
        put("scores/a.json", '{"f1": 0.5}'),
        put("scores/deep/b.yaml", "f1: .nan\n"),
    )
    edit(project, Folder(project.remote))
    project.commit("folder")
    code, report = gated(project, Folder(project.remote))
    assert code == 1
    assert [f["subject"] for f in report["findings"]] == ["scores/deep/b.yaml f1"]


def test_one_that_a_stage_keeps_in_git_is_locked(good: Project, tmp_path: Path) -> None:
    project = copy_of(good, tmp_path)
    append("dvc.yaml", "metrics: [metrics.json]\n")(project, Folder(project.remote))
    project.commit("declared twice")
    code, report = gated(project, Folder(project.remote), *BASE)
    assert (code, report["findings"]) == (0, [])
    assert _check(report)["not_checked"] == []


def test_one_that_no_lock_names_any_more_is_not_proved(good: Project, tmp_path: Path) -> None:
    """A pull request takes a metric out of its stage, and writes what it likes."""
    project = copy_of(good, tmp_path)

    def loosen(lock: dict[str, Any]) -> None:
        for stage in lock.values():
            stage["outs"] = [o for o in stage["outs"] if o["path"] != "metrics.json"]

    edit = both(
        in_lock(loosen),
        swap("dvc.yaml", "    metrics: [metrics.json: {cache: false}]\n", ""),
        append("dvc.yaml", "metrics: [metrics.json]\n"),
        put("metrics.json", '{"accuracy": 0.99, "loss": 0.01}'),
    )
    edit(project, Folder(project.remote))
    project.commit("nicer")
    _, report = gated(project, Folder(project.remote), *PR)
    assert _check(report)["verdict"] != "passed"
    assert report["verdict"] != "passed"


def test_as_dvc_shows_them(live: Project) -> None:
    shown = live.run("dvc", "metrics", "show", "--json")
    assert '"ml/live/metrics.json": {"data": {"f1": 0.8}}' in shown
