"""How Git is called: quiet, with no hook, no daemon and no setting of a commit."""

import os
from collections.abc import Mapping

_SETTINGS = (
    f"core.hooksPath={os.devnull}",
    "core.fsmonitor=false",
    f"core.attributesFile={os.devnull}",
    "gc.auto=0",
    # A folder of a commit can look like a repository, and bring a configuration.
    "safe.bareRepository=explicit",
    "log.showSignature=false",
    "advice.detachedHead=false",
)
_QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    # Nothing here needs another repository; old versions of Git know no other way not to fetch,
    # and a url may name a program (ext::).
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "LC_ALL": "C.UTF-8",
}
# As `git rev-parse --local-env-vars`: inside a hook these point at the user's repository.
_LOCAL = {
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_DIR"),
    *("GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_NAMESPACE"),
    *("GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE"),
    "GIT_WORK_TREE",
    # Of `git --literal-pathspecs commit` and the like, whose hooks get them; Magit calls Git so.
    *("GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS"),
    *("GIT_ICASE_PATHSPECS", "GIT_ATTR_SOURCE"),
}


def git_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a Git process: quiet, and not that of a hook it may be started from."""
    clean = {k: v for k, v in os.environ.items() if k not in _LOCAL}
    return {**clean, **_QUIET, **(extra or {})}


def git_command(*args: str) -> list[str]:
    """The command line that runs no hook and no daemon of the repository."""
    return ["git", *(word for setting in _SETTINGS for word in ("-c", setting)), *args]
