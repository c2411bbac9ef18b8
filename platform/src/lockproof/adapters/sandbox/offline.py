"""Takes a process off the network without privileges; standard library only (see `launcher`)."""

import ctypes
import errno
import os
import sys

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_AF_INET, _SOCK_DGRAM, _SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 2, 2, 0x8913, 0x8914, 1
_LINUX = sys.platform.startswith("linux")


def go_offline() -> str | None:
    """Cut this process off from the network.

    Returns the reason where that is not possible; the process is then as before.
    """
    if not _LINUX:
        return f"{os.uname().sysname} has no network namespaces"
    reason = ""
    root = os.geteuid() == 0
    for flags in (_CLONE_NEWNET,) * root + (_CLONE_NEWUSER | _CLONE_NEWNET,):
        reason = _tried(flags)
        if not reason:
            _leave_network(flags)
            return None
    return reason


def _tried(flags: int) -> str:
    """Why leaving the network fails, found out in a child; empty if it works."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            _leave_network(flags)
            os._exit(0)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            if error.errno == errno.ENOSPC:
                reason = "no more namespaces are allowed"
            os.write(writer, f"{error.strerror}: {reason}".encode())
        finally:
            os._exit(1)
    os.close(writer)
    reason = os.read(reader, 1000).decode()
    os.close(reader)
    return (reason or "the attempt died") if os.waitpid(pid, 0)[1] else ""


def _leave_network(flags: int) -> None:
    """Move this process into a network of its own that has nothing but `localhost`.

    Raises:
        OSError: the kernel refuses; with `_CLONE_NEWUSER` the process may then be in neither
            world, so try in a child first.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    uid, gid = os.geteuid(), os.getegid()
    _checked("unshare", libc.unshare(flags))
    if flags & _CLONE_NEWUSER:
        map_user(uid, gid)
    loopback_up()


def map_user(uid: int, gid: int, guise: tuple[int, int] | None = None) -> None:
    """Be who one was in a new user namespace, or whom `guise` names.

    `uid` and `gid` are those from before it.

    Raises:
        OSError: the kernel refuses.
    """
    seen = guise or (uid, gid)
    # The kernel wants setgroups denied before it lets a process map its group.
    for file, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{seen[0]} {uid} 1"),
        ("gid_map", f"{seen[1]} {gid} 1"),
    ):
        try:
            with open(f"/proc/self/{file}", "w") as target:
                target.write(line)
        except OSError as error:
            raise OSError(error.errno, file) from error


def loopback_up() -> None:
    """Let `localhost` work in a new network.

    Raises:
        OSError: the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    link = _checked("socket", libc.socket(_AF_INET, _SOCK_DGRAM, 0))
    request = ctypes.create_string_buffer(b"lo".ljust(16, b"\0"), 40)
    _checked("loopback", libc.ioctl(link, ctypes.c_ulong(_SIOCGIFFLAGS), request))
    up = int.from_bytes(request.raw[16:18], sys.byteorder) | _IFF_UP
    request.raw = request.raw[:16] + up.to_bytes(2, sys.byteorder)
    _checked("loopback", libc.ioctl(link, ctypes.c_ulong(_SIOCSIFFLAGS), request))
    os.close(link)


def _checked(what: str, result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), what)
    return result
