"""Small real DVC projects for tests: built by Git and DVC, run by lockproof."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from lockproof.model.cause import Cause
from lockproof.model.report import Report, StageReport
from lockproof.steps.reproduce.request import Request
from lockproof.steps.reproduce.run import reproduce

BIN = Path(sys.executable).parent
TRAIN = """
import json
from pathlib import Path
rows = Path("data.csv").read_text().split()
Path("model.txt").write_text("/".join(rows))
Path("metrics.json").write_text(json.dumps({"rows": len(rows)}))
"""
SORT_AND_TRAIN = """
stages:
  prepare:
    cmd: sort raw.csv > data.csv
    deps: [raw.csv]
    outs: [data.csv]
  train:
    cmd: python3 train.py
    deps: [train.py, data.csv]
    outs: [model.txt]
    metrics: [metrics.json: {cache: false}]
"""


class Silence:
    """A progress that nobody sees."""

    def say(self, text: str) -> None:
        """Nothing."""

    def show(self, name: str, line: str) -> None:
        """Nothing."""

    def end(self, name: str) -> None:
        """Nothing."""

    def detail(self, text: str) -> None:
        """Nothing."""


@dataclass
class Project:
    """A Git repository with a DVC project and a remote beside it."""

    root: Path
    remote: Path

    def run(self, *argv: str, check: bool = True) -> str:
        """Run a program in the repository with DVC and this Python on the path."""
        done = subprocess.run(
            argv,
            cwd=self.root,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{argv}: {done.stdout}{done.stderr}")
        return done.stdout

    def git(self, *argv: str) -> str:
        """Run Git."""
        return self.run("git", *argv)

    def dvc(self, *argv: str) -> None:
        """Run DVC, in this process: starting it takes longer than what it does here."""
        from dvc.cli import main

        with contextlib.chdir(self.root), pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment().items():
                patch.setenv(name, value)
            assert main(list(argv)) == 0, argv

    def environment(self) -> dict[str, str]:
        """Variables for programs: DVC and this Python on the path, DVC quiet and by itself."""
        return {
            **os.environ,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(self.remote.parent / "site"),
            "PRE_COMMIT_HOME": str(self.remote.parent / "pre-commit"),
            "SHELL": "/bin/sh",
        }

    def write(self, files: Mapping[str, str]) -> None:
        """Write text files."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")

    def commit(self, message: str = "change") -> str:
        """Commit everything; returns the commit."""
        self.git("add", "-A")
        self.git("commit", "-qm", message)
        return self.git("rev-parse", "HEAD").strip()

    def repro(self, message: str = "reproduced") -> str:
        """Run the pipeline, push and commit, as a careful person does."""
        self.dvc("repro", "-q")
        self.dvc("push", "-q")
        return self.commit(message)

    def edit_lock(self, old: str, new: str, name: str = "dvc.lock") -> None:
        """Replace text in the lock."""
        path = self.root / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def state(self) -> dict[str, str]:
        """Everything that a command of lockproof must leave as it is."""
        return {
            "status": self.git("status", "--porcelain", "--ignored"),
            "head": self.git("rev-parse", "HEAD"),
            "refs": self.git("for-each-ref"),
            "config": self.git("config", "--local", "--list"),
            "cache": listing(self.root / ".dvc" / "cache"),
            "remote": listing(self.remote),
        }


def listing(folder: Path) -> str:
    """Every file below a folder with its size and time of change."""
    found = {}
    for path in sorted(folder.rglob("*")):
        info = path.stat()
        found[str(path)] = [info.st_size, info.st_mtime_ns, info.st_mode]
    return json.dumps(found)


def new_repository(base: Path, name: str, store: str | None = None) -> Project:
    """An empty Git repository, with an empty folder beside it for a remote."""
    root, remote = base / name, base / (store or f"{name}-remote")
    root.mkdir(parents=True)
    remote.mkdir()
    project = Project(root, remote)
    project.git("init", "-q", "-b", "main")
    project.git("config", "user.name", "Test")
    project.git("config", "user.email", "test@example.com")
    return project


def new_project(base: Path, name: str = "project", store: str | None = None) -> Project:
    """An empty DVC project with a remote folder beside it, named by a relative path."""
    project = new_repository(base, name, store)
    project.dvc("init", "-q")
    project.dvc("remote", "add", "-q", "-d", "store", f"../{project.remote.name}")
    return project


def copy_of(project: Project, base: Path) -> Project:
    """An independent copy, remote included."""
    root, remote = base / project.root.name, base / project.remote.name
    shutil.copytree(project.root, root, symlinks=True)
    shutil.copytree(project.remote, remote)
    return Project(root, remote)


def prove(project: Project, **request: object) -> Report:
    """Reproduce in this process."""
    asked = Request(directory=project.root, **{"reuse": False, **request})  # type: ignore[arg-type]
    return anyio.run(reproduce, asked, Silence())


def stage(report: Report, address: str) -> StageReport:
    """One stage of a report."""
    return next(s for s in report.stages if s.address == address)


def verdicts(report: Report) -> dict[str, str]:
    """Output -> verdict."""
    return {o.path: o.verdict.value for s in report.stages for o in s.outputs}


def causes(report: Report, address: str) -> list[tuple[str, str, str]]:
    """Kind, subject and certainty of a stage's causes."""

    def brief(cause: Cause) -> tuple[str, str, str]:
        return cause.kind.value, cause.subject, cause.certainty.value

    return [brief(c) for c in stage(report, address).causes]


def rules(report: Report) -> set[str]:
    """Ids of the rules that found something."""
    return {f.rule for f in report.findings}
