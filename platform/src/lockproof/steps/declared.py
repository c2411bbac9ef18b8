"""What a revision, or the work tree, declares and locks, for verbs that need all of it."""

from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.snapshot import Snapshot
from lockproof.errors import ConfigError
from lockproof.parse.ignore import pattern_of
from lockproof.parse.project import Reading, read_project
from lockproof.parse.submodules import Files


def below(root: Path, git: GitRepository) -> str:
    """A DVC root below the Git root, POSIX; empty where they are the same."""
    relative = root.relative_to(git.root.resolve()).as_posix()
    return "" if relative == "." else relative


def has_project(head: Snapshot, prefix: str) -> bool:
    """Whether a revision has a DVC project there."""
    return (f"{prefix}/.dvc" if prefix else ".dvc") in head.folders


def unread_submodules(reading: Reading) -> Iterator[str]:
    """A line for each submodule that may have stages and is not in this clone."""
    for each in reading.unread:
        there = f"cd {quote(each.around)} && " if each.around else ""
        yield (
            f"whether the submodule {each.path} has stages or data, which DVC would take for this"
            f" project's, is not known: run \"{there}git submodule update --init"
            f' {quote(each.own)}", or add the line {pattern_of(each.path)} to .dvcignore'
        )


def declared(files: Files, prefix: str) -> Reading:
    """Read every pipeline file, each of them once, without DVC.

    Args:
        files: of the revision or the work tree.
        prefix: the DVC root below the Git root; empty where they are the same.

    Raises:
        ConfigError: one of them is not valid, or stages overlap or need each other.
    """
    reading = read_project(files, prefix)
    if reading.problems:
        raise ConfigError(reading.problems[0].message)
    return reading
