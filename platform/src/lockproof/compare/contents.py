"""What two contents of one output have in common, apart from what is known to differ."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from lockproof.model.digest import Digest
from lockproof.model.line_ends import in_windows_form


@dataclass(frozen=True)
class Parts:
    """Files of a folder that differ; paths from there, sorted."""

    byte_code: tuple[str, ...]
    """What Python compiled."""
    only_locked: tuple[str, ...]
    """Of the rest, those that only the lock has."""
    changed: tuple[str, ...]
    """Of the rest, those that both have."""
    others: tuple[str, ...]
    """All of the rest."""


def split_listing(locked: Mapping[str, str], made: Mapping[str, str]) -> Parts:
    """Sort the differences of two folders: path -> digest in the lock, and as made."""
    differing = sorted(n for n in {*locked, *made} if locked.get(n) != made.get(n))
    rest = tuple(name for name in differing if not _is_byte_code(name))
    return Parts(
        byte_code=tuple(name for name in differing if _is_byte_code(name)),
        only_locked=tuple(name for name in rest if name not in made),
        changed=tuple(name for name in rest if name in made and name in locked),
        others=rest,
    )


def _is_byte_code(name: str) -> bool:
    return "__pycache__" in name.split("/") or name.endswith(".pyc")


def from_windows(content: bytes, locked: Digest | None) -> bool:
    """Whether a locked MD5 is that of the same text with the line endings of Windows."""
    form = in_windows_form(content)
    if form is None or locked is None or locked.algorithm != "md5":
        return False
    return hashlib.md5(form, usedforsecurity=False).hexdigest() == locked.value


def only_paths_differ(made: bytes, locked: bytes, root: bytes) -> str | None:
    """The place that stands in `locked` wherever `made` has `root`, where that is all that differs.

    Returns:
        None where something else differs, or the same place stands in both.
    """
    count = made.count(root)
    length, odd = divmod(len(locked) - len(made), count) if count else (0, 1)
    length += len(root)
    start = made.find(root)
    place = locked[start : start + length]
    if odd or length < 2 or not place.startswith(b"/") or place == root:
        return None
    return place.decode("utf-8", "replace") if made.replace(root, place) == locked else None
