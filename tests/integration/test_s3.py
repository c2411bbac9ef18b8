"""Remotes on a real S3 server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from cluster.lab import wait_until
from lockproof.errors import UnavailableError
from lockproof.model.verdict import Verdict

from .pipelines import Project, copy_of, new_project, prove, rules, verdicts
from .s3 import KEY, SECRET, SOCKETS, S3Server, s3_server

pytestmark = [pytest.mark.s3, pytest.mark.xdist_group("s3")]

SPY = """\
import os
import sys

leaked = sorted(k for k, v in os.environ.items() if v in {secrets!r})
os.makedirs("out", exist_ok=True)
open("out/a.txt", "w").write(open("raw.txt").read() + repr(leaked))
open("out/b.txt", "w").write("b")
"""
YAML = """\
stages:
  first:
    cmd: python3 spy.py
    deps: [spy.py, raw.txt]
    outs: [out]
  second:
    cmd: cat out/a.txt out/b.txt > end.txt
    deps: [out]
    outs: [end.txt]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


def test_a_server_that_is_stopped_leaves_nothing_in_tmp(tmp_path: Path) -> None:
    with s3_server(tmp_path) as own:
        named = f"seaweedfs-*-{urlsplit(own.url).port}.sock"
        wait_until(lambda: [*SOCKETS.glob(named)], 60)
    assert [*SOCKETS.glob(named)] == []


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, server: S3Server) -> Project:
    client: Any = server.client()
    client.create_bucket(Bucket="data")
    project = new_project(tmp_path_factory.mktemp("project"))
    project.dvc("remote", "add", "-q", "-d", "-f", "store", "s3://data/ml")
    project.dvc("remote", "modify", "-q", "store", "endpointurl", server.url)
    # As people do it: the address in Git, the credentials beside it.
    project.dvc("remote", "modify", "-q", "--local", "store", "access_key_id", KEY)
    project.dvc("remote", "modify", "-q", "--local", "store", "secret_access_key", SECRET)
    project.write({"spy.py": SPY.format(secrets=[KEY, SECRET]), "raw.txt": "raw", "dvc.yaml": YAML})
    project.dvc("add", "-q", "raw.txt")
    project.repro()
    return project


@pytest.fixture
def project(original: Project, tmp_path: Path) -> Project:
    copied = copy_of(original, tmp_path)
    for path in (copied.root / ".dvc" / "cache").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.unlink()
    return copied


@pytest.mark.parametrize("mode", ["isolated", "chain"])
def test_everything_comes_from_the_server(project: Project, mode: str) -> None:
    report = prove(project, mode=mode)
    assert report.verdict is Verdict.PASSED, report.findings
    assert verdicts(report) == {"out": "identical", "end.txt": "identical"}


def test_credentials_of_the_environment(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.root / ".dvc" / "config.local").unlink()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    report = prove(project, mode="isolated")
    assert report.verdict is Verdict.PASSED, report.findings


def test_wrong_credentials_are_not_a_missing_object(project: Project) -> None:
    project.dvc("remote", "modify", "-q", "--local", "store", "secret_access_key", "wrong")
    with pytest.raises(UnavailableError, match="does not answer") as caught:
        prove(project, mode="isolated")
    assert SECRET not in str(caught.value)


def test_missing_and_corrupted_objects_are_told_apart(project: Project, server: S3Server) -> None:
    client: Any = server.client()
    names = [
        item["Key"]
        for page in client.get_paginator("list_objects_v2").paginate(Bucket="data")
        for item in page["Contents"]
    ]
    kept = {}
    for name in names:
        kept[name] = client.get_object(Bucket="data", Key=name)["Body"].read()
    raw = next(name for name, content in kept.items() if content == b"raw")
    try:
        client.put_object(Bucket="data", Key=raw, Body=b"rax")
        assert "LP202" in rules(prove(project, mode="chain"))
        client.delete_object(Bucket="data", Key=raw)
        report = prove(project, mode="chain")
        assert "LP201" in rules(report)
        assert report.verdict is Verdict.FAILED
    finally:
        client.put_object(Bucket="data", Key=raw, Body=kept[raw])


def test_a_server_that_is_down_is_unavailable(project: Project) -> None:
    project.dvc("remote", "modify", "-q", "store", "endpointurl", "http://127.0.0.1:9")
    project.commit()
    with pytest.raises(UnavailableError, match="does not answer"):
        prove(project, mode="isolated")
