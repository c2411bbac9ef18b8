"""The same commit on the host, in a GitHub workflow and in a GitLab pipeline: the same core.

The workflow is run by act and the pipeline by gitlab-ci-local, both without containers; the two
actions that a runner would fetch have stand-ins in `actions/`.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.pipelines import BIN, Project, new_project
from integration.workflows import GITHUB, tool
from lockproof.cli.main import main
from lockproof.model.report import Report
from lockproof.render.workflows import pins

ACTIONS = Path(__file__).with_name("actions")
TRAIN = """
import json
from pathlib import Path
rows = Path("data.csv").read_text().split()
Path("model.txt").write_text("/".join(rows))
Path("metrics.json").write_text(json.dumps({"rows": len(rows)}))
"""
DVC_YAML = """
stages:
  prepare:
    cmd: sort raw.csv > data.csv
    deps: [raw.csv]
    outs: [data.csv]
  train:
    cmd: python train.py
    deps: [train.py, data.csv]
    outs: [model.txt]
    metrics: [metrics.json: {cache: false}]
    meta: {gpu: 1}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two commits, the second one with another `train.py`; its metrics file is forged."""
    project = new_project(tmp_path_factory.mktemp("places"))
    project.write({"dvc.yaml": DVC_YAML, "raw.csv": "b\na\n", "train.py": TRAIN})
    # act asks Git which repository this is.
    project.git("remote", "add", "origin", "git@github.com:a/b.git")
    project.dvc("add", "-q", "raw.csv")
    # A job works in another folder, so a relative path would lead elsewhere.
    project.dvc("remote", "modify", "-q", "store", "url", str(project.remote))
    init = ["init", "-C", str(project.root), "--ci", "github", "--ci", "gitlab"]
    assert main([*init, "--install", "", "--bin", str(BIN), "--yes"]) == 0
    policy = project.root / "lockproof.toml"
    named = f'[environment]\ninterpreter = "{sys.executable}"\n'
    policy.write_text(policy.read_text().replace("[run]", f"{named}\n[run]"))
    project.repro()
    project.write({"train.py": TRAIN.replace("'/'", "'|'").replace('"/"', '"|"')})
    project.repro()
    forged = project.root / "metrics.json"
    old = forged.read_text()
    forged.write_text('{"rows": 3}')
    project.edit_lock(md5(old), md5(forged.read_text()))
    project.commit("a better model, it seems")
    return project


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def environment(base: Path) -> dict[str, str]:
    """Without lockproof on PATH: the files must bring it there; and with nothing to reuse."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "GITLAB_", "CI"))}
    places = [p for p in plain["PATH"].split(os.pathsep) if Path(p) != BIN]
    cache = {"LOCKPROOF_CACHE_DIR": str(base / "cache"), "XDG_CACHE_HOME": str(base / "xdg")}
    return {**plain, **cache, "PATH": os.pathsep.join(places), "SHELL": "/bin/sh"}


def run_workflow(project: Project, base: Path, repository: str) -> str:
    """Run the workflow on a pull request from a repository, up to its one required job.

    Returns:
        What act printed; reports are in `base`.
    """
    act = tool("act")
    head, before = project.git("rev-parse", "HEAD", "HEAD~1").split()
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
    for name in ("checkout", "upload-artifact"):
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
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def github(project: Project, base: Path) -> Path:
    """The workflow on a pull request from a branch of the repository."""
    said = run_workflow(project, base, "a/b")
    assert "::error title=lockproof::not proved (" in said, said
    assert "reproduce: failure)" in said
    assert "<!-- lockproof reproduce -->" in said, "the job's summary"
    return base / "lockproof-reproduce" / "reproduce" / "report.json"


def test_code_of_a_fork_does_not_get_onto_a_runner_with_a_gpu(
    project: Project, tmp_path: Path
) -> None:
    said = run_workflow(project, tmp_path, "fork/b")
    assert "::error title=lockproof::the affected stages ask for a GPU" in said, said
    assert not (tmp_path / "lockproof-reproduce").exists()


def gitlab(project: Project, base: Path) -> Path:
    """The pipeline of a merge request, then its child.

    gitlab-ci-local does not hand what a job found out to a child pipeline: here the test does.
    """
    local = tool("gitlab-ci-local")
    tool("rsync")
    clone = base / "clone"
    subprocess.run(["git", "clone", "-q", project.root, clone], check=True)
    since = project.git("rev-parse", "HEAD~1").strip()

    def run(*argv: str) -> subprocess.CompletedProcess[str]:
        command = [local, "--force-shell-executor", "--cwd", ".", *argv]
        return subprocess.run(
            command, cwd=clone, env=environment(base), capture_output=True, text=True
        )

    asked = {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_DIFF_BASE_SHA": since}
    done = run("lockproof affected", *_variables(asked))
    assert done.returncode == 0, done.stdout + done.stderr
    artifacts = clone / ".gitlab-ci-local" / "artifacts"
    [found] = artifacts.rglob("affected.env")
    told = dict(line.split("=") for line in found.read_text().splitlines())
    assert told == {"LOCKPROOF_STAGES": "1", "LOCKPROOF_GPUS": "1", "LOCKPROOF_SINCE": since}
    done = run("--file", ".gitlab/lockproof-reproduce.yml", *_variables(told))
    [output] = artifacts.rglob("report.json")
    assert {path.name for path in output.parent.iterdir()} > {
        "report.xml",
        "report.codequality.json",
    }
    assert done.returncode == 1
    return output


def _variables(values: dict[str, str]) -> list[str]:
    return [word for name, value in values.items() for word in ("--variable", f"{name}={value}")]


@pytest.fixture(scope="module")
def here(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report of the command itself."""
    base = tmp_path_factory.mktemp("host")
    output = base / "host.json"
    argv = ["reproduce", "--no-reuse", "--since", "HEAD~1", "--output", output]
    done = subprocess.run(
        [BIN / "lockproof", *argv], cwd=project.root, env=environment(base), capture_output=True
    )
    assert done.returncode == 1, done.stderr
    report = Report.model_validate_json(output.read_bytes())
    assert report.subject.commit == project.git("rev-parse", "HEAD").strip()
    assert [stage.address for stage in report.stages if not stage.skipped] == ["train"]
    return report


@pytest.mark.parametrize("place", [github, gitlab])
def test_the_core_of_the_report_is_the_same_everywhere(
    project: Project, here: Report, tmp_path: Path, place: Callable[[Project, Path], Path]
) -> None:
    there = Report.model_validate_json(place(project, tmp_path).read_bytes())
    assert there.core() == here.core()
    assert there.timing != here.timing, "two runs, or one read twice?"
