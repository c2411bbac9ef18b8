"""Isolated mode: each stage from its locked inputs, independent of every other."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import anyio
import anyio.to_thread

from lockproof.adapters.dvc.downloads import Problem
from lockproof.adapters.dvc.objects import Need, Unavailable
from lockproof.adapters.patience import in_thread
from lockproof.errors import ConfigError
from lockproof.model.pipeline import inside
from lockproof.model.report import SkipReason

from .execution import InputMissingError, Setup, execute
from .judge import judge, repeated
from .plan import isolated_inputs
from .result import Result
from .session import Session
from .world import World

_BY_CHAIN = "; or run the whole pipeline from its data, with --mode chain"


async def run_isolated(
    session: Session, results: Mapping[str, Result], jobs: int, runs: int
) -> tuple[Unavailable, ...]:
    """Run every stage that is neither skipped nor reused, up to `jobs` at a time.

    Returns:
        The objects that the lock claims and that cannot be had.

    Raises:
        UnavailableError: a remote does not answer.
        ConfigError: objects are needed and no remote is configured.
    """
    todo = [result for result in results.values() if result.runs]
    needs: list[Need] = []
    for result in todo:
        inputs, wanted = isolated_inputs(session, result.stage)
        result.setup = Setup(command=result.stage.command, inputs=inputs)
        needs += wanted
    for result in results.values():
        if result.skipped is SkipReason.INPUT_UNAVAILABLE:
            # That another input is nowhere excuses no lost object of the lock.
            needs += isolated_inputs(session, result.stage)[1]
    lost = await fetch(session, needs, _BY_CHAIN)
    for result in todo:
        mark_missing(result, lost)
    limiter = anyio.CapacityLimiter(jobs)
    async with anyio.create_task_group() as group:
        for result in todo:
            if result.skipped is None:
                group.start_soon(_run_one, session, result, runs, limiter)
    return lost


async def fetch(
    session: Session, needs: Sequence[Need], otherwise: str = ""
) -> tuple[Unavailable, ...]:
    """Fetch objects; a project without a remote is a mistake of configuration.

    `otherwise` says how to do without what a stage made.

    Raises:
        UnavailableError: a remote does not answer.
        ConfigError: objects are needed and no remote is configured.
    """
    lost = await in_thread(session.store.fetch, needs, session.progress.say)
    orphans = [u for u in lost if u.problem is Problem.NO_REMOTE]
    if orphans:
        made = {out.path for s in session.pipeline.stages if s.kind == "stage" for out in s.outs}
        first = min(orphans, key=lambda orphan: any(inside(orphan.path, path) for path in made))
        is_made = any(inside(first.path, path) for path in made)
        raise ConfigError(
            f"{first.path} is not in the cache and no remote is configured:"
            " dvc remote add -d NAME URL, then dvc push where the data is"
            + (otherwise if is_made else "")
        )
    return lost


def mark_missing(result: Result, lost: Sequence[Unavailable]) -> None:
    """Skip a stage whose inputs cannot all be had."""
    assert result.setup is not None
    gone = [
        path
        for path, given in result.setup.inputs.items()
        if given.digest is None or any(inside(u.path, path) for u in lost)
    ]
    result.missing = (*result.missing, *gone)
    if result.missing:
        result.skipped = SkipReason.INPUT_UNAVAILABLE


async def _run_one(
    session: Session, result: Result, runs: int, limiter: anyio.CapacityLimiter
) -> None:
    async with limiter:
        for number in range(1, runs + 1):
            await run_once(session, result, number)
            if result.skipped:
                return
        result.verdicts = repeated(result.judgements[0], result.judgements[1:])


async def run_once(session: Session, result: Result, number: int) -> None:
    """Run a stage in a fresh checkout and judge it; the first run's checkout is kept.

    Each `number` of run has a hash seed of its own, the same everywhere.
    """
    stage, setup = result.stage, result.setup
    assert setup is not None
    label = f"run-{number}" if number > 1 else ""
    setup = replace(setup, world=World(seed=number))
    session.progress.say(f"{stage.address}: running{f' ({label})' if label else ''}")
    workspace = await anyio.to_thread.run_sync(session.new_workspace)
    try:
        execution = await execute(session, stage, setup, workspace, label)
    except InputMissingError as error:
        result.skipped, result.missing = SkipReason.INPUT_UNAVAILABLE, (str(error),)
        await anyio.to_thread.run_sync(session.discard, workspace)
        return
    started = time.monotonic()
    judgement = await in_thread(judge, session, stage, execution, workspace)
    result.add(execution, judgement, time.monotonic() - started)
    if result.workspace is None:
        result.workspace = workspace
    else:
        await anyio.to_thread.run_sync(session.discard, workspace)
