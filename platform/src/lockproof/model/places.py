"""Which paths of a pipeline lie in one another."""

from bisect import bisect_left
from collections.abc import Iterable
from functools import cached_property


class Places:
    """Who owns which paths: finds what overlaps a path without looking at all of them."""

    def __init__(self, owned: Iterable[tuple[str, str]]) -> None:
        self._owners: dict[str, str] = dict(owned)
        self.folders: set[str] = set()
        """All that hold one of the paths, but for the root."""
        for path in self._owners:
            parent = path.rpartition("/")[0]
            while parent and parent not in self.folders:
                self.folders.add(parent)
                parent = parent.rpartition("/")[0]

    @cached_property
    def _sorted(self) -> list[tuple[str, str]]:
        # As below: with "/" a folder's content stands together.
        return sorted((f"{path}/", owner) for path, owner in self._owners.items())

    def overlapping(self, path: str) -> list[str]:
        """The owners of paths that are `path`, lie in it, or hold it."""
        owners = self._owners
        if path == ".":
            return list(owners.values())
        found = []
        parent = path.rpartition("/")[0]
        while parent:
            if parent in owners:
                found.append(owners[parent])
            parent = parent.rpartition("/")[0]
        if "." in owners and not path.startswith("../"):
            found.append(owners["."])
        if path not in self.folders:
            if path in owners:
                found.append(owners[path])
            return found
        prefix = f"{path}/"
        for number in range(bisect_left(self._sorted, (prefix, "")), len(self._sorted)):
            below, owner = self._sorted[number]
            if not below.startswith(prefix):
                break
            found.append(owner)
        return found


def parents(path: str) -> list[str]:
    """Every folder above a path, the root last, unless it lies beside that."""
    found = []
    parent = path.rpartition("/")[0]
    while parent:
        found.append(parent)
        parent = parent.rpartition("/")[0]
    if path != "." and not path.startswith("../"):
        found.append(".")
    return found
