"""Progress on a terminal: a part of the screen that is drawn again and again."""

import time
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from .plain_progress import PlainProgress, visible

_WIDTH = 100
_COMMANDS = 8
_WATCHED = 20


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
        self._console.print(f"[dim]{seconds:6.1f}s[/dim] {escape(visible(text))}", highlight=False)

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
            text = Text(visible(last)[:_WIDTH], style="dim", no_wrap=True, overflow="ellipsis")
            table.add_row(Spinner("dots"), Text(visible(stage)), text)
        self._live.update(table)


class LiveWatch(LiveProgress):
    """Below the steps stands a table of what is waited for, and what each of it says."""

    def _draw(self) -> None:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("waiting for", no_wrap=True)
        table.add_column("conditions and messages", style="dim", overflow="fold")
        for name, line in list(self._lines.items())[:_WATCHED]:
            table.add_row(Text(visible(name)), Text(visible(line)[: 3 * _WIDTH]))
        more = len(self._lines) - _WATCHED
        if more > 0:
            table.add_row(Text(f"and {more} more", style="dim"))
        self._live.update(table if self._lines else Text())
