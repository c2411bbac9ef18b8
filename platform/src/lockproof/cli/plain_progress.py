"""Progress on standard error as plain lines, for CI, pipes and dumb terminals."""

import sys
import time
from typing import Self

from lockproof.model.inert import inert


class PlainProgress:
    """One line per step, with the seconds since the start."""

    def __init__(self, *, verbose: bool = False) -> None:
        """Start the clock; `verbose` prints also the raw words of programs."""
        self._verbose = verbose
        self._start = time.monotonic()

    def __enter__(self) -> Self:
        """Nothing to set up."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to put away."""

    def say(self, text: str) -> None:
        """Print a step."""
        seconds = time.monotonic() - self._start
        # In one piece: threads may have something to say at the same time.
        sys.stderr.write(f"[{seconds:6.1f}s] {visible(text)}\n")
        sys.stderr.flush()

    def show(self, name: str, line: str) -> None:
        """The lines of commands are in their logs."""

    def end(self, name: str) -> None:
        """The next step says so."""

    def detail(self, text: str) -> None:
        """Print it where that is asked for."""
        if self._verbose and text:
            self.say(text)


class SilentProgress(PlainProgress):
    """Nothing: a hook prints findings only."""

    def say(self, text: str) -> None:
        """Nothing."""


class PlainWatch(PlainProgress):
    """A line also for every change of what something that is waited for says."""

    def __init__(self) -> None:
        """Nothing has been said yet."""
        super().__init__()
        self._told: dict[str, str] = {}

    def show(self, name: str, line: str) -> None:
        """Print the line unless it is what was printed last."""
        if self._told.get(name) != line:
            self._told[name] = line
            self.say(f"waiting for {name}: {line}")


def visible(text: str) -> str:
    """Text without what a terminal or a CI system would act on."""
    return inert("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))
