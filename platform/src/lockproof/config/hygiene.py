"""What Git may hold, and what metrics must be."""

from typing import Annotated, Literal

from lockproof.model.fields import Asked

from .base import Bound, Bytes, Name, Section, Strict

Number = Annotated[float, Asked(allow_inf_nan=False, strict=True)]


class GitPolicy(Section):
    """What Git may hold; see the rules LP301 to LP308."""

    large: Bytes = 5_000_000
    """A file of more than this belongs into DVC: bytes, or '500 kB', '5 MB'."""
    binary: Bytes = 500_000
    """As `large`, for binary files."""
    allow: tuple[Name, ...] = ()
    """Files that may be large or binary; globs, relative to the Git root."""
    secrets: Strict = True
    """Whether secrets are looked for. It takes the extra `secrets`; where that is not installed,
    nothing can pass."""


class MetricRule(Section):
    """What some metrics must be; without any, they must only be finite numbers."""

    path: Name
    """The metrics file; a glob."""
    key: Name = "*"
    """The dotted key in it; a glob. No metric that matches is a finding."""
    min: Number | None = None
    """The least value that is allowed."""
    max: Number | None = None
    """The largest value that is allowed."""
    direction: Literal["higher", "lower"] | None = None
    """Which way is better. With it the metric may not be worse than at the base."""
    atol: Bound = 0.0
    """By how much it may be worse than at the base."""
    rtol: Bound = 0.0
    """The part relative to the base: it may be worse by `atol + rtol * |base|`."""

    def hold_together(self) -> None:
        """Hold what fields say against each other."""
        if self.min is None and self.max is None and self.direction is None:
            raise ValueError("state min, max or direction")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is larger than max")
        if self.direction is None and (self.atol or self.rtol):
            raise ValueError("atol and rtol say how much worse it may be: state direction, too")
