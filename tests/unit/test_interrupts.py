"""Ctrl-C in places where Python drops what is raised."""

import signal
import subprocess
import sys
import threading

import pytest

from lockproof.adapters.interrupts import no_interrupt_lost

LOST = """
import signal
from contextlib import nullcontext
from lockproof.adapters.interrupts import no_interrupt_lost

class Loud:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

with {kept}():
    Loud()
print("went on")
"""


def run(kept: str) -> "subprocess.CompletedProcess[str]":
    code = LOST.format(kept=kept)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_python_alone_loses_it() -> None:
    assert run("nullcontext").stdout == "went on\n"


def test_it_is_raised_at_the_end() -> None:
    done = run("no_interrupt_lost")
    assert done.stdout == ""
    assert done.returncode == -signal.SIGINT


def test_the_handler_is_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), no_interrupt_lost():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_has_no_signals() -> None:
    seen = []

    def work() -> None:
        with no_interrupt_lost():
            seen.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]
