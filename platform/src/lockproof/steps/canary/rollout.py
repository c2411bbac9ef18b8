"""A look at the canary of an Argo Rollout: which pods are which it says itself."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from lockproof.adapters.kubernetes.cluster import Cluster
from lockproof.adapters.kubernetes.rollouts import Rollouts
from lockproof.errors import UnavailableError, UsageError
from lockproof.model.check import Check
from lockproof.model.report import Report
from lockproof.model.rollout import RolloutSeen, RolloutState
from lockproof.model.verdict import Verdict, worst
from lockproof.parse.canary_checks import instant
from lockproof.steps.progress import Progress, during

from .act import Act, Done, Judged, carry_out, other_than
from .request import Request
from .run import check

_PATIENCE = 30.0
"""Seconds for an API server that does not answer."""
_ABORTED = "it was aborted, so its canary gets no more traffic"


class _Arms(TypedDict):
    hashes: tuple[str, str]
    since: int


@dataclass(frozen=True)
class Named:
    """A rollout, and what may be done to it."""

    namespace: str
    name: str
    act: Act | None = None
    kubeconfig: Path | None = None
    context: str | None = None

    def rollouts(self, progress: Progress) -> Rollouts:
        """Those of the cluster; nothing is contacted yet.

        Raises:
            ConfigError, MissingExtraError: there is no cluster, or no client library.
        """
        return Rollouts(
            Cluster.connect(
                self.kubeconfig,
                self.context,
                manager="lockproof-canary",
                patience=_PATIENCE,
                say=progress.say,
                only_asks=self.act is None,
            )
        )


class Followed:
    """The canary of a rollout, looked at again and again while it is the same."""

    def __init__(
        self, request: Request, named: Named, progress: Progress, now: Callable[[], float]
    ) -> None:
        """Nothing is contacted yet; `now` gives Unix seconds."""
        self._request, self._named, self._progress, self._now = request, named, progress, now
        self._rollouts = named.rollouts(progress)
        self._last: tuple[RolloutState, Report] | None = None
        self.ended = False

    def look(self, until: int) -> Report:
        """At what there was at `until`, in Unix seconds.

        Once the rollout is aborted or has another canary or none, that is the last: it is not
        passed, and says why. Of one that passed it is asked again after the look.

        Raises:
            UsageError: as `check_rollout`, at the first look alone.
            UnavailableError: as `check_rollout`.
        """
        try:
            state = self._rollouts.state(self._named.namespace, self._named.name)
        except UsageError as error:
            if self._last is None:
                raise
            return self._end(*self._last, str(error))
        if self._last is not None:
            other = other_than(self._last[0], state, "watched")
            if other:
                return self._end(*self._last, other)
        report = check(
            replace(self._request, **_arms(state, self._request, self._now()), until=until),
            self._progress,
        )
        report = _with(report, self._named, state, None)
        why = _ABORTED if state.aborted else _gone(self._rollouts, self._named, state, report)
        if why:
            return self._end(state, report, why)
        self._last = state, report
        return report

    def _end(self, state: RolloutState, report: Report, why: str) -> Report:
        self.ended = True
        return _with(report, self._named, state, Done(f"no more to watch: {why}", other=True))


def check_rollout(request: Request, named: Named, progress: Progress) -> Report:
    """Look once at the canary of a rollout, and do what `named.act` says.

    What passed is inconclusive where after the look the rollout is aborted, or has another canary
    or none.

    Args:
        request: without hashes; where it has no `since`, the canary's beginning is taken.
        named: the rollout.
        progress: hears of it.

    Raises:
        UsageError: as `check`; or there is no such rollout, or no canary going on.
        UnavailableError: Prometheus, the cluster or the rollout's controller does not answer.
    """
    rollouts = named.rollouts(progress)
    with during(progress, f"{named.namespace}/{named.name}", "reading the rollout"):
        state = rollouts.state(named.namespace, named.name)
    report = check(replace(request, **_arms(state, request, time.time())), progress)
    done = None
    if named.act is not None:
        done = _done(rollouts, named, named.act, _judged(state, report))
    else:
        why = _gone(rollouts, named, state, report)
        done = Done(f"not passed: {why}", other=True) if why else None
    return _with(report, named, state, done)


def _gone(rollouts: Rollouts, named: Named, was: RolloutState, report: Report) -> str:
    """Why what passed is the rollout's canary no more; empty where it is, or nothing passed.

    A look takes a while, and a pass is of what is there when it is said.

    Raises:
        UnavailableError: the cluster or the rollout's controller does not answer.
    """
    if report.verdict is not Verdict.PASSED:
        return ""
    try:
        now = rollouts.state(named.namespace, named.name)
    except UsageError as error:
        return str(error)
    return other_than(was, now, "looked at") or (_ABORTED if now.aborted else "")


def _arms(state: RolloutState, request: Request, now: float) -> _Arms:
    """Of which pods figures are asked for, and since when."""
    # The API server's clock may be ahead of this one.
    since = min(state.began, int(now)) if request.since is None else request.since
    return {"hashes": state.arms or (state.canary, state.stable), "since": since}


def _judged(state: RolloutState, report: Report) -> Judged:
    seen = report.host.canary
    assert seen is not None
    return Judged(state, report.verdict, until=instant(seen.until), interval=seen.interval)


def _done(rollouts: Rollouts, named: Named, act: Act, judged: Judged) -> Done:
    try:
        return carry_out(rollouts, named.namespace, named.name, judged, act)
    except UnavailableError as error:
        return Done(f"nothing: {error}", other=True)
    except UsageError as error:
        # It may have gone, or been promoted by somebody else; or it may not be changed.
        return Done(f"nothing: {error}", other=True)


def _with(report: Report, named: Named, state: RolloutState, done: Done | None) -> Report:
    """The report with what the rollout had to say; inconclusive where nothing came of it."""
    assert report.host.canary is not None
    seen = RolloutSeen(
        namespace=named.namespace,
        name=named.name,
        canary=state.canary,
        stable=state.stable,
        experiment=state.experiment,
        arms=state.arms,
        phase=state.phase,
        message=state.message,
        step=state.step,
        steps=state.steps,
        plan=state.plan,
        analyses=state.analyses,
        done=done.text if done else "",
    )
    host = report.host.model_copy(
        update={"canary": report.host.canary.model_copy(update={"rollout": seen})}
    )
    changes: dict[str, object] = {"host": host}
    if done is not None:
        own = Check(
            name="rollout",
            verdict=Verdict.INCONCLUSIVE if done.other else Verdict.PASSED,
            checked=1,
            unit="rollout",
            summary=done.text,
            demanded=done.other,
            not_checked=(done.text,) if done.other else (),
        )
        changes["checks"] = (*report.checks, own)
        if done.other:
            changes["verdict"] = worst((report.verdict, Verdict.INCONCLUSIVE))
    return report.model_copy(update=changes)
