"""What a watched run adds to the facts: which stages ran, and in which environment."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from lockproof.adapters.dvc.root import find_root
from lockproof.adapters.environment.build import PipelineEnvironment, describe
from lockproof.adapters.environment.machine import conditions
from lockproof.adapters.environment.watch import Sighting, python_of
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.worktree import WorkTree, untracked
from lockproof.adapters.sandbox.trace import Trace
from lockproof.errors import LockproofError
from lockproof.model.pipeline import Pipeline
from lockproof.steps.declared import below, declared

from .gather import Gathered

_OWN_FILES = {"dvc.yaml", "dvc.lock", ".gitignore", ".gitattributes", ".dvcignore"}
_MOST_READS = 100


@dataclass(frozen=True)
class Ran:
    """The stages of one pipeline that were seen."""

    sightings: tuple[Sighting, ...]
    stages: tuple[str, ...]
    reads: tuple[str, ...] | None = None
    """Files that were read or replaced, that Git does not track and the pipeline does not name;
    None: not known."""


def look_out(directory: Path) -> Trace | None:
    """Begin to see which files are read that a commit will not have; None where that cannot be.

    Their access times are set back for it. The packages of a virtual environment are not among
    them: the record names those.
    """
    try:
        git = GitRepository.discover(directory.absolute())
        root = find_root(directory.resolve(), git.root)
        files = untracked(git, root)
        known = _known(declared(WorkTree(git), below(root, git)).pipeline)
    except LockproofError:  # Perhaps the command makes the project.
        return None
    venvs = {p.removesuffix("pyvenv.cfg") for p in files if p.endswith("/pyvenv.cfg")}
    venvs |= {p.partition("conda-meta/")[0] for p in files if "/conda-meta/" in f"/{p}"} - {""}
    return Trace(
        root, [p for p in files if _counts(p, known) and not p.startswith((*venvs, ".dvc/"))]
    )


def _known(pipeline: Pipeline) -> frozenset[str]:
    """Every path that the pipeline names."""
    return frozenset(
        path
        for stage in pipeline.stages
        for path in (
            stage.file,
            *(dep.path for dep in stage.deps),
            *(params.path for params in stage.params),
            *(out.path for out in stage.outs),
        )
    )


def _counts(path: str, known: frozenset[str]) -> bool:
    """Whether a read of this file tells something: it is no part of what the pipeline names."""
    place = PurePosixPath(path)
    own = place.name in _OWN_FILES or place.suffix in (".pyc", ".dvc")
    return not own and not any(str(p) in known for p in (place, *place.parents))


def ran_here(directory: Path, sightings: tuple[Sighting, ...], trace: Trace | None = None) -> Ran:
    """Those sightings that are of the pipeline at `directory`, and its stages among them.

    `trace` is that of `look_out`, which ends.

    Raises:
        UsageError: this is no DVC project.
    """
    traced = trace.stop() if trace else None
    git = GitRepository.discover(directory.absolute())
    root = find_root(directory.resolve(), git.root)
    pipeline: Pipeline = declared(WorkTree(git), below(root, git)).pipeline
    own = tuple(seen for seen in sightings if seen.root == root)
    known = {stage.address for stage in pipeline.stages}
    reads = None
    if traced and traced.reads_known and trace and trace.root == root:
        named = _known(pipeline)
        # What was written as well was read before, or another file took its place.
        reads = tuple([path for path in traced.read if _counts(path, named)][:_MOST_READS])
    return Ran(own, tuple(sorted({seen.address for seen in own} & known)), reads)


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
    facts = replace(
        gathered.facts, environment=described, watched=ran.stages, undeclared_reads=ran.reads
    )
    return replace(gathered, facts=facts)
