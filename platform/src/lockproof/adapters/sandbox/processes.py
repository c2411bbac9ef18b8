"""The processes below one of this machine's, from Linux's /proc; standard library only."""

import os
import sys

_LINUX = sys.platform.startswith("linux")


def finds_descendants() -> bool:
    """Whether this is Linux, with the /proc of this PID namespace."""
    try:
        return _LINUX and os.readlink("/proc/self") == str(os.getpid())
    except OSError:
        return False


def descendants(root: int) -> dict[int, int]:
    """Process ids below `root` -> number of threads.

    Parents first: a shell must not live to comment on the end of its children.
    """
    children: dict[int, list[int]] = {}
    threads: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    # The name in parentheses may contain anything; all else stands after it.
                    fields = file.read().rpartition(b")")[2].split()
                parent, count = int(fields[1]), int(fields[17])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(name))
            threads[int(name)] = count
    found = children.get(root, [])
    for pid in found:
        found.extend(children.get(pid, ()))
    return {pid: threads[pid] for pid in found}
