"""Gives a program a root, processes and a network of its own; standard library only.

What bubblewrap does, by the same calls of the kernel, for where there is no bubblewrap: user,
mount, PID, IPC, UTS and network namespaces, a root of bind mounts, no capabilities.
"""

import ctypes
import errno
import os
import signal
from collections.abc import Callable
from typing import NoReturn, Protocol

from lockproof.adapters.sandbox.offline import loopback_up, map_user

_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER = 0x20000, 0x4000000, 0x8000000, 0x10000000
_NEWPID, _NEWNET = 0x20000000, 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 32, 4096, 16384, 1 << 18
_MNT_DETACH = 2
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
_MOUNT_SETATTR = 442
HOST_NAME = b"lockproof"

_libc = ctypes.CDLL(None, use_errno=True)


class Unavailable(OSError):
    """The kernel refuses; the text says what."""


class Wanted(Protocol):
    """What a program is to find."""

    mounts: list[tuple[bytes, bytes, bytes]]
    """Kind (`read`, `write`, `device`, `link`), source and target, each after what it lies in."""
    devices: list[bytes]
    """Names below `/dev`."""
    offline: bool
    env: dict[bytes, bytes]
    cwd: bytes
    """Where it starts, in the new root."""
    host_name: bytes
    ids: tuple[int, int] | None
    """User and group that it takes itself for; None: the caller's."""


def run_in(wanted: Wanted, program: list[bytes], told: Callable[[str], None]) -> NoReturn:
    """Run a program in a root of its own.

    `told` is called with the reason where that cannot be made; then this process ends.
    """
    try:
        _unshare(wanted.ids, network=not wanted.offline)
        if wanted.offline:
            loopback_up()
        pid = os.fork()
    except OSError as error:
        told(str(error))
        os._exit(127)
    if pid:
        _follow(pid)
    try:
        _checked("death signal", _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
        os.setsid()
        _make_root(wanted)
        drop_privileges()
        os.chdir(wanted.cwd)
        child = os.fork()
    except OSError as error:
        told(str(error))
        os._exit(127)
    if child == 0:
        try:
            os.execve(program[0], program, wanted.env)  # noqa: S606 - that is the purpose
        finally:
            os._exit(127)
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    os.closerange(3, 1 << 16)
    os._exit(_reap_until(child))


def _unshare(ids: tuple[int, int] | None, *, network: bool) -> None:
    flags = _NEWNS | _NEWUTS | _NEWIPC | _NEWPID | (0 if network else _NEWNET)
    uid, gid = os.geteuid(), os.getegid()
    if _libc.unshare(flags | _NEWUSER) == 0:
        map_user(uid, gid, ids)
        return
    reason = os.strerror(ctypes.get_errno())
    # Root needs no user namespace for the others.
    if uid != 0 or ids or _libc.unshare(flags) != 0:
        raise Unavailable(f"user namespace: {reason}")


def _follow(pid: int) -> NoReturn:
    """Wait for the first process of the namespace and end as it does."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    os.closerange(3, 1 << 16)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os._exit(code if code >= 0 else 128 - code)


def _reap_until(child: int) -> int:
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _make_root(wanted: Wanted) -> None:
    _mount(None, b"/", None, _MS_REC | _MS_PRIVATE)
    # As bubblewrap: a first change of root puts the old one where no mount can hide it.
    _mount(b"tmpfs", b"/tmp", b"tmpfs", _MS_NOSUID | _MS_NODEV, b"mode=0755")
    os.mkdir(b"/tmp/old")
    os.mkdir(b"/tmp/new")
    _pivot(b"/tmp", b"/tmp/old")
    os.chdir(b"/")
    _mount(b"tmpfs", b"/new", b"tmpfs", _MS_NOSUID | _MS_NODEV, b"mode=0755")
    _make_dev(wanted.devices)
    for kind, source, target in wanted.mounts:
        place = b"/new" + target
        if kind == b"link":
            _parents(place)
            os.symlink(source, place)
            continue
        origin = _resolved(source)
        _parents(place)
        if os.path.isdir(origin):
            os.makedirs(place, mode=0o755, exist_ok=True)
        elif not os.path.exists(place):
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o644))
        _bind(origin, place, kind)
    os.makedirs(b"/new/proc", exist_ok=True)
    # Settings of the kernel belong to root, also to one without capabilities.
    sealed = _MS_RDONLY | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    _mount(b"proc", b"/new/proc", b"proc", sealed)
    _libc.sethostname(wanted.host_name, len(wanted.host_name))
    os.chdir(b"/new")
    _pivot(b".", b".")
    _checked("leave the old root", _libc.umount2(b".", _MNT_DETACH))
    os.chdir(b"/")
    _mount(None, b"/", None, _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NODEV)


def _resolved(source: bytes) -> bytes:
    """A path of the old root, its links followed in the old root."""
    links = 0
    done, rest = b"", [part for part in source.split(b"/") if part]
    while rest:
        part = rest.pop(0)
        if part == b"..":
            done = done.rpartition(b"/")[0]
            continue
        if os.path.islink(b"/old" + done + b"/" + part):
            links += 1
            if links > 40:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            text = os.readlink(b"/old" + done + b"/" + part)
            done = b"" if text.startswith(b"/") else done
            rest = [piece for piece in text.split(b"/") if piece not in (b"", b".")] + rest
            continue
        done += b"/" + part
    return b"/old" + done


def _make_dev(devices: list[bytes]) -> None:
    os.mkdir(b"/new/dev", 0o755)
    _mount(b"tmpfs", b"/new/dev", b"tmpfs", _MS_NOSUID, b"mode=0755")
    for name in devices:
        place = b"/new/dev/" + name
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o666))
        _bind(b"/old/dev/" + name, place, b"device")
    for name, text in (
        *((b"fd", b"/proc/self/fd"), (b"stdin", b"/proc/self/fd/0"), (b"core", b"/proc/kcore")),
        *((b"stdout", b"/proc/self/fd/1"), (b"stderr", b"/proc/self/fd/2")),
        (b"ptmx", b"pts/ptmx"),
    ):
        os.symlink(text, b"/new/dev/" + name)
    for name in (b"shm", b"pts"):
        os.mkdir(b"/new/dev/" + name, 0o755)
    options = b"newinstance,ptmxmode=0666,mode=620"
    _mount(b"devpts", b"/new/dev/pts", b"devpts", _MS_NOSUID | _MS_NOEXEC, options)


def _bind(origin: bytes, place: bytes, kind: bytes) -> None:
    _mount(origin, place, None, _MS_BIND | _MS_REC)
    flags = _ATTR_NOSUID
    flags |= 0 if kind == b"device" else _ATTR_NODEV
    flags |= _ATTR_RDONLY if kind == b"read" else 0
    attributes = (ctypes.c_uint64 * 4)(flags, 0, 0, 0)
    result = _libc.syscall(
        *(_MOUNT_SETATTR, _AT_FDCWD, place, _AT_RECURSIVE),
        *(ctypes.byref(attributes), ctypes.sizeof(attributes)),
    )
    _checked("mount_setattr", result)


def _parents(place: bytes) -> None:
    os.makedirs(os.path.dirname(place), mode=0o755, exist_ok=True)


def _mount(
    source: bytes | None,
    target: bytes,
    kind: bytes | None,
    flags: int,
    options: bytes | None = None,
) -> None:
    result = _libc.mount(source, target, kind, ctypes.c_ulong(flags), options)
    shown = target.decode(errors="replace").removeprefix("/new")
    _checked(f"mount {shown or '/'}", result)


def _pivot(new: bytes, old: bytes) -> None:
    number = _PIVOT_ROOT.get(os.uname().machine)
    if number is None:
        raise Unavailable(f"pivot_root: unknown on {os.uname().machine}")
    _checked("pivot_root", _libc.syscall(number, new, old))


def drop_privileges() -> None:
    """No capabilities for this process and what it runs, and no way to new ones.

    Raises:
        OSError: the kernel refuses.
    """
    _checked("no_new_privs", _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    capability = 0
    while _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _checked("capset", _libc.capset(ctypes.byref(header), ctypes.byref(nothing)))


def _checked(what: str, result: int) -> None:
    if result < 0:
        raise Unavailable(f"{what}: {os.strerror(ctypes.get_errno())}")
