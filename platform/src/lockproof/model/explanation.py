"""What a file of checks means, before there is anything to judge."""

from .base import Frozen


class Expected(Frozen):
    """What becomes of a canary without luck, on even traffic."""

    times: float
    """How much worse it is, in what matters; 0: it is as good."""
    worse: float
    """The same in the unit of the measure, in its own direction."""
    failed: int | None
    """After how many intervals; None: not within the horizon."""
    passed: int | None


class MeasureMeans(Frozen):
    """What one measure means."""

    name: str
    method: str
    """How it is judged: docs/guides/canary.md."""
    guard: bool
    """Whether it is a bound on the canary alone, whatever stable does."""
    what: str
    """What each interval's value is."""
    fails: str
    """When it fails the canary."""
    passes: str
    """When it lets it pass."""
    needs: str
    """What it takes before anything is decided."""
    level: float
    """What `expected` supposes of stable; where a reference has it, of that."""
    expected: tuple[Expected, ...]


class Explanation(Frozen):
    """What a file means."""

    checks: str
    """The `metadata.name`."""
    interval: int
    """Seconds."""
    intervals: int
    """Of the horizon."""
    false_abort: float
    false_promote: float
    requests: tuple[float, float]
    """Supposed of the canary and of stable in an interval."""
    measures: tuple[MeasureMeans, ...]
