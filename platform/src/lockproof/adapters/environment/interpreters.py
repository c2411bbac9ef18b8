"""Finds the Python that a pipeline environment is built with or consists of."""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lockproof.adapters.sandbox.job import Limits
from lockproof.adapters.sandbox.run import run_programs
from lockproof.adapters.scratch import temporary_folder
from lockproof.config import EnvironmentPolicy
from lockproof.errors import ConfigError

from .programs import ask

_QUESTION = (
    "import json, platform, sys, sysconfig; open(sys.argv[1], 'w').write(json.dumps(["
    "platform.python_version(), platform.python_implementation(), sysconfig.get_platform(),"
    " getattr(sys, '_base_executable', None) or sys.executable]))"
)
_VERSION = re.compile(r"\d+(\.\d+){0,2}")


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
    found = shutil.which("uv", path=search_path()) or shutil.which(
        "uv", path=os.path.join(sys.prefix, "bin")
    )
    return Path(found) if found else None


async def inspect(program: Path) -> Interpreter | None:
    """Ask a Python about itself; None if it is none, or one before 3.3.

    What it runs at its start may be anybody's, so it starts as the commands of a stage do: without
    credentials, with an empty home and offline.
    """
    env = {name: os.environ[name] for name in ("PATH", "PYENV_VERSION") if name in os.environ}
    env["PYENV_ROOT"] = _pyenv_root()
    with temporary_folder() as scratch:
        answer = scratch / "answer.json"
        try:
            await run_programs(
                [[program, "-I", "-c", _QUESTION, answer]],
                cwd=scratch,
                env={**env, "HOME": str(scratch), "TMPDIR": str(scratch)},
                log=scratch / "log",
                limits=Limits(timeout=30, network=False),
            )
            version, implementation, system, base = json.loads(answer.read_text("utf-8"))
        except (OSError, ValueError, TypeError, ConfigError):
            return None
    return Interpreter(program, version, implementation, system, Path(base))


def _pyenv_root() -> str:
    return os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")


async def find_interpreter(wanted: str | None, root: Path) -> Interpreter:
    """The Python that a policy asks for.

    `wanted` is a version (`3.12`, `3.12.1`), a command, a path relative to `root`, or None for
    the Python that lockproof runs on.

    Raises:
        ConfigError: there is no such Python; the message says what to install.
    """
    if wanted is None:
        found = await inspect(Path(sys.executable))
    elif _VERSION.fullmatch(wanted):
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


def named_program(policy: EnvironmentPolicy) -> tuple[str, str] | None:
    """The key and the name of a program that the policy has lockproof start; None: none."""
    if policy.interpreter is not None:
        return "environment.interpreter", policy.interpreter
    if policy.python is not None and not _VERSION.fullmatch(policy.python):
        return "environment.python", policy.python
    return None


def belongings(program: Path) -> Iterator[Path]:
    """A program, what it is a link to, and the virtual environment that it starts with."""
    for path in (program, Path(os.path.realpath(program))):
        yield Path(os.path.realpath(path.parent), path.name)
        folder = path.parent.parent
        if (folder / "pyvenv.cfg").is_file():
            yield Path(os.path.realpath(folder))


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
    env = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_CONFIG": "1"}
    answer = await ask([uv, "python", "find", "--no-project", "--managed-python", wanted], env)
    return await inspect(Path(answer)) if answer else None


def _candidates(wanted: str) -> Iterator[Path]:
    yield Path(sys.executable)
    short = ".".join(wanted.split(".")[:2])
    folders = [Path(folder) for folder in search_path().split(os.pathsep) if folder]
    for name in (f"python{short}", "python3", "python"):
        for folder in folders:
            yield folder / name
    versions = Path(_pyenv_root(), "versions")
    found = [*versions.glob(f"{wanted}/bin/python"), *versions.glob(f"{wanted}.*/bin/python")]
    yield from sorted(found, key=_numbers, reverse=True)


def _numbers(program: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", program.parts[-3])]
