"""What `.dvcignore` files keep out of DVC's sight."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from posixpath import basename, dirname
from typing import Any

from .document import ParseError

IGNORE_FILE = ".dvcignore"
_MOST = 10_000
"""Patterns of a project: each is held against each path below it."""
_ALWAYS = frozenset({".git", ".hg", ".dvc"})


@dataclass(frozen=True)
class Ignored:
    """The patterns of every `.dvcignore` below one root."""

    files: Mapping[str, bytes]
    """Path of each `.dvcignore`, POSIX, below the root -> content."""

    @cached_property
    def _specs(self) -> dict[str, Any]:
        """Folder -> the patterns of its file; loaded only where there are any."""
        found: dict[str, Any] = {}
        for path, content in self.files.items():
            patterns = _patterns(content, path)
            if patterns:
                from .ignore_patterns import ignore_spec

                try:
                    found[dirname(path)] = ignore_spec(list(patterns.values()))
                except ValueError:
                    _name_the_first(patterns, path)
                    raise
        return found

    def check(self) -> None:
        """Read all patterns now.

        Raises:
            ParseError: a file is none that DVC can read, or one that would take it hours.
        """
        if sum(content.count(b"\n") for content in self.files.values()) > _MOST:
            largest = max(self.files, key=lambda path: len(self.files[path]))
            raise ParseError(f"there are more than {_MOST} patterns: use fewer", largest)
        _ = self._specs

    def hides(self, path: str) -> bool:
        """Whether DVC does not see a file: its own folders, and what a pattern matches."""
        if not _ALWAYS.isdisjoint(path.split("/")[:-1]) or basename(path) == ".git":
            return True
        if not self._specs:
            return False
        verdict = False
        for folder in _above(path):
            spec = self._specs.get(folder)
            if spec is None:
                continue
            relative = path[len(folder) + 1 :] if folder else path
            include = spec.check_file(relative).include
            if include is not None:
                verdict = bool(include)
        return verdict

    def seen(self, paths: Iterable[str]) -> list[str]:
        """The paths that DVC sees."""
        return [path for path in paths if not self.hides(path)]


def _patterns(content: bytes, path: str) -> dict[int, str]:
    """Line -> pattern, stripped as DVC does."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise ParseError("is not UTF-8", path) from None
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    stripped = {number: line.strip() for number, line in enumerate(lines, 1)}
    return {n: line for n, line in stripped.items() if line and not line.startswith("#")}


def _name_the_first(patterns: Mapping[int, str], path: str) -> None:
    from .ignore_patterns import ignore_spec

    for number, pattern in patterns.items():
        try:
            ignore_spec([pattern])
        except ValueError as error:
            raise ParseError(
                f"DVC cannot use the pattern {pattern[:60]!r}: {error}", path, number
            ) from None


def _above(path: str) -> Iterable[str]:
    """Every folder above a path, from the root on."""
    yield ""
    parts = path.split("/")[:-1]
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[:count])
