"""The gate on a good repository and on single mutations of it: one rule each, alone, exit 1."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lockproof.cli.main import main

from .good_project import move_to
from .mutations_gate import MUTATIONS, ON_S3, Mutation
from .pipelines import Project, copy_of
from .remotes import Bucket, Folder, Remote
from .s3 import s3_server


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        client: Any = server.client()
        client.create_bucket(Bucket="data")
        yield Bucket(server, "data", "good")


@pytest.fixture(scope="module")
def good_on_s3(good: Project, bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = copy_of(good, tmp_path_factory.mktemp("good-s3"))
    move_to(project, bucket)
    return project


def gated(project: Project, remote: Remote, *asked: str) -> tuple[int, dict[str, Any]]:
    """Exit code and report; everything must be as it was, the remote byte for byte."""
    before = project.state(), remote.state()
    file = project.root.parent / "report.json"
    code = main(["-C", str(project.root), "gate", *asked, "--output", str(file)])
    assert (project.state(), remote.state()) == before
    report: dict[str, Any] = json.loads(file.read_text())
    return code, report


def found(report: dict[str, Any]) -> set[str]:
    return {f["rule"] for f in report["findings"]}


def test_of_a_good_repository_nothing_is_said(good: Project) -> None:
    for asked in ((), ("--base", "base"), ("--staged",), ("--pr", "--base", "base"), ("--deep",)):
        code, report = gated(good, Folder(good.remote), *asked)
        assert (code, report["findings"]) == (0, []), asked
    assert {c["name"]: c["verdict"] for c in report["checks"]} == {
        **dict.fromkeys(("lock", "remote", "git", "record", "metrics", "manifests"), "passed"),
        "reproduction": "inconclusive",
        "policy": "passed",
    }


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: f"{m.rule} {m.name}")
def test_one_rule_alone_catches(mutation: Mutation, good: Project, tmp_path: Path) -> None:
    if mutation.needs and importlib.util.find_spec(mutation.needs) is None:
        pytest.skip(f"{mutation.needs} is not installed")
    project = copy_of(good, tmp_path)
    remote = Folder(project.remote)
    mutation.apply(project, remote)
    code, report = gated(project, remote, *mutation.asked)
    assert found(report) == {mutation.rule}, [f["message"] for f in report["findings"]]
    assert code == 1


@pytest.mark.s3
@pytest.mark.xdist_group("remote")
class TestOnS3:
    def test_of_a_good_repository_nothing_is_said(
        self, good_on_s3: Project, bucket: Bucket
    ) -> None:
        code, report = gated(good_on_s3, bucket)
        assert (code, report["findings"]) == (0, [])
        (check,) = (c for c in report["checks"] if c["name"] == "remote")
        assert check["summary"] == "by ETag: 7, by reading: 2"

    @pytest.mark.parametrize("mutation", ON_S3, ids=lambda m: f"{m.rule} {m.name}")
    def test_one_rule_alone_catches(
        self, mutation: Mutation, good_on_s3: Project, bucket: Bucket, tmp_path: Path
    ) -> None:
        project = copy_of(good_on_s3, tmp_path)
        objects = bucket.contents()
        try:
            mutation.apply(project, bucket)
            code, report = gated(project, bucket, *mutation.asked)
        finally:
            bucket.fill(objects)
        assert found(report) == {mutation.rule}, [f["message"] for f in report["findings"]]
        assert code == 1
