"""Why a stage's outputs differ: run it again, with one thing put back at a time."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import anyio.to_thread

from lockproof.compare.causes import Facts, Finding, conclude
from lockproof.model.cause import CauseKind
from lockproof.model.record import RunRecord
from lockproof.model.report import Evidence
from lockproof.model.verdict import Verdict

from .change import Change
from .conditions.confirm import enough
from .conditions.control import ONE_MORE, VARIABLES, Controls
from .conditions.itself import by_itself
from .conditions.lab import Lab, how_failed, laboratory, varies_beyond, varies_by_seed
from .conditions.search import Found, environment, search
from .conditions.steady import repeat
from .factors import find_changes
from .history import lock_history, relocked
from .put_back import Outcome, put_back
from .recorded import environment_changes_of, excluded_by_record
from .result import Result
from .seen import directly_seen
from .session import Session
from .state import kept_state

_ONE_BY_ONE = 6
"""More package changes than this are tried together only."""


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
    history = await anyio.to_thread.run_sync(lock_history, session, stage)
    changes = await anyio.to_thread.run_sync(find_changes, session, result, history, others)
    record = session.record_for(stage)
    if record is not None:
        before = record.environment
        python = await session.restored.python(before.python)
        changes += environment_changes_of(before, session.described, python)
    excluded, reasons = excluded_by_record(session, result, history, record)
    changes = _merge_packages(changes)

    with laboratory(session, result, session.policy.reproduce.experiments) as lab:
        seen = await _experiments(lab, changes)
    excluded, reasons = _excluded(seen, excluded, reasons)
    direct = await anyio.to_thread.run_sync(directly_seen, session, result, record)
    facts = Facts(
        factors=tuple(change.factor for change in changes),
        varies=seen.varies,
        repeated=seen.repeated,
        unsettled=seen.found.unsettled or seen.put_back.moved is None,
        depends=tuple(seen.found.depends),
        baseline=seen.put_back.baseline,
        baseline_moved=seen.put_back.moved,
        alone=seen.put_back.alone,
        shown=seen.put_back.shown,
        unshown=seen.put_back.unshown,
        anew=seen.put_back.anew,
        rewritten=_rewritten(result),
        relocked=relocked(session, result, history),
        named=(*seen.state, *_beside(direct, seen, changes)),
        excluded=excluded,
        not_excluded=reasons,
        differing=tuple(
            path for path, v in result.verdicts.items() if v.verdict is not Verdict.PASSED
        ),
        failed=how_failed(result.execution),
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
    result.evidence += (_cost(lab),)
    result.spend("explain", time.monotonic() - started)


@dataclass
class _Seen:
    """What the experiments on a stage came to."""

    varies: tuple[str, ...] = ()
    repeated: bool = False
    found: Found = field(default_factory=Found)
    state: tuple[Finding, ...] = ()
    """Files of an earlier run that the result depends on."""
    put_back: Outcome = field(default_factory=Outcome)


async def _experiments(lab: Lab, changes: Sequence[Change]) -> _Seen:
    """Cheapest first, until a cause stands: once more, then the changes, then the conditions."""
    result, seen = lab.result, _Seen()
    assert result.execution is not None
    usual = sum(result.execution.seconds.values())
    if not lab.site.own_root:
        # Another path is seen there: what was judged is no run to compare with.
        await lab.rest_on("held", {})
    again = await repeat(lab)
    seen.repeated = again is not None
    if again and again.differs and again.failed == how_failed(result.execution):
        seen.found.depends += await by_itself(lab, again)
        if {*_unproved(result, tuple(result.verdicts))} - {*again.differs} and enough(lab, 1):
            controls = Controls(lab, how_failed(result.execution))
            await controls.variables([ONE_MORE])
            await environment(lab, controls, seen.found)
        seen.varies = _unproved(result, again.differs)
        varies_beyond(result, seen.varies)
        return seen
    seen.state = await kept_state(lab)
    if changes and lab.left:
        lab.session.progress.say(
            f"{result.stage.address}: putting back what differs, {usual:.1f} s a run"
        )
    seen.put_back = await put_back(lab, changes)
    if seen.put_back.strayed:
        seen.found.depends += seen.put_back.strayed
        seen.varies = _varying(result, seen.found)
        varies_beyond(result, seen.varies)
        return seen
    if seen.put_back.baseline or seen.state or not lab.left:
        return seen
    lab.session.progress.say(
        f"{result.stage.address}: varying what else it may depend on,"
        f" at most {lab.left} runs of {usual:.1f} s"
    )
    seen.found = await search(lab, failed=not result.execution.succeeded)
    follows = {p for d in seen.found.depends if d.condition == VARIABLES.name for p in d.outputs}
    varies_by_seed(result, follows - {*_varying(result, seen.found)})
    seen.varies = _varying(result, seen.found)
    varies_beyond(result, seen.varies)
    return seen


def _varying(result: Result, found: Found) -> tuple[str, ...]:
    """Unproved outputs that vary from run to run."""
    return tuple(
        path
        for each in found.depends
        if each.run_to_run
        for path in _unproved(result, each.outputs)
    )


def _excluded(
    seen: _Seen, excluded: Mapping[str, str], reasons: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """What is known of conditions from records and history, and beside it from experiments."""
    varied = dict.fromkeys(seen.found.excluded, "varied without effect")
    if varied.pop("home", None):
        reasons = {**reasons, "home": "another empty one made no difference; files may have been"}
    return {**varied, **excluded}, {**seen.found.unvaried, **reasons}


def _beside(
    direct: Sequence[Finding], seen: _Seen, changes: Sequence[Change]
) -> tuple[Finding, ...]:
    """What was seen directly, without what an experiment says of the same thing."""
    tried = {change.factor.subject for change in changes}
    shown = {(d.condition, path) for d in seen.found.depends for path in d.outputs}
    return tuple(
        found
        for found in direct
        if found[0].subject not in tried and (found[0].condition, found[0].subject) not in shown
    )


def _unproved(result: Result, paths: Sequence[str]) -> tuple[str, ...]:
    """Those outputs that do not pass."""
    verdicts = result.verdicts
    return tuple(p for p in paths if p in verdicts and verdicts[p].verdict is not Verdict.PASSED)


def _cost(lab: Lab) -> Evidence:
    runs = f"{lab.runs} run{'s' if lab.runs != 1 else ''}"
    return Evidence(text=f"experiments: {runs}, {lab.seconds:.1f} s")


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
