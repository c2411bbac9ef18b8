"""What a source of figures gives, and what is judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lockproof.model.canary_checks import Drift

Column = Sequence[float | None]
"""One number for each interval; None where there is none."""


@dataclass(frozen=True)
class Figures:
    """Of one measure and one arm: what was asked for, and what came back, interval by interval."""

    queries: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Column] = field(default_factory=dict)
    """`events`, `total`, `sum`, `count` -> numbers."""


@dataclass(frozen=True)
class Counts:
    """Of one drift and one arm: how often each class came, or what was above each bound."""

    columns: Mapping[str, Column]
    """Class, or bound as `render.words.number` writes it -> numbers."""
    total: Column
    """Of all classes or buckets, with those that are not looked at."""
    query: str = ""
    """What was asked for; empty where a file of samples answered."""
    unknown: str = ""
    """Why nothing follows from them; empty where something does."""


@dataclass(frozen=True)
class Look:
    """The intervals that are looked at."""

    since: int
    """Unix seconds at which the first begins."""
    interval: int
    """Seconds."""
    count: int
    """How many have ended, of those within the horizon."""
    later: int = 0
    """How many more have ended since, which are not read."""

    @property
    def until(self) -> int:
        """Unix seconds at which the last ended."""
        return self.since + self.interval * self.count


class Source(Protocol):
    """Where figures come from."""

    name: str
    """For the report; without credentials."""

    def figures(self, measure: str, parts: Mapping[str, str], arm: str, look: Look) -> Figures:
        """The figures of an arm (`canary`, `stable`).

        Args:
            measure: its name.
            parts: what is asked for (`events`, `total`, …) -> the query, with the arm filled in.
            arm: `canary` or `stable`.
            look: for which intervals.

        Raises:
            ConfigError: the source says that it is not to be asked so.
            UnavailableError: it does not answer.
        """
        ...

    def frequencies(self, drift: Drift, parts: Mapping[str, str], arm: str, look: Look) -> Counts:
        """How often each class came in an arm (`canary`, `stable`), or what was above each bound.

        Args:
            drift: what is counted.
            parts: the one query, with the arm filled in.
            arm: `canary` or `stable`.
            look: for which intervals.

        Raises:
            ConfigError, UnavailableError: as `figures`.
        """
        ...

    def apart(self, measure: str, parts: Mapping[str, str], look: Look) -> None:
        """See that no series is the canary's and the stable version's at once.

        Args:
            measure: its name.
            parts: as for `figures`, with the matchers of both arms filled in together.
            look: for which intervals.

        Raises:
            ConfigError: one is, or the matchers cannot be joined.
            UnavailableError: it does not answer.
        """
        ...
