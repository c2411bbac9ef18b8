"""What `provision` is asked for, and who hears of its progress."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Request:
    """The command line, as values; None means the policy's."""

    directory: Path
    overlay: str | None = None
    dry_run: bool = False
    wait: bool = True
    timeout: float | None = None
    """Seconds for all waiting together."""
    prune: bool = False
    allow_data_loss: bool = False
    force_conflicts: bool = False
    to: Path | None = None
    """Where `names` writes."""
    context: str | None = None
    kubeconfig: Path | None = None


class Progress(Protocol):
    """Hears what is going on."""

    def say(self, text: str) -> None:
        """A step."""

    def show(self, name: str, line: str) -> None:
        """What an object that is waited for says now."""

    def end(self, name: str) -> None:
        """It is not waited for any more."""
