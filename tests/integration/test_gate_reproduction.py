"""The report of a real `lockproof reproduce` as proof for the gate; every reason to refuse it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lockproof.cli.main import main
from lockproof.model.report import Report
from lockproof.model.verdict import Verdict

from .pipelines import Project, copy_of, new_project, prove

POLICY = """\
[gate]
reproduction = "required"
off = ["git", "record"]
"""
ROUND = """\
[[tolerance]]
paths = ["*.json"]
rtol = 0.5
"""
PIPELINE = """\
stages:
  first:
    cmd: cp raw.txt out.txt
    deps: [raw.txt]
    outs: [out.txt]
  score:
    cmd: cat score.txt > score.json
    deps: [score.txt]
    outs: [score.json]
"""


@pytest.fixture(scope="module")
def proved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Report]:
    """A project and the report of its reproduction."""
    project = new_project(tmp_path_factory.mktemp("proved"))
    files = {"lockproof.toml": POLICY, "dvc.yaml": PIPELINE, "raw.txt": "raw\n"}
    project.write({**files, "score.txt": '{"score": 1.0}'})
    project.dvc("add", "-q", "raw.txt")
    project.repro()
    project.git("branch", "base")
    report = prove(project)
    assert report.verdict is Verdict.PASSED
    return project, report


def asked(
    project: Project, report: Report | bytes | Path | None, *more: str
) -> tuple[int, list[str]]:
    """Exit code, and what is found."""
    folder = project.remote.parent
    argv = ["-C", str(project.root), "gate", *more, "--output", str(folder / "gate.json")]
    if report is not None:
        path = report if isinstance(report, Path) else folder / "reproduce.json"
        if isinstance(report, Report):
            path.write_text(report.model_dump_json())
        elif isinstance(report, bytes):
            path.write_bytes(report)
        argv += ["--report", str(path)]
    (folder / "gate.json").unlink(missing_ok=True)
    code = main(argv)
    if not (folder / "gate.json").exists():
        return code, []
    said = json.loads((folder / "gate.json").read_text())
    return code, [f"{f['rule']} {f['message']}" for f in said["findings"]]


def test_a_passed_report_of_this_commit_and_lock_proves_it(proved: tuple[Project, Report]) -> None:
    project, report = proved
    assert asked(project, report) == (0, [])
    assert asked(project, report, "--pr", "--base", "base") == (0, [])


def test_without_a_report_nothing_is_proved(proved: tuple[Project, Report]) -> None:
    code, (message,) = asked(proved[0], None)
    assert code == 1
    assert message.startswith("LP710 nothing proves it: no report is given")


def _subject(**values: object) -> Callable[[Report], Report]:
    def change(report: Report) -> Report:
        return report.model_copy(update={"subject": report.subject.model_copy(update=values)})

    return change


REFUSED: dict[str, tuple[Callable[[Report], Report], str]] = {
    "about commit aaaaaaaaaaaa": (_subject(commit="a" * 40), "about commit aaaaaaaaaaaa"),
    "another lock": (_subject(lock_digest="b" * 64), "about another lock"),
    "another project": (_subject(root="ml"), "about the DVC project in ml"),
    "a stage": (_subject(selected=("first",)), "about some of the stages only"),
    "changed stages": (_subject(since="c" * 40), "about some of the stages only"),
    "another step": (lambda r: r.model_copy(update={"step": "lint"}), "of 'lockproof lint'"),
    "failed": (lambda r: r.model_copy(update={"verdict": Verdict.FAILED}), "verdict is 'failed'"),
    "inconclusive": (
        lambda r: r.model_copy(update={"verdict": Verdict.INCONCLUSIVE}),
        "verdict is 'inconclusive'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_report_of_something_else_proves_nothing(
    name: str, proved: tuple[Project, Report]
) -> None:
    change, why = REFUSED[name]
    code, (message,) = asked(proved[0], change(proved[1]))
    assert code == 1
    assert message.startswith("LP710 nothing proves it: the report")
    assert why in message


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is no report"),
        (b"{}", "is no report"),
        (b"\xff\xfe", "is no report"),
        (b'{"schema_version": "2"}', "is no report"),
        (b"[" * 100_000, "is no report"),
    ],
)
def test_a_garbled_report_is_an_error(
    content: bytes, why: str, proved: tuple[Project, Report], capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(proved[0], content) == (2, [])
    assert why in capsys.readouterr().err


def test_a_report_that_the_branch_brings_is_refused(
    proved: tuple[Project, Report], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = copy_of(proved[0], tmp_path)
    path = project.root / "report.json"
    path.write_text(proved[1].model_dump_json())
    project.commit("its own proof")
    assert asked(project, path) == (2, [])
    assert "is tracked by Git" in capsys.readouterr().err
    link = tmp_path / "link.json"
    link.symlink_to(path)
    assert asked(project, link) == (2, [])
    assert asked(project, tmp_path / "none.json") == (2, [])


def test_a_reproduction_that_failed_does_not_pass(
    proved: tuple[Project, Report], tmp_path: Path
) -> None:
    project = copy_of(proved[0], tmp_path)
    project.edit_lock("cp raw.txt", "tr a b < raw.txt >")
    project.write({"dvc.yaml": PIPELINE.replace("cp raw.txt", "tr a b < raw.txt >")})
    project.commit("a forged lock, whose objects are all there")
    assert asked(project, None)[1][0].startswith("LP710"), "nothing else tells"
    report = prove(project)
    assert {f.rule for f in report.findings if f.severity.value == "error"} == {"LP701"}
    code, (message,) = asked(project, report)
    assert code == 1
    assert "verdict is 'failed'" in message


def test_a_pull_request_cannot_loosen_what_its_proof_is_judged_by(
    proved: tuple[Project, Report], tmp_path: Path
) -> None:
    project = copy_of(proved[0], tmp_path)
    project.write({"lockproof.toml": POLICY + ROUND})
    project.commit("a tolerance alone, with the lock as it was")
    alone = prove(project)
    code, found = asked(project, alone, "--pr", "--base", "base")
    assert (code, [line[:5] for line in found]) == (0, ["LP803"])
    # A better score in the lock than the stage gives, within the new tolerance.
    forged = '{"score": 1.2}'
    project.write({"score.json": forged})
    project.dvc("commit", "-qf", "score")
    project.dvc("push", "-q")
    project.commit("a better score")
    report = prove(project)
    assert report.verdict is Verdict.PASSED, report.findings
    code, found = asked(project, report, "--pr", "--base", "base")
    assert (code, [line[:5] for line in found]) == (1, ["LP710", "LP803"])
    assert "by [[tolerance]] of the pull request" in found[0]
