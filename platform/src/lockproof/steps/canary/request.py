"""The arguments of `canary check`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lockproof.adapters.prometheus.client import Access
from lockproof.model.canary_checks import Spec
from lockproof.steps.progress import Progress

from .drift import Reference

Trained = Callable[[Spec, Path, Progress], Mapping[str, Reference]]
"""What is decided, and where -> name of a drift -> what its training data say."""


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
    trained: Trained | None = None
    """Reads training data; None: there is no repository to read them from."""
