"""Keeps a process to some paths by Landlock, where namespaces are refused; standard library only.

It hides no names and no processes: a file outside can be seen to exist and has its size, but it
cannot be opened, listed, written, run or deleted; other processes cannot be looked into.
Numbers are from Linux's include/uapi/linux/landlock.h.
"""

import ctypes
import os
import stat

from lockproof.adapters.sandbox.namespaces import drop_privileges

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_PATH_BENEATH = 1
_EXECUTE, _WRITE, _READ, _READ_DIR = 1, 2, 4, 8
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_ALL_OF = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _IOCTL_DEV
_SCOPES = 0b11
"""Abstract sockets and signals, from version 6 on."""

_libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """The version of Landlock that the kernel offers; 0 where there is none."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)))


def restrict(read: list[bytes], write: list[bytes]) -> None:
    """Leave this process and its children only these paths and what lies below them.

    Raises:
        OSError: the kernel refuses.
    """
    abi = version()
    if abi < 1:
        raise OSError(ctypes.get_errno(), "Landlock")
    everything = _ALL_OF.get(abi, (1 << 16) - 1)
    fields = (ctypes.c_uint64 * 3)(everything, 0, _SCOPES if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = _checked(_libc.syscall(_CREATE_RULESET, fields, ctypes.c_size_t(size), 0))
    for paths, access in (
        (read, _EXECUTE | _READ | _READ_DIR),
        (write, everything),
    ):
        for path in paths:
            _allow(ruleset, path, access & everything)
    drop_privileges()
    _checked(_libc.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def _allow(ruleset: int, path: bytes, access: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(os.fstat(place).st_mode):
        access &= _OF_FILES

    class _Rule(ctypes.Structure):
        _pack_ = 1
        _fields_ = (("access", ctypes.c_uint64), ("parent", ctypes.c_int32))

    rule = _Rule(access, place)
    _checked(_libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0))
    os.close(place)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
