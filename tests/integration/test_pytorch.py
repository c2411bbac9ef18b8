"""The pipeline of docs/guides/gpus.md, with the PyTorch that is at hand."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .pipelines import BIN, Project, new_project, prove, stage, verdicts

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "gpus.md"
FILES = {"python": "train.py", "yaml": "dvc.yaml", "toml": "lockproof.toml"}


@pytest.fixture(scope="module")
def interpreter() -> Path:
    """A Python that has PyTorch: $LOCKPROOF_TEST_PYTORCH, or this one."""
    found = Path(os.environ.get("LOCKPROOF_TEST_PYTORCH") or sys.executable)
    asked = [found, "-c", "import numpy, torch"]
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip("no PyTorch here")
    return found


def written(folder: Path, interpreter: Path) -> Project:
    """What the guide has, with that interpreter in its policy."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    project = new_project(folder)
    files = {FILES[language]: text for language, text in blocks if language in FILES}
    assert files.keys() == set(FILES.values())
    files["lockproof.toml"] += f'\n[environment]\ninterpreter = "{interpreter}"\n'
    project.write(files)
    return project


def test_the_guides_pipeline_is_proved(interpreter: Path, tmp_path: Path) -> None:
    project = written(tmp_path, interpreter)
    own = project.environment()
    own["PATH"] = f"{interpreter.parent}{os.pathsep}{own['PATH']}"
    subprocess.run([BIN / "dvc", "repro", "-q"], cwd=project.root, env=own, check=True)
    project.repro("trained")  # Pushes and commits: there is nothing left to run.
    assert json.loads((project.root / "metrics.json").read_text())["loss"] < 4
    report = prove(project)
    assert set(verdicts(report).values()) <= {"identical", "within tolerance"}, report.findings
    gpus = report.host.environment.gpus if report.host.environment else ()
    used = {output.hardware for output in stage(report, "train").outputs}
    assert used == ({"NVIDIA *"} if gpus else {"cpu"})
