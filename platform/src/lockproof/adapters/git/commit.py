"""One commit of a few files, on the branch that is checked out or on a new one."""

import os
from collections.abc import Mapping
from pathlib import Path

from lockproof.errors import UsageError

from .repository import GitRepository, run_git
from .snapshot import Snapshot

_FILE = "100644"


def commit_files(
    git: GitRepository, files: Mapping[str, bytes], message: str, branch: str | None, index: Path
) -> tuple[str, str]:
    """Commit new content of files on top of HEAD; the branch, and the commit.

    The commit is made whole before a branch points at it. With `branch` that is a new branch, and
    the work tree and the index stay as they are; else the branch checked out, whose work tree
    already has the content.

    Args:
        git: the repository.
        files: POSIX path from the Git root -> content.
        message: of the commit.
        branch: the new branch; None: the one that is checked out.
        index: a path for a temporary index, outside the repository.

    Raises:
        UsageError: HEAD is detached and no branch is named, the branch is there and is not the
            same commit's, Git knows no author, or somebody else moved the branch.
    """
    head = git.resolve("HEAD")
    current = git.branch()
    if branch is None and current is None:
        raise UsageError("HEAD is detached, so no branch has the commit: name one with --branch")
    name = branch or current
    ref = f"refs/heads/{name}"
    if branch is not None:
        run_git(git.root, "check-ref-format", "--branch", branch)
    entries = Snapshot(git, head).entries
    extra = {"GIT_INDEX_FILE": str(index)}
    run_git(git.root, "read-tree", head, extra=extra)
    infos = []
    for path, content in files.items():
        # As `git add` would, so that filters and line ends of the repository hold.
        asked = ("hash-object", "-w", "--stdin", "--path", path)
        oid = run_git(git.root, *asked, given=content).decode().strip()
        mode = entries[path].mode if path in entries else _FILE
        info = f"{mode},{oid},{path}"
        run_git(git.root, "update-index", "--add", "--cacheinfo", info, extra=extra)
        infos.append(info)
    tree = run_git(git.root, "write-tree", extra=extra).decode().strip()
    existing = _tip(git, ref) if branch is not None else None
    if existing is not None:
        if git.parent(existing) == head and git.blob(existing, "") == tree:
            return str(name), existing  # A run that was killed later made it.
        raise UsageError(f"there is a branch {name} already: name another, or delete it")
    if tree == git.blob(head, ""):
        return str(name), head
    made = run_git(git.root, "commit-tree", tree, "-p", head, given=message.encode())
    commit = made.decode().strip()
    if branch is None:
        # Only these paths, and before the branch moves: what else is staged stays so, and where
        # a kill comes between, the next run does both.
        for info in infos:
            run_git(git.root, "update-index", "--add", "--cacheinfo", info)
    before = head if branch is None else "0" * len(head)
    run_git(git.root, "update-ref", "-m", message.splitlines()[0], ref, commit, before)
    return str(name), commit


def _tip(git: GitRepository, ref: str) -> str | None:
    try:
        return git.resolve(ref)
    except UsageError:
        return None


def path_in(git: GitRepository, file: Path) -> str:
    """A file's POSIX path from the Git root.

    Raises:
        UsageError: it is not in the work tree.
    """
    real, top = Path(os.path.realpath(file)), Path(os.path.realpath(git.root))
    if top not in real.parents:
        raise UsageError(f"{file} is not in the work tree of {git.root}")
    return real.relative_to(top).as_posix()
