"""Why a stage's outputs differ: run it again, with one thing put back at a time."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import anyio.to_thread

from lockproof.adapters.environment.build import PipelineEnvironment, with_packages
from lockproof.adapters.files import cache_root
from lockproof.compare.causes import Facts, conclude
from lockproof.errors import LockproofError
from lockproof.model.cause import CauseKind
from lockproof.model.record import RunRecord
from lockproof.model.report import Evidence
from lockproof.model.verdict import Verdict

from .execution import Execution, Setup
from .factors import Change, find_changes
from .history import lock_history, relocked
from .judge import Judgement, repeated
from .recorded import environment_changes_of, excluded_by_record
from .result import Result
from .seen import directly_seen
from .session import Session
from .state import kept_state
from .trial import trial

_STEADIERS: tuple[Mapping[str, str], ...] = (
    {"PYTHONHASHSEED": "0"},
    {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
)
_ONE_BY_ONE = 6
"""More package changes than this are tried together only."""


@dataclass
class _Trials:
    """Runs experiments on one stage, as many as the policy allows."""

    session: Session
    result: Result
    left: int

    async def run(self, setup: Setup, label: str) -> tuple[Execution, Judgement] | None:
        """Run the stage in a fresh checkout; None where it cannot be done or is one too many."""
        if self.left <= 0:
            return None
        self.left -= 1
        self.result.experiments += 1
        return await trial(self.session, self.result.stage, setup, label)


async def explain(session: Session, result: Result, others: Mapping[str, Result]) -> None:
    """Find the causes of a stage's disagreement and write them into `result`.

    Raises:
        UnavailableError: a remote is needed and does not answer.
    """
    started = time.monotonic()
    assert result.setup is not None
    assert result.execution is not None
    stage = result.stage
    session.progress.say(f"{stage.address}: looking for the cause")
    trials = _Trials(session, result, session.policy.reproduce.experiments)
    history = await anyio.to_thread.run_sync(lock_history, session, stage)
    changes = await anyio.to_thread.run_sync(find_changes, session, result, history, others)
    record = session.record_for(stage)
    if record is not None:
        changes += environment_changes_of(record.environment, session.described)
    excluded, reasons = excluded_by_record(session, result, history, record)
    changes = _merge_packages(changes)

    varies, again = await _repeat(session, trials)
    steadied = await _steady(trials) if varies else ()
    state = () if varies else await kept_state(result, trials.run)
    baseline, moved, alone = await _put_back(session, trials, [] if varies else changes)
    seen = await anyio.to_thread.run_sync(directly_seen, session, result, record)
    tried = {change.factor.subject for change in changes}
    facts = Facts(
        factors=tuple(change.factor for change in changes),
        varies=varies,
        repeated=again,
        steadied_by=steadied,
        baseline=baseline,
        baseline_moved=moved,
        alone=alone,
        rewritten=_rewritten(result),
        relocked=relocked(session, result, history),
        named=tuple(found for found in (*state, *seen) if found[0].subject not in tried),
        excluded=excluded,
        not_excluded=reasons,
        differing=tuple(
            path for path, v in result.verdicts.items() if v.verdict is not Verdict.PASSED
        ),
        failed=_failure(result.execution),
        observed=_observed(result, record),
        stray_outputs=result.execution.undeclared_outputs,
        missing=tuple(path for path, d in result.execution.outs.items() if d is None),
    )
    found = conclude(facts)
    result.causes = tuple(cause for cause, _ in found)
    result.evidence = tuple(
        Evidence(cause=index, text=text, detail=detail)
        for index, (_, lines) in enumerate(found)
        for text, detail in lines
    )
    result.spend("explain", time.monotonic() - started)


async def _repeat(session: Session, trials: _Trials) -> tuple[tuple[str, ...], bool]:
    """Run once more with nothing changed, unless that was done; which outputs vary?"""
    result = trials.result
    if len(result.judgements) < 2:
        assert result.setup is not None
        second = await trials.run(result.setup, "repeat")
        if second is None:
            return (), False
        result.executions.append(second[0])
        result.judgements.append(second[1])
        result.verdicts = repeated(result.judgements[0], result.judgements[1:])
    first = result.judgements[0]
    varies = tuple(
        path
        for path in first.observed
        if len({str(j.observed.get(path)) for j in result.judgements}) > 1
        and result.verdicts.get(path) is not None
        and result.verdicts[path].verdict is not Verdict.PASSED
    )
    return varies, True


async def _steady(trials: _Trials) -> tuple[str, ...]:
    found = []
    for variables in _STEADIERS:
        setup = trials.result.setup
        assert setup is not None
        label = next(iter(variables)).lower()
        runs = [
            await trials.run(setup.put_back(variables=variables), f"{label}-{n}") for n in (1, 2)
        ]
        if all(runs) and runs[0] and runs[1] and runs[0][1].observed == runs[1][1].observed:
            found.append(" ".join(f"{k}={v}" for k, v in variables.items()))
    return tuple(found)


async def _put_back(
    session: Session, trials: _Trials, changes: Sequence[Change]
) -> tuple[bool | None, bool, dict[int, bool]]:
    """Put everything back that can be; then leave out one change at a time."""
    result = trials.result
    movable = [i for i, change in enumerate(changes) if change.factor.obstacle is None]
    if not movable:
        return None, False, {}

    async def putting_back(
        indices: Sequence[int], label: str
    ) -> tuple[Execution, Judgement] | None:
        setup = await _setup_with(session, result, [changes[i] for i in indices])
        return await trials.run(setup, label) if setup else None

    every = await putting_back(movable, "put-back")
    if every is None:
        return None, False, {}
    execution, judgement = every
    agrees = execution.succeeded and judgement.agrees
    moved = judgement.observed != result.judgements[0].observed
    alone: dict[int, bool] = {}
    if agrees and len(movable) > 1:
        for index in movable:
            rest = [i for i in movable if i != index]
            outcome = await putting_back(rest, f"all-but-{index}")
            if outcome is None:
                break
            alone[index] = outcome[0].succeeded and outcome[1].agrees
        if alone and all(alone.values()):
            alone = {}  # Only together do they matter: none is cleared.
    return agrees, moved, alone


async def _setup_with(session: Session, result: Result, changes: Sequence[Change]) -> Setup | None:
    setup = result.setup
    assert setup is not None
    packages: dict[str, str | None] = {}
    for change in changes:
        if change.put_back:
            setup = change.put_back(setup)
        packages.update(change.packages or {})
    if packages:
        environment = await _environment_with(session, packages)
        if environment is None:
            return None
        setup = setup.put_back(environment=environment)
    return setup


async def _environment_with(
    session: Session, packages: Mapping[str, str | None]
) -> PipelineEnvironment | None:
    pins = dict(session.described.packages)
    for name, version in packages.items():
        if version is None:
            pins.pop(name, None)
        else:
            pins[name] = version
    try:
        return await with_packages(
            session.environment,
            pins,
            cache_root(),
            session.progress.say,
            session.surface.isolation,
        )
    except LockproofError as error:
        session.progress.say(f"cannot put packages back: {error}")
        return None


def _merge_packages(changes: list[Change]) -> list[Change]:
    packages = [change for change in changes if change.packages]
    if len(packages) <= _ONE_BY_ONE:
        return changes
    first = packages[0].factor
    merged = Change(
        factor=type(first)(
            CauseKind.ENVIRONMENT,
            f"{len(packages)} packages",
            "; ".join(change.factor.summary.removeprefix("package ") for change in packages),
        ),
        packages={k: v for change in packages for k, v in (change.packages or {}).items()},
    )
    return [*(change for change in changes if not change.packages), merged]


def _rewritten(result: Result) -> dict[str, str]:
    assert result.execution is not None
    locked = {dep.path: dep.locked for dep in result.stage.deps}
    texts = {}
    for path, (before, after) in result.execution.rewritten.items():
        text = f"{before.short if before else 'absent'} before the run, " + (
            f"{after.short} after it" if after else "deleted after it"
        )
        if after is not None and after == locked.get(path):
            text += ": the lock names the content after the run, so the next run starts from that"
        texts[path] = text
    return texts


def _observed(result: Result, record: RunRecord | None) -> str | None:
    if record is None:
        return None
    return "watched" if record.saw(result.stage.address) else "after the fact"


def _failure(execution: Execution) -> str | None:
    if execution.succeeded:
        return None
    if execution.completed.timed_out:
        return "the command ran into the time limit"
    return f"the command failed with exit code {execution.completed.exit_code}"
