"""Where a commit comes from, in the words that people know it by."""

import os
import re

from lockproof.errors import UsageError
from lockproof.model.report import Origin

from .repository import GitRepository, run_git

_BRANCHES = ("GITHUB_HEAD_REF", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_BRANCH")
"""Where CI systems, which check out no branch, name it."""
_CREDENTIALS = re.compile(r"^([\w+.-]+://)[^/]*@")


def origin_of(git: GitRepository, commit: str | None) -> Origin:
    """Repository, branch, title and author; what is not known is empty.

    A URL loses what stands before its `@`: it may be a token. The branch is that of the work tree,
    and only told of where the commit is checked out.
    """
    url = _CREDENTIALS.sub(r"\1", git.remote_url() or "")
    if commit is None:
        return Origin(repository=url, branch=git.branch() or "")
    said = run_git(git.root, "log", "-1", "--format=%s%x00%an", commit, "--")
    title, _, author = said.decode("utf-8", "replace").rstrip("\n").partition("\0")
    branch = ""
    try:
        if git.resolve("HEAD") == commit:
            named = (os.environ.get(name) for name in _BRANCHES)
            branch = git.branch() or next(filter(None, named), "")
    except UsageError:
        pass  # A clone without a HEAD of its own.
    return Origin(repository=url, branch=branch, title=title, author=author)
