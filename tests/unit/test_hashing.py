"""SHA-256 of a file, worked out while something else is done."""

import hashlib
import os
import sys
import threading
from pathlib import Path

import pytest

from lockproof.adapters.hashing import Hashing
from lockproof.errors import UsageError

BLOCK = 8 << 20


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1])
def test_it_is_that_of_all_bytes(size: int, tmp_path: Path) -> None:
    content = os.urandom(size)
    (tmp_path / "model").write_bytes(content)
    with Hashing(tmp_path / "model", "a model") as hashing:
        assert hashing.sha256() == hashlib.sha256(content).hexdigest()
        assert hashing.sha256() == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("kind", ["none", "folder", "pipe"])
def test_what_is_no_file_is_said_where_it_is_asked_for(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "model"
    if kind == "folder":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    with Hashing(path, "a model") as hashing, pytest.raises(UsageError, match=str(path)):
        hashing.sha256()


def test_who_needs_it_no_longer_waits_for_no_large_file(tmp_path: Path) -> None:
    """Of a size that nobody reads to its end, and as it was afterwards."""
    path, before = tmp_path / "model", sys.getswitchinterval()
    with path.open("wb") as file:
        file.truncate(1 << 42)
    with pytest.raises(KeyboardInterrupt), Hashing(path, "a model") as hashing:
        raise KeyboardInterrupt
    with pytest.raises(AssertionError, match="asked after the end"):
        hashing.sha256()
    assert sys.getswitchinterval() == before
    assert not [thread for thread in threading.enumerate() if thread.name == "hashing"]
