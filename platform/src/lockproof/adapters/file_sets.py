"""Several files that belong together: all of them written, or none."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

from lockproof.adapters.files import write_whole
from lockproof.errors import UsageError


def write_all(files: Mapping[Path, str]) -> None:
    """Write files; what was there comes back where one of them cannot be written, or on Ctrl-C.

    Raises:
        UsageError: as `write_whole`, or one that is there cannot be read.
    """
    before: list[tuple[Path, bytes | None]] = []
    made: list[Path] = []
    try:
        for path, content in files.items():
            made += [folder for folder in path.parents if not folder.exists()]
            before.append((path, _content(path)))
            write_whole(path, content)
    except BaseException:
        for path, old in reversed(before):
            if old is not None:
                write_whole(path, old)
            else:
                path.unlink(missing_ok=True)
        for folder in sorted(made, key=lambda folder: len(folder.parts), reverse=True):
            with contextlib.suppress(OSError):  # Somebody else's file is in it.
                folder.rmdir()
        raise


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
