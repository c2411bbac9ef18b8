"""What an isolated program finds on the machine: a list of mounts, everything else is absent."""

import os
import sys
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

Kind = Literal["read", "write", "device", "link"]

_SYSTEM = ("/usr", "/opt", "/nix", "/gnu", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Programs and libraries. Some are links into `/usr`, and stay links."""
_ETC = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "timezone"),
    *("nsswitch.conf", "host.conf", "hosts", "services", "protocols", "mime.types", "magic"),
    *("ssl/certs", "ssl/cert.pem", "ssl/openssl.cnf", "ca-certificates", "pki/ca-trust"),
    *("pki/tls/certs", "pki/tls/cert.pem", "crypto-policies", "fonts", "locale.conf"),
    *("locale.alias", "default/locale", "os-release", "debian_version", "lsb-release"),
    *("java", "R", "OpenCL", "vulkan", "glvnd", "papersize", "sgml", "xml", "ImageMagick-6"),
)
"""Of `/etc` what programs are set up by; keys, passwords and accounts stay hidden."""
_NUMBERS = (
    *("/sys/devices/system/cpu", "/sys/devices/system/node"),
    *("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/memory.max"),
)
"""By which numeric libraries choose their number of threads."""
_GPUS = ("nvidia*", "dri", "kfd", "dxg")
_MOST_LINKS = 40
"""One after another, as the kernel follows them."""
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


@dataclass(frozen=True, order=True)
class Mount:
    """One thing of the machine, and where an isolated program finds it."""

    target: str
    """Absolute."""
    source: str
    """Absolute; of a link, its text."""
    kind: Kind = "read"


@dataclass(frozen=True)
class View:
    """Everything of the machine that an isolated program finds, beside `/proc` and `/dev`."""

    mounts: tuple[Mount, ...]

    def ordered(self) -> tuple[Mount, ...]:
        """Each after what it lies in.

        Over a link nothing can be mounted. One in a folder that is shown stays a link, and what is
        asked for is found where that leads to.
        """
        folders = {m.target for m in self.mounts if m.kind != "link" and m.target == m.source}
        found = (
            mount if mount.kind == "link" else _followed(mount, folders) for mount in self.mounts
        )
        return tuple(sorted(found, key=lambda m: (m.target.count("/"), m.target)))

    def showing(self, mounts: Iterable[Mount]) -> "View":
        """This view with more in it; a target is mounted once, and the last one counts."""
        found = {mount.target: mount for mount in (*self.mounts, *mounts)}
        return replace(self, mounts=tuple(found.values()))


def _followed(mount: Mount, folders: Set[str]) -> Mount:
    """The same without links of these folders in its target, as they lead on from there."""
    path = Path(mount.target)
    for _ in range(_MOST_LINKS):
        found = (p for p in (*reversed(path.parents), path) if p.is_symlink())
        link = next((p for p in found if not folders.isdisjoint(map(str, p.parents))), None)
        if link is None:
            break
        path = Path(os.path.normpath(link.parent / os.readlink(link) / path.relative_to(link)))
    if str(path) == mount.target:
        return mount
    return replace(mount, target=str(path), source=os.path.realpath(mount.source))


def readable(paths: Iterable[Path]) -> tuple[Mount, ...]:
    """Mounts that show existing paths where they are, for reading only."""
    return tuple(Mount(str(path), str(path)) for path in dict.fromkeys(paths) if path.exists())


def system_view(*, network: bool) -> View:
    """Programs, libraries and GPUs of this machine, and nothing of its users."""
    mounts = _system()
    if network and os.path.exists("/etc/resolv.conf"):
        mounts = (*mounts, Mount("/etc/resolv.conf", os.path.realpath("/etc/resolv.conf")))
    return View(mounts)


@cache
def _system() -> tuple[Mount, ...]:
    if not sys.platform.startswith("linux"):
        return ()
    found = []
    for path in _SYSTEM:
        if os.path.islink(path):
            found.append(Mount(path, os.readlink(path), "link"))
        elif os.path.isdir(path):
            found.append(Mount(path, path))
    # A link (`localtime`) may lead to what is not shown under its own name.
    found += [
        Mount(path, os.path.realpath(path))
        for path in (*(f"/etc/{name}" for name in _ETC), *_NUMBERS)
        if os.path.exists(path)
    ]
    gpus = [str(path) for pattern in _GPUS for path in Path("/dev").glob(pattern)]
    found += [Mount(path, path, "device") for path in gpus]
    if gpus:
        found = [mount for mount in found if not mount.target.startswith("/sys/devices")]
        found.append(Mount("/sys", "/sys"))
    return tuple(found)
