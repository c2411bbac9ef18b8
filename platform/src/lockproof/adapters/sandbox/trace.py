"""What a command read and wrote in a folder, seen from the file system's own marks.

Reads show in access times: Linux updates an access time that lies before the modification time
even under `relatime`. Where the file system keeps no access times, reads are not known.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lockproof.adapters.patience import patience

_SKIPPED = {".git", "__pycache__"}
_DVC_OWN = (".dvc/tmp", ".dvc/cache", ".dvc/config.local")
_LONG_AGO = 1_000_000_000
_MAX_FILES = 200_000


class Mark(NamedTuple):
    """What changes when a file is written: size, times and inode."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True)
class Traced:
    """Paths below the folder, POSIX and sorted."""

    read: tuple[str, ...]
    written: tuple[str, ...]
    """Files that are new or changed, and folders that are so and that nobody can list."""
    reads_known: bool


class Trace:
    """Watches one folder from `start` to `stop`; whoever reads it in between is traced too."""

    def __init__(self, root: Path, among: Sequence[str] | None = None) -> None:
        """Mark every file below `root`, or those `among` them, as not read; remember its state."""
        self.root = root
        self.among = among
        self.before: dict[str, Mark] = {}
        self.reads_known = _keeps_access_times(root)
        for path, info in self._files():
            if len(self.before) >= _MAX_FILES or stat.S_ISDIR(info.st_mode):
                self.reads_known = False
            if self.reads_known:
                try:
                    os.utime(root / path, ns=(_LONG_AGO, info.st_mtime_ns))
                    info = os.stat(root / path)
                except OSError:  # Somebody else's file, in a work tree.
                    self.reads_known = False
            self.before[path] = _mark(info)

    def _files(self) -> Iterator[tuple[str, os.stat_result]]:
        return _files(self.root) if self.among is None else _named(self.root, self.among)

    def stop(self) -> Traced:
        """What was read and written since."""
        read, written = [], []
        for path, info in self._files():
            old = self.before.get(path)
            if old != _mark(info):
                written.append(path)
            if old and self.reads_known and info.st_atime_ns != _LONG_AGO:
                read.append(path)
        return Traced(tuple(sorted(read)), tuple(sorted(written)), self.reads_known)


def _files(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    folders = [""]
    asked = patience()
    while folders:
        asked.check()
        folder = folders.pop()
        try:
            entries = list(os.scandir(root / folder))
        except OSError:
            with suppress(OSError):  # What is in it is found by name all the same.
                yield folder, os.lstat(root / folder)
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.name in _SKIPPED or path.startswith(_DVC_OWN):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(path)
            elif entry.is_file(follow_symlinks=False) and not path.endswith(".pyc"):
                yield path, entry.stat(follow_symlinks=False)


def _named(root: Path, paths: Sequence[str]) -> Iterator[tuple[str, os.stat_result]]:
    for path in paths:
        with suppress(OSError):
            info = os.lstat(root / path)
            if stat.S_ISREG(info.st_mode):
                yield path, info


def _mark(info: os.stat_result) -> Mark:
    return Mark(info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino)


def _keeps_access_times(root: Path) -> bool:
    probe = root / ".lockproof-probe"
    try:
        probe.write_bytes(b"x")
        os.utime(probe, ns=(_LONG_AGO, probe.stat().st_mtime_ns))
        probe.read_bytes()
        return probe.stat().st_atime_ns != _LONG_AGO
    except OSError:
        return False
    finally:
        probe.unlink(missing_ok=True)
