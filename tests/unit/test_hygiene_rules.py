"""The rules about Git, run records and metrics: facts in, findings out."""

import math
from typing import Any

import pytest

from lockproof.model.environment import Environment
from lockproof.model.finding import Finding
from lockproof.model.record import RunRecord
from lockproof.model.run import LoggedRun
from lockproof.rules.git import GitFile, Limits, tracked_twice, unpinned_image, weighty
from lockproof.rules.metric import Demand, demand_findings, value_findings
from lockproof.rules.record import (
    Expected,
    LockFacts,
    record_findings,
    run_findings,
    stale_record,
)


def shown(findings: Any) -> list[tuple[str, str]]:
    """Rule and subject."""
    found: list[Finding] = list(findings)
    return [(f.rule, f.subject) for f in found]


# --- Git ------------------------------------------------------------------------------------------


def test_files_that_git_and_dvc_track() -> None:
    outs = {"data/raw": "data/raw.dvc", "model.pkl": "dvc.yaml"}
    files = ["data/raw/a.csv", "data/raw/sub/b.csv", "data/rawer", "dvc.yaml", "model.pkl"]
    found = list(tracked_twice(outs, files))
    assert shown(found) == [("LP301", "data/raw"), ("LP301", "model.pkl")]
    assert found[0].message.startswith("2 files of data/raw (data/raw/a.csv, data/raw/sub/b.csv)")
    assert [f.path for f in found] == ["data/raw.dvc", "dvc.yaml"]
    assert not list(tracked_twice(outs, ["data/raw.csv", "models/model.pkl"]))


def test_large_and_binary_files() -> None:
    files = [
        GitFile("large.csv", 101),
        GitFile("fits.csv", 100),
        GitFile("big.png", 11, is_binary=True),
        GitFile("small.png", 10, is_binary=True),
        GitFile("large.png", 101, is_binary=True),
    ]
    assert shown(weighty(files, Limits(large=100, binary=10))) == [
        ("LP302", "large.csv"),
        ("LP303", "big.png"),
        ("LP302", "large.png"),
    ]


def test_an_image_is_shown_with_its_tag() -> None:
    assert "write it as python:3.12@sha256:…" in unpinned_image("python:3.12", "d", 1).message
    assert "localhost:5000/a:TAG@sha256:…" in unpinned_image("localhost:5000/a", "d", 1).message


# --- records --------------------------------------------------------------------------------------

FACTS = LockFacts(
    lock_digest="a" * 64,
    stages={"train": "1", "split": "2"},
    params={"params.yaml": {"lr": 0.1, "on": True, "nested": {"k": [1, 2]}}},
    metrics={"metrics.json": {"accuracy": 0.9, "odd": math.nan}},
)


def record(**other: object) -> RunRecord:
    """A record that says what `FACTS` say, but for what is given."""
    said: dict[str, Any] = {
        "name": "pipeline",
        "lock_digest": FACTS.lock_digest,
        "stages": FACTS.stages,
        "params": FACTS.params,
        "metrics": FACTS.metrics,
        "environment": Environment(kind="unpinned", name="x"),
        "recorded_at": "2026-01-01T00:00:00Z",
    }
    return RunRecord(**{**said, **other})


@pytest.mark.parametrize(
    ("other", "found", "part"),
    [
        ({}, [], ""),
        ({"params": {"params.yaml": {**FACTS.params["params.yaml"], "lr": 0.2}}}, ["LP403"], ":lr"),
        ({"params": {"params.yaml": {**FACTS.params["params.yaml"], "on": 1}}}, ["LP403"], ":on"),
        ({"params": {}}, ["LP403"], "params.yaml:lr, params.yaml:nested, params.yaml:on"),
        ({"metrics": {"metrics.json": {"accuracy": 0.91, "odd": math.nan}}}, ["LP404"], "accuracy"),
        ({"metrics": {}}, ["LP404"], "metrics.json:accuracy, metrics.json:odd"),
        ({"metrics": {**FACTS.metrics, "new.json": {"a": 1.0}}}, ["LP404"], "new.json:a"),
    ],
)
def test_a_record_says_what_the_revision_says(
    other: dict[str, Any], found: list[str], part: str
) -> None:
    findings = list(record_findings("r.json", record(**other), FACTS))
    assert [f.rule for f in findings] == found
    assert part in "".join(f.message for f in findings)


def test_a_record_of_another_lock_names_the_stages() -> None:
    old = record(lock_digest="b" * 64, stages={"train": "0", "split": "2", "gone": "3"})
    assert "(it differs in gone, train)" in stale_record("r.json", old, FACTS).message


def test_a_metrics_file_that_git_does_not_have_is_not_compared() -> None:
    facts = LockFacts(FACTS.lock_digest, {}, FACTS.params, {}, frozenset({"metrics.json"}))
    assert list(record_findings("r.json", record(), facts)) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, []),
        ({"status": "FAILED"}, ["LP405"]),
        ({"params": {"lr": "0.2"}}, ["LP407"]),
        ({"params": {}}, ["LP407"]),
        ({"metrics": {"accuracy": 0.8, "odd": math.nan}}, ["LP407"]),
        ({"tags": {"lockproof.lock_digest": "c" * 64}}, ["LP407"]),
        ({"params": {"lr": "0.1", "more": "1"}}, []),
    ],
)
def test_a_run_says_what_the_record_says(change: dict[str, Any], found: list[str]) -> None:
    said: dict[str, Any] = {
        "run_id": "r1",
        "status": "FINISHED",
        "params": {"lr": "0.1"},
        "metrics": {"accuracy": 0.9, "odd": math.nan},
        "tags": {"lockproof.lock_digest": FACTS.lock_digest},
    }
    expected = Expected({"lr": "0.1"}, {"accuracy": 0.9, "odd": math.nan})
    run = LoggedRun(**{**said, **change})
    assert [f.rule for f in run_findings("r.json", record(), run, expected)] == found


# --- metrics --------------------------------------------------------------------------------------

METRICS = {"m.json": {"accuracy": 0.9, "loss": 0.3}}


def judged(
    demand: Demand, metrics: Any = METRICS, base: Any = None, root: str = "."
) -> list[tuple[str, str]]:
    """What a demand finds."""
    return shown(demand_findings(demand, metrics, base, root))


@pytest.mark.parametrize(
    ("demand", "found"),
    [
        (Demand("m.json", "accuracy", min=0.9), []),
        (Demand("m.json", "accuracy", min=0.91), [("LP503", "m.json accuracy")]),
        (Demand("*", "loss", max=0.3), []),
        (Demand("*", "loss", max=0.29), [("LP503", "m.json loss")]),
        (Demand("m.json", "f1", min=0.5), [("LP501", "m.json f1")]),
        (Demand("other.json"), [("LP501", "other.json *")]),
    ],
)
def test_thresholds(demand: Demand, found: list[tuple[str, str]]) -> None:
    assert judged(demand) == found
    assert judged(demand, {"m.json": {"accuracy": math.nan, "loss": math.nan}}) == [
        each for each in found if each[0] == "LP501"
    ]


@pytest.mark.parametrize(
    ("demand", "base", "worse"),
    [
        (Demand("*", "accuracy", direction="higher"), 0.9, False),
        (Demand("*", "accuracy", direction="higher"), 0.901, True),
        (Demand("*", "accuracy", direction="higher", atol=0.01), 0.905, False),
        (Demand("*", "accuracy", direction="higher", rtol=0.1), 0.99, False),
        (Demand("*", "accuracy", direction="higher", rtol=0.05), 0.99, True),
        (Demand("*", "accuracy", direction="lower"), 0.99, False),
        (Demand("*", "accuracy", direction="lower"), 0.8, True),
        (Demand("*", "accuracy"), 0.99, False),
        (Demand("*", "accuracy", direction="higher"), math.nan, False),
    ],
)
def test_regressions(demand: Demand, base: float, worse: bool) -> None:
    found = judged(demand, base={"m.json": {"accuracy": base}})
    assert found == ([("LP504", "m.json accuracy")] if worse else [])


def test_a_metric_that_vanishes_is_missing() -> None:
    base = {"m.json": {"accuracy": 0.9, "f1": 0.5}}
    assert judged(Demand("m.json", min=0.1), base=base) == [("LP501", "m.json f1")]
    assert judged(Demand("m.json", min=0.1), base={"m.json": METRICS["m.json"]}) == []


def test_values_must_be_finite_and_there() -> None:
    metrics: Any = {"a.json": {}, "b.json": {"x": math.inf, "y": math.nan, "z": 1.0}}
    found = list(value_findings(metrics, "sub"))
    assert shown(found) == [("LP501", "a.json"), ("LP502", "b.json x"), ("LP502", "b.json y")]
    assert found[0].path == "sub/a.json"
