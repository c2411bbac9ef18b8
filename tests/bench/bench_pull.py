"""Pulling one directory of very many files beside `dvc fetch`, from a folder remote; and 10,000
beside `dvc pull`, from a real S3 server.

`LOCKPROOF_BENCH_OBJECTS` sets how many entries its listing has (default 100,000),
`LOCKPROOF_BENCH_DISTINCT` how many of them have content of their own (default: all),
`LOCKPROOF_BENCH_PEER=0` leaves DVC out, which takes long for a million;
`LOCKPROOF_BENCH_S3_OBJECTS` and `LOCKPROOF_BENCH_RUNS` are for the server (10,000, and 3 in turn).
"""

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.s3 import KEY, SECRET, S3Server, s3_server

from .timing import BIN, Cost, cost, fresh

ENTRIES = int(os.environ.get("LOCKPROOF_BENCH_OBJECTS", "100000"))
DISTINCT = int(os.environ.get("LOCKPROOF_BENCH_DISTINCT", str(ENTRIES)))
S3_OBJECTS = int(os.environ.get("LOCKPROOF_BENCH_S3_OBJECTS", "10000"))
RUNS = int(os.environ.get("LOCKPROOF_BENCH_RUNS", "3"))
DRIVER = Path(__file__).with_name("pull_objects.py")


def object_of(remote: Path, content: bytes, suffix: str = "") -> str:
    """Put an object into a folder remote, as DVC lays it out; its digest."""
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    folder = remote / "files" / "md5" / digest[:2]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{digest[2:]}{suffix}").write_bytes(content)
    return f"{digest}{suffix}"


def large_directory(base: Path, entries: int, distinct: int) -> Path:
    """A project that tracks one directory, whose objects are in a folder remote alone."""
    root, remote = base / "project", base / "remote"
    root.mkdir(parents=True)
    digests = [object_of(remote, b"%d\n" % number) for number in range(distinct)]
    listing = [
        {"md5": digests[n % distinct], "relpath": f"{n // 1000:04}/{n:07}"} for n in range(entries)
    ]
    name = object_of(remote, json.dumps(listing, sort_keys=True).encode(), ".dir")
    (root / "raw.dvc").write_text(
        f"outs:\n- md5: {name}\n  nfiles: {entries}\n  hash: md5\n  path: raw\n"
    )
    for argv in (["git", "init", "-q"], [BIN / "dvc", "init", "-q"],
                 [BIN / "dvc", "remote", "add", "-d", "store", remote]):  # fmt: skip
        cost([str(word) for word in argv], root)
    return root


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return large_directory(tmp_path_factory.mktemp("large"), ENTRIES, DISTINCT)


def test_pull(project: Path, tmp_path: Path) -> None:
    argv = [sys.executable, str(DRIVER), str(project), str(tmp_path / "scratch")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    print(f"\npull of {ENTRIES:,} entries: {done.stdout.strip()} (goal: a million under 500 MB)")
    assert done.stdout.startswith(f"{DISTINCT + 1} objects")


@pytest.mark.skipif(os.environ.get("LOCKPROOF_BENCH_PEER") == "0", reason="left out by request")
def test_beside_dvc(project: Path, tmp_path: Path) -> None:
    ours = cost([sys.executable, str(DRIVER), str(project), str(fresh(tmp_path / "ours"))], project)
    peer = cost([str(BIN / "dvc"), "fetch", "-q"], project, DVC_SITE_CACHE_DIR=str(tmp_path / "s"))
    for name, mine, theirs in zip(ours._fields, ours, peer, strict=True):
        print(f"\npull, {name}: {mine:.1f} s, dvc fetch {theirs:.1f} s (goal: no slower)")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        client: Any = running.client()
        client.create_bucket(Bucket="data")
        yield running


@pytest.mark.s3
def test_beside_dvc_pull(server: S3Server, tmp_path: Path) -> None:
    """To files in the work tree, from nothing; then ours once more, where half is there already."""
    root = large_directory(tmp_path, S3_OBJECTS, S3_OBJECTS)
    server.upload(tmp_path / "remote" / "files", "data/ml")
    site, scratch, raw = tmp_path / "site", tmp_path / "scratch", root / "raw"
    for words in (
        "config core.analytics false",
        "remote modify store url s3://data/ml",
        f"remote modify store endpointurl {server.url}",
        f"remote modify --local store access_key_id {KEY}",
        f"remote modify --local store secret_access_key {SECRET}",
    ):
        cost([str(BIN / "dvc"), *words.split()], root)
    ours = [sys.executable, str(DRIVER), str(root), str(scratch)]
    laid = tmp_path / "laid"
    costs: list[tuple[Cost, Cost]] = []
    for _ in range(RUNS):
        for old in (scratch, laid, site, root / ".dvc" / "cache", raw):
            shutil.rmtree(old, ignore_errors=True)
        mine = cost([*ours, str(laid)], root)
        theirs = cost([str(BIN / "dvc"), "pull", "-q"], root, DVC_SITE_CACHE_DIR=str(site))
        costs.append((mine, theirs))
        assert len(list(raw.rglob("*"))) == len(list(laid.rglob("*")))
    for number, name in enumerate(Cost._fields):
        own, peer = (statistics.median(pair[which][number] for pair in costs) for which in (0, 1))
        print(f"\npull of {S3_OBJECTS:,}, {name}: {own:.1f} s, dvc pull {peer:.1f} s (no slower)")
    objects = sorted(path for path in (scratch / "files").rglob("*") if path.is_file())
    for path in objects[::2]:
        path.unlink()
    taken = cost(ours, root).cpu
    done = subprocess.run(ours, capture_output=True, text=True, check=True)
    print(f"\nresumed with half of them: {taken:.1f} s; with all: {done.stdout.strip()}")
