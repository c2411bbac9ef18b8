"""From what differs and what experiments showed to causes: pure inference, no table of cases."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lockproof.model.cause import Cause, CauseKind, Certainty

from .conditions import Dependence, dependence_cause


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
    depends: tuple[Dependence, ...] = ()
    """Conditions that change outputs when only they are varied."""
    excluded: tuple[str, ...] = ()
    """Conditions that were varied without any effect."""
    unvaried: Mapping[str, str] = field(default_factory=dict)
    """Condition that could not be varied here -> why."""
    baseline: bool | None = None
    """Whether the lock is met with every factor that can be put back; None: not tried."""
    baseline_moved: bool = False
    """Whether the outputs were others then than without putting back."""
    alone: Mapping[int, bool] = field(default_factory=dict)
    """Factor -> whether the lock is met with all factors but this one put back."""
    rewritten: Mapping[str, str] = field(default_factory=dict)
    """Dependency that the command changes -> evidence."""
    altered: Mapping[str, str] = field(default_factory=dict)
    """Output -> evidence from history that the lock's digest of it is not the stage's work."""
    differing: tuple[str, ...] = ()
    """Outputs that do not agree with the lock."""
    failed: str | None = None
    """How the command failed; None where it did not."""
    environment_known: bool = False
    """Whether a run record says which environment made the locked outputs."""
    stray_outputs: tuple[str, ...] = ()
    """Files that the command wrote without declaring them."""
    missing: tuple[str, ...] = ()
    """Declared outputs that the command did not write."""


Finding = tuple[Cause, tuple[tuple[str, str | None], ...]]


def conclude(facts: Facts) -> tuple[Finding, ...]:
    """Name every cause that the facts support, each with its evidence.

    A factor is `proven` where the locked outputs come back with it put back and do not with it
    alone left as it is; `likely` where only the group of factors was shown to matter; `possible`
    where it could not be tested. What experiments cleared is not named. Where nothing is
    established, the answer is `unknown`.
    """
    causes = [
        *_varying(facts),
        *_rewriting(facts),
        *(found for i, f in enumerate(facts.factors) if (found := _factor(facts, i, f))),
        *_altered(facts),
        *_stray(facts),
    ]
    if not any(c.certainty is not Certainty.POSSIBLE for c, _ in causes):
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
    if facts.varies:
        return Certainty.POSSIBLE, (
            "the outputs vary from run to run, so the effect of this cannot be told apart"
        )
    if facts.baseline:
        if factor.obstacle:
            return None, ""
        if index in facts.alone:
            if facts.alone[index]:
                return None, ""
            return Certainty.PROVEN, (
                "with all else as the lock has it and only this changed, the outputs differ"
            )
        restorable = [f for f in facts.factors if not f.obstacle]
        if len(restorable) == 1:
            return Certainty.PROVEN, "with this put back, the locked outputs are made again"
        return Certainty.LIKELY, (
            "with this and the other changes put back, the locked outputs are made again"
        )
    if factor.obstacle:
        return Certainty.POSSIBLE, f"it could not be put back here: {factor.obstacle}"
    if facts.baseline is None:
        return Certainty.POSSIBLE, "no experiment was made"
    if facts.baseline_moved:
        return Certainty.LIKELY, (
            "putting it back changes the outputs, though not to the locked ones: there is"
            " another cause beside it"
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


def _altered(facts: Facts) -> list[Finding]:
    summary = "the locked digest is not of what the stage makes: it was changed after the run"
    found: list[Finding] = [
        (
            Cause(
                kind=CauseKind.ALTERED_OUTPUT,
                subject=path,
                certainty=Certainty.PROVEN,
                summary=summary,
            ),
            ((text, None),),
        )
        for path, text in facts.altered.items()
    ]
    untested = any(factor.obstacle for factor in facts.factors)
    excluded = (
        facts.repeated
        and not facts.varies
        and not facts.depends
        and not facts.rewritten
        and facts.failed is None
        and facts.environment_known
        and not untested
        and (facts.baseline is False or not facts.factors)
    )
    if excluded:
        text = (
            "command, code, data, parameters and environment are as locked and recorded, and"
            " two runs agree with each other but not with the lock"
        )
        found += [
            (
                Cause(
                    kind=CauseKind.ALTERED_OUTPUT,
                    subject=path,
                    certainty=Certainty.LIKELY,
                    summary=summary,
                ),
                ((text, None),),
            )
            for path in facts.differing
            if path not in facts.altered and path not in facts.missing
        ]
    return found


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
    excluded = []
    if facts.repeated and not facts.varies:
        excluded.append("two runs agree with each other, so it is no nondeterminism")
    if facts.excluded:
        excluded.append(f"varied without effect: {', '.join(facts.excluded)}")
    if facts.unvaried:
        reasons = "; ".join(f"{name} ({why})" for name, why in facts.unvaried.items())
        excluded.append(f"not varied: {reasons}")
    if not facts.factors:
        excluded.append("command, code, data and parameters are as the lock has them")
    if facts.factors and facts.baseline is None:
        excluded.append("what differs from the lock was not put back: no experiment was made")
    if not facts.repeated:
        excluded.append("no second run was made")
    if not facts.environment_known:
        excluded.append(
            "no run record fits this lock, so the environment that made it is not known"
            " ('lockproof record' after 'dvc repro' keeps one)"
        )
    cause = Cause(
        kind=CauseKind.UNKNOWN,
        subject=", ".join(facts.differing) or "command",
        certainty=Certainty.POSSIBLE,
        summary=facts.failed or "no cause was established",
    )
    return cause, tuple((text, None) for text in excluded)
