"""Long work in a thread that can be called off: by Ctrl-C, SIGTERM, or for taking too long."""

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import TypeVar, TypeVarTuple

import anyio
import anyio.to_thread

_T = TypeVar("_T")
_Arguments = TypeVarTuple("_Arguments")
_LOOK_AGAIN = 0.01


class CalledOff(BaseException):
    """Nobody waits for this work any more, or it has taken longer than it may.

    As a cancellation it is no `Exception`: who handles those of a parser must not take it for one.
    """


class Patience:
    """What work in a thread asks now and then whether it should go on."""

    def __init__(self, seconds: float | None) -> None:
        """`seconds` from now on; None: until it is called off."""
        self.late_at = None if seconds is None else time.monotonic() + seconds
        self._lock = threading.Lock()
        self._over = False
        self.running = False

    def check(self) -> None:
        """Raise CalledOff where the work should end."""
        if self._over:
            raise CalledOff("called off")
        if self.late_at is not None and time.monotonic() > self.late_at:
            raise CalledOff("it took longer than [run] timeout allows")

    def call_off(self) -> None:
        """Let the work end at its next check, or not begin."""
        with self._lock:
            self._over = True

    def run(self, work: Callable[[], _T]) -> _T:
        """Do the work in this thread, with `patience` answering it.

        Raises:
            CalledOff: it was called off before.
        """
        with self._lock:
            if self._over:
                raise CalledOff("called off")
            self.running = True
        token = _CURRENT.set(self)
        try:
            return work()
        finally:
            _CURRENT.reset(token)
            self.running = False


_CURRENT: ContextVar[Patience | None] = ContextVar("patience", default=None)


def patience() -> Patience:
    """That of the work which asks; work that nobody can call off has endless patience."""
    return _CURRENT.get() or Patience(None)


async def in_thread(
    work: Callable[[*_Arguments], _T], *arguments: *_Arguments, seconds: float | None = None
) -> _T:
    """Do work in a thread; where this task is cancelled, the work ends first, and soon.

    Raises:
        CalledOff: it looked at `patience` after more than `seconds`.
    """
    mine = Patience(seconds)
    try:
        return await anyio.to_thread.run_sync(
            mine.run, partial(work, *arguments), abandon_on_cancel=True
        )
    except anyio.get_cancelled_exc_class():
        mine.call_off()
        with anyio.CancelScope(shield=True):
            while mine.running:  # It may still write to a folder that goes next.
                await anyio.sleep(_LOOK_AGAIN)
        raise
