"""Progress on standard error: a live line per running stage on a terminal, plain lines in CI."""

import os
import sys
import time
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

_WIDTH = 100
_COMMANDS = 8
_WATCHED = 20


class PlainProgress:
    """One line per step, with the seconds since the start."""

    def __init__(self) -> None:
        """Start the clock."""
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
        sys.stderr.write(f"[{seconds:6.1f}s] {_visible(text)}\n")
        sys.stderr.flush()

    def show(self, name: str, line: str) -> None:
        """The lines of commands are in their logs."""

    def end(self, name: str) -> None:
        """The next step says so."""


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


class LiveProgress(PlainProgress):
    """Steps scroll by above; below them stands the last line of each running command."""

    def __init__(self) -> None:
        """Prepare the live part of the screen."""
        super().__init__()
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, transient=True, refresh_per_second=8)
        self._lines: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Start drawing."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave only the steps on the screen."""
        self._live.stop()

    def say(self, text: str) -> None:
        """Print a step above the live part."""
        seconds = time.monotonic() - self._start
        self._console.print(f"[dim]{seconds:6.1f}s[/dim] {escape(_visible(text))}", highlight=False)

    def show(self, name: str, line: str) -> None:
        """Update the line of a running command."""
        self._lines[name] = line
        self._draw()

    def end(self, name: str) -> None:
        """Take the line of a command away."""
        self._lines.pop(name, None)
        self._draw()

    def _draw(self) -> None:
        table = Table.grid(padding=(0, 1))
        for stage, last in list(self._lines.items())[-_COMMANDS:]:
            text = Text(_visible(last)[:_WIDTH], style="dim", no_wrap=True, overflow="ellipsis")
            table.add_row(Spinner("dots"), Text(_visible(stage)), text)
        self._live.update(table)


class LiveWatch(LiveProgress):
    """Below the steps stands a table of what is waited for, and what each of it says."""

    def _draw(self) -> None:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("waiting for", no_wrap=True)
        table.add_column("conditions and messages", style="dim", overflow="fold")
        for name, line in list(self._lines.items())[:_WATCHED]:
            table.add_row(Text(_visible(name)), Text(_visible(line)[: 3 * _WIDTH]))
        more = len(self._lines) - _WATCHED
        if more > 0:
            table.add_row(Text(f"and {more} more", style="dim"))
        self._live.update(table if self._lines else Text())


def progress() -> PlainProgress:
    """Live on a terminal; plain lines in CI, in a pipe or on a dumb terminal."""
    return PlainProgress() if _plain() else LiveProgress()


def watch() -> PlainProgress:
    """As `progress`, for a verb that waits for things outside which say how they are."""
    return PlainWatch() if _plain() else LiveWatch()


def _plain() -> bool:
    return bool(os.environ.get("CI") or os.environ.get("TERM") == "dumb" or not sys.stderr.isatty())


def _visible(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
