"""What readers of an output that came out differently make of it: one more run each.

In isolated mode stages get locked inputs, so metrics are of the locked model although the one that
was trained here is another. No verdict follows from these runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio
import anyio.to_thread

from lockproof.errors import LockproofError
from lockproof.model.pipeline import Out, Stage
from lockproof.model.report import SkipReason
from lockproof.model.verdict import Verdict

from .execution import Execution, Input, Setup, execute
from .isolated import fetch
from .plan import isolated_inputs
from .result import Result
from .session import Session, Workspace

_NOT_RUN = (SkipReason.FROZEN, SkipReason.NOT_LOCKED, SkipReason.INPUT_UNAVAILABLE)


@dataclass(frozen=True)
class _Changed:
    """An output that is not what the lock names."""

    given: Input | None
    """Its content; None: nobody made it."""
    of: frozenset[str]
    """The outputs with which that began."""


@dataclass
class _Course:
    session: Session
    results: Mapping[str, Result]
    limiter: anyio.CapacityLimiter
    wanted: frozenset[str]
    """Stages that have metrics, or whose outputs are read on the way to one that has."""
    ended: dict[str, anyio.Event]
    changed: dict[str, _Changed] = field(default_factory=dict)


async def follow(session: Session, results: Mapping[str, Result], jobs: int) -> None:
    """Say of each result which changed outputs it is not of, and what its metrics are on those.

    Each stage runs once more at most, up to `jobs` at a time, and only on the way to metrics.
    """
    metric = [a for a, r in results.items() if any(o.kind == "metric" for o in r.stage.outs)]
    wanted = frozenset({*metric, *session.pipeline.ancestors(metric)})
    ended = {address: anyio.Event() for address in results}
    course = _Course(session, results, anyio.CapacityLimiter(jobs), wanted, ended)
    for result in results.values():
        for out in result.stage.outs:
            given = _differing(result, out)
            if given is not None:
                course.changed[out.path] = _Changed(given, frozenset({out.path}))
    if not course.changed:
        return
    async with anyio.create_task_group() as group:
        for result in results.values():
            group.start_soon(_one, course, result)


def _differing(result: Result, out: Out) -> Input | None:
    """An output that a stage made differently, where it succeeded."""
    execution, verdict = result.execution, result.verdicts.get(out.path)
    if execution is None or not execution.succeeded or result.workspace is None:
        return None
    if out.external or verdict is None or verdict.verdict is Verdict.PASSED:
        return None
    return _other_than_locked(out, execution, result.workspace)


def _other_than_locked(out: Out, execution: Execution, workspace: Workspace) -> Input | None:
    made = execution.outs.get(out.path)
    if made is None or made == out.locked:
        return None
    return Input(made, file=workspace.root / out.path)


async def _one(course: _Course, result: Result) -> None:
    session, stage = course.session, result.stage
    try:
        for address in session.pipeline.upstream[stage.address]:
            if address in course.ended:
                await course.ended[address].wait()
        given = {
            out.path: course.changed[out.path]
            for _, out in session.pipeline.inputs(stage)
            if out.path in course.changed
        }
        if not given:
            return
        of = frozenset().union(*(changed.of for changed in given.values()))
        result.upstream = tuple(sorted(of))
        ran = None
        inputs = {path: changed.given for path, changed in given.items()}
        if _is_worth_it(course, result) and None not in inputs.values():
            async with course.limiter:
                ran = await _run(session, result, {p: i for p, i in inputs.items() if i})
        for out in stage.outs:
            found = _other_than_locked(out, *ran) if ran else None
            if found or not ran:
                course.changed[out.path] = _Changed(found, of)
            else:
                course.changed.pop(out.path, None)
        if ran:
            result.followed = ran[1].root
    finally:
        course.ended[stage.address].set()


def _is_worth_it(course: _Course, result: Result) -> bool:
    asked = course.session.policy.reproduce
    return (
        asked.explain
        and asked.experiments > 0
        and result.stage.address in course.wanted
        and result.skipped not in _NOT_RUN
    )


async def _run(
    session: Session, result: Result, given: Mapping[str, Input]
) -> tuple[Execution, Workspace] | None:
    """Run a stage on these inputs in a checkout that is kept; None where it does not succeed."""
    stage, say = result.stage, session.progress.say
    say(f"{stage.address}: running once on what came out as {', '.join(given)}, for its metrics")
    try:
        return await _executed(session, stage, result, given)
    except LockproofError as error:
        say(f"{stage.address}: cannot be run on that: {error}")
        return None


async def _executed(
    session: Session, stage: Stage, result: Result, given: Mapping[str, Input]
) -> tuple[Execution, Workspace] | None:
    inputs, needs = isolated_inputs(session, stage)
    if await fetch(session, [need for need in needs if need.out.path not in given]):
        return None
    workspace = await anyio.to_thread.run_sync(session.new_workspace)
    setup = Setup(stage.command, {**inputs, **given})
    result.experiments += 1
    execution = await execute(session, stage, setup, workspace, "followed")
    result.spend("follow", sum(execution.seconds.values()))
    return (execution, workspace) if execution.succeeded else None
