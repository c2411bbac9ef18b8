"""Finds the Python that a pipeline environment is built with or consists of."""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lockproof.errors import ConfigError

from .programs import ask

_QUESTION = (
    "import json, platform, sys, sysconfig; print(json.dumps([platform.python_version(),"
    " platform.python_implementation(), sysconfig.get_platform(),"
    " getattr(sys, '_base_executable', None) or sys.executable]))"
)


@dataclass(frozen=True)
class Interpreter:
    """A Python that answered."""

    path: Path
    """As it was called."""
    version: str
    """Such as `3.11.7`."""
    implementation: str
    """Such as `CPython`."""
    platform: str
    """Such as `linux-x86_64`."""
    base: Path
    """The one behind it, if it is in a virtual environment."""


def search_path() -> str:
    """The caller's `PATH` without lockproof's own virtual environment.

    Entries that are not absolute are left out too: they would mean another folder for each stage.
    """
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    own = _own_folders()
    return os.pathsep.join(
        entry for entry in entries if os.path.isabs(entry) and os.path.realpath(entry) not in own
    )


def _own_folders() -> set[str]:
    if sys.prefix == sys.base_prefix:
        return set()
    return {os.path.realpath(os.path.join(sys.prefix, "bin"))}


def find_uv() -> Path | None:
    """The `uv` on PATH, or the one that is installed beside lockproof."""
    found = shutil.which("uv") or shutil.which("uv", path=os.path.join(sys.prefix, "bin"))
    return Path(found) if found else None


async def inspect(program: Path) -> Interpreter | None:
    """Ask a Python about itself; None if it is none, or one before 3.3."""
    # An interpreter's start-up files must not see more than the stages will.
    env = {
        name: os.environ[name] for name in ("PATH", "HOME", "PYENV_VERSION") if name in os.environ
    }
    answer = await ask([program, "-I", "-c", _QUESTION], env)
    try:
        version, implementation, system, base = json.loads((answer or "").splitlines()[-1])
    except (IndexError, ValueError):
        return None
    return Interpreter(program, version, implementation, system, Path(base))


async def find_interpreter(wanted: str | None, root: Path) -> Interpreter:
    """The Python that a policy asks for.

    `wanted` is a version (`3.12`, `3.12.1`), a command, a path relative to `root`, or None for
    the Python that lockproof runs on.

    Raises:
        ConfigError: there is no such Python; the message says what to install.
    """
    if wanted is None:
        found = await inspect(Path(sys.executable))
    elif re.fullmatch(r"\d+(\.\d+){0,2}", wanted):
        found = await _version(wanted)
        if found is None:
            raise ConfigError(
                f"environment.python: there is no Python {wanted} here; install it "
                f"(for example: uv python install {wanted}) or name another version"
            )
    else:
        program = locate(wanted, root)
        found = await inspect(program) if program else None
    if found is None:
        raise ConfigError(f"environment.python: '{wanted or sys.executable}' is not a Python")
    return found


def locate(program: str, root: Path) -> Path | None:
    """An executable named by path, relative to `root`, or by command."""
    if "/" in program:
        path = Path(os.path.normpath(root / program))
        return path if path.is_file() and os.access(path, os.X_OK) else None
    found = shutil.which(program, path=search_path())
    return Path(found) if found else None


async def _version(wanted: str) -> Interpreter | None:
    tried = set()
    for program in _candidates(wanted):
        real = os.path.realpath(program)
        # pyenv's commands are one and the same file, which looks at the name it is called by.
        if (real, program.name) not in tried and os.access(program, os.X_OK):
            tried.add((real, program.name))
            found = await inspect(program)
            if found and f"{found.version}.".startswith(f"{wanted}."):
                return found
    uv = find_uv()
    if uv is None:
        return None
    env = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    answer = await ask([uv, "python", "find", "--no-project", "--managed-python", wanted], env)
    return await inspect(Path(answer)) if answer else None


def _candidates(wanted: str) -> Iterator[Path]:
    yield Path(sys.executable)
    short = ".".join(wanted.split(".")[:2])
    folders = [Path(folder) for folder in search_path().split(os.pathsep) if folder]
    for name in (f"python{short}", "python3", "python"):
        for folder in folders:
            yield folder / name
    versions = Path(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")) / "versions"
    found = [*versions.glob(f"{wanted}/bin/python"), *versions.glob(f"{wanted}.*/bin/python")]
    yield from sorted(found, key=_numbers, reverse=True)


def _numbers(program: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", program.parts[-3])]
