"""What is in an output that DVC's object of it does not hold: nobody who pulls it has it."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from lockproof.adapters.patience import patience

_MOST = 5


def unkept(full: Path, path: str) -> tuple[str, ...]:
    """Empty folders, links, and programs in folders, at most five, named in an order of their own.

    Args:
        full: the output.
        path: what it is called.
    """
    found: list[str] = []
    if full.is_symlink():
        found.append(f"the link {path}")
    if full.is_dir():
        for name in _below(str(full), path):
            found.append(name)
            if len(found) == _MOST:
                break
    return tuple(found)


def _below(full: str, path: str) -> Iterator[str]:
    folders = [(full, path)]
    while folders:
        patience().check()
        folder, name = folders.pop()
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name, reverse=True)
        if not listed and folder != full:
            yield f"the empty folder {name}"
        for entry in listed:
            at = f"{name}/{entry.name}"
            if entry.is_symlink():
                yield f"the link {at}"
            elif entry.is_dir():
                folders.append((entry.path, at))
            elif entry.stat().st_mode & stat.S_IXUSR:
                yield f"the permission to execute {at}"
