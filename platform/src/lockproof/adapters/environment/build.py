"""The pipeline's own environment: what the policy names, made ready and described."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lockproof.adapters.files import write_whole
from lockproof.adapters.sandbox.isolation import Isolated, Isolation
from lockproof.adapters.sandbox.job import Limits
from lockproof.adapters.sandbox.run import run_programs
from lockproof.adapters.sandbox.view import Mount, readable
from lockproof.adapters.scratch import work_folder
from lockproof.config import EnvironmentPolicy
from lockproof.errors import ConfigError
from lockproof.model.environment import Environment

from .gpus import visible_gpus
from .identity import content_of
from .installers import Recipe
from .installing import NOBODY, Say, Screen
from .interpreters import (
    Interpreter,
    find_interpreter,
    inspect,
    locate,
    search_path,
)
from .machine import Conditions, this_machine, threads
from .pins import normalised, read_pins
from .places import Places
from .prefixes import folders_of_python, narrow
from .uv_lock import read_uv_lock
from .venvs import cached_venv

_PIN = re.compile(r"[A-Za-z0-9][\w.-]*==[\w.!+*-]+")
IMAGE_VARIABLE = "LOCKPROOF_IMAGE"
"""Set by whoever starts lockproof in a container: the image's reference by digest."""


@dataclass(frozen=True)
class PipelineEnvironment:
    """Where stage commands find their programs."""

    kind: str
    """`requirements`, `uv-lock`, `interpreter`, `image` or `unpinned`."""
    name: str
    """As the policy names it."""
    digest: str | None
    """SHA-256 of the lock, or the image's digest; None where nothing pins it."""
    bin: Path | None
    """The folder that stands first on the search path."""
    python: Path | None
    base: Path | None = None
    """The Python behind an environment that was built here; None: `python` is the user's own."""
    shows: tuple[Path, ...] = ()
    """What stages must find for it to run, where that is not what the pipeline's own needs."""

    def search_path(self) -> str:
        """`PATH` for stage commands: `bin`, then the caller's without lockproof's own."""
        return os.pathsep.join(filter(None, (str(self.bin or ""), search_path())))


async def prepare(
    policy: EnvironmentPolicy | None,
    root: Path,
    cache: Path,
    say: Say,
    isolation: Isolation,
    *,
    strict: bool = False,
    screen: Screen = NOBODY,
) -> PipelineEnvironment:
    """Make the environment that the policy names; paths in it are relative to `root`.

    Virtual environments are built below `cache/envs`, with uv, or with pip if there is none;
    set-up code of packages runs in `isolation`, and with `strict` nothing counts that was built
    with less than a root of its own.

    Raises:
        ConfigError: the policy names something that is not there or cannot be built.
        UnavailableError: a package index cannot be reached.
        UsageError: the cache cannot be written.
    """
    root = root.absolute()
    if policy is None:
        python = _first_python(search_path())
        return PipelineEnvironment("unpinned", "PATH", None, None, python)
    if policy.image is not None:
        return _in_image(policy.image)
    if policy.interpreter is not None:
        return await _existing(policy.interpreter, root)
    if policy.requirements is not None:
        kind, name = "requirements", policy.requirements
        recipe, digest = await _of_requirements(name, policy.python, root)
    else:
        kind, name = "uv-lock", policy.uv_lock or ""
        recipe, digest = await _of_uv_lock(name, policy.python, root)
    folder = await cached_venv(recipe, cache, say, isolation, strict=strict, screen=screen)
    return _built(kind, name, digest, folder, recipe)


def _built(kind: str, name: str, digest: str, folder: Path, recipe: Recipe) -> PipelineEnvironment:
    programs = folder / "bin"
    return PipelineEnvironment(
        kind, name, digest, programs, programs / "python", recipe.interpreter.base
    )


async def with_packages(
    env: PipelineEnvironment,
    packages: Mapping[str, str],
    cache: Path,
    say: Say,
    isolation: Isolation,
    screen: Screen = NOBODY,
    other: Interpreter | None = None,
) -> PipelineEnvironment:
    """An environment with exactly these packages (name -> version), on the same Python or `other`.

    Nothing is added to them, even if one needs another: this puts a recorded state back.

    Raises:
        ConfigError: `env` has no Python, or a version does not exist or does not build.
        UnavailableError: a package index cannot be reached.
        UsageError: the cache cannot be written.
    """
    python = env.base or env.python
    interpreter = other or (await inspect(python) if python else None)
    if interpreter is None:
        raise ConfigError(f"there is no Python in {env.name} to put recorded packages on")
    for name, version in packages.items():
        if not _PIN.fullmatch(f"{name}=={version}"):
            raise ConfigError(f"a record names no package: {f'{name}=={version}'!r}")
    lines = sorted(f"{normalised(name)}=={version}" for name, version in packages.items())
    text = "\n".join([*lines, ""])
    digest = hashlib.sha256(text.encode()).hexdigest()
    file = cache / "envs" / f"{digest[:16]}.txt"
    write_whole(file, text)
    recipe = Recipe(
        name=f"{env.name} with recorded packages",
        interpreter=interpreter,
        digest=digest,
        requirements=file,
        closed=False,
        names=frozenset(map(normalised, packages)),
        files=(file,),
    )
    folder = await cached_venv(recipe, cache, say, isolation, strict=False, screen=screen)
    built = _built(env.kind, recipe.name, digest, folder, recipe)
    if other is None:
        return built
    shows = narrow(await folders_of_python(other.base, search_path()), cache)
    return replace(built, shows=shows)


async def describe(
    env: PipelineEnvironment,
    shell: str,
    variables: Mapping[str, str],
    isolated: Isolated | None = None,
    under: Conditions | None = None,
) -> Environment:
    """The fingerprint of an environment on this machine.

    What cannot be found out is left out: an R or shell pipeline has no Python and no packages.

    Args:
        env: the environment.
        shell: that of stage commands.
        variables: those that stages get (`variables.stage_variables`), with their `PATH`.
        isolated: what keeps its Python to what stages find: a package's start-up code runs.
        under: the conditions of a stage's process, where they are known.
    """
    machine = await this_machine()
    found: dict[str, Any] = {}
    blas: dict[str, str] = {}
    if env.python is not None:
        found = await _probe(env.python, "packages", variables, isolated)
        if not found:
            # Too old for the probe, or broken: its version is better than nothing.
            python = await inspect(env.base or env.python)
            found = {"python": f"{python.version} ({python.implementation})"} if python else {}
        if "numpy" in found.get("packages", {}):
            blas = await _probe(env.python, "blas", variables, isolated)
    return Environment(
        kind=env.kind,
        name=env.name,
        digest=env.digest,
        python=found.get("python"),
        packages=dict(sorted(found.get("packages", {}).items())),
        os=machine.os,
        libc=machine.libc,
        machine=machine.machine,
        cpu=machine.cpu,
        cpu_features=machine.cpu_features,
        blas=dict(sorted(blas.items())),
        threads=threads(variables),
        gpus=visible_gpus(machine.gpus, variables),
        driver=machine.driver,
        cuda=machine.cuda,
        shell=_shell(shell, variables.get("PATH", os.defpath)),
        **(asdict(under) | {"described": "2"} if under else {}),
    )


async def _probe(
    python: Path, what: str, variables: Mapping[str, str], isolated: Isolated | None
) -> dict[str, Any]:
    """Run one part of `probe.py`, offline and in a folder of its own; empty if it fails.

    Without `-I`: the probe must find what a stage would, so it gets a stage's variables.
    """
    with work_folder() as work:  # Which the next run sweeps where this one is killed.
        scratch = str(work.path)
        answer = Path(scratch, "answer.json")
        program = Path(__file__).with_name("probe.py")
        if isolated:
            view = isolated.view.showing([Mount(scratch, scratch, "write"), *readable([program])])
            isolated = replace(isolated, view=view)
        try:
            await run_programs(
                [[python, program, what, answer]],
                cwd=Path(scratch),
                env={**variables, "HOME": scratch, "TMPDIR": scratch},
                log=Path(scratch, "log"),
                limits=Limits(timeout=120, network=False),
                isolated=isolated,
            )
            found = json.loads(answer.read_text("utf-8"))
        except (OSError, ValueError, ConfigError):
            return {}
        return found if isinstance(found, dict) else {}


async def _of_requirements(name: str, python: str | None, root: Path) -> tuple[Recipe, str]:
    pins = read_pins(root / name, root)
    interpreter = await find_interpreter(python, root)
    recipe = Recipe(
        name=name,
        interpreter=interpreter,
        digest=_with_archives(pins.digest, pins.local),
        requirements=pins.path,
        hashed=pins.hashed,
        names=pins.names,
        named=pins.named,
        places=Places(pins.hosts),
        files=(*pins.files, *pins.local),
        from_source=pins.from_source,
    )
    return recipe, pins.digest


async def _of_uv_lock(name: str, python: str | None, root: Path) -> tuple[Recipe, str]:
    lock = root / name
    project = lock.with_name("pyproject.toml")
    for file in (lock, project):
        if lock.name != "uv.lock" or not file.is_file():
            raise ConfigError(f"environment.uv-lock: {name}: there is no {file.name}")
        if not file.resolve().is_relative_to(root.resolve()):
            raise ConfigError(f"environment.uv-lock: {name} is outside of the repository")
    read = read_uv_lock(lock, root)
    content = lock.read_bytes()
    # The project file says which groups belong to the default ones.
    both = hashlib.sha256(content + b"\0" + project.read_bytes()).hexdigest()
    recipe = Recipe(
        name=name,
        interpreter=await find_interpreter(python, root),
        digest=_with_archives(both, read.archives),
        project=lock.parent,
        local=read.local,
        places=read.places,
        files=(lock, project, *read.projects, *read.archives),
    )
    return recipe, hashlib.sha256(content).hexdigest()


def _with_archives(digest: str, archives: Iterable[Path]) -> str:
    """What a file of pins names in the repository is part of what is installed."""
    try:
        found = [content_of(str(path)) for path in sorted(set(archives)) if path.exists()]
    except OSError as error:
        raise ConfigError(f"the pins name what cannot be read: {error}") from error
    return hashlib.sha256("\n".join([digest, *found]).encode()).hexdigest() if found else digest


async def _existing(name: str, root: Path) -> PipelineEnvironment:
    program = locate(name, root)
    if program is None:
        where = f"in {root}" if "/" in name else "on PATH"
        raise ConfigError(f"environment.interpreter: there is no program '{name}' {where}")
    found = await inspect(program)
    return PipelineEnvironment(
        "interpreter", name, None, program.parent, program if found else None
    )


def _in_image(image: str) -> PipelineEnvironment:
    if os.environ.get(IMAGE_VARIABLE) != image:
        raise ConfigError(
            f"stage commands run in an image only through `dagger call`: this is not {image}"
        )
    digest = image.rpartition("@")[2] if "@" in image else None
    return PipelineEnvironment("image", image, digest, None, _first_python(search_path()))


def _first_python(path: str) -> Path | None:
    for folder in path.split(os.pathsep):
        for name in ("python3", "python"):
            if found := shutil.which(name, path=folder):
                return Path(found)
    return None


def _shell(shell: str, path: str) -> str:
    """`bash`, or `sh (dash)`: the name alone, so that two machines can agree."""
    name = Path(shell).name
    real = Path(os.path.realpath(shutil.which(shell, path=path) or shell)).name
    return name if name == real else f"{name} ({real})"
