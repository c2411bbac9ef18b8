"""Runs of lockproof that are killed right before one of their writes."""

import os
import signal
import sys
import warnings
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Any

from lockproof.cli.main import main

_WRITES = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.chmod", "os.truncate")
EVERY = (*_WRITES, "open", "subprocess.Popen")
NAMING = ("os.rename", "subprocess.Popen")
"""The writes that others see: a file gets its name, Git writes."""
_GIT = ({"hash-object", "-w"}, {"notes", "add"}, {"commit-tree"}, {"update-ref"}, {"write-tree"})


def is_write(event: str, args: Sequence[Any], below: Path) -> bool:
    """Whether an audit event is a write below a folder, or a Git that writes."""
    if event == "subprocess.Popen":
        words = set(map(str, args[1]))
        return any(words >= each for each in _GIT)
    if event == "open":
        writes = isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        return bool(writes) and str(args[0]).startswith(f"{below}/")
    return event in _WRITES and any(str(each).startswith(f"{below}/") for each in args)


def killed_before(
    number: int, argv: Sequence[str], below: Path, events: Container[str] = EVERY
) -> str:
    """Run lockproof in a process that is killed right before its n-th write (from 1).

    Args:
        number: of the write, among those that count.
        argv: the arguments of lockproof.
        below: writes elsewhere do not count.
        events: names of the audit events that do.

    Returns:
        What that write would have been; empty where it has fewer, and ended well.
    """
    seen, says = [], os.pipe()

    def hook(event: str, args: Any) -> None:
        if event in events and is_write(event, args, below):
            seen.append(event)
            if len(seen) == number:
                os.write(says[1], f"{event} {args}"[:1000].encode())
                os.kill(os.getpid(), signal.SIGKILL)

    return _forked(lambda: sys.addaudithook(hook), argv, says)


def killed_at(owner: Any, name: str, number: int, when: str, argv: Sequence[str]) -> str:
    """Run it in one that is killed `before` or `after` the n-th call of a function; as above."""
    says, real, calls = os.pipe(), getattr(owner, name), []

    def deadly(*args: Any, **named: Any) -> Any:
        calls.append(args)
        last = len(calls) == number
        found = None if last and when == "before" else real(*args, **named)
        if last:
            os.write(says[1], f"{when} {name}".encode())
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    return _forked(lambda: setattr(owner, name, deadly), argv, says)


def _forked(prepare: Callable[[], None], argv: Sequence[str], says: tuple[int, int]) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Of a fork beside threads.
        child = os.fork()
    if not child:
        code = 99
        try:
            prepare()
            code = main(list(argv))
        finally:
            os._exit(code)
    os.close(says[1])
    with open(says[0], "rb") as file:
        said = file.read().decode()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) == bool(said), f"exit code {os.waitstatus_to_exitcode(status)}"
    assert said or not os.waitstatus_to_exitcode(status)
    return said
