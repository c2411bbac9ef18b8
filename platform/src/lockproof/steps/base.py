"""Which revision a pull request is to be merged into."""

import os

from lockproof.adapters.git.repository import GitRepository
from lockproof.errors import UsageError

_BRANCH_VARIABLES = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")


def named_base(asked: str | None) -> str | None:
    """The revision asked for, else the target branch that the CI system names, else None."""
    for name in _BRANCH_VARIABLES:
        branch = os.environ.get(name)
        if branch and not asked:
            return f"refs/remotes/origin/{branch}"
    return asked or None


def base_revision(git: GitRepository, asked: str | None) -> str:
    """As `named_base`, else the default branch of `origin`.

    Raises:
        UsageError: none of them is known.
    """
    named = named_base(asked)
    default = None if named else git.default_branch()
    if named or default:
        return named or f"refs/remotes/origin/{default}"
    raise UsageError("which branch is this to be merged into? Name it with --base REV")
