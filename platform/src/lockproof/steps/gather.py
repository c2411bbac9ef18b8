"""What `lockproof record` writes down: the lock, metrics and environment of the work tree."""

import os
from dataclasses import dataclass
from pathlib import Path

from lockproof.adapters.dvc.project import Hasher
from lockproof.adapters.dvc.root import find_root
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.worktree import WorkTree
from lockproof.adapters.scratch import work_folder
from lockproof.config import FILE_NAME, Policy, load_policy
from lockproof.errors import UsageError
from lockproof.model.metrics import flatten_metrics
from lockproof.model.pipeline import Pipeline
from lockproof.model.run import DataInput, GitState, RunFacts
from lockproof.steps.declared import below, declared
from lockproof.steps.progress import Progress
from lockproof.steps.surface import isolation_for
from lockproof.steps.surroundings import surroundings


@dataclass(frozen=True)
class Gathered:
    """What there is to record, and where it belongs."""

    facts: RunFacts
    policy: Policy
    root: Path


async def gather(directory: Path, name: str, progress: Progress) -> Gathered:
    """Read what made the lock in the work tree.

    Raises:
        UsageError: this is no DVC project, or the work tree is not what its lock says.
        ConfigError: a configuration or pipeline file is not valid.
        UnavailableError: the pipeline's environment cannot be built.
    """
    git = GitRepository.discover(directory.absolute())
    root = find_root(Path(os.path.realpath(directory)), git.root)
    policy = load_policy(root / FILE_NAME)
    reading = declared(WorkTree(git), below(root, git))
    pipeline = reading.pipeline
    _check_lock(pipeline)
    with work_folder() as scratch:
        top = git.root.resolve()
        isolation = await isolation_for(policy)
        around = await surroundings(policy, root, root, top, scratch.path, progress, isolation)
    facts = RunFacts(
        name=name,
        lock_files=reading.lock_files,
        git=GitState(
            commit=git.resolve("HEAD"),
            branch=git.branch(),
            remote_url=git.remote_url(),
            dirty=git.is_dirty(),
        ),
        environment=around.described,
        stages={s.address: s.entry_digest for s in pipeline.stages if s.kind == "stage"},
        params=locked_params(pipeline),
        metrics=_metrics(pipeline, root),
        inputs=data_inputs(pipeline),
    )
    return Gathered(facts, policy, root)


def _check_lock(pipeline: Pipeline) -> None:
    for stage in pipeline.stages:
        if stage.kind != "stage":
            continue
        stale = stage.locked_command != stage.command or any(
            params.locked != params.current for params in stage.params
        )
        if not stage.locked or stale:
            raise UsageError(
                f"the lock does not describe stage {stage.address} as it is now:"
                " run 'dvc repro' before recording"
            )


def _metrics(pipeline: Pipeline, root: Path) -> dict[str, dict[str, float]]:
    hasher = Hasher(root)
    found = {}
    for stage in pipeline.stages:
        for out in stage.outs:
            if out.kind != "metric" or out.external:
                continue
            if out.locked is None or hasher.digest(out.path, out.algorithm) != out.locked:
                raise UsageError(
                    f"{out.path} is not what the lock names: run 'dvc repro' before recording"
                )
            if not out.locked.is_dir:
                found[out.path] = flatten_metrics(out.path, (root / out.path).read_bytes())
    return found


def locked_params(pipeline: Pipeline) -> dict[str, dict[str, object]]:
    """Locked parameters of all stages: file -> key -> value."""
    merged: dict[str, dict[str, object]] = {}
    for stage in pipeline.stages:
        for params in stage.params:
            merged.setdefault(params.path, {}).update(params.locked or {})
    return merged


def data_inputs(pipeline: Pipeline) -> tuple[DataInput, ...]:
    """Data that comes from `.dvc` files, with its DVC digests."""
    return tuple(
        DataInput(path=out.path, digest=out.locked, size=out.size)
        for stage in pipeline.stages
        if stage.kind != "stage"
        for out in stage.outs
        if out.locked is not None
    )
