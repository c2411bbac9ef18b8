"""The files of two folders, side by side, without ever holding the list of all of them."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .bounds import MAX_ENTRIES
from .interface import Unreadable


@dataclass(frozen=True)
class Child:
    """A path below two folders that is a file in at least one of them."""

    path: str
    """POSIX, relative to the folders."""
    locked: Path | None
    """None where it is missing."""
    observed: Path | None


def children(locked: Path, observed: Path) -> Iterator[Child]:
    """Every file of either folder, by name, before those of the folders in it.

    Empty folders do not count, as DVC does not track them.

    Links to files count as files. Links to folders are not followed, since they may lead
    anywhere: they are children that no reader can open.

    Raises:
        Unreadable: a folder cannot be listed or has too many entries.
    """
    stack: list[tuple[str, Path | None, Path | None]] = [("", locked, observed)]
    while stack:
        prefix, left, right = stack.pop()
        ours, theirs = _entries(left), _entries(right)
        below: list[tuple[str, Path | None, Path | None]] = []
        for name in sorted({*ours, *theirs}):
            a_is_folder, b_is_folder = ours.get(name), theirs.get(name)
            a = left / name if left is not None and name in ours else None
            b = right / name if right is not None and name in theirs else None
            if a_is_folder is False or b_is_folder is False:
                yield Child(
                    prefix + name,
                    a if a_is_folder is False else None,
                    b if b_is_folder is False else None,
                )
            if a_is_folder or b_is_folder:
                below.append(
                    (f"{prefix}{name}/", a if a_is_folder else None, b if b_is_folder else None)
                )
        stack.extend(reversed(below))


def is_file(path: Path) -> bool:
    """Whether it is a regular file or a link to one: what can be opened without waiting."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _entries(folder: Path | None) -> dict[str, bool]:
    """Name -> whether it is a folder."""
    if folder is None:
        return {}
    found: dict[str, bool] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if len(found) >= MAX_ENTRIES:
                    raise Unreadable(f"a folder of more than {MAX_ENTRIES} entries")
                found[entry.name] = entry.is_dir(follow_symlinks=False)
    except OSError as error:
        raise Unreadable(f"cannot list a folder: {error.strerror or error}") from error
    return found
