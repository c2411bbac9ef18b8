"""What stands for the state of folders: a digest that changes when anything in them does.

As Git's index does, it takes size, inode, mode and times in place of content: no program can
change a file and keep its change time, short of setting the clock back. Standard library only, for
it also runs as a program (`folders.state_elsewhere`).
"""

import hashlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator


def state_of(places: Iterable[str]) -> str:
    """SHA-256 over everything at and below these paths; what is absent counts as that.

    About 8 microseconds a file. What cannot be looked at (a folder of root's) counts by name, as
    a stage cannot look at it either.
    """
    digest = hashlib.sha256()
    for place in sorted(set(places)):
        for path, info in _below(os.path.realpath(place)):
            said = "absent" if info is None else _said(info)
            digest.update(os.fsencode(f"{path}\0{said}\n"))
    return digest.hexdigest()


def content_of(folder: str) -> str:
    """SHA-256 over names, modes, link targets and content of everything below a folder.

    Raises:
        OSError: something in it cannot be read.
    """
    digest = hashlib.sha256()
    for path, info in _below(folder):
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


def _below(place: str) -> Iterator[tuple[str, os.stat_result | None]]:
    try:
        info = os.lstat(place)
    except OSError:
        yield place, None
        return
    yield place, info
    folders = [place] if stat.S_ISDIR(info.st_mode) else []
    while folders:
        try:
            with os.scandir(folders.pop()) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            yield entry.path, entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)


if __name__ == "__main__":
    sys.stdout.write(state_of(filter(None, os.fsdecode(sys.stdin.buffer.read()).split("\0"))))
