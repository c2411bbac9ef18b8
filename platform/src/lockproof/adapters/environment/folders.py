"""Which folders of the machine an environment consists of, for stages that see nothing else."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from .build import PipelineEnvironment
from .prefixes import folders_of_python, narrow, prefix_of
from .variables import RUNTIMES, selected


async def folders_of(
    env: PipelineEnvironment, variables: Mapping[str, str], more: Iterable[str], never: Path
) -> tuple[Path, ...]:
    """The folders that stage commands need: the environment, its Python, and what is on `PATH`.

    Args:
        env: the environment.
        variables: those that stages get, with their `PATH`.
        more: further paths that the policy names.
        never: the user's clone, which is left out, as is every folder that holds it, the home
            folder or a part of the system.
    """
    found = [Path(path) for path in more]
    # The one in an environment that was built here is whatever its packages' set-up code left.
    python = env.base or env.python
    if python is not None:
        found += await folders_of_python(python, variables["PATH"])
    if env.python is not None:
        found += [*prefix_of(env.python.parent)]
    for folder in variables["PATH"].split(os.pathsep):
        if os.path.isdir(folder):
            found += [Path(folder), *prefix_of(Path(folder))]
    for name, value in variables.items():
        if selected(name, RUNTIMES):
            found += [Path(p) for p in value.split(os.pathsep) if os.path.isabs(p)]
    return narrow(found, never)


def editable_into(folders: Iterable[Path], clone: Path) -> str | None:
    """A package of an environment that is imported from the user's clone: the file that says so."""
    wanted = os.fsencode(clone)
    for folder in folders:
        for pattern in ("*.pth", "*.egg-link", "__editable__*.py"):
            for file in sorted(folder.glob(f"lib/python*/site-packages/{pattern}")):
                if wanted in file.read_bytes():
                    return file.name
    return None


def imported_from(env: PipelineEnvironment) -> dict[Path, str]:
    """Folders that an environment, not built here, imports from by a `.pth` file: its name."""
    if env.bin is None or env.base is not None:
        return {}
    found: dict[Path, str] = {}
    for file in sorted(env.bin.parent.glob("lib/python*/site-packages/*.pth")):
        try:
            lines = file.read_text("utf-8").splitlines()
        except (OSError, ValueError):
            continue
        found |= {Path(x): file.name for x in map(str.strip, lines) if os.path.isabs(x)}
    return {path: name for path, name in found.items() if path.is_dir()}
