"""`lockproof record -- COMMAND`: a record of what ran, and a command that notices nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .pipelines import Project, new_project

YAML = """\
stages:
  one:
    cmd: echo "$SHELL $FLAVOUR" > one.txt
    outs: [one.txt]
  two:
    cmd: python3 two.py
    deps: [two.py, one.txt]
    outs: [two.txt]
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = new_project(tmp_path)
    project.write({"two.py": "open('two.txt', 'w').write('2')\n", "dvc.yaml": YAML})
    project.write({"lockproof.toml": '[run]\npass-env = ["FLAVOUR"]\n'})
    project.commit("first")
    return project


def record(project: Project, *command: str, code: int = 0) -> dict[str, object] | None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lockproof")), "record", "--no-mlflow", "--", *command],
        cwd=project.root,
        env={**project.environment(), "FLAVOUR": "s3cret-value"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    path = project.root / "data-plane" / "experiments" / "pipeline.json"
    return dict(json.loads(path.read_text())) if path.exists() else None


def test_stages_that_ran_are_watched_and_values_are_not_kept(project: Project) -> None:
    found = record(project, "dvc", "repro", "-q")
    assert found is not None
    assert found["observed"] == "watched"
    assert found["watched"] == ["one", "two"]
    assert (project.root / "one.txt").read_text() == "/bin/sh s3cret-value\n"
    assert "s3cret-value" not in json.dumps(found)
    environment = dict(found["environment"])  # type: ignore[call-overload]
    assert list(environment["variables"]) == ["FLAVOUR"]
    assert environment["umask"] == "0022"


def test_a_commit_of_outputs_is_no_run(project: Project) -> None:
    project.dvc("repro", "-q")
    (project.root / "two.txt").write_text("99")
    assert record(project, "dvc", "commit", "-q", "-f") is None


def test_a_failed_command_passes_its_code_and_leaves_nothing(project: Project) -> None:
    assert record(project, "sh", "-c", "exit 7", code=7) is None
    assert record(project, "sh", "-c", "kill -TERM $$", code=143) is None
    assert record(project, "no-such-program", code=2) is None
