"""The arguments of `canary check`."""

from dataclasses import dataclass
from pathlib import Path

from lockproof.adapters.prometheus.client import Access


@dataclass(frozen=True)
class Request:
    """What is asked for: of Prometheus since a moment, or of a file of samples."""

    directory: Path
    checks: Path
    samples: Path | None = None
    access: Access | None = None
    since: int | None = None
    """Unix seconds; None, where a server is asked: with the canary's first request."""
    not_before: int | None = None
    """Unix seconds; with `since` None: before this it was another canary with the same labels."""
    until: int | None = None
    """Unix seconds; None: now."""
    hashes: tuple[str, str] | None = None
    """What `$hash` stands for in the matchers of the canary and of stable: pod-template hashes."""
