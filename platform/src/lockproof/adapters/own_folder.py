"""Folders that other processes may have written to, opened without following what they left."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextlib.contextmanager
def own_folder(base: Path, names: Sequence[str]) -> Iterator[int]:
    """Open a folder below another; both are made where they are missing.

    A link, or what else is no folder, is removed where it stands in for one: what is written by
    the handle lies below `base` whatever was there before.

    Args:
        base: its own parent is taken as it is.
        names: the folders from there down.

    Raises:
        OSError: it cannot be made.
    """
    base.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(base.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in (base.name, *names):
            inner = _opened(name, handle)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def _opened(name: str, above: int) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=above)
    except FileNotFoundError:
        pass
    except OSError:  # A link or a file; where it is neither, this fails again.
        os.unlink(name, dir_fd=above)
    with contextlib.suppress(FileExistsError):  # Another thread was faster.
        os.mkdir(name, dir_fd=above)
    return os.open(name, _FOLDER, dir_fd=above)
