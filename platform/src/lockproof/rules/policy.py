"""The policy's say on what was found: rules switched off, waivers, and the baseline."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, NamedTuple

from lockproof.config import Policy, matches_any
from lockproof.errors import ConfigError
from lockproof.model.baseline import Baseline
from lockproof.model.finding import Finding, Severity, Shared

from .catalog import RULES, finding

if TYPE_CHECKING:
    from lockproof.config import Waiver


class Weighed(NamedTuple):
    """Findings after the policy had its say."""

    findings: tuple[Finding, ...]
    """What is let pass is there as a note."""
    waived: int = 0
    known: int = 0
    """Findings that the baseline holds."""
    used: frozenset[int] = frozenset()
    """The waivers, by position, that let something pass."""
    met: frozenset[str] = frozenset()
    """Fingerprints of the baseline that something was found for."""


def weigh(
    findings: Sequence[Finding], policy: Policy, today: date, baseline: Baseline | None = None
) -> Weighed:
    """Apply `[rules.*]`, waivers and baseline, in this order.

    Args:
        findings: what the rules found.
        policy: the policy that may be trusted.
        today: UTC; a waiver holds up to its last day.
        baseline: the findings that were there when lockproof came.
    """
    adopted = baseline.known if baseline else {}
    kept: list[Finding] = []
    used: set[int] = set()
    met: set[str] = set()
    waived = known = 0
    for item in findings:
        found = _configured(item, policy)
        if found is None:
            continue
        before = adopted.get(found.fingerprint)
        if before is not None:
            met.add(found.fingerprint)
        number = next((i for i, w in enumerate(policy.waiver) if _covers(w, found, today)), None)
        if number is not None:
            used.add(number)
            waived += 1
            waiver = policy.waiver[number]
            found = _noted(found, "waiver", f"waived until {waiver.expires}: {waiver.reason}")
        elif before is not None and found.severity is not Severity.NOTE:
            if found.seen in before:
                known += 1
                found = _noted(found, "baseline", "in the baseline")
            else:
                found = _explained(found, "changed since the baseline was written")
        kept.append(found)
    return Weighed(tuple(kept), waived, known, frozenset(used), frozenset(met))


ADVISORY = ("LP709", "LP711")
"""Rules of a reproduction that no verdict on a stage stands behind."""


def weigh_advisory(findings: Sequence[Finding], policy: Policy, today: date) -> list[Finding]:
    """What a reproduction found, after the policy had its say on what is advice.

    Of all else a verdict is made, which no waiver changes.
    """
    advice = [found for found in findings if found.rule in ADVISORY]
    others = [found for found in findings if found.rule not in ADVISORY]
    return [*others, *weigh(advice, policy, today).findings]


def _configured(found: Finding, policy: Policy) -> Finding | None:
    rule = policy.rules.get(found.rule)
    if rule is None:
        return found
    if rule.off or (rule.paths and not matches_any(found.path or found.subject, rule.paths)):
        return None
    if rule.severity and found.severity is RULES[found.rule].severity:
        return found.model_copy(update={"severity": Severity(rule.severity)})
    return found


def _covers(waiver: "Waiver", found: Finding, today: date) -> bool:
    named = any(fnmatchcase(n, waiver.subject) for n in (found.subject, found.path) if n)
    # Of a cause no part is named: a glob for some outputs must not become one for all.
    named = named or (isinstance(found, Shared) and found.cause == waiver.subject)
    return waiver.rule == found.rule and today <= waiver.expires and named


def _noted(found: Finding, by: Literal["waiver", "baseline"], why: str) -> Finding:
    update = {"severity": Severity.NOTE, "passed_by": by}
    return _explained(found, why).model_copy(update=update)


def _explained(found: Finding, why: str) -> Finding:
    said = f" ({' '.join(why.split())})"
    update = {"message": f"{found.message}{said}"}
    if isinstance(found, Shared):
        update["words"] = f"{found.words}{said}"
    return found.model_copy(update=update)


def waiver_findings(
    policy: Policy, used: Collection[int], today: date, file: str, unseen: Collection[str] = ()
) -> Iterator[Finding]:
    """Waivers that have run out, and those that let nothing pass.

    Args:
        policy: the policy that may be trusted.
        used: the waivers, by position, that let something pass.
        today: UTC.
        file: the policy's file, relative to the Git root.
        unseen: how the rules of families begin that did not look at everything: their waivers
            may be needed yet.
    """
    for number, waiver in enumerate(policy.waiver):
        subject = f"{waiver.rule} {waiver.subject}"
        if waiver.expires < today:
            yield finding(
                "LP801",
                subject,
                f"the waiver of {subject} ran out on {waiver.expires}: mend what it let pass, then"
                " remove it",
                path=file,
            )
        elif number not in used and not waiver.rule.startswith(tuple(unseen)):
            yield finding(
                "LP802",
                subject,
                f"the waiver of {subject} lets nothing pass any more: remove it",
                path=file,
            )


def baseline_findings(
    baseline: Baseline,
    met: Collection[str],
    file: str,
    looked: tuple[str, ...],
    unseen: Collection[str] = (),
) -> Iterator[Finding]:
    """Entries of the baseline that let nothing pass any more, as one finding.

    Args:
        baseline: the baseline that may be trusted.
        met: fingerprints that something was found for.
        file: the baseline's file, relative to the Git root.
        looked: how the rules begin that were applied.
        unseen: see `waiver_findings`.
    """
    idle = [
        f"{entry.rule} {entry.subject}"
        for entry in baseline.findings
        if entry.fingerprint not in met
        and entry.rule.startswith(looked)
        and not entry.rule.startswith(tuple(unseen))
    ]
    if idle:
        shown = ", ".join(idle[:3]) + (", …" if len(idle) > 3 else "")
        yield finding(
            "LP806",
            file,
            f"{len(idle):,} of {len(baseline.findings):,} entries of {file} let nothing pass any"
            f" more ({shown}): remove them",
            path=file,
        )


def changed_policy(path: str) -> Finding:
    """The finding where a pull request changes the policy."""
    return finding(
        "LP803",
        path,
        f"{path} is changed: the base's was used; check what the new one lets pass before merging",
        path=path,
    )


def changed_baseline(path: str) -> Finding:
    """The finding where a pull request adds to the baseline, or leaves none that can be read."""
    return finding(
        "LP804",
        path,
        f"{path} has other entries than at the base, whose own was used: a baseline may only lose"
        " entries",
        path=path,
    )


def bad_policy(path: str, problem: str) -> Finding:
    """The finding where a pull request leaves a policy that cannot be read."""
    return finding("LP805", path, f"{problem}: mend it before merging", path=path)


def all_off(policy: Policy, prefix: str | tuple[str, ...]) -> bool:
    """Whether the policy switches off every rule whose id begins with `prefix`, or one of it."""
    ids = [rule for rule in RULES if rule.startswith(prefix)]
    return all(_is_off(policy, rule) for rule in ids)


def switched_off(policy: Policy, prefix: str | tuple[str, ...]) -> tuple[str, ...]:
    """The rules of a family that the policy switches off."""
    return tuple(r for r in sorted(policy.rules) if r.startswith(prefix) and _is_off(policy, r))


def _is_off(policy: Policy, rule: str) -> bool:
    return rule in policy.rules and policy.rules[rule].off


def refuse_unknown_rules(policy: Policy, path: str) -> None:
    """See that the rules which the policy names exist.

    Raises:
        ConfigError: one does not; the message names the key.
    """
    named = {rule: f"rules.{rule}" for rule in policy.rules}
    named |= {w.rule: f"waiver.{i}.rule" for i, w in enumerate(policy.waiver)}
    for rule, key in named.items():
        if rule not in RULES:
            raise ConfigError(
                f"{path}: {key}: there is no rule {rule}; 'lockproof explain' lists them"
            )
