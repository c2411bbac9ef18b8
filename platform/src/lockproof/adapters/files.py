"""Files written whole, and the folders that lockproof keeps outside every work tree."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from lockproof.errors import UsageError

# Read once, before there are threads: it can only be read by setting it.
UMASK = os.umask(0o077)
os.umask(UMASK)

_BEGINS, _ENDS = ".lockproof-new-", ".tmp"
_LARGEST = 64 << 20
_SWEPT: set[Path] = set()
"""Folders in which this process has looked for what killed ones left."""


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    Raises:
        UsageError: the folder is missing or not writable, or the disk is full.
    """
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        handle, temporary = _begun(path.parent)
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


def _begun(folder: Path) -> tuple[int, str]:
    """A new file, locked for as long as its writer lives."""
    import tempfile  # A short command writes no file.

    while True:
        handle, name = tempfile.mkstemp(dir=folder, prefix=_BEGINS, suffix=_ENDS)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(handle), os.lstat(name)):
                return handle, name
        except (BlockingIOError, FileNotFoundError):
            pass  # A sweeper was faster, and removes it.
        except OSError:
            return handle, name  # No locks here, so nobody sweeps either.
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Remove what writers left here that were killed, once in each process."""
    if folder in _SWEPT:
        return
    _SWEPT.add(folder)
    with contextlib.suppress(OSError):  # As in a folder that may be written and not listed.
        for name in os.listdir(folder):
            if name.startswith(_BEGINS) and name.endswith(_ENDS):
                _remove_if_left(folder / name)


def _remove_if_left(path: Path) -> None:
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        finally:
            os.close(handle)


@contextlib.contextmanager
def open_named(path: Path, instead: str) -> Iterator[BufferedReader]:
    """Open a file that somebody names; never waits for whoever may write into a pipe.

    Args:
        path: the file.
        instead: what to give where it is none, such as `the report`.

    Raises:
        UsageError: it cannot be read, or is a folder, a pipe or a device.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise UsageError(f"{path} is no file: give {instead}")
            yield file
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error


def read_named(path: Path, kind: str, instead: str) -> bytes:
    """The content of a file that somebody names: a `kind`, which has 64 MiB at most.

    Raises:
        UsageError: as `open_named`, or it is larger.
    """
    with open_named(path, instead) as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise UsageError(f"{path} is larger than 64 MiB, which no {kind} is")
    return content


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
