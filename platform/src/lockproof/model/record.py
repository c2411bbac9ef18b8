"""The run record: what a person or a job says about how the lock came to be."""

from collections.abc import Mapping
from typing import Any, Literal

from .base import Frozen
from .environment import Environment


class RunRecord(Frozen):
    """One JSON file in `data-plane/experiments/`."""

    schema_version: Literal["1"] = "1"
    name: str
    lock_digest: str
    stages: Mapping[str, str] = {}
    """Stage address -> SHA-256 of its lock entry, so that a record holds stage by stage."""
    params: Mapping[str, Mapping[str, Any]]
    """Locked parameters: file -> key -> value."""
    metrics: Mapping[str, Mapping[str, float]]
    """Metrics file -> dotted key -> value."""
    environment: Environment
    mlflow_run_id: str | None = None
    recorded_at: str
    """UTC, RFC 3339."""
