"""Who hears how a step goes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Hears what goes on."""

    def say(self, text: str) -> None:
        """A step that is worth a line, also in the log of a CI job."""

    def show(self, name: str, line: str) -> None:
        """The latest line of what is being done; a log hears only of what takes long."""

    def detail(self, text: str) -> None:
        """The raw words of a program; for who asks for them."""

    def end(self, name: str) -> None:
        """It is done."""


@contextmanager
def during(progress: Progress, what: str, line: str = "") -> Iterator[None]:
    """Tell that something is being done, in a log only where it takes long."""
    progress.show(what, line)
    try:
        yield
    finally:
        progress.end(what)
