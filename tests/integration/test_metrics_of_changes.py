"""Metrics in isolated mode: of the locked model, and once of the one that was trained here."""

import pytest

from lockproof.model.report import Report
from lockproof.render.table import table

from .pipelines import Project, new_project, prove, verdicts

STAGES = """\
stages:
  train:
    cmd: python3 train.py
    deps: [train.py]
    outs: [model.txt]
  predict:
    cmd: cat model.txt model.txt > guesses.txt && echo predicted
    deps: [model.txt]
    outs: [guesses.txt]
  evaluate:
    cmd: 'printf "{\\"score\\": %d}" $(wc -c < guesses.txt) > score.json'
    deps: [guesses.txt]
    metrics: [score.json: {cache: false}]
  aside:
    cmd: "echo '{\\"n\\": 1}' > aside.json"
    metrics: [aside.json: {cache: false}]
  unread:
    cmd: cat model.txt > unread.txt
    deps: [model.txt]
    outs: [unread.txt]
"""
TRAIN = "open('model.txt', 'w').write({text!r})\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("followed"))
    project.write({"dvc.yaml": STAGES, "train.py": TRAIN.format(text="ab")})
    project.repro("first")
    project.write({"train.py": TRAIN.format(text="abcde")})
    project.commit("train otherwise")
    return project


def scores(report: Report) -> dict[str, tuple[float | None, float | None, float | None]]:
    return {m.path: (m.locked, m.observed, m.followed) for m in report.host.metrics}


def runs(report: Report) -> dict[str, int]:
    return {address: host.executed for address, host in report.host.stages.items()}


def test_readers_of_a_changed_output_run_once_on_it_for_their_metrics(project: Project) -> None:
    report = prove(project, mode="isolated")
    assert scores(report) == {"score.json": (4, 4, 10), "aside.json": (1, 1, None)}
    upstream = {m.path: m.upstream for m in report.host.metrics}
    assert upstream == {"score.json": ("model.txt",), "aside.json": ()}
    assert verdicts(report)["score.json"] == verdicts(report)["guesses.txt"] == "identical"
    assert [runs(report)[a] for a in ("predict", "evaluate", "aside", "unread")] == [2, 2, 1, 1]
    shown = " ".join(table(report).split())
    assert "score.json score locked 4, observed 4 (equal), of the locked model.txt" in shown
    assert "score.json score locked 4, observed 10 (+6), of model.txt as made here" in shown


def test_without_experiments_metrics_are_called_those_of_the_locked_model(
    project: Project,
) -> None:
    project.write({"lockproof.toml": "[reproduce]\nexplain = false\n"})
    project.commit("no experiments")
    report = prove(project, mode="isolated")
    assert scores(report)["score.json"] == (4, 4, None)
    upstream = {m.path: m.upstream for m in report.host.metrics}
    assert upstream == {"score.json": ("model.txt",), "aside.json": ()}
    assert runs(report)["evaluate"] == 1
