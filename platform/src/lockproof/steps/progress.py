"""Who hears how a step goes."""

from typing import Protocol


class Progress(Protocol):
    """Hears what goes on."""

    def say(self, text: str) -> None:
        """A step that is worth a line, also in the log of a CI job."""

    def show(self, name: str, line: str) -> None:
        """The latest line of a running command; only of use on a live screen."""

    def detail(self, text: str) -> None:
        """The raw words of a program; for who asks for them."""

    def end(self, name: str) -> None:
        """A command has ended."""
