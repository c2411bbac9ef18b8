"""The report of a real `lockproof reproduce` as proof for the gate; every reason to refuse it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lockproof.cli.main import main
from lockproof.model.comparison import Tolerance
from lockproof.model.report import MetricValue, Report, SkipReason
from lockproof.model.verdict import OutputVerdict, Verdict
from lockproof.rules.catalog import finding
from lockproof.steps.gate.proof import parse_report

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
DRIFTING = PIPELINE.replace("cat score.txt", "sed s/1.0/1.1/ score.txt")


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


def test_a_report_of_a_revoked_commit_counts_for_nothing(
    proved: tuple[Project, Report], tmp_path: Path
) -> None:
    """Nor of another commit with the same files; the policy is that of the base, as it was then."""
    project = copy_of(proved[0], tmp_path)
    bad = project.git("rev-parse", "HEAD").strip()
    for commit in (bad, "0" * 40):
        policy = f'{POLICY}[[revoked]]\ncommit = "{commit}"\nreason = "poisoned rows"\n'
        (tmp_path / "policy.toml").write_text(policy)
        found = asked(project, proved[1], "--policy", str(tmp_path / "policy.toml"))
        text = f"[[revoked]] of lockproof.toml names commit {bad[:12]}: poisoned rows"
        told = [f"LP727 a report does not count: {text}"] if commit == bad else []
        assert found == (bool(told), told)
    project.git("commit", "-q", "--allow-empty", "-m", "squashed")
    squashed = project.git("rev-parse", "HEAD").strip()
    subject = proved[1].subject.model_copy(update={"commit": squashed})
    report = proved[1].model_copy(update={"subject": subject})
    assert asked(project, report) == (0, [])
    (tmp_path / "policy.toml").write_text(policy.replace("0" * 40, bad))
    assert asked(project, report, "--policy", str(tmp_path / "policy.toml"))[0] == 1


def test_an_older_revision_knows_what_head_has_revoked(
    proved: tuple[Project, Report], tmp_path: Path
) -> None:
    project = copy_of(proved[0], tmp_path)
    old = project.git("rev-parse", "HEAD").strip()
    assert asked(project, proved[1], old) == (0, [])
    revoked = f'[[revoked]]\ncommit = "{old}"\nreason = "poisoned rows"\n'
    project.write({"lockproof.toml": (project.root / "lockproof.toml").read_text() + revoked})
    project.commit("take it back")
    text = f"[[revoked]] of lockproof.toml names commit {old[:12]}: poisoned rows"
    for revision in (old, old[:10], "HEAD~1"):
        assert asked(project, proved[1], revision) == (
            1,
            [f"LP727 a report does not count: {text}"],
        )


def test_a_report_says_nothing_of_outputs_by_their_sha_256(
    proved: tuple[Project, Report], tmp_path: Path
) -> None:
    for kind, told in (("output", True), ("key", False)):
        policy = f'{POLICY}[[revoked]]\n{kind} = "{"0" * 64}"\nreason = "poisoned rows"\n'
        (tmp_path / "policy.toml").write_text(policy)
        assert asked(proved[0], proved[1], "--policy", str(tmp_path / "policy.toml")) == (0, [])
        said = json.loads((proved[0].remote.parent / "gate.json").read_text())
        (check,) = [each for each in said["checks"] if each["name"] == "reproduction"]
        assert ("whether it is about one of these is not known" in str(check)) is told


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


def _stage(**values: object) -> Callable[[Report], Report]:
    def change(report: Report) -> Report:
        stages = [
            stage.model_copy(update=values if stage.address == "first" else {})
            for stage in report.stages
        ]
        return report.model_copy(update={"stages": tuple(stages)})

    return change


def _output(**values: object) -> Callable[[Report], Report]:
    def change(report: Report) -> Report:
        (output,) = next(s.outputs for s in report.stages if s.address == "first")
        return _stage(outputs=(output.model_copy(update=values),))(report)

    return change


REFUSED: dict[str, tuple[Callable[[Report], Report], str]] = {
    "about commit aaaaaaaaaaaa": (_subject(commit="a" * 40), "about commit aaaaaaaaaaaa"),
    "another lock": (_subject(lock_digest="b" * 64), "about another lock"),
    "another project": (_subject(root="ml"), "about the DVC project in ml"),
    "a stage": (_subject(selected=("first",)), "about some of the stages only"),
    "changed stages": (_subject(since="c" * 40), "about some of the stages only"),
    "another step": (lambda r: r.model_copy(update={"step": "lint"}), "of 'lockproof lint'"),
    "failed": (lambda r: r.model_copy(update={"verdict": Verdict.FAILED}), "verdict is 'failed'"),
    "passed over a failed stage": (
        _stage(verdict=Verdict.FAILED),
        "first: the stage's verdict is 'failed'",
    ),
    "passed without stages": (
        lambda r: r.model_copy(update={"stages": ()}),
        "its stages are not those of the pipeline: first, score",
    ),
    "passed without one stage": (
        lambda r: r.model_copy(update={"stages": r.stages[1:]}),
        "its stages are not those of the pipeline: score",
    ),
    "a stage twice": (
        lambda r: r.model_copy(update={"stages": (*r.stages, r.stages[0])}),
        "its stages are not those of the pipeline",
    ),
    "passed over an error": (
        lambda r: r.model_copy(update={"findings": (finding("LP701", "out.txt", "differs"),)}),
        "passed with an error in it: LP701 out.txt",
    ),
    "passed without a run": (
        lambda r: r.model_copy(
            update={"host": r.host.model_copy(update={"stages": {"score": r.host.stages["score"]}})}
        ),
        "first: nothing says that its command ran to its end",
    ),
    "another command": (_stage(command=("true",)), "first: the report has another command"),
    "no outputs": (_stage(outputs=()), "first: the report has other outputs than the lock"),
    "skipped": (_stage(skipped=SkipReason.FROZEN), "first: it did not run (frozen)"),
    "unaffected by nothing": (_stage(skipped=SkipReason.UNAFFECTED), "it did not run (unaffected)"),
    "a differing output": (
        _output(verdict=OutputVerdict.DIFFERENT),
        "first: out.txt is 'different' by the trusted policy",
    ),
    "an output that was not checked": (
        _output(verdict=OutputVerdict.NOT_CHECKED),
        "first: out.txt is 'not checked' by the trusted policy",
    ),
    "a tolerance of its own": (
        _output(verdict=OutputVerdict.WITHIN_TOLERANCE, tolerance=Tolerance(rtol=0.5, atol=0)),
        "first: out.txt is 'within tolerance' by the trusted policy",
    ),
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
    assert message.startswith("LP710 nothing proves it: ")
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


def test_a_report_with_a_field_that_is_none_is_an_error(
    proved: tuple[Project, Report], capsys: pytest.CaptureFixture[str]
) -> None:
    project, report = proved
    for at in ("", "subject", "host", "timing"):
        said = json.loads(report.model_dump_json())
        (said[at] if at else said)["extra"] = 1
        assert asked(project, json.dumps(said).encode()) == (2, [])
        assert "is no report" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ('"verdict":"passed"', '"verdict":"failed","verdict":"passed"'),
        ('"runs":1', '"runs":"1"'),
        ('"runs":1', '"runs":true'),
        ('"runs":1', '"runs":1.0'),
        ('"runs":1', '"runs":0'),
        ('"seconds":0.0', '"seconds":NaN'),
        ('"seconds":0.0', '"seconds":-1'),
        ('"seconds":0.0', '"seconds":Infinity'),
        ('"tolerance":null', '"tolerance":{"rtol":-1,"atol":0}'),
        ('"tolerance":null', '"tolerance":{"rtol":NaN,"atol":0}'),
        ('"executed":1', '"executed":"1"'),
    ],
)
def test_a_report_that_two_readers_could_read_otherwise_is_an_error(
    said: str, instead: str, proved: tuple[Project, Report], capsys: pytest.CaptureFixture[str]
) -> None:
    project, report = proved
    timing = report.timing.model_copy(update={"seconds": 0.0})
    text = report.model_copy(update={"timing": timing}).model_dump_json()
    assert said in text
    assert asked(project, text.replace(said, instead, 1).encode()) == (2, [])
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert "is no report: write one with" in line


def test_a_report_of_a_number_that_is_none_is_read(proved: tuple[Project, Report]) -> None:
    """A metric may come out as NaN, and a difference from infinity has no end."""
    text = '{"path":"m.json","key":"loss","locked":0.5,"observed":NaN}'
    metric = MetricValue.model_validate_json(text, strict=True)
    report = proved[1]
    host = report.host.model_copy(update={"metrics": (metric,)})
    read = parse_report(
        report.model_copy(update={"host": host}).model_dump_json().encode(), "report.json"
    )
    assert str(read.host.metrics[0].observed) == "nan"


def test_a_file_without_end_is_not_read_to_its_end(
    proved: tuple[Project, Report], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "large.json").open("wb") as file:
        file.truncate(1 << 40)
    assert asked(proved[0], tmp_path / "large.json") == (2, [])
    assert "is larger than 64 MiB" in capsys.readouterr().err


def test_what_is_no_file_is_not_waited_for(
    proved: tuple[Project, Report], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero"), Path("/dev/tty")):
        assert asked(proved[0], path) == (2, [])
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("lockproof: "), line


def test_a_report_that_dvc_brings_is_refused(
    proved: tuple[Project, Report], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = copy_of(proved[0], tmp_path)
    (project.root / "raw.txt").write_text(proved[1].model_dump_json())
    assert asked(project, project.root / "raw.txt") == (2, [])
    assert "is tracked by DVC" in capsys.readouterr().err


def test_a_wider_tolerance_lets_no_other_code_pass(
    proved: tuple[Project, Report], tmp_path: Path
) -> None:
    project = copy_of(proved[0], tmp_path)
    project.write({"lockproof.toml": POLICY + ROUND})
    project.write({"score.txt": '{"score": 1.0}', "dvc.yaml": DRIFTING})
    project.edit_lock("cat score.txt > score.json", "sed s/1.0/1.1/ score.txt > score.json")
    project.commit("a drift within the new tolerance, and the lock's outputs as they were")
    report = prove(project)
    assert report.verdict is Verdict.PASSED, report.findings
    for how in (("--pr", "--base", "base"), ("--base", "base")):
        code, found = asked(project, report, *how)
        assert code == 1
        assert found[0].startswith("LP710"), found
    assert asked(project, report)[0] == 0, "without a base its own policy is all there is"


def test_a_pull_request_cannot_loosen_what_its_stages_may_do(
    proved: tuple[Project, Report], tmp_path: Path
) -> None:
    project = copy_of(proved[0], tmp_path)
    project.write({"lockproof.toml": f"{POLICY}[run]\nnetwork = true\n"})
    project.commit("the network, with which a stage could fetch what it should make")
    code, found = asked(project, prove(project), "--pr", "--base", "base")
    assert (code, [line[:5] for line in found]) == (1, ["LP710", "LP803"])


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
