"""Which settings of conditions share a run, so that a table of all of them costs few."""

from collections.abc import Sequence
from dataclasses import dataclass

from lockproof.steps.reproduce.session import Session

from .known import Condition, Setting, Site, conditions

Pair = tuple[Condition, Setting]
"""A condition, and what it is set to in a run."""
_LONG = 20.0
"""Seconds; a stage that takes longer is run a few times only."""
_ROUNDS, _FEW = 7, 3
_AT_LEAST = 2
"""Runs with nothing varied, where the others are too few to show what varies by itself."""


@dataclass(frozen=True)
class Plan:
    """The runs that answer for these conditions where no output depends on any."""

    repeats: int
    """Runs with nothing varied."""
    rounds: tuple[tuple[Pair, ...], ...]
    """Settings that are tried at once."""
    alone: tuple[Condition, ...]
    """Each in a run of its own, the slow ones last: honest commands may fail with them."""
    unvaried: tuple[Condition, ...]
    """What cannot be varied here."""

    @property
    def runs(self) -> int:
        """How many they are."""
        return self.repeats + len(self.rounds) + len(self.alone)


def asked(found: Sequence[Condition], names: Sequence[str]) -> list[Condition]:
    """Those of the conditions that are named."""
    return [
        c
        for c in found
        if c.name in names or (c.name.startswith("variable ") and "pass-env" in names)
    ]


def plan(site: Site, names: Sequence[str], usual: float, most: int) -> Plan:
    """A plan for one stage.

    Args:
        site: where it runs.
        names: of the conditions.
        usual: seconds that the stage takes.
        most: runs that are allowed.
    """
    wanted = asked(conditions(site), names)
    able = [c for c in wanted if not c.obstacle]
    alone = [c for c in able if c.drastic] + [c for c in able if c.artificial]
    shared = [c for c in able if c not in alone]
    count = min(_FEW if usual > _LONG else _ROUNDS, max(1, most - len(alone) - _AT_LEAST))
    rounds = spread(shared, count)
    return Plan(
        max(1, _AT_LEAST - len(rounds)),
        rounds,
        tuple(alone),
        tuple(c for c in wanted if c.obstacle),
    )


def spread(shared: Sequence[Condition], count: int) -> tuple[tuple[Pair, ...], ...]:
    """The settings of conditions in at most `count` runs, each condition once in a run at most.

    As few of them share a run as can be.
    """
    rounds: list[list[Pair]] = [[] for _ in range(count)]
    for condition in sorted(shared, key=lambda c: -len(c.settings)):
        free = sorted(range(count), key=lambda n: (len(rounds[n]), n))
        for number, setting in zip(free, condition.settings, strict=False):
            rounds[number].append((condition, setting))
    return tuple(tuple(pairs) for pairs in rounds if pairs)


def file_name(pairs: Sequence[Pair]) -> str:
    """A part of the name of files that a run with these leaves, of 70 characters at most."""
    names = "-".join(condition.name[:60] for condition, _ in pairs)
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in names)[:70]


def allowed(session: Session) -> int:
    """How many experiments the policy lets a stage have."""
    return session.policy.reproduce.experiments
