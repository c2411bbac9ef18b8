"""The seam: what reads one type of file and tells two of them apart by value."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from lockproof.errors import LockproofError
from lockproof.model.base import Frozen
from lockproof.model.comparison import Difference
from lockproof.model.verdict import OutputVerdict

from .tally import Tally


class Comparison(Frozen):
    """How the content of an output compares with the locked one."""

    verdict: OutputVerdict
    """`IDENTICAL`, `WITHIN_TOLERANCE`, `DIFFERENT` or `NOT_COMPARABLE`."""
    differences: tuple[Difference, ...] = ()
    """Empty only where it is identical."""


class Unreadable(Exception):
    """Content that cannot be compared by value; the message says why."""


class Reader(Protocol):
    """Compares two files of one type by value."""

    name: str
    """The type, as people call it."""

    def compare(self, locked: Path, observed: Path, tally: Tally) -> None:
        """Enter every value of two regular files into `tally`.

        Raises:
            Unreadable: one of them is not of this type, is broken or exceeds a bound. What
                stands in `tally` by then was compared.
        """
        ...


@contextmanager
def foreign(doing: str) -> Iterator[None]:
    """Turn whatever a parser raises on hostile input into `Unreadable`."""
    try:
        yield
    except (Unreadable, LockproofError):
        raise
    except RecursionError as error:
        raise Unreadable(f"{doing}: nested too deeply") from error
    except Exception as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise Unreadable(f"{doing}: {said}") from error


@contextmanager
def side(name: str) -> Iterator[None]:
    """Say in what is unreadable which of the two files it is."""
    try:
        yield
    except Unreadable as error:
        raise Unreadable(f"{name} file: {error}") from error


def read_bounded(path: Path, limit: int) -> bytes:
    """The content of a file of at most `limit` bytes.

    Raises:
        Unreadable: it is larger, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = file.read(min(size, limit) + 1)
    except OSError as error:
        raise Unreadable(f"cannot read it: {error.strerror or error}") from error
    if len(content) > limit:
        raise Unreadable(f"larger than {limit >> 20} MiB")
    return content
