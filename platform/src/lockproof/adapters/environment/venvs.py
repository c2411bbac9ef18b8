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
from collections.abc import Awaitable, Callable, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio

from lockproof.adapters.files import write_whole
from lockproof.adapters.sandbox.isolation import OFF, Isolation, Level
from lockproof.adapters.scratch import remove
from lockproof.errors import ConfigError, LockproofError, UsageError

from .identity import content_of, state_of
from .installers import (
    Recipe,
    check_programs,
    compile_program,
    failure,
    finish_programs,
    install_programs,
    installer_variables,
    look_programs,
    make_programs,
    missing,
    resolved,
    wants_credentials,
    wheels_will_do,
)
from .installing import NOBODY, Pulse, Say, Screen
from .interpreters import find_uv
from .pins import not_whole
from .works import Works
from .workshop import Workshop, furnish, workshop_beside

_FORMAT = "3"
_TAIL = 1 << 18
_LOOK = 60.0
"""Seconds that looking for what a file does not pin may take; then building shows it."""
_NEVER_FROZEN = frozenset(("pip", "setuptools", "wheel", "distribute"))
"""What `pip freeze` leaves out, so that a file of its is as whole as it gets."""
_APART = ("wheels", *(level for level in Level if level.own_root))
_IN_USE: list[int] = []
"""Descriptors with the shared locks of this process; they go when it ends."""


def key_of(recipe: Recipe) -> str:
    """16 hex digits for what is installed, the Python and the platform."""
    python = recipe.interpreter
    parts = (_FORMAT, recipe.digest, python.implementation, python.version, python.platform)
    return hashlib.sha256("\n".join([*parts, str(python.base)]).encode()).hexdigest()[:16]


async def cached_venv(
    recipe: Recipe,
    cache: Path,
    say: Say,
    isolation: Isolation,
    *,
    strict: bool,
    screen: Screen = NOBODY,
) -> Path:
    """The folder of the environment that `recipe` describes, built if it is not there.

    With `strict`, one whose packages were built without a root of their own counts as not there.

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
            if await _settle(recipe, folder, say, isolation, screen, strict=strict):
                return folder
    except OSError as error:
        raise UsageError(
            f"cannot use {base}: {error.strerror or error} (set LOCKPROOF_CACHE_DIR)"
        ) from error
    raise AssertionError


async def _settle(
    recipe: Recipe,
    folder: Path,
    say: Say,
    isolation: Isolation,
    screen: Screen,
    *,
    strict: bool,
) -> bool:
    """Make `folder` whole and take a shared lock on it; False if it is spoilt and in use."""
    lock = _opened(folder.with_name(f"{folder.name}.lock"))
    try:
        told = False
        while True:
            if _locked(lock, fcntl.LOCK_SH):
                if _whole(folder, strict=strict):
                    break
                spoilt = _marker(folder).exists()
                if _locked(lock, fcntl.LOCK_EX):
                    if not _whole(folder, strict=strict):
                        await _build(recipe, folder, lock, say, isolation, screen)
                    _locked(lock, fcntl.LOCK_SH)
                    break
                if spoilt:
                    return False
            if not told:
                say("waiting for another lockproof that builds the same environment")
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


def _whole(folder: Path, *, strict: bool) -> bool:
    """Whether the environment is complete, its Python still there and every byte as installed."""
    try:
        said = json.loads(_marker(folder).read_text("utf-8"))
        if not folder.joinpath("bin", "python").exists():
            return False
        if strict and said["built"] not in _APART:
            return False
        state = state_of([str(folder)])
        if said["state"] == state:
            return True
        # A copy, or a cache that was carried here: slower to see.
        if said["content"] != content_of(str(folder)):
            return False
        with suppress(UsageError):
            _mark(folder, state, said["content"], said["built"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def _mark(folder: Path, state: str, content: str, built: str) -> None:
    """The state was taken first: what changed since shows as another one."""
    said = {"state": state, "content": content, "built": built}
    write_whole(_marker(folder), json.dumps(said))


async def _build(
    recipe: Recipe,
    folder: Path,
    lock: int,
    say: Say,
    isolation: Isolation,
    screen: Screen,
) -> None:
    """First as the user and only from wheels, where nothing of a package runs; else apart."""
    say(f"building the environment of {recipe.name}")
    if folder.exists():
        # The marker goes first: what is half removed must not look whole.
        _marker(folder).unlink(missing_ok=True)
        remove(folder)
    try:
        with Pulse(say, screen) as pulse:
            built = await _make(recipe, folder, lock, isolation, pulse)
            pulse.doing("reading what was installed, to know it again")
            state = state_of([str(folder)])
            _mark(folder, state, content_of(str(folder)), built)
    except LockproofError:
        remove(folder)
        raise


async def _make(recipe: Recipe, folder: Path, lock: int, isolation: Isolation, pulse: Pulse) -> str:
    """Make the environment; by which isolation packages of it were built, or `wheels`."""
    uv = find_uv()
    log = folder.with_name(f"{folder.name}.log")
    cwd = (recipe.requirements or Path()).parent if recipe.project is None else recipe.project

    run = Works(recipe, lock, log, cwd, folder, pulse).run
    built: str = "wheels"
    with workshop_beside(folder) as room:
        # Among temporary files uv leaves its locks, and a pip that is stopped what it has fetched.
        env = installer_variables(recipe, uv, folder) | {"TMPDIR": str(room / "installer")}
        plain = Workshop(env, None)
        making = make_programs(recipe, uv, folder)
        if not await run(plain, making, doing="making a virtual environment"):
            raise failure(recipe, _tail(log), log)
        if _worth_a_look(recipe) and await run(
            plain,
            look_programs(recipe, uv, folder),
            timeout=_LOOK,
            doing="looking whether all that they need is pinned",
        ):
            _see_whole(recipe, resolved(_tail(log)))
        apart = replace(plain, runs_code=True)
        if isolation != OFF:
            apart = await furnish(room, folder, recipe, uv, plain.env, isolation)
        if not await _from_wheels(recipe, uv, folder, log, partial(run, plain)):
            built = isolation.level
            pulse.say(f"a package of {recipe.name} is built from source: {_kept(isolation, apart)}")
            from_source = install_programs(recipe, uv, folder, wheels=False)
            if not await run(apart, from_source, installs=True):
                raise _failed_apart(recipe, _tail(log), log, apart, isolation)
        # From here on there is code of packages in it, which its Python runs as it starts.
        inside = partial(run, apart, network=False)
        check = check_programs(recipe, uv, folder)
        checked = await inside(check, doing="checking that nothing is missing")
        if recipe.closed and not checked:
            _tell_absent(recipe, missing(_tail(log)), pulse.say)
        last = finish_programs(recipe, uv, folder)
        if last and not await inside(last, doing="taking pip away"):
            raise failure(recipe, _tail(log), log)
        await inside([compile_program(recipe, folder)], doing="compiling modules")
    return built


def _failed_apart(
    recipe: Recipe, output: str, log: Path, apart: Workshop, isolation: Isolation
) -> LockproofError:
    if apart.outlet and apart.outlet.refused:
        return ConfigError(
            f"cannot build the environment of {recipe.name}: what builds a package asked for"
            f" {apart.outlet.refused[0]}, which is not on the Internet: if it is an index that it"
            " may ask, name that host and port in your own settings, such as PIP_EXTRA_INDEX_URL"
            f" or PIP_TRUSTED_HOST, but no server that set-up code starts by itself (see {log})"
        )
    return failure(recipe, output, log, apart=isolation != OFF)


def _tell_absent(recipe: Recipe, absent: Sequence[str], say: Say) -> None:
    if absent:
        _see_whole(recipe, {*recipe.names, *absent})
        say(
            f"{recipe.name} does not pin {', '.join(absent)}, which pip freeze leaves out:"
            " stages do without, unless you pin it there"
        )


def _worth_a_look(recipe: Recipe) -> bool:
    """Whether to see that a file of pins is whole before it is downloaded, which takes minutes.

    Where looking fails, it says nothing. Who writes hashes has a program that locks all.
    """
    told = recipe.requirements is not None and recipe.named and not recipe.hashed
    return told and recipe.closed and wheels_will_do(recipe)


def _see_whole(recipe: Recipe, needed: Set[str]) -> None:
    """See that nothing is needed but what is pinned, and what `pip freeze` never writes."""
    absent = sorted(needed - recipe.names)
    if _NEVER_FROZEN.issuperset(absent):
        return
    if recipe.requirements is None:
        raise ConfigError(
            f"{recipe.name} does not have {', '.join(absent)}, which its packages need: run"
            " 'uv lock' and commit it"
        )
    raise not_whole(recipe.name, absent)


async def _from_wheels(
    recipe: Recipe, uv: Path | None, folder: Path, log: Path, run: Callable[..., Awaitable[bool]]
) -> bool:
    """Whether wheels are all that is needed.

    Raises:
        LockproofError: building from source would fail as well.
    """
    if not wheels_will_do(recipe):
        return False
    if await run(install_programs(recipe, uv, folder, wheels=True), installs=True):
        return True
    said = _tail(log)
    error = failure(recipe, said, log)
    if not isinstance(error, ConfigError) or wants_credentials(said):
        raise error
    return False


def _kept(isolation: Isolation, apart: Workshop) -> str:
    if isolation == OFF:
        return "its set-up code runs in the open ([run] isolation)"
    if isolation.level is Level.NONE:
        return f"its set-up code runs without your credentials, and not kept apart ({isolation})"
    if apart.outlet is None:
        why = "" if not isolation.level.own_root else ", since a proxy is set"
        return f"its set-up code is kept apart by {isolation}, but for this machine's network{why}"
    return f"its set-up code is kept apart by {isolation}"


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - _TAIL))
        return file.read().decode("utf-8", "replace")
