"""When a step began, and how long it has taken: the times of its report."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lockproof.model.report import Timing


@dataclass(frozen=True)
class Clock:
    """Starts when it is made."""

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)
    """By the monotonic clock."""

    def timing(self, stages: Mapping[str, Mapping[str, float]] | None = None) -> Timing:
        """The times as of now, to the millisecond; `stages` as `Timing` has them."""
        return Timing(
            started=f"{self.started:%Y-%m-%dT%H:%M:%SZ}",
            seconds=round(time.monotonic() - self.began, 3),
            stages={
                address: {phase: round(float(seconds), 3) for phase, seconds in phases.items()}
                for address, phases in (stages or {}).items()
            },
        )
