"""Which revision a pull request is to be merged into."""

import os

from lockproof.adapters.git.repository import GitRepository
from lockproof.errors import UsageError

_BRANCH_VARIABLES = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")


def base_revision(git: GitRepository, asked: str | None) -> str:
    """The revision asked for, else the target branch that the CI system names, else the default.

    Raises:
        UsageError: none of them is known.
    """
    if asked:
        return asked
    for name in _BRANCH_VARIABLES:
        branch = os.environ.get(name)
        if branch:
            return f"refs/remotes/origin/{branch}"
    default = git.default_branch()
    if default:
        return f"refs/remotes/origin/{default}"
    raise UsageError("which branch is this to be merged into? Name it with --base REV")
