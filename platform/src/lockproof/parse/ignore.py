"""What `.dvcignore` files keep out of DVC's sight."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from posixpath import basename, dirname
from typing import Any

IGNORE_FILE = ".dvcignore"
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
            lines = content.decode("utf-8", "replace").splitlines()
            patterns = [line.strip() for line in lines if line.strip()]
            if any(not line.startswith("#") for line in patterns):
                from pathspec import GitIgnoreSpec

                found[dirname(path)] = GitIgnoreSpec.from_lines(patterns)
        return found

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


def _above(path: str) -> Iterable[str]:
    """Every folder above a path, from the root on."""
    yield ""
    parts = path.split("/")[:-1]
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[:count])
