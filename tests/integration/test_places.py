"""The same commit on the host, in a GitHub workflow, a GitLab pipeline and on a Dagger engine.

The cores of its reports are the same.
"""

import hashlib
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.pipelines import Project
from integration.places import ROOT, VERSION, Ran, on_host, on_main, run_pipeline, run_workflow
from lockproof.model.report import Report
from lockproof.render.workflows import STEPS


@pytest.fixture(scope="module")
def forged(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A branch whose metrics file is forged, and whose data was never pushed."""
    project = on_main(tmp_path_factory.mktemp("forged"))
    metrics = project.root / "metrics.json"
    old = metrics.read_text()
    metrics.write_text('{"rows": 3}')
    project.edit_lock(md5(old), md5(metrics.read_text()))
    model = md5((project.root / "model.txt").read_text())
    (project.remote / "files" / "md5" / model[:2] / model[2:]).unlink()
    project.commit("and better still")
    return project


@pytest.fixture(scope="module")
def proved(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A good branch, in a repository whose policy demands the report of `reproduce`."""
    return on_main(tmp_path_factory.mktemp("proved"), 'reproduction = "required"')


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def run_on_engine(project: Project, base: Path) -> Ran:
    """The module's functions on an engine, called as the CI files call them."""
    if not (ROOT / ".git").is_dir():
        pytest.skip("Dagger knows no linked work trees, and this checkout is one")
    call = ["dagger", "--progress", "plain", "--mod", str(ROOT), "call", "--repository", "."]
    call += ["--base-image", f"python:{VERSION}-slim"]
    gate = ["gate", "--pr", "--base", "main"]
    found = {step: base / step for step in STEPS}
    policy = tomllib.loads((project.root / "lockproof.toml").read_text())
    if policy["gate"].get("reproduction") == "required":
        gate += ["--report", str(found["reproduce"] / "report.json")]
    said, codes = "", []
    for step in (["reproduce", "--since", "main", "--no-reuse"], gate):
        output = found[step[0]]
        argv = [*call, "proof", *step, "--no-fail", "reports", "export", "--path", str(output)]
        done = subprocess.run(argv, cwd=project.root, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        said += done.stdout + done.stderr
        codes.append(int((output / "exit-code").read_text()))
    return Ran(max(codes), said, found)


PLACES = [
    run_workflow,
    run_pipeline,
    pytest.param(run_on_engine, marks=pytest.mark.engine),
]


@pytest.fixture(scope="module")
def here(forged: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """The reports of the commands themselves."""
    found = on_host(forged, tmp_path_factory.mktemp("host"))
    assert {report.verdict.value for report in found.values()} == {"failed"}
    assert {"LP201"} == {finding.rule for finding in found["gate"].findings}
    stages = found["reproduce"].stages
    assert [stage.address for stage in stages if not stage.skipped] == ["train"]
    return found


@pytest.mark.xdist_group("forged")
@pytest.mark.parametrize("place", PLACES)
def test_the_cores_of_the_reports_are_the_same_everywhere(
    forged: Project,
    here: dict[str, Report],
    tmp_path: Path,
    place: Callable[[Project, Path], Ran],
) -> None:
    there = place(forged, tmp_path)
    assert there.code == 1
    for step in STEPS:
        report = there.report(step)
        assert report.core() == here[step].core()
        assert report.timing != here[step].timing, "two runs, or one read twice?"
        assert {path.name for path in there.reports[step].iterdir()} > {
            "report.xml",
            "report.codequality.json",
        }
    if place is run_workflow:
        assert "::error title=lockproof::blocked: gate: failure; affected: success," in there.said
        assert "reproduce: failure" in there.said
        for step in STEPS:
            assert f"<!-- lockproof {step} -->" in there.said, "the job's summary"


@pytest.mark.xdist_group("proved")
@pytest.mark.parametrize("place", PLACES)
def test_the_gate_takes_the_proof_that_the_policy_demands(
    proved: Project, tmp_path: Path, place: Callable[[Project, Path], Ran]
) -> None:
    there = place(proved, tmp_path)
    assert there.code == 0, there.said
    gate = there.report("gate")
    [check] = [check for check in gate.checks if check.name == "reproduction"]
    assert (check.verdict.value, check.summary) == ("passed", "passed for this commit and lock")
    subject = there.report("reproduce").subject
    assert subject.since == proved.git("rev-parse", "main").strip()


@pytest.mark.xdist_group("forged")
def test_code_of_a_fork_does_not_get_onto_a_runner_with_a_gpu(
    forged: Project, tmp_path: Path
) -> None:
    ran = run_workflow(forged, tmp_path, "fork/b")
    assert ran.code == 1
    assert "code of a fork does not run on this repository's own runners" in ran.said, ran.said
    assert not ran.reports["reproduce"].exists()
    assert ran.report("gate").verdict.value == "failed"
