"""What `.dvcignore` files keep out of DVC's sight."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from .document import ParseError

if TYPE_CHECKING:
    from .ignore_patterns import Patterns

IGNORE_FILE = ".dvcignore"
_MOST = 10_000
"""Patterns of a project: each is held against each path below it."""
_ALWAYS = (".hg/", ".git/", ".git", ".dvc/")
"""DVC's own patterns, which a file may take back like any other."""


@dataclass(frozen=True)
class Ignored:
    """The patterns of every `.dvcignore` below one root, read as DVC walks.

    The last pattern that matches a path decides; what is in a hidden folder is hidden whatever
    stands of it, and a `.dvcignore` that is hidden itself says nothing.
    """

    files: Mapping[str, bytes]
    """Path of each `.dvcignore`, POSIX, below the root -> content."""
    _known: dict[str, "Patterns | None"] = field(default_factory=dict, compare=False, repr=False)
    """Folder -> the patterns for what lies in it; None where it is hidden."""

    def check(self) -> None:
        """Read all patterns now.

        Raises:
            ParseError: a file is none that DVC can read, or one that would take it hours.
        """
        if sum(content.count(b"\n") for content in self.files.values()) > _MOST:
            largest = max(self.files, key=lambda path: len(self.files[path]))
            raise ParseError(f"there are more than {_MOST} patterns: use fewer", largest)
        for path in self.files if self._has_patterns else ():
            self._for(_parent(path))

    def hides(self, path: str, *, folder: bool = False) -> bool:
        """Whether DVC does not see a file, or a folder that has this path below the root."""
        if not self._has_patterns:
            if "/." not in path and path[:1] != ".":
                return False
            *above, name = path.split("/")
            inside = {f"{part}/" for part in ([*above, name] if folder else above)}
            return not inside.isdisjoint(_ALWAYS) or name in _ALWAYS
        patterns = self._for(_parent(path))
        return patterns is None or patterns.hide(path, folder=folder)

    @cached_property
    def _has_patterns(self) -> bool:
        """Without any, nothing needs to be loaded that reads them.

        Whether what is no UTF-8 counts, which is so unless it is hidden, says who reads it.
        """
        return any(map(_may_hold_some, self.files.values()))

    def _for(self, folder: str) -> "Patterns | None":
        """The patterns for what lies in a folder; None where DVC does not come to it."""
        unknown = []
        while folder not in self._known:
            unknown.append(folder)
            if not folder:
                break
            folder = _parent(folder)
        for each in reversed(unknown):
            self._known[each] = self._entered(each)
        return self._known[unknown[0] if unknown else folder]

    def _entered(self, folder: str) -> "Patterns | None":
        from .ignore_patterns import Patterns

        above = self._known[_parent(folder)] if folder else Patterns(dict(enumerate(_ALWAYS)))
        if above is None or (folder and above.hide(folder, folder=True)):
            return None
        path = f"{folder}/{IGNORE_FILE}" if folder else IGNORE_FILE
        if path not in self.files or above.hide(path, folder=False):
            return above
        lines = _patterns(self.files[path], path)
        own = Patterns(lines, path, folder, above)
        return None if any(own.say(each, folder=True) for each in _upto(folder)) else own


def pattern_of(folder: str) -> str:
    """The pattern that hides one folder below the file's own, whatever its name holds."""
    return "/" + re.sub(r"([\\*?\[\]])", r"\\\1", folder) + "/"


def _may_hold_some(content: bytes) -> bool:
    try:
        return bool(_patterns(content, ""))
    except ParseError:
        return True


def _patterns(content: bytes, path: str) -> dict[int, str]:
    """Line -> pattern, stripped as DVC does."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise ParseError("is not UTF-8", path) from None
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    stripped = {number: line.strip() for number, line in enumerate(lines, 1)}
    return {n: line for n, line in stripped.items() if line and not line.startswith("#")}


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _upto(folder: str) -> Iterator[str]:
    """Every folder above one below the root, and it itself."""
    parts = folder.split("/") if folder else []
    return ("/".join(parts[: count + 1]) for count in range(len(parts)))
