"""The pipeline's environment made ready and described, as every verb that runs stages needs it."""

import os
from dataclasses import dataclass
from pathlib import Path

import anyio

from lockproof.adapters.environment.build import PipelineEnvironment, describe, prepare
from lockproof.adapters.environment.interpreters import belongings, locate, named_program
from lockproof.adapters.environment.machine import conditions
from lockproof.adapters.environment.variables import bare, stage_variables
from lockproof.adapters.files import cache_root
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.worktree import is_tracked
from lockproof.adapters.sandbox.isolation import Isolated, Isolation
from lockproof.config import EnvironmentPolicy, Policy
from lockproof.errors import ConfigError
from lockproof.model.environment import Environment
from lockproof.steps.progress import Progress, during

from .surface import Surface, known_state, look_at_own, make_surface, not_found


@dataclass(frozen=True)
class Surroundings:
    """Where stage commands run."""

    environment: PipelineEnvironment
    described: Environment
    surface: Surface
    shell: str
    own_state: str | None
    """That of what stages can read beside the system (`surface.look_at_own`), if asked for."""


async def surroundings(
    policy: Policy,
    root: Path,
    user_root: Path,
    clone: Path,
    scratch: Path,
    progress: Progress,
    isolation: Isolation,
    *,
    look: bool = False,
) -> Surroundings:
    """Build the environment that the policy names, if it is not there yet, and describe it.

    Args:
        policy: the policy.
        root: the DVC root that locks are read from: a checkout's.
        user_root: the DVC root that an interpreter is found from: no commit holds one.
        clone: the Git root of the user's clone.
        scratch: a folder for programs that need a home.
        progress: hears of long steps.
        isolation: what keeps code of a commit apart here (`surface.isolation_for`).
        look: whether to take down the state of the environment's files as well.

    Raises:
        ConfigError: the environment cannot be built as named.
        UnavailableError: a package index does not answer.
    """
    named = policy.environment
    if named:
        _refuse_tracked(named, user_root if named.interpreter else root, user_root)
    base = user_root if named and named.interpreter else root
    environment = await prepare(
        named,
        base,
        cache_root(),
        progress.say,
        isolation,
        strict=policy.run.isolation == "required",
        screen=progress,
    )
    # As DVC chooses it, so that what works with `dvc repro` works here.
    shell = policy.run.shell or os.environ.get("SHELL") or "/bin/sh"
    variables = stage_variables(
        bare(policy.run), path=environment.search_path(), home=scratch, tmp=scratch, extra={}
    )
    with during(progress, "looking at the environment"):
        surface = await make_surface(policy, environment, clone, isolation)
    for line in not_found(surface, environment, clone):
        progress.say(line)
    kept = Isolated(surface.isolation.level, surface.view)
    every = stage_variables(
        policy.run, path=environment.search_path(), home=scratch, tmp=scratch, extra={}
    )
    under = conditions(every, policy.run.pass_env, root)
    described: list[Environment] = []
    states: list[str] = []

    async def ask() -> None:
        described.append(await describe(environment, shell, variables, kept, under))

    async def look_at() -> None:
        if look:
            states.extend(await known_state(look_at_own(surface), progress))

    with during(progress, "looking at the environment"):
        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            group.start_soon(look_at)
    own_state = states[0] if states else None
    return Surroundings(environment, described[0], surface, shell, own_state)


def _refuse_tracked(policy: EnvironmentPolicy, base: Path, user_root: Path) -> None:
    """A program that Git holds is whatever the commit says it is, and starts outside of stages."""
    asked = named_program(policy)
    program = locate(asked[1], base) if asked else None
    if asked is None or program is None:
        return
    for folder in {base, user_root}:
        git = GitRepository.discover(folder)
        top = os.path.realpath(git.root)
        inside = [p.relative_to(top) for p in belongings(program) if p.is_relative_to(top)]
        if is_tracked(git, *(path.as_posix() for path in inside)):
            raise ConfigError(
                f"{asked[0]}: '{asked[1]}' is held by Git, so that a commit could have anything run"
                " by that name: name a Python that is installed, such as python3.12, or in a"
                " virtual environment that Git holds nothing of"
            )
