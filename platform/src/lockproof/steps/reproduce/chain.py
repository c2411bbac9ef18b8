"""Chain mode: the whole pipeline in one checkout, end to end from root data only."""

import time
from collections.abc import Mapping

import anyio.to_thread

from lockproof.adapters.dvc.objects import Need, Unavailable
from lockproof.adapters.patience import in_thread
from lockproof.model.digest import Digest
from lockproof.model.pipeline import Stage, overlap
from lockproof.model.report import SkipReason

from .curtain import remove_unwatched
from .execution import Input, InputMissingError, Setup, execute
from .isolated import fetch, mark_missing
from .judge import judge, repeated
from .plan import needed_part
from .result import Result
from .session import Session
from .world import World


async def run_chain(
    session: Session, results: Mapping[str, Result], runs: int
) -> tuple[Unavailable, ...]:
    """Run the stages one after another, each on what those before it made.

    Returns:
        The objects that the lock claims and that cannot be had.

    Raises:
        UnavailableError: a remote does not answer.
        ConfigError: objects are needed and no remote is configured.
    """
    roots, needs = _root_inputs(session, results)
    lost = await fetch(session, needs)
    for result in results.values():
        if result.runs:
            own = {path: given for path, given in roots.items() if _reads(session, result, path)}
            result.setup = Setup(command=result.stage.command, inputs=own)
            mark_missing(result, lost)
    for number in range(1, runs + 1):
        await _run_all(session, results, number)
    for result in results.values():
        if result.judgements:
            result.verdicts = repeated(result.judgements[0], result.judgements[1:])
            _stand_alone(session, result, results)
    return lost


def _reads(session: Session, result: Result, path: str) -> bool:
    return any(out.path == path for _, out in session.pipeline.inputs(result.stage))


def _root_inputs(
    session: Session, results: Mapping[str, Result]
) -> tuple[dict[str, Input], list[Need]]:
    """What the run stages read and no run stage makes, with what must be fetched for it.

    Stages that lack another input are asked for as well: it excuses no lost object of the lock.
    """
    below: dict[str, set[str]] = {}
    whole: set[str] = set()
    sources: dict[str, tuple[Stage, Need]] = {}
    for result in results.values():
        if not (result.runs or result.skipped is SkipReason.INPUT_UNAVAILABLE):
            continue
        for producer, out in session.pipeline.inputs(result.stage):
            made = results.get(producer.address)
            ran = made is not None and made.skipped is not SkipReason.FROZEN and not made.reused
            if ran or out.external or not out.cached:
                continue
            part = needed_part(result.stage, out)
            if part:
                below.setdefault(out.path, set()).update(part)
            else:
                whole.add(out.path)
            sources[out.path] = (producer, Need(out, producer))
    inputs, needs = {}, []
    for path, (producer, need) in sources.items():
        parts = () if path in whole else tuple(sorted(below[path]))
        inputs[path] = Input(need.out.locked, below=parts)
        if need.out.locked:
            needs.append(Need(need.out, producer, parts))
    return inputs, needs


async def _run_all(session: Session, results: Mapping[str, Result], number: int) -> None:
    label, world = f"run-{number}" if number > 1 else "", World(seed=number)
    workspace = await anyio.to_thread.run_sync(session.new_workspace)
    known: dict[str, Digest | None] = {}
    for stage in session.pipeline.stages:
        result = results.get(stage.address)
        if result is None or not result.runs:
            continue
        if _is_blocked(session, results, stage):
            result.skipped = SkipReason.UPSTREAM_FAILED
            continue
        assert result.setup is not None
        fresh = {path: i for path, i in result.setup.inputs.items() if path not in known}
        setup = Setup(stage.command, fresh, dict(known), make_folders=False, world=world)
        session.progress.say(f"{stage.address}: running{f' ({label})' if label else ''}")
        # As in isolated mode: what others made or read is there only for those who declare it.
        aside = [path for path in known if not _is_for(session, stage, path)]
        try:
            execution = await execute(session, stage, setup, workspace, label, aside)
        except InputMissingError as error:
            result.skipped, result.missing = SkipReason.INPUT_UNAVAILABLE, (str(error),)
            continue
        await anyio.to_thread.run_sync(remove_unwatched, workspace.folder, session.files)
        started = time.monotonic()
        judgement = await in_thread(judge, session, stage, execution, workspace)
        known |= {path: given.digest for path, given in fresh.items()}
        known |= execution.outs
        known |= {path: after for path, (_, after) in execution.rewritten.items()}
        result.add(execution, judgement, time.monotonic() - started)
        result.workspace = result.workspace or workspace


def _is_for(session: Session, stage: Stage, path: str) -> bool:
    own = (*(out.path for out in stage.outs), *(dep.path for dep in stage.deps))
    read = (out.path for _, out in session.pipeline.inputs(stage))
    return session.tracked(path) or any(overlap(path, other) for other in (*own, *read))


def _is_blocked(session: Session, results: Mapping[str, Result], stage: Stage) -> bool:
    """Whether a stage that this one needs was not run to its end."""
    for address in session.pipeline.upstream[stage.address]:
        other = results.get(address)
        if other is None or other.reused or other.skipped is SkipReason.FROZEN:
            continue
        if other.skipped or (other.executions and not other.executions[-1].succeeded):
            return True
    return False


def _stand_alone(session: Session, result: Result, results: Mapping[str, Result]) -> None:
    """Turn a chain run's setup into one that an experiment can start from by itself."""
    assert result.setup is not None
    assert result.execution is not None
    inputs = dict(result.setup.inputs)
    for producer, out in session.pipeline.inputs(result.stage):
        made = results.get(producer.address)
        if made is None or made.workspace is None or not made.execution:
            continue
        inputs[out.path] = Input(
            made.execution.outs.get(out.path), file=made.workspace.root / out.path
        )
    result.setup = Setup(command=result.setup.command, inputs=inputs)
