"""Progress on a terminal: a part of the screen that is drawn again and again."""

import time
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from lockproof.render.words import duration

from .plain_progress import PlainProgress, visible

_WIDTH = 100
_COMMANDS = 8
_WATCHED = 20


class LiveProgress(PlainProgress):
    """Steps scroll by above; below stands of each running command its time and last line."""

    def __init__(self, *, verbose: bool = False) -> None:
        """Prepare the live part of the screen."""
        super().__init__(verbose=verbose)
        self._console = Console(stderr=True)
        self._lines: dict[str, str] = {}
        self._spinner = Spinner("dots")
        # Asked for at every refresh: times go on where a command is silent.
        self._live = Live(
            console=self._console,
            transient=True,
            refresh_per_second=8,
            get_renderable=self._drawn,
        )

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
        self._since.setdefault(name, time.monotonic())
        self._lines[name] = line

    def end(self, name: str) -> None:
        """Take the line of a command away."""
        self._lines.pop(name, None)
        self._since.pop(name, None)

    def _drawn(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        now = time.monotonic()
        for stage, last in list(self._lines.items())[-_COMMANDS:]:
            text = Text(visible(last)[:_WIDTH], style="dim", no_wrap=True, overflow="ellipsis")
            # The spinner turns by the clock; a new one each time would stand still.
            since = duration(now - self._since.get(stage, now))
            table.add_row(self._spinner, Text(visible(stage)), Text(since), text)
        return table


class LiveWatch(LiveProgress):
    """Below the steps stands a table of what is waited for, and what each of it says."""

    def _drawn(self) -> RenderableType:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("waiting for", no_wrap=True)
        table.add_column("conditions and messages", style="dim", overflow="fold")
        for name, line in list(self._lines.items())[:_WATCHED]:
            table.add_row(Text(visible(name)), Text(visible(line)[: 3 * _WIDTH]))
        more = len(self._lines) - _WATCHED
        if more > 0:
            table.add_row(Text(f"and {more} more", style="dim"))
        return table if self._lines else Text()
