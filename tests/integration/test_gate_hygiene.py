"""The gate's families Git, record and metrics, and what a pull request changes."""

import importlib.util
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import anyio
import numpy as np
import pytest

from lockproof.cli.main import main
from lockproof.model.report import Report
from lockproof.model.verdict import Verdict
from lockproof.steps.gate.interface import Request
from lockproof.steps.gate.run import Gated, gate
from tests.integration.pipelines import Project, Silence, copy_of, new_project

POLICY = """
[environment]
requirements = "requirements.txt"
[gate]
off = ["remote", "manifests"]
[git]
large = "200 kB"
binary = "20 kB"
secrets = SECRETS
[record]
directory = "runs"
[[metric]]
path = "metrics.json"
key = "accuracy"
min = 0.5
direction = "higher"
atol = 0.01
"""
PIPELINE = """stages:
  train:
    cmd: python train.py
    deps: [raw.csv, train.py]
    params: [lr]
    outs: [model.txt]
    metrics: [metrics.json: {cache: false}]
"""
TRAIN = """import json
score = len(open("raw.csv").read()) / 100
open("model.txt", "w").write("m" * 50)
json.dump({"accuracy": score, "loss": 0.5}, open("metrics.json", "w"))
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A good repository: recorded, pinned, pushed, committed."""
    project = new_project(tmp_path_factory.mktemp("hygiene"))
    project.write(
        {
            "lockproof.toml": "[record]\ndirectory = 'runs'\n",
            "requirements.txt": "numpy==2.0.0\n",
            "dvc.yaml": PIPELINE,
            "params.yaml": "lr: 0.1\n",
            "train.py": TRAIN,
            "raw.csv": "1,2\n" * 20,
            "Dockerfile": "FROM python:3.12@sha256:" + "a" * 64 + "\n",
        }
    )
    project.dvc("add", "-q", "raw.csv")
    project.dvc("repro", "-q")
    project.commit("made")
    assert main(["-C", str(project.root), "record", "--no-mlflow"]) == 0
    scanner = "true" if importlib.util.find_spec("detect_secrets") else "false"
    project.write({"lockproof.toml": POLICY.replace("SECRETS", scanner)})
    project.commit("good")
    project.git("branch", "base")
    return project


def asked(project: Project, **request: object) -> Gated:
    """Run the gate in this process."""
    given = Request(directory=project.root, **request)  # type: ignore[arg-type]
    return anyio.run(gate, given, Silence())


def found(report: Report) -> list[tuple[str, str]]:
    """Rule and subject of every finding that is no note."""
    return [(f.rule, f.subject) for f in report.findings if f.severity.value != "note"]


def checked(report: Report, name: str) -> Verdict:
    """The verdict of a family."""
    return next(check.verdict for check in report.checks if check.name == name)


def test_a_good_repository_passes_and_is_left_as_it_was(original: Project) -> None:
    before = original.state()
    report = asked(original, base="base").report
    assert found(report) == []
    assert report.verdict is Verdict.PASSED
    assert {c.name: c.checked for c in report.checks if c.name in ("git", "record", "metrics")} == {
        "git": len(original.git("ls-files").splitlines()),
        "record": 1,
        "metrics": 2,
    }
    assert report.changes is not None
    assert report.changes.is_empty
    assert [(s.address, s.verdict) for s in report.stages] == [("train", Verdict.PASSED)]
    assert original.state() == before


def _text(name: str, content: str) -> Callable[[Project], None]:
    return lambda project: project.write({name: content})


def _bytes(name: str, content: bytes) -> Callable[[Project], None]:
    def write(project: Project) -> None:
        path = project.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)

    return write


def _record_says(key: str, value: object) -> Callable[[Project], None]:
    def edit(project: Project) -> None:
        path = project.root / "runs" / "pipeline.json"
        record = json.loads(path.read_text())
        record[key] = value
        path.write_text(json.dumps(record))

    return edit


def _track_data(project: Project) -> None:
    project.git("add", "-f", "raw.csv")


def _drop_records(project: Project) -> None:
    project.git("rm", "-q", "runs/pipeline.json")


MUTATIONS: dict[str, tuple[Callable[[Project], None], str, str]] = {
    "data in Git as well": (_track_data, "LP301", "raw.csv"),
    "a large file": (_text("notes.txt", "x" * 200_001), "LP302", "notes.txt"),
    "a binary file": (_bytes("blob.dat", bytes(20_001)), "LP303", "blob.dat"),
    "an open requirement": (_text("requirements.txt", "numpy\n"), "LP304", "environment"),
    "an image by tag": (_text("Dockerfile", "FROM python:3.12\n"), "LP305", "python:3.12"),
    "a pickle": (_bytes("m/model.bin", pickle.dumps(np.arange(3))), "LP307", "m/model.bin"),
    "a pickle by name": (_bytes("model.pkl", b"x"), "LP307", "model.pkl"),
    "no record": (_drop_records, "LP401", "runs"),
    "a record of another lock": (
        _record_says("lock_digest", "0" * 64),
        "LP402",
        "runs/pipeline.json",
    ),
    "a record with another parameter": (
        _record_says("params", {"params.yaml": {"lr": 0.2}}),
        "LP403",
        "runs/pipeline.json",
    ),
    "a record with another metric": (
        _record_says("metrics", {"metrics.json": {"accuracy": 0.99, "loss": 0.5}}),
        "LP404",
        "runs/pipeline.json",
    ),
    "a record that is none": (_text("runs/x.json", "{}"), "LP406", "runs/x.json"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_each_mutation_is_found_by_its_rule_alone(
    name: str, original: Project, tmp_path: Path
) -> None:
    mutate, rule, subject = MUTATIONS[name]
    project = copy_of(original, tmp_path)
    mutate(project)
    project.commit(name)
    report = asked(project, base="base").report
    assert found(report) == [(rule, subject)]
    errors = any(finding.severity.value == "error" for finding in report.findings)
    assert report.verdict is (Verdict.FAILED if errors else Verdict.PASSED)


def test_a_secret_is_found_and_not_shown(original: Project, tmp_path: Path) -> None:
    pytest.importorskip("detect_secrets", reason="the extra 'secrets' is not installed")
    project = copy_of(original, tmp_path)
    key = "AKIA" + "Q3EGRJ7ABCDEFGHX"[:16]
    project.write({"deploy.env": f"AWS_ACCESS_KEY_ID={key}\n"})
    project.commit("leak")
    report = asked(project, pull_request=True, base="base").report
    assert found(report) == [("LP306", "AWS Access Key in deploy.env")]
    assert key not in report.model_dump_json()
    project.git("branch", "-f", "base")
    assert found(asked(project, pull_request=True, base="base").report) == [], "not changed here"


def test_what_is_not_committed_is_said(original: Project, tmp_path: Path) -> None:
    project = copy_of(original, tmp_path)
    project.write({"params.yaml": "lr: 0.3\n", "new/data.dvc": "outs: []\n", "README": "x"})
    report = asked(project).report
    assert [f for f in found(report) if f[0] == "LP308"] == [
        ("LP308", "new/data.dvc"),
        ("LP308", "params.yaml"),
    ]
    assert "LP308" not in {rule for rule, _ in found(asked(project, revision="main").report)}


def _write_metrics(project: Project, text: str) -> None:
    """As if the stage had written it: the lock names it, and the record is left out."""
    import hashlib

    path = project.root / "metrics.json"
    old = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    size = path.stat().st_size
    path.write_text(text)
    new = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    project.edit_lock(f"{old}\n      size: {size}", f"{new}\n      size: {len(text)}")
    policy = (project.root / "lockproof.toml").read_text()
    project.write({"lockproof.toml": policy.replace('"manifests"', '"manifests", "record"')})
    project.commit("metrics")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"accuracy": 0.795, "loss": 0.5}', []),
        ('{"accuracy": 0.78, "loss": 0.5}', [("LP504", "metrics.json accuracy")]),
        (
            '{"accuracy": 0.4}',
            [("LP503", "metrics.json accuracy"), ("LP504", "metrics.json accuracy")],
        ),
        ('{"accuracy": NaN, "loss": 0.5}', [("LP502", "metrics.json accuracy")]),
        ('{"loss": 0.5}', [("LP501", "metrics.json accuracy")]),
        ("{}", [("LP501", "metrics.json"), ("LP501", "metrics.json accuracy")]),
        ("{", [("LP501", "metrics.json accuracy"), ("LP505", "metrics.json")]),
    ],
)  # fmt: skip
def test_metrics_are_held_to_the_policy_and_the_base(
    text: str, expected: list[tuple[str, str]], original: Project, tmp_path: Path
) -> None:
    project = copy_of(original, tmp_path)
    _write_metrics(project, text)
    report = asked(project, base="base").report
    assert [f for f in found(report) if f[0].startswith("LP5")] == expected
    changed = report.changes
    assert changed is not None
    if "0.78" in text:
        (metric,) = changed.metrics
        assert (metric.key, metric.base, metric.current, metric.better) == (
            "accuracy",
            0.8,
            0.78,
            "higher",
        )


def test_without_a_base_regressions_are_not_checked(original: Project) -> None:
    (check,) = (c for c in asked(original).report.checks if c.name == "metrics")
    assert check.not_checked == (
        "regressions: there is no base to compare with: use --pr or --base",
    )


def test_an_mlflow_that_does_not_answer_is_said_or_ends_the_gate(
    original: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow", reason="the extra 'mlflow' is not installed")
    project = copy_of(original, tmp_path)
    record = json.loads((project.root / "runs/pipeline.json").read_text())
    project.write({"runs/pipeline.json": json.dumps({**record, "mlflow_run_id": "a" * 32})})
    project.commit("a run")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    done = asked(project)
    (check,) = (c for c in done.report.checks if c.name == "record")
    assert check.verdict is Verdict.PASSED
    assert "MLflow at http://127.0.0.1:9" in check.not_checked[0]
    assert done.unavailable == ()
    policy = (project.root / "lockproof.toml").read_text()
    policy = policy.replace("[record]", '[record]\nmlflow = "required"')
    project.write({"lockproof.toml": policy})
    project.commit("required")
    done = asked(project)
    assert "MLflow at http://127.0.0.1:9" in done.unavailable[0]
    assert checked(done.report, "record") is Verdict.INCONCLUSIVE


def test_a_run_in_mlflow_says_what_the_record_says(
    original: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow", reason="the extra 'mlflow' is not installed")
    project = copy_of(original, tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/runs.db")
    assert main(["-C", str(project.root), "record"]) == 0
    project.commit("recorded")
    (check,) = (c for c in asked(project).report.checks if c.name == "record")
    assert (check.verdict, check.summary) == (Verdict.PASSED, "compared with MLflow: 1")
    path = project.root / "runs" / "pipeline.json"
    run_id = json.loads(path.read_text())["mlflow_run_id"]
    import mlflow

    mlflow.MlflowClient(f"sqlite:///{tmp_path}/runs.db").log_metric(run_id, "accuracy", 0.1)
    assert found(asked(project).report) == [("LP407", "runs/pipeline.json")]
    _record_says("mlflow_run_id", "b" * 32)(project)
    project.commit("another run")
    assert found(asked(project).report) == [("LP405", "runs/pipeline.json")]


def test_data_changes_are_shown_without_data(original: Project, tmp_path: Path) -> None:
    project = copy_of(original, tmp_path)
    project.write({"folder/a": "1", "folder/b": "2"})
    project.dvc("add", "-q", "folder")
    project.commit("folder")
    project.git("branch", "-f", "base")
    project.write({"folder/a": "3", "folder/c": "4"})
    project.dvc("add", "-q", "folder")
    project.commit("more")
    report = asked(project, base="base").report
    assert report.changes is not None
    (change,) = report.changes.data
    assert (change.path, change.change) == ("folder", "changed")
    assert (change.base_files, change.current_files) == (2, 3)
    folder = report.host.folders["folder"]
    assert (folder.added, folder.removed, folder.changed) == (1, 0, 1)
    assert folder.examples == ("+ c", "~ a")
