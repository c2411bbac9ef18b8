"""A project that `lockproof init` has been run in, and runs of it on CI systems without containers.

act runs the workflow and gitlab-ci-local the pipeline; the actions that a runner would fetch have
stand-ins in `actions/`.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from integration.pipelines import BIN, SORT_AND_TRAIN, TRAIN, Project, new_project
from integration.workflows import GITHUB, tool
from lockproof.adapters.environment.interpreters import find_interpreter
from lockproof.adapters.sandbox.detect import find_isolation
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
HOST = ("--install", "", "--bin", str(BIN))


def on_main(
    base: Path, policy: str = "", choices: tuple[str, ...] = HOST, gpus: int = 1
) -> Project:
    """A project that `lockproof init` has been run in, with its pipeline proved and pushed.

    `policy` is for its section `gate`, `choices` are options of init, and `train` asks for `gpus`.
    """
    if not anyio.run(find_isolation).level.own_root:
        pytest.skip("stages cannot have a root of their own here, which the policy of init demands")
    project = new_project(base)
    pipeline = SORT_AND_TRAIN + (f"    meta: {{gpu: {gpus}}}\n" if gpus else "")
    project.write({"dvc.yaml": pipeline, "raw.csv": "b\na\n", "train.py": TRAIN})
    # act asks Git which repository this is.
    project.git("remote", "add", "origin", "git@github.com:a/b.git")
    project.dvc("add", "-q", "raw.csv")
    # A job works in another folder, or in a container: the remote is in the repository.
    project.remote = project.root / "store"
    project.dvc("remote", "modify", "-q", "store", "url", "store")
    init = ["init", "-C", str(project.root), "--ci", "github", "--ci", "gitlab", *choices, "--yes"]
    assert main(init) == 0
    file = project.root / "lockproof.toml"
    named = f'[environment]\ninterpreter = "python{VERSION}"\n[rules.LP304]\noff = true\n'
    # The remote is in the repository, with DVC's site cache, and no stage needs them.
    text = file.read_text().replace("[run]", f'{named}[run]\nhidden = ["store", "site"]')
    file.write_text(text.replace("[gate]", f"[gate]\n{policy}"))
    assert main([*init, "--force"]) == 0, "the CI files follow the policy"
    project.repro()
    project.git("switch", "-qc", "better")
    project.write({"train.py": TRAIN.replace('"/"', '"|"')})
    project.repro("a better model, it seems")
    return project


def environment(base: Path) -> dict[str, str]:
    """Without lockproof on PATH: the files must bring it there; and with nothing to reuse.

    The stages' Python comes first on PATH.
    """
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "GITLAB_", "CI"))}
    places = [p for p in plain["PATH"].split(os.pathsep) if Path(p) != BIN]
    cache = {"LOCKPROOF_CACHE_DIR": str(base / "cache"), "XDG_CACHE_HOME": str(base / "xdg")}
    cache["XDG_CONFIG_HOME"] = str(base / "config")
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


def on_host(project: Project, base: Path, *, hand_over: bool = False) -> dict[str, Report]:
    """The reports of the commands themselves; the gate gets that of reproduce if it is to."""
    found = {}
    for step, argv in {
        "reproduce": ["--no-reuse", "--since", "main"],
        "gate": ["--pr", "--base", "main"],
    }.items():
        output = base / f"{step}.json"
        if hand_over and step == "gate":
            argv += ["--report", str(base / "reproduce.json")]
        done = subprocess.run(
            [BIN / "lockproof", step, *argv, "--output", output],
            cwd=project.root,
            env=environment(base),
            capture_output=True,
        )
        assert done.returncode in (0, 1), done.stderr
        report = Report.model_validate_json(output.read_bytes())
        assert report.subject.commit == project.git("rev-parse", "HEAD").strip()
        found[step] = report
    return found


def run_workflow(project: Project, base: Path, repository: str = "a/b") -> Ran:
    """Run the workflow on a pull request from a repository, up to its one required job."""
    act = tool("act")
    tool("node")  # By which act finds out whether there are files.
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
    for name in sorted(folder.name for folder in ACTIONS.iterdir()):
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
