"""Processes that keep an installer waiting though what started them has ended; standard library.

Set-up code is run by an installer that reads its output to the end. One that leaves a process
running which has inherited this output would have the installer read for as long as that lives.
"""

import contextlib
import os
import time
from collections.abc import Sequence

from lockproof.adapters.sandbox.processes import descendants

_INTERVAL = 0.5
"""Seconds between two looks."""


class Leftovers:
    """Watches for them below one process."""

    def __init__(self, top: int, seconds: int) -> None:
        """`top` collects what loses its parent; `seconds` is how long they may linger."""
        self._top, self._seconds = top, seconds
        self._since: dict[int, float] = {}
        self._next = 0.0

    def overdue(self, program: int) -> list[int]:
        """The process ids of those that have lingered too long; `program` is the installer's."""
        now = time.monotonic()
        if now < self._next:
            return []
        self._next = now + _INTERVAL
        self._since = {pid: self._since.get(pid, now) for pid in clinging(self._top, program)}
        return [pid for pid, since in self._since.items() if now - since >= self._seconds]


def clinging(top: int, program: int) -> set[int]:
    """Orphans that are all who can still write to a pipe which another process reads.

    One whose pipe is also held by what started it is at work, and so is one that nobody reads.
    """
    orphans = _orphans(top, program)
    if not orphans:
        return set()
    readers: set[str] = set()
    writers: dict[str, set[int]] = {}
    for pid in descendants(top):
        for pipe, mode in _pipes(pid):
            if mode != os.O_RDONLY:
                writers.setdefault(pipe, set()).add(pid)
            if mode != os.O_WRONLY and pid not in orphans:
                readers.add(pipe)
    held = (pids for pipe, pids in writers.items() if pipe in readers and pids <= orphans)
    return set().union(*held)


def _orphans(top: int, program: int) -> set[int]:
    """What has lost its parent, and what descends from that.

    The kernel gives such a process to `top`, or to the first one of its namespace.
    """
    found: set[int] = set()
    parents: dict[int, int] = {}
    inner: dict[int, list[int]] = {}
    eldest: dict[int, int] = {}
    for pid in descendants(top):  # Parents first.
        with contextlib.suppress(OSError, ValueError, KeyError):
            with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
                said = dict(line.partition(":")[::2] for line in file)
            parents[pid] = int(said["PPid"])
            inner[pid] = [*map(int, said["NSpid"].split())]
    for pid, parent in parents.items():
        if _is_first(inner.get(parent, ())):
            eldest[parent] = min(pid, eldest.get(parent, pid), key=lambda p: inner[p][-1])
    for pid, parent in parents.items():
        adopted = parent == top and pid != program
        if adopted or parent in found or eldest.get(parent, pid) != pid:
            found.add(pid)
    return found


def _is_first(ids: Sequence[int]) -> bool:
    """Whether a process with these ids, the outermost one first, is the first in a namespace."""
    return len(ids) > 1 and ids[-1] == 1


def _pipes(pid: int) -> list[tuple[str, int]]:
    found = []
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError, IndexError, ValueError):
                pipe = os.readlink(f"/proc/{pid}/fd/{name}")
                if pipe.startswith("pipe:"):
                    with open(f"/proc/{pid}/fdinfo/{name}", encoding="ascii") as file:
                        flags = file.read().partition("flags:")[2].split()[0]
                    found.append((pipe, int(flags, 8) & os.O_ACCMODE))
    return found
