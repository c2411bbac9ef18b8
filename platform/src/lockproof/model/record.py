"""The run record: what a person or a job says about how the lock came to be."""

from collections.abc import Mapping
from typing import Any, Literal

from .base import Frozen
from .environment import Environment


class RunRecord(Frozen):
    """One JSON file in the folder of run records."""

    schema_version: Literal["1", "2"] = "2"
    """`1` has neither `observed` nor what follows from it."""
    name: str
    lock_digest: str
    stages: Mapping[str, str] = {}
    """Stage address -> SHA-256 of its lock entry, so that a record holds stage by stage."""
    params: Mapping[str, Mapping[str, Any]]
    """Locked parameters: file -> key -> value."""
    metrics: Mapping[str, Mapping[str, float]]
    """Metrics file -> dotted key -> value."""
    environment: Environment
    observed: Literal["watched", "after the fact"] = "after the fact"
    """Whether `lockproof record -- COMMAND` saw the stages run in this environment, or somebody
    wrote it down afterwards as the one that is pinned."""
    watched: tuple[str, ...] = ()
    """Stages that were seen to run; those that did not have their entries from elsewhere."""
    undeclared_reads: tuple[str, ...] | None = None
    """Files that Git does not track and no stage makes, and that were read or replaced while the
    stages ran; None: not known."""
    mlflow_run_id: str | None = None
    recorded_at: str
    """UTC, RFC 3339."""

    def saw(self, address: str) -> bool:
        """Whether the run that made a stage's lock entry was watched."""
        return self.observed == "watched" and address in self.watched
