"""What a tree of processes may use of the machine, and whether it does; standard library only.

The kernel bounds single files and, in a user namespace, the number of processes. For all else it
wants a control group, which can seldom be had, so the launcher looks several times a second.
"""

import contextlib
import os
import re
import resource
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from lockproof.adapters.sandbox.leftovers import Leftovers
from lockproof.adapters.sandbox.processes import descendants, finds_descendants

_INTERVAL = 0.1
"""Seconds between two looks, more where a look takes long: it must not take the stage's time."""
_GLANCE = 0.02
"""Seconds between two glances at the number of processes on the whole machine."""
_SHARE = 20
"""A look takes at most this part of the time."""
_LEEWAY = 2
"""The kernel's bound on processes is so many times the watched one, which can say why it ends."""
_FIELD = re.compile(
    rb"^(RssAnon|RssShmem|VmSwap|Pss_Anon|Pss_Shmem|SwapPss):\s+(\d+) kB", re.MULTILINE
)
_GONE = (FileNotFoundError, NotADirectoryError)
"""While it was looked at, which hides nothing from the next look."""
_SHM = "/dev/shm"  # noqa: S108


class Quota(NamedTuple):
    """How much there may be of each; 0: no bound."""

    processes: int = 0
    """Processes and threads at one time."""
    memory: int = 0
    """Bytes at one time, of all together: private and shared pages, swap, files in memory."""
    disk: int = 0
    """Bytes by which folders may grow, and that a single file may have."""
    clinging: int = 0
    """Seconds for which a process whose parent has gone may be all that holds a pipe open which
    another one reads; then it alone is ended."""


FREE = Quota()


class Gauge:
    """Looks at what the processes below this one use."""

    def __init__(self, quota: Quota, places: Sequence[bytes], *, own_root: bool) -> None:
        """`places` are the folders that they may write; `own_root`: /dev/shm is theirs alone."""
        self._quota, self._own_root = quota, own_root
        self._places = [place for place in places if os.path.isdir(place)]
        self._seen = finds_descendants()
        self._before, self._closed = _stored(self._places) if quota.disk else (0, False)
        self._used = _used(self._places) if quota.disk else 0
        self._next = 0.0
        self._tasks = _tasks()
        self._leftovers = Leftovers(os.getpid(), quota.clinging)

    @property
    def watching(self) -> bool:
        """Whether there is anything to look at."""
        return self._quota != FREE and (self._seen or bool(self._quota.disk))

    def unheld(self) -> list[str]:
        """What cannot be looked at here."""
        quota = self._quota._asdict()
        return [] if self._seen else [n for n in ("processes", "memory") if quota[n]]

    def pause(self) -> float:
        """Seconds until there should be another call of `over`."""
        most = _GLANCE if self._quota.processes else _INTERVAL
        return min(most, max(0.0, self._next - time.monotonic()))

    def overdue(self, program: int) -> list[int]:
        """The processes that keep `program` waiting and must not."""
        watched = self._quota.clinging and self._seen and program
        return self._leftovers.overdue(program) if watched else []

    def over(self) -> tuple[str, int] | None:
        """What there is too much of, as `Quota` names it, and how much; None also between looks."""
        burst = 0 < self._quota.processes < _tasks() - self._tasks
        if time.monotonic() < self._next and not burst:
            return None
        # Not by the clock: who looks seldom because the machine is busy lets a bomb make it so.
        begun = time.thread_time()
        try:
            return self._look()
        finally:
            taken = time.thread_time() - begun
            self._next = time.monotonic() + max(_INTERVAL, _SHARE * taken)
            self._tasks = _tasks()

    def _look(self) -> tuple[str, int] | None:
        others = self._quota.memory or self._quota.disk
        if not others and 0 < _tasks() <= self._quota.processes:
            return None  # So few are on the whole machine, which is cheaper to see.
        pids = descendants(os.getpid()) if self._seen else {}
        count = sum(pids.values())
        if 0 < self._quota.processes < count:
            return "processes", count
        if not others:
            return None
        unlinked = list(_unlinked(pids))
        if self._quota.memory:
            files = sum(size for size, in_memory in unlinked if in_memory) + self._in_shm(pids)
            # The cheap sum counts pages once for each process that has them.
            used = _memory(pids, "status", files)
            if used > self._quota.memory:
                used = _memory(pids, "smaps_rollup", files)
            if used > self._quota.memory:
                return "memory", used
        if self._quota.disk:
            stored, closed = _stored(self._places)
            grown = stored - self._before
            if closed and not self._closed:
                # What is in a folder that was closed since only the file system knows, which may
                # have grown by others as well.
                grown = max(grown, _used(self._places) - self._used)
            grown += sum(size for size, in_memory in unlinked if not in_memory)
            if grown > self._quota.disk:
                return "disk", grown
        return None

    def _in_shm(self, pids: Iterable[int]) -> int:
        """Bytes in files of /dev/shm, where it is of one stage alone."""
        if not self._own_root:
            return 0
        here = os.stat(_SHM).st_dev if os.path.isdir(_SHM) else None
        for pid in reversed(list(pids)):  # The last is the likeliest to have entered its root.
            with contextlib.suppress(OSError):
                place = f"/proc/{pid}/root{_SHM}"
                if os.stat(place).st_dev != here:
                    info = os.statvfs(place)
                    return (info.f_blocks - info.f_bfree) * info.f_frsize
        return 0


def hold(quota: Quota) -> None:
    """Bound this process and its children by what the kernel offers for that.

    Out of memory, the kernel ends them before it ends lockproof.
    """
    if quota.disk:
        with contextlib.suppress(ValueError, OSError):
            most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            bound = quota.disk if most == resource.RLIM_INFINITY else min(quota.disk, most)
            resource.setrlimit(resource.RLIMIT_FSIZE, (bound, bound))
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "r+b", 0) as file:
        if int(file.read()) < _FIRST_TO_GO:
            file.write(b"%d" % _FIRST_TO_GO)


_FIRST_TO_GO = 500


def come_first() -> int:
    """Let this process look also while a thousand others want to run; its priority before that.

    Root's processes have no bound in the kernel, and root may do this; for others it is the other
    way round.
    """
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with contextlib.suppress(OSError, AttributeError):
        policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(1))
    return before


def shell_bound(quota: Quota) -> int:
    """The bound on processes for a shell in a user namespace to set; 0: none.

    Before Linux 5.14 all processes of the user counted, wherever they ran.
    """
    release = tuple(int(n) for n in re.findall(r"\d+", os.uname().release)[:2])
    return quota.processes * _LEEWAY if release >= (5, 14) else 0


def _tasks() -> int:
    """Processes and threads on this machine; 0 where that cannot be known."""
    try:
        with open("/proc/loadavg", "rb") as file:
            return int(file.read().split()[3].partition(b"/")[2])
    except (OSError, IndexError, ValueError):
        return 0


def _memory(pids: Iterable[int], file: str, files: int) -> int:
    private = shared = 0
    for pid in pids:
        found: dict[bytes, int] = {}
        for name in (file, "status"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/{name}", "rb") as said:
                found = {k: int(v) << 10 for k, v in _FIELD.findall(said.read())}
            if found:
                break
        private += sum(found.get(n, 0) for n in (b"RssAnon", b"VmSwap", b"Pss_Anon", b"SwapPss"))
        shared += found.get(b"RssShmem", 0) + found.get(b"Pss_Shmem", 0)
    return private + max(shared, files)  # What is mapped is a part of the files, or all.


def _unlinked(pids: Iterable[int]) -> Iterator[tuple[int, bool]]:
    """Open files that no folder holds: bytes, and whether they are in memory."""
    seen = set()
    for pid in pids:
        try:
            names = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue
        for name in names:
            with contextlib.suppress(OSError):
                path = f"/proc/{pid}/fd/{name}"
                info = os.stat(path)
                if info.st_nlink or not stat.S_ISREG(info.st_mode):
                    continue
                if (info.st_dev, info.st_ino) not in seen:
                    seen.add((info.st_dev, info.st_ino))
                    text = os.readlink(path)
                    yield info.st_blocks * 512, text.startswith(("/memfd:", f"{_SHM}/"))


def _used(places: Iterable[bytes]) -> int:
    """Bytes that the file systems of some folders hold, by whomever."""
    found = {}
    for place in places:
        with contextlib.suppress(OSError):
            info = os.statvfs(place)
            found[os.stat(place).st_dev] = (info.f_blocks - info.f_bfree) * info.f_frsize
    return sum(found.values())


def _stored(places: Iterable[bytes]) -> tuple[int, bool]:
    """Bytes of all files below some folders, and whether not all of these can be looked at.

    That is so of a folder without the right to it, and of one whose path is longer than the kernel
    takes, which a process can make step by step.
    """
    total, linked, closed = 0, set(), False
    folders = list(places)
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
                            total += 4096
                            continue
                        info = entry.stat(follow_symlinks=False)
                    except OSError as error:
                        closed = closed or not isinstance(error, _GONE)
                        continue
                    name = (info.st_dev, info.st_ino)
                    if info.st_nlink > 1:
                        if name in linked:
                            continue
                        linked.add(name)
                    # An inode takes room too: a million empty files are not nothing.
                    total += info.st_blocks * 512 + 256
        except OSError as error:
            closed = closed or not isinstance(error, _GONE)
    return total, closed
