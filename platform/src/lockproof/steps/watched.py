"""What a watched run adds to the facts: which stages ran, and in which environment."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from lockproof.adapters.dvc.project import find_root
from lockproof.adapters.environment.build import PipelineEnvironment, describe
from lockproof.adapters.environment.machine import conditions
from lockproof.adapters.environment.watch import Sighting, python_of
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.worktree import WorkTree
from lockproof.model.pipeline import Pipeline
from lockproof.steps.declared import below, declared

from .gather import Gathered


@dataclass(frozen=True)
class Ran:
    """The stages of one pipeline that were seen."""

    sightings: tuple[Sighting, ...]
    stages: tuple[str, ...]


def ran_here(directory: Path, sightings: tuple[Sighting, ...]) -> Ran:
    """Those sightings that are of the pipeline at `directory`, and its stages among them.

    Raises:
        UsageError: this is no DVC project.
    """
    git = GitRepository.discover(directory.absolute())
    root = find_root(directory.resolve(), git.root)
    pipeline: Pipeline = declared(WorkTree(git), below(root, git)).pipeline
    own = tuple(seen for seen in sightings if seen.root == root)
    known = {stage.address for stage in pipeline.stages}
    return Ran(own, tuple(sorted({seen.address for seen in own} & known)))


async def with_watched(gathered: Gathered, ran: Ran, say: Callable[[str], None]) -> Gathered:
    """The facts with the environment that ran; as they were where that was not one and the same."""
    git = GitRepository.discover(gathered.root)
    pipeline = declared(WorkTree(git), below(gathered.root, git)).pipeline
    pythons: set[Path | None] = set()
    settings = set()
    for seen in ran.sightings:
        stage = pipeline.by_address.get(seen.address)
        if stage is not None:
            pythons.add(python_of(stage.command, seen))
            names = sorted(n for n in seen.variables if n not in ("DVC_STAGE", "PWD", "OLDPWD"))
            settings.add((seen.umask, *(f"{n}={seen.variables[n]}" for n in names)))
    if len(pythons) != 1 or None in pythons or len(settings) != 1:
        say("the stages' Python could not be told, or was not one: the record says after the fact")
        return gathered
    python, seen = pythons.pop(), ran.sightings[-1]
    assert python is not None
    environment = PipelineEnvironment("interpreter", python.name, None, python.parent, python)
    passed = gathered.policy.run.pass_env
    under = conditions(seen.variables, passed, gathered.root, seen.umask)
    described = await describe(
        environment, seen.variables.get("SHELL", "/bin/sh"), seen.variables, None, under
    )
    facts = replace(gathered.facts, environment=described, watched=ran.stages)
    return replace(gathered, facts=facts)
