"""What a clone lacks that was made with `--filter`: nothing of it is fetched in passing."""

from posixpath import dirname

from lockproof.errors import UsageError

from .repository import SUBMODULE, GitRepository, run_git

BRING = "git fetch --refetch --no-filter origin"
"""Brings all that is lacking, of every commit."""


def lacks(git: GitRepository, commit: str, path: str) -> bool:
    """Whether this clone lacks content of a file, or of one in a folder.

    Args:
        git: the clone.
        commit: one that is here.
        path: of the commit, from the Git root. The attributes that decide on its form count as
            part of it; what the commit does not have is not lacking.
    """
    if not git.is_partial:
        return False
    above = [path]
    while above[-1]:
        above.append(dirname(above[-1]))
    attributes = [f"{folder}/.gitattributes".lstrip("/") for folder in above[1:]]
    listed = ("--literal-pathspecs", "ls-tree", "-r", "-z", "--full-tree", commit, "--")
    try:
        listing = run_git(git.root, *listed, *attributes, path)
        entries = [entry.split(maxsplit=3) for entry in listing.split(b"\0") if entry]
        oids = [oid for mode, _, oid, _ in entries if mode != SUBMODULE.encode()]
        given = b"".join(oid + b"\n" for oid in oids)
        answers = run_git(git.root, "cat-file", "--batch-check", given=given)
    except UsageError:  # Git before 2.44 wants to fetch what it lacks, and may not.
        return True
    return any(answer.endswith(b" missing") for answer in answers.splitlines())
