"""Fetching many small objects from an S3 server that has a bad day, or by a run that is killed.

The server is real; what throttles is a proxy in front of it, a stand-in for a store that is asked
too much.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lockproof.model.verdict import Verdict

from .fault_proxy import FaultProxy, fault_proxy
from .pipelines import Project, copy_of, new_project, prove
from .s3 import KEY, SECRET, s3_server

pytestmark = [pytest.mark.s3, pytest.mark.xdist_group("s3")]

FILES = 40
YAML = """\
stages:
  join:
    cmd: cat raw/* > end.txt
    deps: [raw]
    outs: [end.txt]
"""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server, fault_proxy(server.url) as running:
        running.server = server  # type: ignore[attr-defined]
        yield running


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, proxy: FaultProxy) -> Project:
    server = proxy.server  # type: ignore[attr-defined]
    client: Any = server.client()
    client.create_bucket(Bucket="data")
    project = new_project(tmp_path_factory.mktemp("project"))
    project.dvc("remote", "add", "-q", "-d", "-f", "store", "s3://data/ml")
    project.dvc("remote", "modify", "-q", "store", "endpointurl", server.url)
    project.dvc("remote", "modify", "-q", "--local", "store", "access_key_id", KEY)
    project.dvc("remote", "modify", "-q", "--local", "store", "secret_access_key", SECRET)
    project.write({f"raw/{number:03}": f"content {number}\n" for number in range(FILES)})
    project.write({"dvc.yaml": YAML})
    project.dvc("add", "-q", "raw")
    project.repro()
    project.dvc("remote", "modify", "-q", "--local", "store", "endpointurl", proxy.url)
    return project


@pytest.fixture
def project(
    original: Project, proxy: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    """A clone with an empty cache, and no earlier run on this machine."""
    monkeypatch.setenv("LOCKPROOF_CACHE_DIR", str(tmp_path / "lockproof-cache"))
    copied = copy_of(original, tmp_path)
    for path in (copied.root / ".dvc" / "cache" / "files").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.unlink()
    proxy.requests.clear()
    proxy.injected.clear()
    yield copied
    proxy.never()


def objects(proxy: FaultProxy) -> list[str]:
    """What was asked for by content, in the order of asking."""
    return [
        path.split("?")[0] for verb, path in proxy.requests if verb == "GET" and "/md5/" in path
    ]


@pytest.mark.parametrize("fault", ["503 SlowDown", "429"])
def test_a_store_that_refuses_a_third_of_requests_costs_no_verdict(
    project: Project, proxy: FaultProxy, fault: str
) -> None:
    proxy.mostly(1 / 3, fault, seed=17)
    report = prove(project)
    assert report.verdict is Verdict.PASSED, report.findings
    assert proxy.injected[fault] > FILES / 6
    assert len(set(objects(proxy))) >= FILES


def test_an_answer_that_was_cut_on_the_way_is_no_corrupted_object(
    project: Project, proxy: FaultProxy
) -> None:
    """Half of a body that says of itself that it is whole: only its digest tells."""
    fault = "half of the body, unseen"
    proxy.always(fault, times=1, method="GET", path="/md5/", after=FILES // 2)
    report = prove(project)
    assert proxy.injected[fault] == 1
    assert report.verdict is Verdict.PASSED, report.findings


def test_a_run_that_is_killed_is_taken_up_where_it_was(project: Project, proxy: FaultProxy) -> None:
    came, go_on = threading.Event(), threading.Event()
    lock, seen = threading.Lock(), [0]

    def hold(verb: str, path: str) -> None:
        """Let half of the objects through, and keep the others waiting."""
        with lock:
            seen[0] += verb == "GET" and "/md5/" in path
            late = seen[0] > FILES / 2
        if late:
            came.set()
            go_on.wait(600)

    proxy.choose(hold)
    argv = [str(Path(sys.executable).with_name("lockproof")), "reproduce"]
    with subprocess.Popen(
        argv, cwd=project.root, env={**os.environ, "CI": "true"}, stderr=subprocess.PIPE
    ) as first:
        assert came.wait(600)
        first.send_signal(signal.SIGKILL)
        first.communicate(timeout=100)
    go_on.set()
    proxy.never()
    before = len(objects(proxy))
    report = prove(project)
    assert report.verdict is Verdict.PASSED, report.findings
    again = objects(proxy)[before:]
    assert 0 < len(set(again)) < FILES * 3 / 4
