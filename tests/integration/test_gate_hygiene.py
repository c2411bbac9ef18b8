"""The gate's families Git, record and metrics, and what a pull request changes."""

import json
from pathlib import Path

import pytest

from lockproof.cli.main import main
from lockproof.model.report import Report
from lockproof.model.verdict import Verdict
from lockproof.steps.gate.interface import Request
from lockproof.steps.gate.run import Gated, gate

from .good_project import made_metrics, recorded
from .mutations_gate import TOKEN, Mutation
from .pipelines import Project, Silence, copy_of
from .remotes import Folder


def asked(project: Project, **request: object) -> Gated:
    """Run the gate in this process."""
    given = Request(directory=project.root, **request)  # type: ignore[arg-type]
    return gate(given, Silence())


def found(report: Report) -> list[tuple[str, str]]:
    """Rule and subject of every finding that is no note."""
    return [(f.rule, f.subject) for f in report.findings if f.severity.value != "note"]


def checked(report: Report, name: str) -> Verdict:
    """The verdict of a family."""
    return next(check.verdict for check in report.checks if check.name == name)


def test_a_secret_is_found_and_not_shown(good: Project, tmp_path: Path) -> None:
    pytest.importorskip("kingfisher_sdk", reason="the extra 'secrets' is not installed")
    project = copy_of(good, tmp_path)
    project.write({"deploy.env": f"GITHUB_TOKEN={TOKEN}\n"})
    project.commit("leak")
    report = asked(project, pull_request=True, base="base").report
    assert found(report) == [("LP306", "github-pat in deploy.env")]
    assert TOKEN not in report.model_dump_json()
    project.git("branch", "-f", "base")
    assert found(asked(project, pull_request=True, base="base").report) == [], "not changed here"
    waiver = (
        "[[waiver]]\nrule = 'LP306'\nsubject = '*.env'\nreason = 'made up'\nexpires = 2999-01-01\n"
    )
    policy = project.root / "lockproof.toml"
    project.write({"lockproof.toml": f"{policy.read_text()}\n{waiver}"})
    project.commit()
    project.git("branch", "-f", "base")
    project.git("commit", "-q", "--allow-empty", "-m", "nothing")
    report = asked(project, pull_request=True, base="base").report
    assert found(report) == [], "what was not looked at is no reason to drop its waiver"


def test_what_is_not_committed_is_said(good: Project, tmp_path: Path) -> None:
    project = copy_of(good, tmp_path)
    project.write({"params.yaml": "lr: 0.3\n", "new/data.dvc": "outs: []\n", "README": "x"})
    report = asked(project).report
    assert [f for f in found(report) if f[0] == "LP308"] == [
        ("LP308", "new/data.dvc"),
        ("LP308", "params.yaml"),
    ]
    assert "LP308" not in {rule for rule, _ in found(asked(project, revision="main").report)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"accuracy": 0.795, "loss": 0.5}', []),
        ('{"accuracy": 0.78, "loss": 0.5}', ["LP504"]),
        ('{"accuracy": 0.4}', ["LP503", "LP504"]),
        ("{}", ["LP501", "LP501"]),
    ],
)
def test_metrics_are_held_to_the_policy_and_the_base(
    text: str, expected: list[str], good: Project, tmp_path: Path
) -> None:
    project = copy_of(good, tmp_path)
    Mutation(text, "", made_metrics(text)).apply(project, Folder(project.remote))
    report = asked(project, base="base").report
    assert [rule for rule, _ in found(report)] == expected
    assert report.changes is not None
    if "0.78" in text:
        (metric,) = report.changes.metrics
        shown = (metric.key, metric.base, metric.current, metric.better)
        assert shown == ("accuracy", 0.8, 0.78, "higher")


def test_without_a_base_regressions_are_not_checked(good: Project) -> None:
    (check,) = (c for c in asked(good).report.checks if c.name == "metrics")
    assert check.not_checked == (
        "regressions: there is no base to compare with: use --pr or --base",
    )


def test_an_mlflow_that_does_not_answer_is_said_or_ends_the_gate(
    good: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow", reason="the extra 'mlflow' is not installed")
    project = copy_of(good, tmp_path)
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
    good: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow", reason="the extra 'mlflow' is not installed")
    project = copy_of(good, tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/runs.db")
    assert main(["-C", str(project.root), "record"]) == 0
    project.commit("recorded")
    (check,) = (c for c in asked(project).report.checks if c.name == "record")
    assert (check.verdict, check.summary) == (
        Verdict.PASSED,
        "compared with MLflow: 1; of watched runs: 0",
    )
    path = project.root / "runs" / "pipeline.json"
    run_id = json.loads(path.read_text())["mlflow_run_id"]
    import mlflow

    mlflow.MlflowClient(f"sqlite:///{tmp_path}/runs.db").log_metric(run_id, "accuracy", 0.1)
    assert found(asked(project).report) == [("LP407", "runs/pipeline.json")]
    recorded(mlflow_run_id="b" * 32)(project, Folder(project.remote))
    project.commit("another run")
    assert found(asked(project).report) == [("LP405", "runs/pipeline.json")]


def test_data_changes_are_shown_without_data(good: Project, tmp_path: Path) -> None:
    project = copy_of(good, tmp_path)
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
