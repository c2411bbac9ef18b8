"""Virtual environments in the cache: built once, shared, whole or not there.

A virtual environment cannot be moved, so it is built where it will stay, `envs/KEY`, and is there
only once its marker, `KEY.complete`, is beside it. The marker names its content and, so that this
need not be read again each time, the state of its files. Beside it also lies `KEY.lock`: exclusive
while it is built, shared for as long as a process uses it. The installer holds the exclusive lock
too: if lockproof is killed, the next one waits until the installer is gone before it starts over.
"""

import fcntl
import hashlib
import itertools
import json
import os
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import anyio

from lockproof.adapters.files import write_whole
from lockproof.adapters.sandbox.run import Limits, run_programs
from lockproof.adapters.scratch import remove
from lockproof.errors import ConfigError, LockproofError, UsageError

from .identity import content_of, state_of
from .installers import (
    Recipe,
    check_program,
    failure,
    finish_programs,
    install_programs,
    installer_variables,
    missing,
)
from .interpreters import find_uv

Progress = Callable[[str], None]

_FORMAT = "2"
_TAIL = 1 << 18
_IN_USE: list[int] = []
"""Descriptors with the shared locks of this process; they go when it ends."""


def key_of(recipe: Recipe) -> str:
    """16 hex digits for what is installed, the Python and the platform."""
    python = recipe.interpreter
    parts = (_FORMAT, recipe.digest, python.implementation, python.version, python.platform)
    return hashlib.sha256("\n".join([*parts, str(python.base)]).encode()).hexdigest()[:16]


async def cached_venv(recipe: Recipe, cache: Path, progress: Progress) -> Path:
    """The folder of the environment that `recipe` describes, built if it is not there.

    One into which something has been installed since is built again: in place, or, while another
    process uses it, beside itself.

    Raises:
        ConfigError: a package does not exist, does not build, or lacks one that it needs.
        UnavailableError: the package index cannot be reached.
        UsageError: the cache cannot be written or locked.
    """
    base = cache / "envs"
    key = key_of(recipe)
    try:
        base.mkdir(parents=True, exist_ok=True)
        for generation in itertools.count(1):
            folder = base / (key if generation == 1 else f"{key}.{generation}")
            if await _settle(recipe, folder, progress):
                return folder
    except OSError as error:
        raise UsageError(
            f"cannot use {base}: {error.strerror or error} (set LOCKPROOF_CACHE_DIR)"
        ) from error
    raise AssertionError


async def _settle(recipe: Recipe, folder: Path, progress: Progress) -> bool:
    """Make `folder` whole and take a shared lock on it; False if it is spoilt and in use."""
    lock = _opened(folder.with_name(f"{folder.name}.lock"))
    try:
        told = False
        while True:
            if _locked(lock, fcntl.LOCK_SH):
                if _whole(folder):
                    break
                spoilt = _marker(folder).exists()
                if _locked(lock, fcntl.LOCK_EX):
                    if not _whole(folder):
                        await _build(recipe, folder, lock, progress)
                    _locked(lock, fcntl.LOCK_SH)
                    break
                if spoilt:
                    return False
            if not told:
                progress("waiting for another lockproof that builds the same environment")
                told = True
            await anyio.sleep(random.uniform(0.05, 0.25))  # noqa: S311 - only spreads attempts
        _IN_USE.append(lock)
        lock = -1
        return True
    finally:
        if lock >= 0:
            os.close(lock)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
    except OSError:
        # A cache that came with an image may be for reading only, and is good for that.
        return os.open(path, os.O_RDONLY)


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _marker(folder: Path) -> Path:
    """Outside of the folder, which stages see."""
    return folder.with_name(f"{folder.name}.complete")


def _whole(folder: Path) -> bool:
    """Whether the environment is complete, its Python still there and every byte as installed."""
    try:
        said = json.loads(_marker(folder).read_text("utf-8"))
        if not folder.joinpath("bin", "python").exists():
            return False
        state = state_of([str(folder)])
        if said["state"] == state:
            return True
        # A copy, or a cache that was carried here: slower to see.
        if said["content"] != content_of(str(folder)):
            return False
        with suppress(UsageError):
            _mark(folder, state, said["content"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def _mark(folder: Path, state: str, content: str) -> None:
    """The state was taken first: what changed since shows as another one."""
    write_whole(_marker(folder), json.dumps({"state": state, "content": content}))


async def _build(recipe: Recipe, folder: Path, lock: int, progress: Progress) -> None:
    progress(f"building the environment of {recipe.name}")
    if folder.exists():
        # The marker goes first: what is half removed must not look whole.
        _marker(folder).unlink(missing_ok=True)
        remove(folder)
    uv = find_uv()
    env = installer_variables(recipe, uv, folder)
    log = folder.with_name(f"{folder.name}.log")
    cwd = (recipe.requirements or Path()).parent if recipe.project is None else recipe.project

    async def run(programs: list[list[str | Path]]) -> bool:
        ended = await run_programs(
            programs,
            cwd=cwd,
            env=env,
            log=log,
            limits=Limits(timeout=None, network=True),
            on_output=progress,
            held=[lock],
        )
        return ended.exit_code == 0

    try:
        if not await run(install_programs(recipe, uv, folder)):
            raise failure(recipe, _tail(log), log)
        if recipe.closed and not await run([check_program(uv, folder)]):
            absent = missing(_tail(log))
            if absent:
                raise ConfigError(
                    f"{recipe.name} does not pin {', '.join(absent)}, which its packages need; "
                    "lock it whole (for example with: uv pip compile --generate-hashes)"
                )
        last = finish_programs(recipe, uv, folder)
        if last and not await run(last):
            raise failure(recipe, _tail(log), log)
    except LockproofError:
        remove(folder)
        raise
    state = state_of([str(folder)])
    _mark(folder, state, content_of(str(folder)))


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - _TAIL))
        return file.read().decode("utf-8", "replace")
