"""How the policy names paths."""

from fnmatch import fnmatchcase


def matches_any(path: str, globs: tuple[str, ...]) -> bool:
    """Whether a POSIX path matches one of the globs (`*` also crosses `/`, as in Git's)."""
    return any(fnmatchcase(path, glob) for glob in globs)
