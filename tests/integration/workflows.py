"""What the tests of CI files share: making them, reading them, and finding the tools they need."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lockproof.model.workflow import CiSystem, Workflow
from lockproof.render.workflows import workflow_files

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ".github/workflows/lockproof.yaml"


def tool(name: str) -> str:
    """A program beside this Python, on PATH or with the tools in `$KUBEBUILDER_ASSETS`."""
    places = [str(Path(sys.executable).parent), os.environ["PATH"]]
    places += filter(None, [os.environ.get("KUBEBUILDER_ASSETS")])
    found = shutil.which(name, path=os.pathsep.join(places))
    if not found:
        pytest.skip(f"{name} is not installed: `make ci-tools` says more")
    return found


def write_files(folder: Path, system: CiSystem, **choices: object) -> list[Path]:
    """Make a CI system's files below a folder."""
    workflow = Workflow(command="lockproof init", bin="/opt/bin", **choices)  # type: ignore[arg-type]
    written = []
    for name, text in workflow_files(system, workflow).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        written.append(path)
    return written


def script(path: Path, job: str, step: str) -> str:
    """The shell text of a step of a GitHub workflow."""
    content: Any = yaml.safe_load(path.read_text())
    return next(s["run"] for s in content["jobs"][job]["steps"] if s.get("name") == step)
