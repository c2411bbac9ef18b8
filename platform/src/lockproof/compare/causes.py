"""From what differs and what experiments showed to causes: pure inference, no table of cases."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from lockproof.model.cause import Cause, CauseKind, Certainty

from .conditions import Dependence, dependence_cause
from .exclusion import listed, open_conditions


@dataclass(frozen=True)
class Factor:
    """One respect in which what ran differs from what the lock describes."""

    kind: CauseKind
    subject: str
    summary: str
    evidence: tuple[tuple[str, str | None], ...] = ()
    """Lines for people, each with an optional longer text such as a diff."""
    obstacle: str | None = None
    """Why it cannot be put back here; None where it can."""


@dataclass(frozen=True)
class Facts:
    """What is known of a stage whose outputs do not all agree with the lock."""

    factors: tuple[Factor, ...] = ()
    varies: tuple[str, ...] = ()
    """Outputs that came out differently in another run with nothing changed."""
    repeated: bool = False
    """Whether there was another run with nothing changed."""
    unsettled: bool = False
    """Whether outputs differed in some experiment, and none told why."""
    depends: tuple[Dependence, ...] = ()
    """Conditions that change outputs when only they are varied."""
    baseline: bool | None = None
    """Whether the lock is met with every factor that can be put back; None: not tried."""
    baseline_moved: bool | None = False
    """Whether the outputs were others then than without putting back; None: they were, and perhaps
    for the moment alone."""
    alone: Mapping[int, bool] = field(default_factory=dict)
    """Factor -> whether the lock is met with all factors but this one put back."""
    shown: Mapping[int, int] = field(default_factory=dict)
    """Factor -> how many runs in a drawn order all met the lock with it put back, and else not."""
    unshown: str = ""
    """Why there are no such runs of the others."""
    anew: Collection[int] = ()
    """Factors put back in an environment that was built for it, and without them the stage ran in
    one that lockproof did not build: the two may differ in more."""
    rewritten: Mapping[str, str] = field(default_factory=dict)
    """Dependency that the command changes -> evidence."""
    relocked: Mapping[str, str] = field(default_factory=dict)
    """Output -> what history says of a commit that changed only this digest. Whoever runs a stage
    again by force, with other packages or another variable, leaves just that too."""
    named: tuple["Finding", ...] = ()
    """Causes that were seen directly."""
    excluded: Mapping[str, str] = field(default_factory=dict)
    """Condition (see `model.condition`) -> how it was excluded."""
    not_excluded: Mapping[str, str] = field(default_factory=dict)
    """Condition -> why it could not be, where that is known."""
    differing: tuple[str, ...] = ()
    """Outputs that do not agree with the lock."""
    failed: str | None = None
    """How the command failed; None where it did not."""
    observed: str | None = None
    """How the fitting run record knows the environment: `watched` or `after the fact`."""
    stray_outputs: tuple[str, ...] = ()
    """Files that the command wrote without declaring them."""
    missing: tuple[str, ...] = ()
    """Declared outputs that the command did not write."""


_ANEW = (
    "but it was put back in an environment that was built for that, which may differ in more from"
    " the pipeline's own: have lockproof build that too, with requirements or uv-lock"
)
Finding = tuple[Cause, tuple[tuple[str, str | None], ...]]


def conclude(facts: Facts) -> tuple[Finding, ...]:
    """Name every cause that the facts support, each with its evidence.

    A factor is `proven` where the locked outputs come back with it put back and do not with it
    alone left as it is, in as many runs as leave hardly room for chance; `likely` where that was
    seen once, or of the group of factors only, or where more may have differed between these runs;
    `possible` where it could not be tested. What experiments cleared is not named. Where nothing is
    established, the answer is `unknown`. No lock is called altered: whoever runs a stage by force
    with another file below HOME, or a variable that nobody records, leaves the same lock.
    """
    causes = [
        *_varying(facts),
        *_rewriting(facts),
        *facts.named,
        *(found for i, f in enumerate(facts.factors) if (found := _factor(facts, i, f))),
        *_stray(facts),
    ]
    if any(c.certainty is not Certainty.POSSIBLE for c, _ in causes):
        # What was merely seen to be there is no answer beside one.
        merely = [f for f in facts.named if f[0].certainty is Certainty.POSSIBLE]
        causes = [found for found in causes if found not in merely]
    else:
        causes.append(_unknown(facts))
    return tuple(causes)


def _factor(facts: Facts, index: int, factor: Factor) -> Finding | None:
    certainty, reason = _weigh(facts, index, factor)
    if certainty is None:
        return None
    cause = Cause(
        kind=factor.kind, subject=factor.subject, certainty=certainty, summary=factor.summary
    )
    return cause, ((reason, None), *factor.evidence)


def _weigh(facts: Facts, index: int, factor: Factor) -> tuple[Certainty | None, str]:
    more = f"; {_ANEW}" if index in facts.anew else ""
    if index in facts.shown and more:
        return Certainty.LIKELY, (
            "with this put back the locked outputs are made again, and without they are not: in"
            f" each of {facts.shown[index]} runs, in a drawn order{more}"
        )
    if index in facts.shown:
        return Certainty.PROVEN, (
            "with this put back the locked outputs are made again, and with only this as it is now"
            f" they are not: in each of {facts.shown[index]} runs, in a drawn order"
        )
    if facts.baseline_moved and facts.baseline is False and not factor.obstacle:
        return Certainty.LIKELY, (
            "putting it back changes the outputs, though not to the locked ones: there is"
            f" another cause beside it{more}"
        )
    if facts.varies:
        return Certainty.POSSIBLE, (
            "the outputs vary from run to run, so the effect of this cannot be told apart"
        )
    if facts.baseline:
        if factor.obstacle or facts.alone.get(index):
            return None, ""
        restorable = [f for f in facts.factors if not f.obstacle]
        if index in facts.alone or len(restorable) == 1:
            return Certainty.LIKELY, (
                "with this put back the locked outputs were made again, in one run, which may be"
                f" chance: {facts.unshown or 'no more were made'}{more}"
            )
        return Certainty.LIKELY, (
            f"with this and the other changes put back, the locked outputs are made again{more}"
        )
    if factor.obstacle:
        return Certainty.POSSIBLE, f"it could not be put back here: {factor.obstacle}"
    if facts.baseline is None:
        return Certainty.POSSIBLE, facts.unshown or "no experiment was made"
    if facts.baseline_moved is None:
        why = f" ({facts.unshown})" if facts.unshown else ""
        return Certainty.POSSIBLE, (
            "the outputs were others with it put back, and no run shows that they are not by"
            f" themselves{why}"
        )
    return None, ""


def _varying(facts: Facts) -> list[Finding]:
    return [
        dependence_cause(found, path)
        for found in facts.depends
        for path in found.outputs
        if path in facts.differing or path in facts.varies
    ]


def _rewriting(facts: Facts) -> list[Finding]:
    return [
        (
            Cause(
                kind=CauseKind.REWRITTEN_INPUT,
                subject=path,
                certainty=Certainty.PROVEN,
                summary="the command changes its own dependency: write the result to an output",
            ),
            ((text, None),),
        )
        for path, text in facts.rewritten.items()
    ]


def _history(facts: Facts, path: str) -> list[str]:
    return [facts.relocked[path]] if path in facts.relocked else []


def _excluded(facts: Facts) -> list[str]:
    return listed("excluded", facts.excluded)


def _stray(facts: Facts) -> list[Finding]:
    if not facts.missing or facts.failed is not None:
        return []
    return [
        (
            Cause(
                kind=CauseKind.UNDECLARED_OUTPUT,
                subject=path,
                certainty=Certainty.LIKELY,
                summary=f"the command writes it instead of {', '.join(facts.missing)}:"
                " declare what it writes, or write what is declared",
            ),
            (("written during the run and declared nowhere", None),),
        )
        for path in facts.stray_outputs
    ]


def _unknown(facts: Facts) -> Finding:
    lines = [line for path in facts.differing for line in _history(facts, path)]
    if facts.repeated and not facts.varies:
        lines.append(
            "two runs agree with each other, and an experiment gave other outputs: nondeterminism"
            " is not excluded"
            if facts.unsettled
            else "two runs agree with each other: no nondeterminism showed"
        )
    if not facts.factors:
        lines.append("command, code, data and parameters are as the lock has them")
    if facts.factors and facts.baseline is None:
        lines.append("what differs from the lock was not put back: no experiment was made")
    if not facts.repeated:
        lines.append("no second run was made")
    if facts.observed is None:
        lines.append(
            "no run record fits this lock, so the environment that made it is not known"
            " ('lockproof record -- dvc repro' keeps one)"
        )
    lines += _excluded(facts)
    if facts.failed is None:
        lines += listed("not excluded", open_conditions(facts.excluded, facts.not_excluded))
    cause = Cause(
        kind=CauseKind.UNKNOWN,
        subject=", ".join(facts.differing) or "command",
        certainty=Certainty.POSSIBLE,
        summary=facts.failed or "no cause was established",
    )
    return cause, tuple((text, None) for text in lines)
