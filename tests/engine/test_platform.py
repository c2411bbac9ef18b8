"""The finer functions for manifests and canaries, and the servers that need no account."""

import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from cluster.lab import free_port, wait_until
from engine.conftest import QUIET, committed, dagger, report_of
from integration.pipelines import Project
from manifests.mutations import MUTATIONS, mutate, platform

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample platform in a Git repository, whose canary's analysis tolerates too much."""
    root = platform(tmp_path_factory.mktemp("manifests") / "repo")
    (root / ".git").rmdir()
    mutate(root, next(m for m in MUTATIONS if m.name == "failure limit"))
    return committed(root)


def test_manifests_are_linted_for_a_version(manifests: Path, library: Path) -> None:
    call = ("-m", library, "call", "--repository", ".", "manifests", "lint")
    paths = [f"--paths=control-plane/{name}.yaml" for name in ("delivery", "storage")]
    done = dagger(manifests, *call, *paths, "verdict").expect()
    assert done.stdout.strip() == "PASSED"
    old = dagger(manifests, *call, *paths, "--kubernetes-version", "1.33", "verdict").expect(1)
    assert "storage.k8s.io has no v1 VolumeAttributesClass in this version" in old.said
    refused = dagger(manifests, *call, "--kubernetes-version", "1.2", "verdict").expect(2)
    assert "1.2" in refused.said
    assert "Traceback" not in refused.said


def test_a_canary_that_cannot_fail_is_found(manifests: Path, library: Path, tmp_path: Path) -> None:
    call = ("-m", library, "call", "--repository", ".", "rollouts", "lint")
    call += ("--paths", "control-plane", "--no-fail")
    dagger(manifests, *call, "reports", "export", "--path", tmp_path).expect()
    report = report_of(tmp_path)
    assert report["verdict"] == "failed"
    assert [finding["rule"] for finding in report["findings"]] == ["LP631"]
    missing = ("rollouts", "lint", "--paths", "nowhere", "verdict")
    refused = dagger(manifests, "-m", library, "call", "--repository", ".", *missing).expect(2)
    assert "nowhere" in refused.said
    assert "Traceback" not in refused.said


@contextmanager
def up(project: Project, library: Path, server: str, inside: int) -> Iterator[int]:
    """One of the module's servers, at a port of this machine's loopback."""
    port = free_port()
    argv = ["dagger", "--progress", "plain", "-m", str(library), "call", "--repository", "."]
    argv += ["--cache-scope", f"test{os.getpid()}", server, "server", "up"]
    argv += ["--ports", f"{port}:{inside}"]
    with (
        (project.root.parent / f"{server}.log").open("w") as log,
        subprocess.Popen(
            argv, cwd=project.root, env={**os.environ, **QUIET}, stdout=log, stderr=log
        ) as process,
    ):
        try:
            yield port
        finally:
            process.terminate()


def test_an_s3_server_comes_up(project: Project, library: Path) -> None:
    with up(project, library, "dvc", 8333) as port:
        s3: Any = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id="anyone",
            aws_secret_access_key="anyone",
            region_name="us-east-1",
            config=Config(retries={"total_max_attempts": 1}),
        )

        def made() -> bool:
            try:
                s3.create_bucket(Bucket="models")
            except BotoCoreError:
                return False
            return True

        wait_until(made, 900)
        s3.put_object(Bucket="models", Key="a", Body=b"b")
        assert s3.get_object(Bucket="models", Key="a")["Body"].read() == b"b"


def test_a_tracking_server_comes_up(project: Project, library: Path) -> None:
    with up(project, library, "models", 5000) as port:
        url = f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/get-by-name?experiment_name="

        def answer() -> bytes | None:
            try:
                with urllib.request.urlopen(f"{url}Default") as response:
                    content: bytes = response.read()
                    return content
            except (OSError, urllib.error.URLError):
                return None

        assert b'"name": "Default"' in wait_until(answer, 900)
