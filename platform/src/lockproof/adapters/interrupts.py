"""Ctrl-C that is not lost on the way."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def no_interrupt_lost() -> Iterator[None]:
    """Raise `KeyboardInterrupt` at the end where one came and nobody noticed.

    Python prints and drops what is raised in a destructor or in a callback of a weak reference;
    the store that MLflow keeps runs in has plenty of both.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield  # Where no handler of Python's can be called, none can be lost.
        return
    came = False

    def notice(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True
        before(number, frame)

    signal.signal(signal.SIGINT, notice)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt
