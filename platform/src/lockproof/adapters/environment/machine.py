"""What machine this is, as far as it can make results differ: system, CPU, GPUs, conditions."""

import contextlib
import hashlib
import json
import os
import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lockproof.adapters.files import UMASK

from .gpus import gpus_here
from .programs import ask
from .variables import NUMERIC, selected

CPU_FEATURES = re.compile(
    # x86: what OpenBLAS, MKL, NumPy, oneDNN and the like choose kernels by
    r"ssse3|sse4_[12]|avx|avx2|avx_(vnni|vnni_int8|ne_convert)|f16c|fma4?|xop|avx512\w+|amx_\w+"
    # ARM, POWER and z
    r"|asimd\w*|fphp|sve2?|svei8mm|svebf16|sme2?|i8mm|bf16|altivec|vsx|vxe?2?"
)
"""Names as in Linux's /proc/cpuinfo."""
_CUDNN = re.compile(r"^#define CUDNN_(MAJOR|MINOR|PATCHLEVEL) ([0-9]{1,4})\b", re.MULTILINE)
_VERSION = re.compile(r"[0-9.]{1,20}")
_MOST_READ = 1 << 16


@dataclass(frozen=True)
class Machine:
    """The parts of `model.environment.Environment` that belong to the place."""

    os: str
    libc: str | None
    machine: str
    cpu: str | None
    cpu_features: tuple[str, ...]
    gpus: tuple[str, ...] | None
    driver: str | None
    cuda: Mapping[str, str]


async def this_machine() -> Machine:
    """Look at the machine; what cannot be found out is None or empty."""
    gpus, driver = await gpus_here()
    cpu, features = await _cpu()
    return Machine(
        os=_system(),
        libc=_libc(),
        machine=platform.machine(),
        cpu=cpu,
        cpu_features=tuple(sorted(filter(CPU_FEATURES.fullmatch, features))),
        gpus=gpus,
        driver=driver,
        cuda=installed_cuda(),
    )


def installed_cuda(root: Path = Path("/")) -> dict[str, str]:
    """`cuda` and `cudnn` -> version, where the toolkit or its development files tell.

    Nothing is loaded: `version.json` is what NVIDIA's installers leave (CUDA 11.1 and later), the
    header is what cuDNN is compiled against. What only a package brings is not here.

    Args:
        root: of the file system.
    """
    found = {}
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        text = _beginning(root / "usr/local/cuda/version.json")
        version = json.loads(text)["cuda"]["version"]
        if isinstance(version, str) and _VERSION.fullmatch(version):
            found["cuda"] = version
    include = (
        "usr/include",
        f"usr/include/{platform.machine()}-linux-gnu",
        "usr/local/cuda/include",
    )
    names = ("cudnn_version.h", "cudnn_version_v9.h", "cudnn_version_v8.h")
    for path in (root / folder / name for folder in include for name in names):
        with contextlib.suppress(OSError):
            parts = dict(_CUDNN.findall(_beginning(path)))
            if len(parts) == 3:
                found["cudnn"] = ".".join(parts[n] for n in ("MAJOR", "MINOR", "PATCHLEVEL"))
                break
    return found


def _beginning(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_MOST_READ).decode("utf-8", "replace")


def threads(variables: Mapping[str, str]) -> dict[str, str]:
    """How many CPUs a process here may use, and the numeric settings among `variables`."""
    has_affinity = hasattr(os, "sched_getaffinity")
    cpus = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    settings = {name: value for name, value in variables.items() if selected(name, NUMERIC)}
    return {"cpus": str(cpus), **dict(sorted(settings.items()))}


@dataclass(frozen=True)
class Conditions:
    """The fields of the same names of `model.environment.Environment`."""

    timezone: str | None
    locale: Mapping[str, str]
    umask: str
    user: str
    filesystem: str | None
    variables: Mapping[str, str]


def conditions(
    variables: Mapping[str, str], passed: tuple[str, ...], place: Path, umask: int = UMASK
) -> Conditions:
    """Under what a process with these variables works at `place`.

    `passed` are globs of variables beside the harmless few: of these only digests are kept.
    """
    locale = {n: v for n, v in variables.items() if selected(n, ("LANG", "LANGUAGE", "LC_*"))}
    return Conditions(
        timezone=_timezone(variables),
        locale=dict(sorted(locale.items())),
        umask=f"{umask:04o}",
        user="ordinary" if os.geteuid() else "root",
        filesystem=_filesystem(place),
        variables={
            name: masked(name, value)
            for name, value in sorted(variables.items())
            if selected(name, passed) and name not in locale and not selected(name, NUMERIC)
        },
    )


def masked(name: str, value: str) -> str:
    """8 hex digits by which equal values are told from others, and nobody gets at the value.

    32 bits are too few to confirm a guess of a secret, and scrypt makes many guesses dear.
    """
    salt = f"lockproof variable {name}".encode("utf-8", "surrogateescape")
    digest = hashlib.scrypt(os.fsencode(value), salt=salt, n=2**14, r=8, p=1, dklen=4)
    return digest.hex()


def _timezone(variables: Mapping[str, str]) -> str | None:
    zone = variables.get("TZ")
    if zone is None:
        # `/usr/share/zoneinfo/Europe/Berlin`, or a copy that does not tell its name.
        zone = os.path.realpath("/etc/localtime").partition("/zoneinfo/")[2]
        if not zone:
            return None if os.path.exists("/etc/localtime") else "UTC"
    return {"": "UTC", "Etc/UTC": "UTC"}.get(zone.removeprefix(":"), zone.removeprefix(":"))[:100]


def _filesystem(place: Path) -> str | None:
    """By the longest mount point above it; None where the system does not tell."""
    try:
        lines = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return None
    real, best, kind = os.path.realpath(place), -1, None
    for line in lines:
        head, _, tail = line.partition(" - ")
        point = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), head.split(" ")[4])
        above = point == "/" or real == point or real.startswith(f"{point}/")
        if above and len(point) >= best:
            best, kind = len(point), tail.partition(" ")[0]
    return kind


def _system() -> str:
    kernel = f"{platform.system()} {platform.release()}"
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}; {kernel}"
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}; {kernel}"
    except OSError:
        return kernel


def _libc() -> str | None:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):
        # musl's loader tells its version only when it is run, and then as an error.
        return "musl" if any(Path("/lib").glob("ld-musl-*")) else None


async def _cpu() -> tuple[str | None, frozenset[str]]:
    if sys.platform == "darwin":
        name = await ask(["sysctl", "-n", "machdep.cpu.brand_string"], os.environ)
        flags = await ask(["sysctl", "-n", "machdep.cpu.features"], os.environ)
        more = await ask(["sysctl", "-n", "machdep.cpu.leaf7_features"], os.environ)
        words = f"{flags or ''} {more or ''}".lower().replace("avx1.0", "avx").replace(".", "_")
        return name, frozenset(words.split())
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return platform.processor() or None, frozenset()
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip().lower(), value.strip())
    name = fields.get("model name") or fields.get("cpu model") or fields.get("cpu")
    if name is None and "cpu part" in fields:
        name = f"{fields.get('cpu implementer', '')} part {fields['cpu part']}".strip()
    words = fields.get("flags") or fields.get("features") or ""
    return re.sub(r"\s+", " ", name) if name else None, frozenset(words.split())
