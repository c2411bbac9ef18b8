"""What stands for the state of folders: a digest that changes when anything in them does.

As Git's index does, it takes size, inode, mode and times in place of content: no program can
change a file and keep its change time, short of setting the clock back.
"""

import hashlib
import os
import shutil
import stat
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from io import BufferedReader

from lockproof.errors import LockproofError

_FOLDER = r"%p\0%m %U %G\0"  # Its entries are listed.
_OTHER = r"%p\0%y %m %U %G %s %i %T@ %C@\0"


class UnlistedError(OSError):
    """A folder can be entered and not listed, so that nobody knows what is found there by name."""

    def __init__(self, folder: str) -> None:
        """Say which."""
        super().__init__(f"{folder} can be entered and not listed")


def state_of(places: Iterable[str]) -> str:
    """SHA-256 over everything at and below these paths; what is absent counts as that.

    Where GNU find is there, it looks, at half the time: about 6 microseconds a file, nearly all of
    them the kernel's. What cannot be looked at (a folder of root's) counts by name, as a stage
    cannot look at it either.

    Raises:
        UnlistedError: a folder can be entered and not listed.
        LockproofError: `find` was ended from outside.
    """
    real = {place: os.path.realpath(place) for place in places}
    digest = hashlib.sha256()
    for place, target in sorted(real.items()):
        digest.update(os.fsencode(f"{place}\0{target}\0"))
    roots = _outermost(real.values())
    find = _gnu_find()
    if find is None:
        for root in roots:
            for path, info in _below(root):
                digest.update(os.fsencode(f"{path}\0{'absent' if info is None else _said(info)}\0"))
    elif roots:
        digest.update(_found(find, roots))
    return digest.hexdigest()


def content_of(folder: str) -> str:
    """SHA-256 over names, modes, link targets and content of everything below a folder.

    Raises:
        OSError: something in it cannot be read.
    """
    digest = hashlib.sha256()
    for path, info in _below(folder, whole=True):
        name = os.path.relpath(path, folder)
        assert info is not None
        digest.update(os.fsencode(f"{name}\0{stat.S_IFMT(info.st_mode)} {info.st_mode & 0o777}\0"))
        if stat.S_ISLNK(info.st_mode):
            digest.update(os.fsencode(f"{os.readlink(path)}\0"))  # It may hold line ends.
        elif stat.S_ISREG(info.st_mode):
            with open(path, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        digest.update(b"\n")
    return digest.hexdigest()


def _said(info: os.stat_result) -> str:
    if stat.S_ISDIR(info.st_mode):
        return f"{info.st_mode:o} {info.st_uid} {info.st_gid}"  # Its entries are listed.
    return (
        f"{info.st_mode:o} {info.st_uid} {info.st_gid} {info.st_size} {info.st_ino}"
        f" {info.st_mtime_ns} {info.st_ctime_ns}"
    )


def _below(place: str, *, whole: bool = False) -> Iterator[tuple[str, os.stat_result | None]]:
    try:
        info = os.lstat(place)
    except OSError:
        yield place, None
        return
    yield place, info
    folders = [place] if stat.S_ISDIR(info.st_mode) else []
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            if whole:
                raise
            if os.access(folder, os.X_OK):
                raise UnlistedError(folder) from None
            continue
        for entry in entries:
            try:
                yield entry.path, entry.stat(follow_symlinks=False)
            except OSError:  # It can be listed and not entered.
                if whole:
                    raise
                yield entry.path, None
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)


def _outermost(paths: Iterable[str]) -> list[str]:
    """Real paths less those that a walk of another one comes to, in order."""
    kept: list[str] = []
    for path in sorted(set(paths), key=lambda path: path.split(os.sep)):
        if not (kept and _is_reached(path, kept[-1])):
            kept.append(path)
    return kept


def _is_reached(path: str, root: str) -> bool:
    """Whether whoever lists every folder from a root on finds a path; not below a closed one."""
    if os.path.commonpath([root, path]) != root:
        return False
    while path != root:
        path = os.path.dirname(path)
        if not os.access(path, os.R_OK | os.X_OK):
            return False
    return True


@cache
def _gnu_find() -> str | None:
    """`find`, where it has `-printf`."""
    find = shutil.which("find")
    with suppress(OSError):
        if find and b"GNU" in subprocess.run([find, "--version"], capture_output=True).stdout:
            return find
    return None


def _found(find: str, roots: list[str]) -> bytes:
    argv = [find, *roots, "-type", "d", "-printf", _FOLDER, "-o", "-printf", _OTHER]
    with subprocess.Popen(
        argv,
        env={"LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert isinstance(process.stdout, BufferedReader)
        found = hashlib.file_digest(process.stdout, "sha256").digest()
    if process.returncode not in (0, 1):  # 1: something is absent, or closed to us.
        raise LockproofError("find, which looks at the environment's files, was ended")
    if process.returncode == 1:
        asked = [find, *roots, "-type", "d", "-executable", "!", "-readable", "-print0", "-quit"]
        closed = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True).stdout
        if closed:
            raise UnlistedError(os.fsdecode(closed.rstrip(b"\0")))
    return found
