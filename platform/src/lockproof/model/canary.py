"""What was measured of a canary, and what follows from it."""

from collections.abc import Mapping
from typing import Literal

from .base import Frozen
from .rollout import RolloutSeen
from .verdict import Verdict

SKEW = 300
"""Seconds by which the clock of another machine may be ahead of this one's."""


class ArmSeen(Frozen):
    """What was seen of one arm."""

    queries: Mapping[str, str] = {}
    """What was asked for (`events`, `total`, `sum`, `count`) -> the query; empty where
    a file of samples answered."""
    requests: float = 0.0
    """In the intervals that count."""
    value: float | None = None
    """Of the whole time: the ratio of all requests, or the mean of the intervals' values."""


class Known(Frozen):
    """What was known of a measure after one of its intervals."""

    at: str
    """The end of the interval, UTC, RFC 3339."""
    lower: float | None
    """The lower bound then; null: nothing could be said."""
    estimate: float
    """The estimate then."""
    upper: float | None
    """The upper bound then; null: nothing could be said."""


class Measured(Frozen):
    """One measure of a canary: an absolute bound, or a comparison with the stable version."""

    name: str
    """As the file of checks has it."""
    part: str | None = None
    """Of frequencies: which class or bound the figures are of, the one that decides; else null."""
    verdict: Verdict
    """What follows for it alone; one that fails fails the canary."""
    reason: str
    """One sentence."""
    what: Literal["ratio", "mean"]
    """What each interval's value is."""
    method: Literal["intervals", "bounded", "requests"]
    """How it is judged: docs/guides/canary.md."""
    worse: Literal["higher", "lower"]
    """Which way is worse."""
    limit: float | None = None
    """Of an absolute bound."""
    smallest_effect: float | None = None
    """Of a comparison."""
    canary: ArmSeen
    """The canary's own figures."""
    stable: ArmSeen | None = None
    """None for an absolute bound."""
    intervals: int = 0
    """That count: there were requests in each arm, and numbers."""
    gaps: Mapping[str, int] = {}
    """Why others do not count -> how many."""
    estimate: float | None = None
    """The mean of the intervals: of the canary's value, or of canary minus stable."""
    lower: float | None = None
    """It is not below this, but by a chance of `lower_error`; null: nothing can be said."""
    upper: float | None = None
    """It is not above this, but by a chance of `upper_error`; null: nothing can be said."""
    lower_error: float | None = None
    """The accepted chance that `lower` is ever wrong, at any look."""
    upper_error: float | None = None
    """The accepted chance that `upper` is ever wrong, at any look."""
    decided: str | None = None
    """The end of the interval with which it failed, UTC, RFC 3339; null where it did not."""
    course: tuple[Known, ...] = ()
    """How that came: bounds after some intervals, up to the last; of `bounded` those alone."""


class CanarySeen(Frozen):
    """What a canary was judged by."""

    checks: str
    """The `metadata.name` of the file of checks."""
    digest: str
    """SHA-256 of that file."""
    source: str
    """The Prometheus server, without credentials, or the file of samples."""
    since: str
    """Start of the first interval, UTC, RFC 3339."""
    until: str
    """End of the last."""
    interval: int
    """Seconds."""
    false_abort: float
    """The accepted chance that a canary is failed that is not worse, all measures together."""
    false_promote: float
    """The accepted chance that a canary is passed that is worse by what matters: in the mean of the
    intervals, or of the requests where the method is `requests`."""
    measures: tuple[Measured, ...]
    """In the order of the file."""
    rollout: RolloutSeen | None = None
    """The Argo Rollout that it is the canary of; null where none was named."""
