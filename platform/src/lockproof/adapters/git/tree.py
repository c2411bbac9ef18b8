"""Files of a work tree or of a commit, by their path from the Git root."""

import os
import stat
from collections.abc import Collection, Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .snapshot import Snapshot

_SKIPPED = frozenset({"node_modules", "__pycache__"})
_LARGEST = 16 << 20
"""Bytes; what is larger is no manifest and no file that one is made of."""


class Tree(Protocol):
    """Files that stand still while they are looked at."""

    @property
    def unlisted(self) -> Collection[str]:
        """Folders that `walk` came to and that cannot be listed."""
        ...

    def read(self, path: str) -> bytes | None:
        """Content; None where there is no such file."""
        ...

    def is_folder(self, path: str) -> bool:
        """Whether there is such a folder."""
        ...

    def has_link(self, path: str) -> bool:
        """Whether a link on the way to a path is followed."""
        ...

    def walk(self, path: str) -> Iterator[str]:
        """Every file below a folder, or the file itself, in order of path."""
        ...


class FolderTree:
    """The files of a folder as they are now."""

    def __init__(self, root: Path) -> None:
        """Paths are relative to `root`; nothing outside it is read, not even by a link."""
        self.root = Path(os.path.realpath(root))
        self._read: dict[str, bytes | None] = {}
        self._folders: dict[str, str] = {}
        self.unlisted: set[str] = set()

    def read(self, path: str) -> bytes | None:
        """Content; None where there is no such file, or it leads out of the folder."""
        if path not in self._read:
            self._read[path] = self._load(path)
        return self._read[path]

    def _load(self, path: str) -> bytes | None:
        full = self._inside(path)
        try:
            if full is None:
                return None
            stated = os.stat(full)
            if stated.st_size > _LARGEST or not stat.S_ISREG(stated.st_mode):
                return None
            with open(full, "rb") as file:
                return file.read()
        except OSError:
            return None

    def _inside(self, path: str) -> str | None:
        root = str(self.root)
        try:
            full = self._real(os.path.join(root, path))
        except ValueError:  # A NUL, or what is no text of a file system.
            return None
        return full if full == root or full.startswith(root.rstrip("/") + "/") else None

    def _real(self, path: str) -> str:
        """`os.path.realpath`, which looks at every folder on the way, once for each folder."""
        folder, name = os.path.split(path)
        if name in ("", ".", ".."):
            return os.path.realpath(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        full = os.path.join(self._folders[folder], name)
        try:
            is_link = stat.S_ISLNK(os.lstat(full).st_mode)
        except OSError:  # Not there, or not to be seen.
            is_link = False
        return os.path.realpath(full) if is_link else full

    def is_folder(self, path: str) -> bool:
        """Whether there is such a folder."""
        full = self._inside(path)
        return full is not None and os.path.isdir(full)

    def has_link(self, path: str) -> bool:
        """Whether a link on the way to a path is followed."""
        full = self._inside(path)
        return full is not None and full != os.path.normpath(self.root / path)

    def walk(self, path: str) -> Iterator[str]:
        """Every file below a folder, or the file itself; hidden folders are left out."""
        full = self._inside(path)
        if full is None:
            return
        if os.path.isfile(full):
            yield path
            return
        above = len(os.path.join(self.root, ""))

        def keep(error: OSError) -> None:
            self.unlisted.add(os.fsdecode(error.filename)[above:] or ".")

        for folder, names, files in os.walk(full, onerror=keep):
            names[:] = sorted(n for n in names if not n.startswith(".") and n not in _SKIPPED)
            for name in sorted(files):
                yield os.path.join(folder, name)[above:]


class SnapshotTree:
    """The files of a commit or of the index, read from Git's object store."""

    unlisted = frozenset[str]()

    def __init__(self, snapshot: "Snapshot") -> None:
        """Nothing of the work tree is looked at, and no link is followed."""
        self.snapshot = snapshot

    @cached_property
    def _sizes(self) -> dict[str, int]:
        return self.snapshot.sizes(self.snapshot.entries)

    def read(self, path: str) -> bytes | None:
        """Content; None where there is no such file, or it is too large for a manifest."""
        return self.snapshot.read(path) if self._is_readable(path) else None

    def load(self, paths: Iterable[str]) -> None:
        """Read many files at once, so that `read` finds them."""
        self.snapshot.load(path for path in paths if self._is_readable(path))

    def _is_readable(self, path: str) -> bool:
        return self._sizes.get(path, _LARGEST + 1) <= _LARGEST

    def is_folder(self, path: str) -> bool:
        """Whether there are files below this path."""
        return _bare(path) in self.snapshot.folders

    def has_link(self, path: str) -> bool:
        """No: none is followed."""
        return False

    def walk(self, path: str) -> Iterator[str]:
        """Every file below a folder, or the file itself; hidden folders are left out."""
        entry = self.snapshot.entries.get(path)
        if entry is not None:
            yield path
            return
        prefix = f"{_bare(path)}/" if _bare(path) else ""
        for name in sorted(self.snapshot.entries):
            folders = name.removeprefix(prefix).split("/")[:-1]
            if name.startswith(prefix) and not any(
                part.startswith(".") or part in _SKIPPED for part in folders
            ):
                yield name


def _bare(path: str) -> str:
    return "" if path == "." else path


def excluded(path: str, globs: tuple[str, ...]) -> bool:
    """Whether a path matches one of the globs; `*` also matches `/`."""
    return any(fnmatchcase(path, glob) for glob in globs)
