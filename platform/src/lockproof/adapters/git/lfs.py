"""Git LFS: what its pointers name, read from its store in the clone; no filter is run."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from lockproof.errors import UsageError

LONGEST_POINTER = 1024
"""Bytes of a file in which LFS looks for a pointer, however long it is."""
UNFILTERED = tuple(
    word
    for setting in ("process=", "smudge=", "required=false")
    for word in ("-c", f"filter.lfs.{setting}")
)
"""For a checkout: LFS's own filter would ask a server for what it does not find."""
FETCH = "git lfs fetch"
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n"
    rb"oid sha256:([0-9a-f]{64})\nsize (0|[1-9]\d{0,18})\n"
)
_NAMES = re.compile(rb"git-lfs|hawser|git-media")


class Pointer(NamedTuple):
    """What stands in Git for a file."""

    oid: str
    """SHA-256 of its content, in hexadecimal."""
    size: int
    """Bytes."""

    @classmethod
    def read(cls, content: bytes) -> "Pointer | None":
        """The pointer that this is, as LFS writes them; None for anything else."""
        found = _POINTER.fullmatch(content)
        return cls(found[1].decode(), int(found[2])) if found else None

    @staticmethod
    def is_like(content: bytes) -> bool:
        """Whether LFS may read as a pointer what it would write otherwise.

        It takes other line ends, empty lines and older versions; and with extensions what it
        stores is not the content.
        """
        head = content[:LONGEST_POINTER]
        return bool(_NAMES.search(head)) and b"sha256:" in head

    def stored(self, common: Path) -> Path | None:
        """Its content in the clone whose Git folder is `common`; None where that is not there."""
        path = common / "lfs" / "objects" / self.oid[:2] / self.oid[2:4] / self.oid
        try:
            if not path.is_file() or path.stat().st_size != self.size:
                return None
            with path.open("rb") as file:
                sound = hashlib.file_digest(file, "sha256").hexdigest() == self.oid
            return path if sound else None
        except OSError:
            return None


def rewritten(path: str) -> str:
    """The command after which a commit has a pointer as LFS writes it, without extensions."""
    return f"git lfs pull && git add --renormalize {quote(path)} && git commit"


def lay_out(folder: Path, paths: Iterable[str], common: Path) -> Iterator[tuple[str, str]]:
    """Put content in the place of pointers in a checkout.

    Gives each path that has none here, and the command that brings it.

    Args:
        folder: the checkout.
        paths: of it, POSIX: what its attributes give to LFS.
        common: Git's folder of the clone.

    Raises:
        UsageError: it cannot be written.
    """
    real = os.path.realpath(folder)
    for path in paths:
        place = folder / path
        # Of a hostile tree, where a link stands for a folder, nothing is followed.
        if not os.path.isfile(place) or os.path.realpath(place) != os.path.join(real, path):
            continue
        with place.open("rb") as file:
            head = file.read(LONGEST_POINTER)
        pointer = Pointer.read(head)
        if pointer is None:
            if Pointer.is_like(head):
                yield path, rewritten(path)
            continue
        source = pointer.stored(common)
        if source is None:
            yield path, FETCH
            continue
        try:
            shutil.copyfile(source, place)
        except OSError as error:
            raise UsageError(f"cannot lay out {path}: {error.strerror or error}") from error
