"""Which folders of the machine an environment consists of, for stages that see nothing else."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import anyio

from lockproof.errors import LockproofError

from .build import PipelineEnvironment
from .programs import ask
from .variables import RUNTIMES, selected

_QUESTION = (
    "import json, os, sys; print(json.dumps([sys.prefix, sys.base_prefix, sys.exec_prefix,"
    " sys.base_exec_prefix, os.path.realpath(sys.executable)]))"
)
_PREFIX_MARKS = ("pyvenv.cfg", "conda-meta", "libexec")
"""What shows that the folder above a `bin` is a prefix and no person's home."""


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
    if env.python is not None:
        # Without `site`: nothing of the environment runs here.
        answer = await ask([env.python, "-I", "-S", "-c", _QUESTION], {"PATH": variables["PATH"]})
        try:
            *prefixes, executable = json.loads(answer or "[]") or [""]
        except ValueError:
            prefixes, executable = [], ""
        found += [Path(path) for path in (*prefixes, os.path.dirname(executable)) if path]
        found += _prefix_of(Path(env.python).parent)
    for folder in variables["PATH"].split(os.pathsep):
        if os.path.isdir(folder):
            found += [Path(folder), *_prefix_of(Path(folder))]
    for name, value in variables.items():
        if selected(name, RUNTIMES):
            found += [Path(p) for p in value.split(os.pathsep) if os.path.isabs(p)]
    whole = {Path.home(), never, *map(Path, ("/usr", "/etc", "/var", "/tmp", "/proc", "/dev"))}  # noqa: S108
    return tuple(
        path
        for path in dict.fromkeys(found)
        if path.is_absolute()
        and path.exists()
        and not any(other.is_relative_to(path) for other in whole)
    )


async def state_elsewhere(places: Iterable[str]) -> str:
    """`identity.state_of` in a process of its own, beside which this one can go on.

    Raises:
        LockproofError: that process failed.
    """
    done = await anyio.run_process(
        [sys.executable, "-I", "-S", Path(__file__).with_name("identity.py")],
        input=os.fsencode("\0".join(places)),
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise LockproofError("the process that looks at the environment's files failed")
    return done.stdout.decode()


def _prefix_of(folder: Path) -> Iterator[Path]:
    if any((folder.parent / mark).exists() for mark in _PREFIX_MARKS):
        yield folder.parent


def editable_into(folders: Iterable[Path], clone: Path) -> str | None:
    """A package of an environment that is imported from the user's clone: the file that says so."""
    wanted = os.fsencode(clone)
    for folder in folders:
        for pattern in ("*.pth", "*.egg-link", "__editable__*.py"):
            for file in sorted(folder.glob(f"lib/python*/site-packages/{pattern}")):
                if wanted in file.read_bytes():
                    return file.name
    return None
