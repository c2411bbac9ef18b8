"""What became of made-up canaries that were held to a file of checks."""

from collections.abc import Mapping

from .base import Frozen


class Until(Frozen):
    """How many intervals it took those that came to a decision."""

    median: int
    ninety: int
    """Nine of ten had come to it by then."""


class Share(Frozen):
    """How often something happened, and how often it may, by this many trials."""

    happened: int
    accepted: float
    """What the file of checks states."""
    low: float
    high: float
    """The 99 % interval of Wilson (1927) for the true share."""

    @property
    def held(self) -> bool:
        """False where it is surely more often than accepted."""
        return self.low <= self.accepted

    @property
    def shown(self) -> bool:
        """Whether it is surely no more often than accepted; False also where so few do not say."""
        return self.high <= self.accepted


class Decided(Frozen):
    """How far they were after so many intervals."""

    intervals: int
    failed: int
    passed: int


class Scenario(Frozen):
    """Canaries that are alike but for chance."""

    about: str
    """In words."""
    measure: str | None = None
    """The one that is worse; None: none is."""
    worse: float = 0.0
    """By how much, in the unit of the measure, in its own direction."""
    times: float = 0.0
    """The same as a multiple of what matters."""
    failed: int
    """Acted on at the first decision, as all of these."""
    passed: int
    undecided: int
    """At the horizon."""
    until_failed: Until | None = None
    until_passed: Until | None = None
    wrong: Share | None = None
    """Failed though they are no worse, passed though they are worse by what matters: also where
    nobody acts on the first decision, and all looks of the horizon are made."""
    course: tuple[Decided, ...]
    """From the beginning to the horizon."""
    beside: Mapping[str, float] = {}
    """What other ways of deciding fail of the same canaries, as a share."""


class Simulation(Frozen):
    """All of it."""

    tool: str
    checks: str
    """The `metadata.name` of the file of checks."""
    digest: str
    """SHA-256 of that file."""
    traffic: str
    """In words."""
    levels: Mapping[str, float]
    """What is measured of the stable version, by measure."""
    canaries: int
    """In each scenario."""
    seed: int
    interval: int
    """Seconds."""
    intervals: int
    """Of the horizon, with a look after each."""
    checked: int
    """So many looks of `check` itself, one canary at a time, came to the same."""
    false_abort: float
    false_promote: float
    scenarios: tuple[Scenario, ...]

    @property
    def held(self) -> bool:
        """False where it is wrong surely more often than the file of checks states."""
        return all(each.wrong is None or each.wrong.held for each in self.scenarios)
