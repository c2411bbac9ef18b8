"""What the work tree has otherwise than Git's index or the last commit."""

import os
from collections.abc import Iterable, Iterator

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
