"""How far stages can be kept apart from the machine here, and by what.

The levels, best first: `bubblewrap` (a well-kept program), `namespaces` (the same calls of the
kernel, our own), `landlock` (no other root, but only some paths can be opened), `none`. With the
first two a program finds what its `View` shows and nothing else; see docs/guides/security.md.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from .launcher import GRACE
from .namespaces import HOST_NAME
from .view import DEVICES, View


class Level(StrEnum):
    """What keeps a program apart from the machine."""

    BUBBLEWRAP = "bubblewrap"
    NAMESPACES = "namespaces"
    LANDLOCK = "landlock"
    NONE = "none"

    @property
    def own_root(self) -> bool:
        """Whether what the view does not show does not exist for the program."""
        return self in (Level.BUBBLEWRAP, Level.NAMESPACES)


LEVELS = (Level.BUBBLEWRAP, Level.NAMESPACES, Level.LANDLOCK)


@dataclass(frozen=True)
class Isolation:
    """What this machine can do."""

    level: Level
    refusals: tuple[str, ...] = ()
    """Why each better level cannot be had, such as `bubblewrap: not on PATH`."""

    def __str__(self) -> str:
        """`bubblewrap`, or `landlock (bubblewrap: …; namespaces: …)`."""
        if self.level.own_root or not self.refusals:
            return self.level
        return f"{self.level} ({'; '.join(self.refusals)})"


OFF = Isolation(Level.NONE, ("off in the policy",))


@dataclass(frozen=True)
class Guise:
    """Whom and what programs take themselves and their machine for."""

    host_name: str = HOST_NAME.decode()
    """Only with a root of their own."""
    ids: tuple[int, int] | None = None
    """User and group; only with a root of their own. None: the caller's."""
    umask: int | None = None
    """None: the caller's."""
    cpus: tuple[int, ...] = ()
    """The CPUs that they may run on; empty: the caller's."""
    spent: int = 0
    """So many process ids are used up before; only with a root of their own."""


AS_IT_IS = Guise()


@dataclass(frozen=True)
class Isolated:
    """How one list of programs is kept apart, and what it finds."""

    level: Level
    view: View
    guise: Guise = AS_IT_IS


def bubblewrap() -> str | None:
    """The program, where it is."""
    return shutil.which("bwrap") if sys.platform.startswith("linux") else None


_RUNNER = f"""
code=0 stop=0 spent=$1 most=$2
shift 2
[ "$most" = 0 ] || ulimit -p "$most" 2>/dev/null || ulimit -u "$most" 2>/dev/null
while [ "$spent" -gt 0 ]; do ( : ); spent=$((spent - 1)); done
trap stop=1 TERM
while [ $# -gt 0 ] && [ $code = 0 ] && [ $stop = 0 ]; do
  count=$1 line= number=0
  shift
  while [ $number -lt $count ]; do number=$((number + 1)); line="$line \\"\\${{$number}}\\""; done
  eval "$line"
  code=$?
  shift $count
done
[ $stop = 0 ] || [ $code != 0 ] || code=143
trap '' TERM
kill -s TERM -- -1 2>/dev/null
tries={int(GRACE * 10)}
while kill -s 0 -- -1 2>/dev/null && [ $tries -gt 0 ]; do
  PATH=/usr/bin:/bin sleep 0.1
  tries=$((tries - 1))
done
exit $code
"""
"""Runs programs one after the other, each given as the number of its words and the words.

What they leave running serves the next ones, and is asked to end with the last; the end of the
namespace then ends the rest. A signal to the whole group is never a success.
"""


def as_one(programs: Sequence[Sequence[bytes]], spent: int = 0, most: int = 0) -> list[bytes]:
    """One program that runs these in order, until one fails, and ends what they leave.

    `spent` process ids are used up before; no more than `most` processes are there at one time,
    where that is not 0.
    """
    words = [b"/bin/sh", b"-c", _RUNNER.encode(), b"lockproof", b"%d" % spent, b"%d" % most]
    for program in programs:
        words += [b"%d" % len(program), *program]
    return words


def in_bubblewrap(
    view: View, program: list[bytes], cwd: bytes, *, network: bool, guise: Guise = AS_IT_IS
) -> list[bytes]:
    """The call of bubblewrap that runs a program in a view."""
    found = bubblewrap()
    assert found is not None
    words = [
        *(found, "--unshare-all", "--unshare-user", "--cap-drop", "ALL"),
        *(("--share-net",) if network else ()),
        # Without the terminal nothing can be typed into it.
        *("--new-session", "--die-with-parent", "--hostname", guise.host_name),
        # Settings of the kernel belong to root, also to one without capabilities.
        *("--dev", "/dev", "--proc", "/proc", "--remount-ro", "/proc"),
    ]
    if guise.ids:
        words += ["--uid", str(guise.ids[0]), "--gid", str(guise.ids[1])]
    for mount in view.ordered():
        option = {
            "read": "--ro-bind",
            "write": "--bind",
            "device": "--dev-bind",
            "link": "--symlink",
        }[mount.kind]
        words += [option, mount.source, mount.target]
    words += ["--remount-ro", "/"]
    return [*map(os.fsencode, words), b"--chdir", cwd, b"--", *program]


def triples(view: View) -> list[tuple[bytes, bytes, bytes]]:
    """The mounts as `namespaces.run_in` takes them."""
    return [
        (mount.kind.encode(), os.fsencode(mount.source), os.fsencode(mount.target))
        for mount in view.ordered()
    ]


def allowed(view: View) -> tuple[list[bytes], list[bytes]]:
    """What may be read and what may be written, as `landlock.restrict` takes them."""
    mounts = [mount for mount in view.mounts if mount.kind != "link"]
    read = [os.fsencode(mount.source) for mount in mounts if mount.kind == "read"]
    write = [os.fsencode(mount.source) for mount in mounts if mount.kind != "read"]
    write += [b"/dev/" + name.encode() for name in (*DEVICES, "shm", "pts", "ptmx")]
    return [*read, b"/proc", b"/dev/fd"], write
