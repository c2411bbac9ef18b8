"""A project with a model in it, proved commit by commit, and what a registry holds of it."""

import atexit
import functools
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lockproof.adapters.mlflow.registry import Registry
from lockproof.cli.main import main
from lockproof.config import load_policy
from lockproof.model.registration import ModelVersion

from .pipelines import Project, new_project, prove

POLICY = """\
[[model]]
name = "toy"
paths = ["model.txt"]
"""
PIPELINE = """\
stages:
  train:
    cmd: sort raw.txt > model.txt && wc -l < raw.txt > metrics.json
    deps: [raw.txt]
    outs: [model.txt]
    metrics: [metrics.json: {cache: false}]
  other:
    cmd: cp more.txt other.txt
    deps: [more.txt]
    outs: [other.txt]
"""


@functools.cache
def _empty_registry() -> Path:
    """A folder with a database that nothing was registered in: making one takes MLflow seconds."""
    root = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, root)
    with without_settings(), Registry.open(load_policy(root / "none").mlflow, root).session():
        pass
    return root / ".lockproof"


def toy_project(base: Path, policy: str = POLICY) -> Project:
    """A pipeline with one model of one data set, and an output of another; run and pushed."""
    project = new_project(base, "toy")
    shutil.copytree(_empty_registry(), project.root / ".lockproof")
    project.write({"lockproof.toml": policy, "dvc.yaml": PIPELINE})
    project.write({"raw.txt": "b\na\n", "more.txt": "more\n"})
    project.dvc("add", "-q", "raw.txt", "more.txt")
    project.repro("first")
    return project


def proof_of(project: Project, name: str = "proof.json") -> Path:
    """A report that proves HEAD, outside the repository."""
    path = project.remote.parent / name
    report = prove(project)
    assert report.verdict.value == "passed", report.findings
    path.write_text(report.model_dump_json())
    return path


def next_commit(project: Project, rows: str) -> tuple[str, Path]:
    """Another data set, trained, pushed and proved."""
    project.write({"raw.txt": rows})
    project.dvc("add", "-q", "raw.txt")
    commit = project.repro(f"rows {rows!r}")
    return commit, proof_of(project, f"proof-{commit[:8]}.json")


def register(project: Project, report: Path, *more: str, model: str = "toy") -> int:
    """`lockproof register` in this process; its exit code."""
    argv = ["-C", str(project.root), "register", "--model", model, "--report", str(report)]
    return main([*argv, *more])


def registry_of(project: Project) -> Registry:
    """The registry that the project's policy and the environment name."""
    return Registry.open(load_policy(project.root / "lockproof.toml").mlflow, project.root)


def versions(project: Project, name: str = "toy") -> list[ModelVersion]:
    """The versions of a model."""
    with registry_of(project).session() as session:
        return list(session.versions(name))


def aliases(project: Project, name: str = "toy") -> dict[str, int]:
    """Where the aliases of a model are."""
    with registry_of(project).session() as session:
        return session.aliases(name)


def downloaded(project: Project, version: ModelVersion, folder: Path) -> dict[str, bytes]:
    """The files that whoever serves the version gets."""
    registry = registry_of(project)
    with registry.store.settings():
        import mlflow.artifacts

        mlflow.artifacts.download_artifacts(artifact_uri=version.uri, dst_path=str(folder))
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@contextmanager
def without_settings() -> Iterator[None]:
    """No MLflow or CI variables of the machine that the tests run on."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("MLFLOW_", "GITHUB_", "CI_")):
                patch.delenv(name)
        yield


def said(version: ModelVersion, name: str) -> object:
    """A tag that holds JSON."""
    return json.loads(version.tags[f"lockproof.{name}"])
