"""Paths of a commit, and what it has at them."""

import re
from collections.abc import Mapping
from pathlib import PurePath
from posixpath import normpath

_NOT_NORMAL = re.compile(r"//|(?:^|/)\.(?:/|$)|/$")


def blob_in(tree: Mapping[str, str], path: str) -> str | None:
    """What names the content of a path in `GitRepository.tree`; None: not tracked."""
    place = PurePath(path).as_posix() if _NOT_NORMAL.search(path) else path
    oid = tree.get(place)
    while oid is None and "/" in place:
        place = place.rpartition("/")[0]
        above = tree.get(place, "")
        oid = above if above.startswith("commit:") else None
    return oid


def from_git_root(prefix: str, path: str) -> str:
    """A path that is relative to the DVC root, which `prefix` names with a slash at its end."""
    if path.startswith("../"):
        return normpath(f"{prefix}{path}")
    return prefix.rstrip("/") if path == "." else prefix + path
