"""The baseline: the findings that were there when lockproof came to a repository."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Literal, Self

from .base import Frozen
from .finding import Finding, Severity

_OF_THE_MOMENT = ("LP308",)
"""Rules about the work tree of whoever asks."""


class BaselineEntry(Frozen):
    """One of them."""

    fingerprint: str
    rule: str
    subject: str
    path: str | None = None
    seen: str | None = None
    """As `Finding.seen`: what has changed since then is no longer what was adopted."""


class Baseline(Frozen):
    """The file that `lockproof gate --baseline` writes."""

    schema_version: Literal["1"] = "1"
    findings: tuple[BaselineEntry, ...] = ()

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Self:
        """Take up the findings that count and that a commit can hold."""
        entries = {
            BaselineEntry(
                fingerprint=f.fingerprint, rule=f.rule, subject=f.subject, path=f.path, seen=f.seen
            )
            for f in findings
            if f.severity is not Severity.NOTE and f.rule not in _OF_THE_MOMENT
        }
        return cls(findings=tuple(sorted(entries, key=lambda e: (e.rule, e.subject, str(e)))))

    @cached_property
    def known(self) -> Mapping[str, frozenset[str | None]]:
        """Fingerprint -> what was seen."""
        found: dict[str, set[str | None]] = {}
        for entry in self.findings:
            found.setdefault(entry.fingerprint, set()).add(entry.seen)
        return {fingerprint: frozenset(seen) for fingerprint, seen in found.items()}
