"""The pipeline's environment made ready and described, as every verb that runs stages needs it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lockproof.adapters.environment.build import PipelineEnvironment, describe, prepare
from lockproof.adapters.environment.variables import stage_variables
from lockproof.adapters.files import cache_root
from lockproof.config import Policy
from lockproof.model.environment import Environment


@dataclass(frozen=True)
class Surroundings:
    """Where stage commands run."""

    environment: PipelineEnvironment
    described: Environment
    shell: str


async def surroundings(
    policy: Policy,
    root: Path,
    user_root: Path,
    scratch: Path,
    progress: Callable[[str], None],
) -> Surroundings:
    """Build the environment that the policy names, if it is not there yet, and describe it.

    Args:
        policy: the policy.
        root: the DVC root that locks are read from: a checkout's.
        user_root: the DVC root that an interpreter is found from: no commit holds one.
        scratch: a folder for programs that need a home.
        progress: hears of long steps.

    Raises:
        ConfigError: the environment cannot be built as named.
        UnavailableError: a package index does not answer.
    """
    named = policy.environment
    base = user_root if named and named.interpreter else root
    environment = await prepare(named, base, cache_root(), progress)
    # As DVC chooses it, so that what works with `dvc repro` works here.
    shell = policy.run.shell or os.environ.get("SHELL") or "/bin/sh"
    variables = stage_variables(
        policy.run, path=environment.search_path(), home=scratch, tmp=scratch, extra={}
    )
    return Surroundings(environment, await describe(environment, shell, variables), shell)
