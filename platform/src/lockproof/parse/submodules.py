"""Stages and data of submodules, which DVC takes for the project's own."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from .ignore import IGNORE_FILE, Ignored, pattern_of
from .yaml_document import ParseError


class Files(Protocol):
    """The tracked files of a revision, from the Git root."""

    @property
    def top(self) -> str:
        """The Git root of the clone, absolute and without links; empty where there is none."""
        ...

    @property
    def entries(self) -> Mapping[str, Any]:
        """Every path."""
        ...

    @property
    def submodules(self) -> Mapping[str, "Files | None"]:
        """Path of each -> its files, by the commit named; None where that is not here."""
        ...

    def read(self, path: str) -> bytes | None:
        """Content of a file; None where there is none."""
        ...

    def read_through(self, path: str) -> bytes | None:
        """The same of what it leads to by links; None where these lead out."""
        ...

    def load(self, paths: Iterable[str]) -> None:
        """Read many files at once."""
        ...


def inner_projects(paths: Iterable[str]) -> tuple[str, ...]:
    """Folders with a DVC project of their own, which DVC does not enter: with `/` at the end."""
    own = [path for path in paths if "/.dvc/" in path or path.endswith("/.dvc")]
    return tuple(sorted({f"{path}/"[: f"{path}/".index("/.dvc/") + 1] for path in own}))


def is_called(path: str, name: str) -> bool:
    """Whether the last part of a path is a name."""
    return path.endswith(name) and (path == name or path.endswith(f"/{name}"))


def is_declaring(path: str) -> bool:
    """Whether a file of this name declares stages or data."""
    return is_called(path, "dvc.yaml") or (path.endswith(".dvc") and not is_called(path, ".dvc"))


class Absent(NamedTuple):
    """A submodule that is not here."""

    path: str
    """POSIX, from the DVC root."""
    around: str = ""
    """The submodule that it is in, with `/` at the end; empty where it is in none."""

    @property
    def own(self) -> str:
        """Its path where Git knows it: from the DVC root, or from what it is in."""
        return self.path.removeprefix(self.around)


class Submodules:
    """What DVC finds in the submodules of a project: it walks into them as into any folder."""

    def __init__(self, files: Files, prefix: str) -> None:
        """`prefix` is the DVC root below the Git root, with `/` at the end, or empty."""
        self.absent: list[Absent] = []
        """Those that are not here."""
        self._ignores: dict[str, bytes] = {}
        self._declaring: list[tuple[str, str]] = []
        self._enter(files, "", prefix)

    def _enter(self, files: Files, at: str, prefix: str, closed: tuple[str, ...] = ()) -> None:
        """`closed` are the folders of `files` that DVC does not enter: `/a/b/`."""
        for path, inner in files.submodules.items():
            full = f"{at}{path}"
            if not full.startswith(prefix) or f"/{path}/".startswith(closed):
                continue
            top = full[len(prefix) :]
            if inner is None:
                self.absent.append(Absent(top, at[len(prefix) :]))
                continue
            projects = inner_projects(f"/{each}" for each in inner.entries)
            for each in inner.entries:
                if f"/{each}".startswith(projects):
                    continue
                if is_called(each, IGNORE_FILE):
                    self._ignores[f"{top}/{each}"] = inner.read(each) or b""
                elif is_declaring(each):
                    self._declaring.append((top, f"{top}/{each}"))
            self._enter(inner, f"{full}/", prefix, projects)

    def keep_seen(self, inner: tuple[str, ...], ignores: Mapping[str, bytes]) -> None:
        """Leave out what DVC does not see.

        Args:
            inner: folders with a DVC project of their own (`inner_projects`).
            ignores: the ignore files around the submodules, by path below the DVC root.
        """
        ignored = Ignored({**ignores, **self._ignores})
        self.absent = [
            each
            for each in self.absent
            if not f"{each.path}/".startswith(inner)
            if not ignored.hides(each.path, folder=True)
        ]
        self._declaring = [
            (top, path)
            for top, path in self._declaring
            if not path.startswith(inner) and not ignored.hides(path)
        ]

    def problems(self) -> Iterator[ParseError]:
        """One for each submodule that declares stages or data."""
        first: dict[str, str] = {}
        for top, path in self._declaring:
            first.setdefault(top, path)
        for top, path in first.items():
            yield ParseError(
                f"lies in the submodule {top}, whose stages and data DVC takes for this project's"
                f" and lockproof does not read: keep them in this repository, or, if they are not"
                f" meant, add the line {pattern_of(top)} to {IGNORE_FILE}",
                path,
            )
