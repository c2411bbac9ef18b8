"""`reproduce REV ...`: each revision once, a report each, and the worst of them decides."""

import json
from pathlib import Path

import pytest

from integration.pipelines import SORT_AND_TRAIN, TRAIN, Project, new_project
from lockproof.cli.main import main


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Tag `good` reproduces, `bad` does not, `none` has no DVC project."""
    project = new_project(tmp_path_factory.mktemp("project"))
    project.write({"dvc.yaml": SORT_AND_TRAIN, "train.py": TRAIN, "raw.csv": "b\na\n"})
    project.repro()
    project.git("tag", "good")
    project.git("tag", "also-good")
    project.write({"train.py": TRAIN.replace('"/"', '"-"')})
    project.commit("another model, and no new lock")
    project.git("tag", "bad")
    project.git("rm", "-rq", "--cached", ".dvc", "dvc.yaml", "dvc.lock")
    project.git("commit", "-qm", "no project")
    project.git("tag", "none")
    project.git("reset", "-q", "--hard", "bad")
    return project


def run(project: Project, *words: str) -> int:
    return main(["-C", str(project.root), "reproduce", *words])


def test_each_is_proved_once_and_the_worst_decides(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = project.state()
    file = tmp_path / "report.json"
    named = ("good", "bad", "also-good", "none")
    assert run(project, *named, "--format", "json", "--output", str(file)) == 1
    out, err = capsys.readouterr()
    found = json.loads(out)
    good, bad, none = found["revisions"]
    assert (good["names"], good["verdict"], good["exit_code"]) == (
        ["good", "also-good"],
        "passed",
        0,
    )
    assert good["stages"] == {"passed": 2}
    assert (bad["names"], bad["verdict"], bad["exit_code"]) == (["bad"], "failed", 1)
    assert (none["verdict"], none["exit_code"], none["report"]) == (None, 2, None)
    assert "no DVC project" in none["error"]
    assert found["exit_code"] == 1
    for each in (good, bad):
        own = json.loads((tmp_path / f"report-{each['commit'][:12]}.json").read_text())
        kept = json.loads((Path(each["report"]) / "report.json").read_text())
        assert own == kept
        assert own["subject"]["commit"] == each["commit"]
        assert own["verdict"] == each["verdict"]
    assert "revision 2 of 3: bad" in err
    assert not file.exists()
    assert project.state() == before


def test_all_that_pass_pass(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(project, "good", "also-good") == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "PASSED: 1 revision: 1 passed"


def test_without_a_failure_what_has_no_verdict_decides(project: Project) -> None:
    assert run(project, "good", "none") == 2


def test_a_name_that_is_none_is_said_before_anything_runs(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(project, "good", "nothing-here") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "nothing-here" in err
    assert "revision 1" not in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--on", "kubernetes"], "--on argo"),
        (["--format", "sarif"], "--format table or json"),
        (["--order", "order"], "one revision"),
    ],
)
def test_what_is_for_one_is_refused(
    project: Project, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert run(project, "good", "bad", *words) == 2
    assert said in capsys.readouterr().err
