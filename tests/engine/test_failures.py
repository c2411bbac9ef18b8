"""What goes wrong says so once, with the right exit code, and without a secret."""

import shutil
from pathlib import Path

import pytest

from cluster.lab import kubeconfig
from engine.conftest import dagger, report_of
from integration.pipelines import Project

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]
SECRET = "s3cr3t-0123456789-abcdef"


def test_without_an_engine(library: Path, tmp_path: Path) -> None:
    """Neither one that is named nor a program that could start one."""
    program = shutil.which("dagger")
    assert program
    (tmp_path / "dagger").symlink_to(program)
    nothing = {"_EXPERIMENTAL_DAGGER_RUNNER_HOST": "", "PATH": str(tmp_path)}
    done = dagger(library, "call", "lint", **nothing)
    assert done.code == 1
    assert 'start engine: driver for scheme "image" was not available' in done.said
    assert "Traceback" not in done.said


def test_a_failing_stage(forged: Project, library: Path, tmp_path: Path) -> None:
    call = ("-m", library, "call", "--repository", ".", "proof", "reproduce")
    done = dagger(forged.root, *call, "verdict").expect(1)
    assert "metrics.json" in done.said
    assert "FAILED" in done.said, "the table"
    assert "Traceback" not in done.said
    dagger(forged.root, *call, "--no-fail", "reports", "export", "--path", tmp_path).expect()
    assert (tmp_path / "exit-code").read_text() == "1\n"
    assert report_of(tmp_path)["verdict"] == "failed"


def test_a_secret_that_is_not_there(project: Project, library: Path) -> None:
    given = ("--repository", ".", "--remote-config", "env://NOT_SET_HERE")
    done = dagger(project.root, "-m", library, "call", *given, "proof", "gate", "verdict")
    assert done.code == 1
    assert "secret env var not found" in done.said
    assert "Traceback" not in done.said


def test_a_secret_that_does_not_fit(project: Project, library: Path) -> None:
    """The tracking server and the remote do not answer; what was sent to them is not shown."""
    config = f"['remote \"store\"']\n    url = s3://bucket/x\n    secret_access_key = {SECRET}\n"
    given = ["--repository", ".", "--remote-config", "env://CONFIG", "--servers"]
    given += ["--mlflow-uri", "http://127.0.0.1:9", "--mlflow-token", "env://TOKEN"]
    done = dagger(
        project.root, "-m", library, "call", *given, "models", "track", "verdict",
        CONFIG=config, TOKEN=SECRET,
    )  # fmt: skip
    assert done.code not in (0, 3), done.said[-3000:]
    assert SECRET not in done.said
    assert "Traceback" not in done.said


def test_gpus_that_the_engine_does_not_have(project: Project, library: Path) -> None:
    call = ("-m", library, "call", "--repository", ".", "--gpus", "all", "proof", "reproduce")
    done = dagger(project.root, *call, "verdict")
    if done.code == 0:
        pytest.skip("this engine has GPUs")
    assert done.code == 1
    assert "Error: GPU support is not enabled" in done.said
    assert "Traceback" not in done.said


def test_a_registry_that_does_not_answer(project: Project, library: Path) -> None:
    given = ("--repository", ".", "--base-image", "127.0.0.1:9/python:3.13")
    done = dagger(project.root, "-m", library, "call", *given, "proof", "reproduce", "verdict")
    assert done.code == 1
    assert "127.0.0.1:9/python:3.13" in done.said
    assert "connection refused" in done.said


def test_a_cluster_that_does_not_answer(library: Path) -> None:
    nowhere = kubeconfig({"server": "https://127.0.0.1:9"}, SECRET)
    given = ("--kubeconfig", "env://KUBE", "crossplane", "status", "--overlay", "local", "verdict")
    done = dagger(library, "call", *given, KUBE=nowhere).expect(4)
    assert SECRET not in done.said
    assert "127.0.0.1" in done.said
