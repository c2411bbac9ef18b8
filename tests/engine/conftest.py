"""A real Dagger engine, the module as it is in this checkout, and a small project to call it on."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from integration.pipelines import SORT_AND_TRAIN, TRAIN, Project, copy_of, new_project

ROOT = Path(__file__).resolve().parents[2]
QUIET = {"DO_NOT_TRACK": "1", "DAGGER_NO_NAG": "1", "NO_COLOR": "1"}
POLICY = """
[environment]
interpreter = "python3.13" # the base image's

[gate]
off = ["record", "manifests"]
reproduction = "required"

[rules.LP304]
severity = "note" # what pins it is the image
"""


@dataclass(frozen=True)
class Result:
    """How a call of `dagger` ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def said(self) -> str:
        """All of it, without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self.stdout + self.stderr)

    def expect(self, code: int = 0) -> "Result":
        assert self.code == code, self.said[-6000:]
        return self


def dagger(cwd: Path, *argv: object, **variables: str) -> Result:
    """Run the `dagger` command in a folder."""
    done = subprocess.run(
        ["dagger", "--progress", "plain", *(str(word) for word in argv)],
        cwd=cwd,
        env={**os.environ, **QUIET, **variables},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def report_of(folder: Path) -> dict[str, Any]:
    """The JSON report in a folder of reports."""
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


def git(cwd: Path, *argv: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    return subprocess.run(
        ["git", *identity, *argv], cwd=cwd, check=True, capture_output=True, text=True
    ).stdout


def committed(root: Path) -> Path:
    """Make a folder a Git repository with all of it committed: what is not is not looked at."""
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "all of it")
    return root


def clone_of_this(clone: Path) -> Path:
    """This repository with what is not committed yet: Dagger knows no linked work trees.

    LOCKPROOF_TEST_IMAGES=by-tag is for an engine whose mirror has images of its own by these names.
    """
    git(ROOT, "clone", "--quiet", str(ROOT), str(clone))
    git(clone, "checkout", "--quiet", "-B", "main")
    changed = git(ROOT, "ls-files", "-z", "--modified", "--others", "--exclude-standard")
    for name in filter(None, changed.split("\0")):
        source, target = ROOT / name, clone / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if source.exists():
            shutil.copy2(source, target, follow_symlinks=False)
    if os.environ.get("LOCKPROOF_TEST_IMAGES") == "by-tag":
        settings = clone / "ci" / "src" / "lockproof_ci" / "settings.py"
        settings.write_text(re.sub(r"@sha256:[0-9a-f]{64}", "", settings.read_text()))
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--allow-empty", "--message", "as in the work tree")
    return clone


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of this repository as it is here."""
    return clone_of_this(tmp_path_factory.mktemp("library") / "lockproof")


@pytest.fixture(scope="session")
def git_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder for bare repositories, and the address it is served at."""
    folder = tmp_path_factory.mktemp("host")
    address = f"127.{os.getpid() % 250 + 2}.0.1"
    server = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("git_server.py"), folder, address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with server:
        assert server.stdout
        assert server.stderr
        if not server.stdout.readline():
            pytest.skip(f"no Git host on port 80 of {address}: {server.stderr.read()[-200:]}")
        yield folder, f"http://{address}"
        server.terminate()


@pytest.fixture(scope="session")
def installed(library: Path, git_host: tuple[Path, str]) -> str:
    """The module as it is installed from Git: an address with a branch."""
    if not os.environ.get("_EXPERIMENTAL_DAGGER_RUNNER_HOST", "").startswith("unix://"):
        pytest.skip("the engine may not reach this machine's loopback: it has no socket here")
    folder, address = git_host
    git(library, "clone", "--quiet", "--bare", str(library), str(folder / "lockproof.git"))
    return f"{address}/lockproof.git@main"


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two stages, with a remote inside the repository: containers see it as well."""
    project = new_project(tmp_path_factory.mktemp("engine"))
    project.dvc("remote", "modify", "-q", "store", "url", "store")
    files = {"dvc.yaml": SORT_AND_TRAIN, "raw.csv": "b\na\n", "train.py": TRAIN}
    project.write({**files, "lockproof.toml": POLICY})
    project.dvc("add", "-q", "raw.csv")
    project.repro()
    return project


@pytest.fixture(scope="session")
def forged(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same with another figure in the metrics file, and in the lock."""
    copy = copy_of(project, tmp_path_factory.mktemp("forged"))
    metrics = copy.root / "metrics.json"
    before = _md5(metrics)
    metrics.write_text('{"rows": 3}')
    copy.edit_lock(before, _md5(metrics))
    copy.commit("a better model, it seems")
    return copy


def _md5(path: Path) -> str:
    done = subprocess.run(["md5sum", path], check=True, capture_output=True, text=True)
    return done.stdout.split()[0]
