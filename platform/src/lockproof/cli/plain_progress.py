"""Progress on standard error as plain lines, for CI, pipes and dumb terminals."""

import sys
import threading
import time
from collections.abc import Callable
from typing import Self

from lockproof.model.inert import inert

_SILENCE = 10.0
"""Seconds after which something is said of what is still being done."""
_BEAT = 1.0
_NAMED = 3


class PlainProgress:
    """One line per step, with the seconds since the start; more where a step takes long."""

    def __init__(
        self, *, verbose: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start the clock; `verbose` prints also the raw words of programs."""
        self._verbose, self._clock = verbose, clock
        self._start = self._said_at = clock()
        self._since: dict[str, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def __enter__(self) -> Self:
        """Begin to look whether something takes long."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing more is said."""
        self._over.set()
        self._thread.join()

    def say(self, text: str) -> None:
        """Print a step."""
        self._said_at = self._clock()
        # In one piece: threads may have something to say at the same time.
        sys.stderr.write(f"[{self._said_at - self._start:6.1f}s] {visible(text)}\n")
        sys.stderr.flush()

    def show(self, name: str, line: str) -> None:
        """Only that it is being done: the lines of commands are in their logs."""
        from lockproof.adapters.environment.installing import ROW

        if name != ROW:  # Who makes an environment tells of it in figures.
            self._since.setdefault(name, self._clock())

    def end(self, name: str) -> None:
        """It is done; the next step says so."""
        self._since.pop(name, None)

    def detail(self, text: str) -> None:
        """Print it where that is asked for."""
        if self._verbose and text:
            self.say(text)

    def beat(self) -> None:
        """Say what is still being done, where nothing has been said for long."""
        now, doing = self._clock(), list(self._since.copy().items())
        if doing and now - self._said_at >= _SILENCE:
            named = [f"{name} ({now - since:.0f} s)" for name, since in doing[:_NAMED]]
            more = f" and {len(doing) - _NAMED} more" if len(doing) > _NAMED else ""
            self.say(f"still at it: {', '.join(named)}{more}")

    def _go_on(self) -> None:
        while not self._over.wait(_BEAT):
            self.beat()


class SilentProgress(PlainProgress):
    """Nothing: a hook prints findings only."""

    def __enter__(self) -> Self:
        """Nothing is looked at."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to put away."""

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
        super().show(name, line)
        if self._told.get(name) != line:
            self._told[name] = line
            self.say(f"waiting for {name}: {line}")


def visible(text: str) -> str:
    """Text without what a terminal or a CI system would act on."""
    return inert("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))
