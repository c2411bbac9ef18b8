"""What is supposed of traffic that nobody has seen yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lockproof.errors import UsageError
from lockproof.model.canary_checks import Comparison, Guard, Measure, Spec
from lockproof.render.words import number

_RATIO = 0.01


@dataclass(frozen=True)
class SimulateRequest:
    """What is asked for."""

    directory: Path
    checks: Path
    canaries: int = 10_000
    seed: int = 15
    requests: tuple[float, float] = (100.0, 300.0)
    """Of the canary and of stable, in an interval, on average."""
    levels: Mapping[str, float] = field(default_factory=dict)
    """Name of a measure -> what is measured of stable."""
    spread: float = 1.0
    """Of a mean: the standard deviation of one request, in means."""
    moves: str = "steady"
    """One of `stats.traffic.MOVES`."""
    fault: tuple[float, int] | None = None
    """As `Traffic` has it."""
    times: tuple[float, ...] = (1.0, 2.0)
    """How much worse the worse canaries are, in what matters."""
    beside: bool = False
    """Whether other ways of deciding are asked about ratios."""


def refuse_strange(request: SimulateRequest, spec: Spec) -> None:
    """See that each level is one of a measure.

    Raises:
        UsageError: there is no such measure.
    """
    strange = sorted(request.levels.keys() - {measure.name for measure in spec.all})
    if strange:
        raise UsageError(f"--level: {request.checks} has no measure {strange[0]}")


def level_of(request: SimulateRequest, measure: Measure) -> float:
    """What is measured of stable.

    Raises:
        UsageError: it is not said, or cannot be.
    """
    name, ratio = measure.name, measure.ratio is not None
    usual = (1 - _RATIO if measure.worse == "lower" else _RATIO) if ratio else None
    level = request.levels.get(name, usual)
    if level is None:
        raise UsageError(f"say what the mean of {name} is where nothing is wrong: --level {name}=…")
    if ratio and not 0 <= level <= 1:
        raise UsageError(f"--level {name}: a ratio lies between 0 and 1")
    if not ratio and level <= 0:
        raise UsageError(f"--level {name}: must be above 0")
    if isinstance(measure, Guard) and matters(measure, level) <= 0:
        raise UsageError(
            f"--level {name}: stable itself is beyond the limit {number(measure.limit)} at"
            f" {number(level)}"
        )
    return level


def matters(measure: Measure, level: float) -> float:
    """From how much worse on it must not pass, in its own direction, as a positive number."""
    if isinstance(measure, Comparison):
        return measure.smallest_effect
    assert isinstance(measure, Guard)
    sign = 1 if measure.worse == "higher" else -1
    return sign * (measure.limit - level)
