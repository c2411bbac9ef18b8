"""One cause, one finding: what many outputs or stages have for one reason is said once."""

from collections.abc import Iterable

from lockproof.model.base import unchecked
from lockproof.model.fields import fields_of
from lockproof.model.finding import Finding, Shared

_MOST_SHOWN = 3


def shared(found: Finding, *, cause: str, item: str, noun: str, words: str) -> Shared:
    """The finding as one that others may share their cause with; see `Shared`."""
    own = {name: getattr(found, name) for name in fields_of(Finding)}
    return unchecked(Shared)(**own, cause=cause, item=item, noun=noun, words=words)


def together(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, those of one rule, severity and cause as one at the place of the first.

    The fingerprint of that is one of rule and cause, whichever outputs have it.
    """
    groups: dict[object, list[Finding]] = {}
    for number, found in enumerate(findings):
        key: object = number
        if isinstance(found, Shared):
            key = (found.rule, found.severity, found.cause, found.noun, found.words)
        groups.setdefault(key, []).append(found)
    return [_one(group) for group in groups.values()]


def _one(group: list[Finding]) -> Finding:
    members = [found for found in group if isinstance(found, Shared)]
    if not members:
        return group[0]
    first = members[0]
    items = sorted({found.item for found in members})
    if len(items) == 1:
        return unchecked(Finding)(**{name: getattr(first, name) for name in fields_of(Finding)})
    more = ", …" if items[_MOST_SHOWN:] else ""
    shown = f"{len(items):,} {first.noun} ({', '.join(items[:_MOST_SHOWN])}{more})"
    one = Finding.of(
        first.rule,
        first.severity,
        first.cause,
        f"{shown} {first.words}",
        seen=sorted([found.item, str(found.seen)] for found in members),
    )
    return one.model_copy(update={"path": first.path, "line": first.line})
