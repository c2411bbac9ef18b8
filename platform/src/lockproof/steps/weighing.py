"""The checks of a step as the policy leaves them, and what became of the policy itself."""

from collections.abc import Collection, Sequence
from datetime import date

from lockproof.config import FILE_NAME, Policy
from lockproof.model.baseline import Baseline
from lockproof.model.check import Check
from lockproof.model.finding import Finding, Severity
from lockproof.model.verdict import Verdict
from lockproof.rules import policy as rules

Prefix = str | tuple[str, ...]
"""How the ids of the rules of a check begin."""


class Weighing:
    """Takes the checks of a step one after the other."""

    def __init__(self, policy: Policy, today: date, known: Baseline, path: str) -> None:
        """`today` is UTC; `known` is the baseline, and `path` its file below the Git root."""
        self._policy, self._today, self._known, self._path = policy, today, known, path
        self._used: set[int] = set()
        self._met: set[str] = set()
        self._looked: tuple[str, ...] = ()
        self._waived = self._in_baseline = 0
        self.checks: list[Check] = []
        """With the verdicts of what the policy leaves of their findings."""
        self.findings: list[Finding] = []

    def add(self, check: Check, findings: Sequence[Finding], prefix: Prefix) -> Verdict:
        """Weigh what a check found; the verdict that is left of it.

        The check's own says whether all was looked at: it stands where no error is left.
        """
        weighed = rules.weigh(findings, self._policy, self._today, self._known)
        self._used |= weighed.used
        self._met |= weighed.met
        self._looked += (prefix,) if isinstance(prefix, str) else prefix
        self._waived += weighed.waived
        self._in_baseline += weighed.known
        self.findings += weighed.findings
        verdict = check.verdict
        if any(f.severity is Severity.ERROR for f in weighed.findings):
            verdict = Verdict.FAILED
        off = rules.switched_off(self._policy, prefix)
        skipped = (f"{', '.join(off)}: switched off by {FILE_NAME}",) if off else ()
        update = {"verdict": verdict, "not_checked": (*check.not_checked, *skipped)}
        self.checks.append(check.model_copy(update=update))
        return verdict

    def close(
        self,
        findings: Sequence[Finding],
        file: str,
        unseen: Collection[str],
        off: Sequence[str],
    ) -> Verdict:
        """Add the check of the policy itself.

        Args:
            findings: what is wrong with how the policy changes.
            file: the policy's file, relative to the Git root.
            unseen: how the rules begin that were not all applied: their waivers may be needed yet.
            off: a line for each check that is switched off.

        Returns:
            Its verdict: `failed` where there are errors. It says nothing about the repository.
        """
        policy, today = self._policy, self._today
        own = [
            *findings,
            *rules.waiver_findings(policy, self._used, today, file, unseen),
            *rules.baseline_findings(self._known, self._met, self._path, self._looked, unseen),
        ]
        weighed = rules.weigh(own, policy, today)
        failed = any(f.severity is Severity.ERROR for f in weighed.findings)
        counts = ((self._waived, "waived"), (self._in_baseline, "in the baseline"))
        check = Check(
            name="policy",
            verdict=Verdict.FAILED if failed else Verdict.PASSED,
            checked=len(policy.rules) + len(policy.waiver),
            unit="rule or waiver",
            summary=", ".join(f"{number} {what}" for number, what in counts if number),
            not_checked=tuple(off),
        )
        self.findings += weighed.findings
        self.checks.append(check)
        return check.verdict
