"""What was asked for, and who hears how it goes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Request:
    """The arguments of `lockproof reproduce`; None means: as the policy says."""

    directory: Path
    revision: str = "HEAD"
    stages: tuple[str, ...] = ()
    mode: str | None = None
    jobs: int | None = None
    runs: int | None = None
    since: str | None = None
    reuse: bool = True
    log_mlflow: bool = False


class Progress(Protocol):
    """Hears what goes on."""

    def say(self, text: str) -> None:
        """A step that is worth a line, also in the log of a CI job."""

    def show(self, name: str, line: str) -> None:
        """The latest line of a running command; only of use on a live screen."""

    def end(self, name: str) -> None:
        """A command has ended."""
