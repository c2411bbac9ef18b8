"""Findings that say the same of different things, put together: a cause is read once."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lockproof.model.finding import Finding

_PLACE = re.compile(r"\S*[\d/.:@]\S*")
"""A word that names a place, a digest or a value."""
_LONGEST = 1000


@dataclass(frozen=True)
class Alike:
    """One finding, and those that say the same of other things."""

    first: Finding
    others: tuple[Finding, ...]


def alike(findings: Iterable[Finding]) -> list[Alike]:
    """The findings in their order, each with the later ones of its rule and wording."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        key = (finding.severity.value, finding.rule, _wording(finding))
        groups.setdefault(key, []).append(finding)
    return [Alike(group[0], tuple(group[1:])) for group in groups.values()]


def _wording(finding: Finding) -> str:
    text = finding.message[:_LONGEST]
    names = {finding.subject, *finding.subject.split()}
    for name in sorted(names - {""}, key=len, reverse=True):
        # Whole words: an output named `c` is not in `dvc`.
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "#", text)
    return _PLACE.sub("#", text)
