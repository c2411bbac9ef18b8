"""The same commit on the host, in a GitHub workflow, a GitLab pipeline and on a Dagger engine.

The cores of its reports are the same. The workflow is run by act and the pipeline by
gitlab-ci-local, both without containers; the actions that a runner would fetch have stand-ins in
`actions/`.
"""

import hashlib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from integration.pipelines import BIN, SORT_AND_TRAIN, TRAIN, Project, new_project
from integration.workflows import GITHUB, tool
from lockproof.adapters.interpreters import find_interpreter
from lockproof.cli.main import main
from lockproof.errors import ConfigError
from lockproof.model.report import Report
from lockproof.render.workflows import STEPS, pins

ROOT = Path(__file__).resolve().parents[2]
ACTIONS = Path(__file__).with_name("actions")


def pinned_python() -> Path:
    """That of the module's base image where it is here, else the one that runs the tests."""
    try:
        return anyio.run(find_interpreter, "3.13", ROOT).base
    except ConfigError:
        return Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")


PYTHON = pinned_python()
VERSION = PYTHON.resolve().name.removeprefix("python")
DVC_YAML = SORT_AND_TRAIN + "    meta: {gpu: 1}\n"


def on_main(base: Path, policy: str = "") -> Project:
    """A project that `lockproof init` has been run in, with its pipeline proved and pushed."""
    project = new_project(base)
    project.write({"dvc.yaml": DVC_YAML, "raw.csv": "b\na\n", "train.py": TRAIN})
    # act asks Git which repository this is.
    project.git("remote", "add", "origin", "git@github.com:a/b.git")
    project.dvc("add", "-q", "raw.csv")
    # A job works in another folder, or in a container: the remote is in the repository.
    project.remote = project.root / "store"
    project.dvc("remote", "modify", "-q", "store", "url", "store")
    init = ["init", "-C", str(project.root), "--ci", "github", "--ci", "gitlab"]
    init += ["--install", "", "--bin", str(BIN), "--yes"]
    assert main(init) == 0
    file = project.root / "lockproof.toml"
    named = f'[environment]\ninterpreter = "python{VERSION}"\n[rules.LP304]\noff = true\n'
    text = file.read_text().replace("[run]", f"{named}[run]")
    file.write_text(text.replace("[gate]", f"[gate]\n{policy}"))
    assert main([*init, "--force"]) == 0, "the CI files follow the policy"
    project.repro()
    project.git("switch", "-qc", "better")
    project.write({"train.py": TRAIN.replace('"/"', '"|"')})
    project.repro("a better model, it seems")
    return project


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


def environment(base: Path) -> dict[str, str]:
    """Without lockproof on PATH: the files must bring it there; and with nothing to reuse.

    The stages' Python comes first on PATH.
    """
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "GITLAB_", "CI"))}
    places = [p for p in plain["PATH"].split(os.pathsep) if Path(p) != BIN]
    cache = {"LOCKPROOF_CACHE_DIR": str(base / "cache"), "XDG_CACHE_HOME": str(base / "xdg")}
    path = os.pathsep.join([str(PYTHON.parent), *places])
    return {**plain, **cache, "PATH": path, "SHELL": "/bin/sh"}


@dataclass(frozen=True)
class Ran:
    """How a run on a CI system ended."""

    code: int
    said: str
    """What it printed."""
    reports: dict[str, Path]
    """Step -> the folder with its reports."""

    def report(self, step: str) -> Report:
        """The report of a step."""
        return Report.model_validate_json((self.reports[step] / "report.json").read_bytes())


def run_workflow(project: Project, base: Path, repository: str = "a/b") -> Ran:
    """Run the workflow on a pull request from a repository, up to its one required job."""
    act = tool("act")
    head, before = project.git("rev-parse", "HEAD", "main").split()
    pull = {
        "number": 7,
        "head": {"sha": head, "repo": {"full_name": repository}},
        "base": {"sha": before, "ref": "main"},
    }
    event = base / "event.json"
    event.write_text(json.dumps({"pull_request": pull, "repository": {"full_name": "a/b"}}))
    argv: list[object] = [act, "pull_request", "--job", "verdict", "--workflows", GITHUB]
    argv += ["--eventpath", event, "--action-offline-mode"]
    for label in ("ubuntu-24.04", "self-hosted", "gpu"):
        argv += ["--platform", f"{label}=-self-hosted"]
    argv += ["--env", f"SOURCE={project.root}", "--env", f"ARTIFACTS={base}"]
    for name in ("checkout", "upload-artifact", "download-artifact"):
        pin = pins()["action"][name]
        place = f"{pin['repository']}@{pin['commit']}={ACTIONS / name}"
        argv += ["--local-repository", place]
    done = subprocess.run(
        [str(word) for word in argv],
        cwd=project.root,
        env=environment(base),
        capture_output=True,
        text=True,
    )
    folders = {step: base / f"lockproof-{step}" / step for step in STEPS}
    return Ran(done.returncode, done.stdout + done.stderr, folders)


def run_pipeline(project: Project, base: Path) -> Ran:
    """Run the pipeline of a merge request, its child included, which does not change the code."""
    local = tool("gitlab-ci-local")
    tool("rsync")
    clone = base / "clone"
    subprocess.run(["git", "clone", "-q", project.root, clone], check=True)
    # In a file, since what is said by option does not get to the child.
    variables = {
        "CI_PROJECT_ID": "5",
        "CI_MERGE_REQUEST_PROJECT_ID": "5",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": project.git("merge-base", "HEAD", "main").strip(),
    }
    (clone / ".gitlab-ci-local-variables.yml").write_text(json.dumps(variables))
    event = "CI_PIPELINE_SOURCE=merge_request_event"
    done = subprocess.run(
        [local, "--force-shell-executor", "--cwd", ".", "--variable", event],
        cwd=clone,
        env=environment(base),
        capture_output=True,
        text=True,
    )
    artifacts = clone / ".gitlab-ci-local" / "artifacts"
    found = {path.parent.name: path.parent for path in artifacts.rglob("report.json")}
    return Ran(done.returncode, done.stdout + done.stderr, found)


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
        argv = [*call, *step, "--no-fail", "reports", "export", "--path", str(output)]
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
    base = tmp_path_factory.mktemp("host")
    found = {}
    for step, argv in {
        "gate": ["--pr", "--base", "main"],
        "reproduce": ["--no-reuse", "--since", "main"],
    }.items():
        output = base / f"{step}.json"
        done = subprocess.run(
            [BIN / "lockproof", step, *argv, "--output", output],
            cwd=forged.root,
            env=environment(base),
            capture_output=True,
        )
        assert done.returncode == 1, done.stderr
        report = Report.model_validate_json(output.read_bytes())
        assert report.subject.commit == forged.git("rev-parse", "HEAD").strip()
        found[step] = report
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
