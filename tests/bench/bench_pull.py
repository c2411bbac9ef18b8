"""Pulling one directory of very many files beside `dvc fetch`, from a folder remote.

`LOCKPROOF_BENCH_OBJECTS` sets how many entries its listing has (default 100,000),
`LOCKPROOF_BENCH_DISTINCT` how many of them have content of their own (default: all),
`LOCKPROOF_BENCH_PEER=0` leaves DVC out, which takes long for a million.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .timing import BIN, cost, fresh

ENTRIES = int(os.environ.get("LOCKPROOF_BENCH_OBJECTS", "100000"))
DISTINCT = int(os.environ.get("LOCKPROOF_BENCH_DISTINCT", str(ENTRIES)))
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
