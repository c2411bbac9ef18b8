"""The proof of a remote beside DVC's own check, and beside a bare listing, on a real S3 server.

`LOCKPROOF_BENCH_OBJECTS` sets how many objects (default 100,000), `LOCKPROOF_BENCH_PEER=0` leaves
DVC's check out, which takes long for a million.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.s3 import KEY, SECRET, S3Server, s3_server

from .timing import BIN, alternate, seconds, show

OBJECTS = int(os.environ.get("LOCKPROOF_BENCH_OBJECTS", "100000"))
DRIVER = Path(__file__).with_name("remote_proof.py")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        client: Any = running.client()
        client.create_bucket(Bucket="data")
        yield running


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, server: S3Server) -> Path:
    """A folder of many small files, added, and its cache copied to the server as it is.

    The server's own bulk upload leaves the ETags empty, so each object is proved by size alone;
    that takes as long as comparing them.
    """
    root = tmp_path_factory.mktemp("project")
    for index in range(OBJECTS):
        if index % 1000 == 0:
            folder = root / "raw" / f"{index // 1000:04}"
            folder.mkdir(parents=True)
        (folder / f"{index:07}").write_text(str(index))
    dvc = str(BIN / "dvc")
    seconds(["git", "init", "-q"], root)
    for arguments in (
        "init -q",
        "config core.analytics false",
        "remote add -d store s3://data/ml",
        f"remote modify store endpointurl {server.url}",
        f"remote modify --local store access_key_id {KEY}",
        f"remote modify --local store secret_access_key {SECRET}",
        "add -q raw",
    ):
        seconds([dvc, *arguments.split()], root, DVC_SITE_CACHE_DIR=str(root / "site"))
    server.upload(root / ".dvc" / "cache" / "files", "data/ml")
    return root


def ours(root: Path, what: str = "prove") -> float:
    return seconds([sys.executable, str(DRIVER), what, str(root)], root)


def test_beside_a_bare_listing(project: Path) -> None:
    proof, listing = alternate(lambda: ours(project), lambda: ours(project, "list"), runs=5)
    show(f"remote proof of {OBJECTS:,} objects", proof, listing, "goal 1.5; peer: bare listing")


@pytest.mark.skipif(os.environ.get("LOCKPROOF_BENCH_PEER") == "0", reason="left out by request")
def test_beside_dvc(project: Path) -> None:
    check = [str(BIN / "dvc"), "data", "status", "--not-in-remote", "--granular"]
    site = str(project / "site")
    proof, peer = alternate(
        lambda: ours(project),
        lambda: seconds(check, project, DVC_SITE_CACHE_DIR=site),
        runs=2,
    )
    show(f"remote proof of {OBJECTS:,} objects", proof, peer, "goal 0.1; peer: dvc data status")


def test_memory(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(DRIVER), "prove", str(project)],
        capture_output=True,
        text=True,
        check=True,
    )
    print(f"\npeak memory: {done.stdout.strip()} (goal: a million under 500 MB)")
    assert done.stdout.startswith(f"{OBJECTS + 1} objects")
