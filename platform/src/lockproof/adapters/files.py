"""Files written whole, and the folders that lockproof keeps outside every work tree."""

import os
import tempfile
from pathlib import Path

from lockproof.errors import UsageError

# Read once, before there are threads: it can only be read by setting it.
UMASK = os.umask(0o077)
os.umask(UMASK)


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    Raises:
        UsageError: the folder is missing or not writable, or the disk is full.
    """
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".lockproof-")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~UMASK)
        os.replace(temporary, path)
    except BaseException as error:  # Ctrl-C leaves nothing either.
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def cache_root() -> Path:
    """`$LOCKPROOF_CACHE_DIR`, else `lockproof` in the user's XDG cache folder."""
    return _root("LOCKPROOF_CACHE_DIR", "XDG_CACHE_HOME", "~/.cache")


def state_root() -> Path:
    """`$LOCKPROOF_STATE_DIR`, else `lockproof` in the user's XDG state folder."""
    return _root("LOCKPROOF_STATE_DIR", "XDG_STATE_HOME", "~/.local/state")


def _root(own: str, xdg: str, default: str) -> Path:
    chosen = os.environ.get(own)
    if chosen:
        return Path(chosen).absolute()
    base = os.environ.get(xdg) or os.path.expanduser(default)
    return Path(base).absolute() / "lockproof"
