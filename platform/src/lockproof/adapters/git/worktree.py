"""The work tree, and what it has otherwise than Git's index or the last commit."""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from lockproof.errors import UsageError

from .repository import SUBMODULE, GitRepository, run_git

_PIPELINE = (":(top,glob)**/dvc.yaml", ":(top,glob)**/dvc.lock", ":(top,glob)**/*.dvc")


def uncommitted(
    git: GitRepository, more: Iterable[str], *, staged: bool
) -> Iterator[tuple[str, str]]:
    """Files of the pipeline that are not as they were looked at, and in what way they are not.

    Args:
        git: the repository.
        more: further files to look at, from the Git root.
        staged: compare with the index in place of the last commit.

    Raises:
        UsageError: Git cannot tell.
    """
    wanted = (*_PIPELINE, *(f":(top,literal){path}" for path in more))
    asked = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *wanted)
    listing = run_git(git.root, *asked, extra=git.index if staged else None)
    for entry in filter(None, listing.split(b"\0")):
        index, tree, path = chr(entry[0]), chr(entry[1]), os.fsdecode(entry[3:])
        if index == "?":
            yield path, "is not tracked by Git"
        elif tree == "D" or (index == "D" and not staged):
            yield path, "was deleted"
        elif tree != " " or not staged:
            what = "changes that are not " + ("staged" if staged else "committed")
            yield path, f"has {what}"


def is_changed(git: GitRepository, path: str) -> bool:
    """Whether a path from the top is otherwise in the work tree or the index than in HEAD."""
    asked = ("status", "--porcelain", "-z", "--untracked-files=all")
    return bool(run_git(git.root, *asked, "--", f":(top,literal){path}"))


def kept_as(git: GitRepository, path: str, content: bytes) -> str:
    """The id by which a commit would keep a file's content: after the user's filters, as in a diff.

    Raises:
        UsageError: a filter that Git has to run fails.
    """
    asked = ("hash-object", "--stdin", "--path", path)
    return run_git(git.root, *asked, given=content).decode().strip()


def tracked(git: GitRepository) -> tuple[str, ...]:
    """The paths in the index."""
    listing = run_git(git.root, "ls-files", "-z")
    return tuple(os.fsdecode(path) for path in filter(None, listing.split(b"\0")))


def is_tracked(git: GitRepository, *paths: str) -> bool:
    """Whether the index holds one of these paths from the Git root, or anything below one.

    What is in a submodule is tracked too. Case is ignored, as some file systems do.
    """
    wanted = [path.casefold() for path in paths]
    listing = run_git(git.root, "ls-files", "-s", "-z") if wanted else b""
    for entry in filter(None, listing.split(b"\0")):
        meta, _, name = entry.partition(b"\t")
        held = os.fsdecode(name).casefold()
        for path in wanted:
            inside = meta.startswith(SUBMODULE.encode()) and path.startswith(f"{held}/")
            if path == held or held.startswith(f"{path}/") or inside:
                return True
    return False


def is_ignored(git: GitRepository, path: str) -> bool:
    """Whether the rules of the work tree ignore a path from the top."""
    return bool(ignored(git, "", [path]))


def ignored(git: GitRepository, prefix: str, paths: Sequence[str]) -> list[str]:
    """Those of some paths, from the folder `prefix`, that the rules of the work tree ignore."""
    if not paths:
        return []
    names = {os.path.normpath(f"{prefix}/{path}") if prefix else path: path for path in paths}
    given = b"".join(os.fsencode(name) + b"\0" for name in names)
    try:
        listing = run_git(git.root, "check-ignore", "--no-index", "--stdin", "-z", given=given)
    except UsageError:  # Also where none is.
        return []
    return [names[path] for path in map(os.fsdecode, listing.split(b"\0")) if path in names]


def untracked(git: GitRepository, root: Path) -> list[str]:
    """Files below a folder of the work tree that Git does not track, also ignored ones, from there.

    Raises:
        UsageError: Git cannot tell.
    """
    listing = run_git(root, "ls-files", "--others", "-z", extra=git.index)
    return [os.fsdecode(path) for path in listing.split(b"\0") if path]


def is_cut_off(git: GitRepository, commit: str) -> bool:
    """Whether a shallow clone ends at a commit: what it changed is then not known."""
    try:
        return commit in (git.common / "shallow").read_text("ascii").split()
    except OSError:
        return False


class WorkTree:
    """The files of the work tree that Git tracks or would add, as they are now."""

    def __init__(self, git: GitRepository) -> None:
        """Nothing is read yet."""
        self._root = git.root

    @property
    def top(self) -> str:
        """The root of the clone, absolute and without links."""
        return os.path.realpath(self._root)

    @cached_property
    def entries(self) -> Mapping[str, None]:
        """POSIX path from the Git root, sorted; only what is there.

        Raises:
            UsageError: Git cannot tell.
        """
        asked = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--full-name")
        listed = os.fsdecode(run_git(self._root, *asked, ":/")).split("\0")
        there = (path for path in filter(None, listed) if os.path.lexists(self._root / path))
        return dict.fromkeys(sorted(there))

    @cached_property
    def submodules(self) -> Mapping[str, "WorkTree | None"]:
        """Path of each that is there -> its files: in an empty folder DVC finds nothing."""
        found: dict[str, WorkTree | None] = {}
        for entry in filter(None, run_git(self._root, "ls-files", "-s", "-z").split(b"\0")):
            meta, _, name = entry.partition(b"\t")
            top = self._root / os.fsdecode(name)
            if meta.startswith(SUBMODULE.encode()) and (top / ".git").exists():
                found[os.fsdecode(name)] = WorkTree(GitRepository(top))
        return found

    def read(self, path: str) -> bytes | None:
        """Content of a file; None where there is none, or it is no regular file."""
        full = self._root / path
        try:
            if not stat.S_ISREG(full.lstat().st_mode):
                return None
            return full.read_bytes()
        except OSError as error:
            if isinstance(error, FileNotFoundError | NotADirectoryError):
                return None
            raise UsageError(f"cannot read {path}: {error.strerror or error}") from error

    def read_through(self, path: str) -> bytes | None:
        """The same of what it leads to by links; None where these lead out of the work tree."""
        full = os.path.realpath(self._root / path)
        within = full.startswith(os.path.join(self.top, ""))
        return self.read(os.path.relpath(full, self.top)) if within else None

    def load(self, paths: Iterable[str]) -> None:
        """Each is read when it is asked for."""
