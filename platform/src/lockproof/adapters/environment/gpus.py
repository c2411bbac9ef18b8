"""Which GPUs stages see; None wherever that is not known, since a wrong name claims too much."""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from .programs import ask

_SIGNS = (
    # NVIDIA's driver (its README, "Device files"; the CUDA guide for WSL), then AMD's for compute.
    *("proc/driver/nvidia/version", "dev/nvidiactl", "dev/nvidia[0-9]*"),
    *("usr/lib/wsl/lib/libcuda.so*", "dev/kfd"),
)
_INDEX, _NO_INDEX = re.compile(r"[0-9]{1,4}"), re.compile(r"-[0-9]{1,4}")


async def gpus_here(root: Path = Path("/")) -> tuple[tuple[str, ...] | None, str | None]:
    """The names of this machine's GPUs by bus, and their driver's version, as nvidia-smi tells.

    Not known (None) where it fails, and where something else than it shows that there are some.

    Args:
        root: of the file system.
    """
    program = shutil.which("nvidia-smi")
    answer: str | None = ""
    if program is not None:
        query = ["--query-gpu=name,driver_version", "--format=csv,noheader"]
        answer = await ask([program, *query], os.environ)
        if answer is None:
            return None, None
    rows = [line.rpartition(",") for line in (answer or "").splitlines() if "," in line]
    if rows:
        return tuple(row[0].strip() for row in rows), rows[0][2].strip()
    shown = any(next(root.glob(sign), None) for sign in _SIGNS)
    return (None if shown else ()), None


def visible_gpus(
    names: Sequence[str] | None, variables: Mapping[str, str]
) -> tuple[str, ...] | None:
    """Those of them that CUDA shows to a process (CUDA programming guide, "Environment Variables").

    It shows those before the first index that is none. Which one an index means is known where
    all are alike or `CUDA_DEVICE_ORDER` is `PCI_BUS_ID`, which one a UUID means where all are.

    Args:
        names: of the machine's GPUs by bus; None: not known.
        variables: of the process.
    """
    chosen = variables.get("CUDA_VISIBLE_DEVICES")
    if not names or chosen is None:
        return None if names is None else tuple(names)
    indices: list[int] = []
    for part in chosen.split(",") if chosen else ():
        if _NO_INDEX.fullmatch(part) or (_INDEX.fullmatch(part) and int(part) >= len(names)):
            break
        if not _INDEX.fullmatch(part) or int(part) in indices:
            return None
        indices.append(int(part))
    by_bus = variables.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
    if by_bus or len(set(names)) == 1 or not indices:
        return tuple(names[index] for index in indices)
    return tuple(names) if len(indices) == len(names) else None
