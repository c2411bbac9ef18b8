"""What a stage may leave where an output should be, and nobody should try to hash."""

import os
import stat
from pathlib import Path

from lockproof.adapters.patience import CalledOff, patience
from lockproof.errors import UsageError

_MOST_ENTRIES = 10_000_000
_MOST_HOLES = 16 << 30
"""Bytes of a file, or of all files of a folder, that are read and stored nowhere."""
_MOST_EXTENTS = 10_000


class OddError(UsageError):
    """A path that cannot be hashed, or not in any reasonable time; says why."""


def refuse_odd(full: Path, path: str, within: Path | None) -> None:
    """Look at a path, and at all below it, without opening anything that could be waited for.

    Args:
        full: the path.
        path: what errors call it.
        within: the folder that no link may lead out of, resolved; None where links may.

    Raises:
        OddError: there is a pipe, a socket or a device, or a link that leads out or nowhere;
            what cannot be listed; files with holes of many GiB; too many entries.
    """
    try:
        _Look(path, within).at(full)
    except CalledOff as error:
        raise OddError(f"reading {path} was given up: {error}") from error
    except OSError as error:
        raise OddError(f"cannot read {path}: {error.strerror or error}") from error


class _Look:
    def __init__(self, path: str, within: Path | None) -> None:
        self.path, self.within = path, within
        self.patience = patience()
        self.holes = 0

    def at(self, full: Path) -> None:
        if full.is_symlink():
            self._link(str(full), self.path)
        mode = full.stat().st_mode
        if stat.S_ISREG(mode):
            self._file(str(full), full.stat())
        elif stat.S_ISDIR(mode):
            self._folder(str(full))
        else:
            raise OddError(f"{self.path} is neither a file nor a folder")

    def _folder(self, full: str) -> None:
        folders, count = [full], 0
        while folders:
            self.patience.check()
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    count += 1
                    if count > _MOST_ENTRIES:
                        raise OddError(f"{self.path} holds more than {_MOST_ENTRIES} entries")
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif entry.is_symlink():
                        self._link(entry.path, f"{self.path} holds {entry.name}, which")
                    elif entry.is_file(follow_symlinks=False):
                        self._file(entry.path, entry.stat(follow_symlinks=False))
                    else:
                        raise OddError(f"{self.path} holds {entry.name}, which is no regular file")

    def _link(self, full: str, what: str) -> None:
        if self.within is None:
            return
        real = os.path.realpath(full)
        if real != str(self.within) and not real.startswith(f"{self.within}{os.sep}"):
            raise OddError(f"{what} is a link that leads out of the checkout")
        if not os.path.exists(full):
            raise OddError(f"{what} is a link that leads nowhere")

    def _file(self, full: str, seen: os.stat_result) -> None:
        if seen.st_size - seen.st_blocks * 512 <= 1 << 20:
            return
        self.holes += _holes(full, seen.st_size)
        if self.holes > _MOST_HOLES:
            raise OddError(
                f"{self.path} is sparse: {self.holes >> 30} GiB of it are holes, which would be"
                " read as zeros"
            )


def _holes(full: str, size: int) -> int:
    """Bytes of a file that no block stands for; a file system that compresses has none."""
    data = at = 0
    with open(full, "rb", buffering=0) as file:
        for _ in range(_MOST_EXTENTS):
            try:
                start = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                return size - data  # No more data.
            at = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            data += at - start
    return at - data
