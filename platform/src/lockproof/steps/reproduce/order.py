"""The order in which a folder lists its entries: a file system's own business, which may differ."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from lockproof.adapters.scratch import temporary_folder

_MOST = 100_000
"""More entries than this are not put in another order: it would take too long."""


def listed(folder: Path) -> list[str]:
    """Names in the order in which the file system gives them."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def can_reverse(base: Path) -> bool:
    """Whether folders below `base` list their entries in an order that can be chosen."""
    try:
        with temporary_folder(base) as scratch:
            folder = scratch / "folder"
            folder.mkdir()
            for number in range(6):
                (folder / str(number)).touch()
            wanted = listed(folder)[::-1]
            return _arrange(folder, wanted, scratch / "aside")
    except OSError:
        return False


def disarrange(folder: Path, reference: Path) -> int:
    """List every folder of a checkout in the reverse of the order that `reference` has.

    Args:
        folder: the Git root of a checkout, where `can_reverse`.
        reference: the Git root of another with the same files, wherever it lies.

    Returns:
        How many folders list their entries in another order than in the reference.
    """
    aside, changed, seen = folder.with_suffix(".order"), 0, 0
    for place in list(_folders(folder)):
        names = listed(place)
        seen += len(names)
        if len(names) < 2 or seen > _MOST:
            continue
        other = reference / place.relative_to(folder)
        theirs = [n for n in listed(other) if n in set(names)] if other.is_dir() else []
        known = set(theirs)
        before = [*theirs, *(n for n in names if n not in known)]
        _arrange(place, before[::-1], aside)
        changed += [n for n in listed(place) if n in known] != theirs
    return changed


def _folders(top: Path) -> Iterator[Path]:
    for place, names, _ in os.walk(top):
        names[:] = [name for name in names if name != ".git"]
        yield Path(place)


def _arrange(folder: Path, wanted: Sequence[str], aside: Path) -> bool:
    """Have a folder list its entries in this order, by taking them all out and in again."""
    for names in (wanted[::-1], wanted):  # Most list the newest first, some the oldest.
        if listed(folder) == list(wanted):
            break
        aside.mkdir()
        for name in names:
            os.rename(folder / name, aside / name)
        for name in names:
            os.rename(aside / name, folder / name)
        aside.rmdir()
    return listed(folder) == list(wanted)
