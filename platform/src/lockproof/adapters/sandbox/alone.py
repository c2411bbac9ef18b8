"""Programs that render what they are handed, and find nothing else: no program, network or home."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from lockproof.errors import ConfigError

from .isolation import Isolated, Isolation
from .job import Limits
from .run import Completed, run_programs
from .view import Mount, readable, system_view

_MEMORY = 4 << 30
"""Bytes of address space, where the machine has `prlimit`."""
_TOLD = 64 << 10
"""Bytes of what they say that are read."""
_NOWHERE = "http://127.0.0.1:9"
"""The discard port: where the network cannot be cut, its HTTP client finds no way out."""


async def run_alone(
    programs: Sequence[Sequence[str | Path]],
    home: Path,
    *,
    shown: Sequence[Path],
    variables: Mapping[str, str],
    seconds: float,
    largest: int,
    isolation: Isolation,
) -> tuple[Completed, str]:
    """Run programs in a folder, which is all that they can write, and read but for the system.

    Args:
        programs: each by its path, with its arguments; they run in order until one fails.
        home: the folder, without links; it is their home and where they start.
        shown: programs that are to be found, wherever they are.
        variables: to set besides PATH, HOME and the proxies.
        seconds: until all are ended.
        largest: bytes of a file that one writes, where the machine has `prlimit`.
        isolation: what keeps it apart.

    Returns:
        How they ended, and the beginning of what they said.
    """
    log = home / "log"
    found = shutil.which("prlimit")
    limited = (found, f"--as={_MEMORY}", f"--fsize={largest}") if found else ()
    mounts = [Mount(str(home), str(home), "write"), *readable(shown)]
    done = await run_programs(
        [[*limited, *words] for words in programs],
        cwd=home,
        env={
            "PATH": str(home / "no-programs"),
            "HOME": str(home),
            "HTTP_PROXY": _NOWHERE,
            "HTTPS_PROXY": _NOWHERE,
            **variables,
        },
        log=log,
        limits=Limits(timeout=seconds, network=False),
        isolated=Isolated(isolation.level, system_view(network=False).showing(mounts)),
    )
    with log.open("rb") as file:
        return done, file.read(_TOLD).decode("utf-8", "replace")


def lay(root: Path, files: Mapping[str, bytes], what: str) -> None:
    """Write files down below a folder: POSIX path -> content; `what` is what they belong to.

    Raises:
        ConfigError: a path leads out of it.
    """
    for name, content in files.items():
        path = root / name
        if ".." in path.parts or Path(name).is_absolute():
            raise ConfigError(f"{name} leads out of the {what}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
