"""What a verdict does to a rollout: promote, abort or pause it, once, and only what was judged."""

from dataclasses import dataclass
from enum import StrEnum

from lockproof.adapters.kubernetes.rollouts import Rollouts
from lockproof.model.rollout import RolloutState
from lockproof.model.verdict import Verdict
from lockproof.parse.canary_checks import as_text
from lockproof.render.words import count

from .judge import LATEST

_TRIES = 10
"""Its controller writes it often; a change meanwhile need not be one of the version."""


class Act(StrEnum):
    """What may be done; an inconclusive verdict does nothing."""

    PROMOTE = "promote"
    """Passed: end the pause that it waits at. Failed: abort."""
    PROMOTE_FULL = "promote-full"
    """Passed: skip all steps that are left. Failed: abort."""
    ABORT = "abort"
    """Failed: abort. Passed: nothing."""
    PAUSE = "pause"
    """Failed: pause, so that a person decides. Passed: nothing."""


@dataclass(frozen=True)
class Judged:
    """What a verdict was on."""

    state: RolloutState
    """The rollout as it was when the look began."""
    verdict: Verdict
    until: int
    """Unix seconds at which the last interval that was looked at ended."""
    interval: int
    """Seconds."""


class Change(StrEnum):
    """One change of a rollout."""

    PROMOTE = "ended the pause that it waited at"
    PROMOTE_FULL = "promoted it past all its steps"
    ABORT = "aborted it"
    PAUSE = "paused it"


@dataclass(frozen=True)
class Done:
    """What came of it."""

    text: str
    other: bool = False
    """Whether the rollout has another canary, attempt or step by now, or none, as once it was
    aborted: then the verdict is not of it."""


def decide(verdict: Verdict, act: Act, now: RolloutState) -> Change | str:
    """The change that a verdict makes, or why it makes none."""
    if verdict is Verdict.INCONCLUSIVE:
        return "nothing: the verdict is inconclusive"
    passed = verdict is Verdict.PASSED
    if passed and act in (Act.ABORT, Act.PAUSE):
        return f"nothing: --act {act} changes only what failed"
    if now.aborted:
        return "nothing: it was aborted"
    if now.promoted:
        return f"nothing: it is being promoted past all its steps{' already' * passed}"
    if not passed:
        if act is not Act.PAUSE:
            return Change.ABORT
        return "nothing: it is paused already" if now.held else Change.PAUSE
    if now.held:
        return "nothing: it was paused by hand, and a person lets it go on"
    if now.doubted:
        return "nothing: it is paused because an analysis was inconclusive, and a person decides"
    if act is Act.PROMOTE_FULL:
        return Change.PROMOTE_FULL
    return Change.PROMOTE if now.waits else "nothing: it is at no pause that waits for a promotion"


def other_than(was: RolloutState, now: RolloutState, done: str) -> str:
    """Which other canary it has by now than the one that was `done`; empty where it is the same."""
    if (now.uid, now.canary, now.stable) != (was.uid, was.canary, was.stable):
        return (
            f"its canary is {now.canary} and stable {now.stable} by now, and {was.canary} beside"
            f" {was.stable} was {done}"
        )
    if now.experiment != was.experiment:
        names = [one.experiment or "none" for one in (now, was)]
        return f"its experiment is {names[0]} by now, and with {names[1]} it was {done}"
    if now.began != was.began:
        return (
            f"its canary is tried again since {as_text(now.began)}, and the attempt of"
            f" {as_text(was.began)} was {done}"
        )
    return ""


def carry_out(rollouts: Rollouts, namespace: str, name: str, judged: Judged, act: Act) -> Done:
    """Change a rollout as the verdict says, if it still has the canary that was judged.

    A pause is ended only at the step at which the canary was judged, and once some intervals of
    that pause were looked at: so one look never ends two.

    Each change names the state that it was decided for, so that one which comes too late is
    refused by the API server; then it is decided anew.

    Args:
        rollouts: of the cluster, to be changed.
        namespace: of the rollout.
        name: of the rollout.
        judged: the verdict on its canary, and what it was on.
        act: what may be done.

    Raises:
        UsageError: it is gone or has no canary any more, or may not be changed.
        UnavailableError: the cluster does not answer.
    """
    was, verdict = judged.state, judged.verdict
    if verdict is Verdict.INCONCLUSIVE:
        return Done(str(decide(verdict, act, was)))
    for _ in range(_TRIES):
        now = rollouts.state(namespace, name)
        other = other_than(was, now, "judged")
        if other:
            return Done(f"nothing: {other}", other=True)
        if now.aborted and verdict is Verdict.PASSED:
            return Done(
                "nothing: it was aborted, so its canary is none any more, and a person retries it",
                other=True,
            )
        change = decide(verdict, act, now)
        if not isinstance(change, Change):
            return Done(change)
        if change is Change.PROMOTE:
            if now.step != was.step:
                return Done(
                    f"nothing: it is at step {now.step} by now, and was judged at step {was.step}",
                    other=True,
                )
            unseen = _unseen(now, judged)
            if unseen:
                return Done(unseen)
        does = {
            Change.PROMOTE: rollouts.promote,
            Change.PROMOTE_FULL: rollouts.promote_full,
            Change.ABORT: rollouts.abort,
            Change.PAUSE: rollouts.pause,
        }[change]
        if does(namespace, name, now):
            return Done(change.value)
    return Done(f"nothing: it changed {_TRIES} times while it was to be changed; look again", True)


def _unseen(now: RolloutState, judged: Judged) -> str:
    """Why nothing is known of the canary at this pause; empty where something is."""
    if not now.paused:
        return "nothing: it does not say since when it waits at this pause"
    inside = max(0, judged.until - now.paused) // judged.interval
    if inside >= LATEST:
        return ""
    return (
        f"nothing: it waits at this pause since {as_text(now.paused)}, and only"
        f" {count(inside, 'interval')} of it were looked at, {LATEST} are needed: look again"
    )
