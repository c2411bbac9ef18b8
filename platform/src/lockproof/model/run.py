"""A run as it is recorded: what led to a lock, for the run record and for MLflow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lockproof.errors import ConfigError
from lockproof.model.base import sha256_of
from lockproof.model.digest import Digest, lock_digest
from lockproof.model.environment import Environment

MAX_DEPTH = 32


@dataclass(frozen=True)
class DataInput:
    """Data that the pipeline reads and does not make itself."""

    path: str
    """POSIX, relative to the DVC root."""
    digest: Digest
    size: int | None = None
    """Bytes, where the lock says so."""


@dataclass(frozen=True)
class GitState:
    """The commit that was checked out."""

    commit: str
    branch: str | None = None
    remote_url: str | None = None
    """Credentials are taken out before it goes anywhere."""
    dirty: bool | None = None
    """Whether tracked files differed from the commit; None where nobody looked."""


@dataclass(frozen=True)
class RunFacts:
    """All that is recorded of one run."""

    name: str
    """The name of the record; see `lockproof.steps.record.check_name`."""
    lock_files: Mapping[str, bytes]
    """Every `dvc.lock` and `.dvc` file: POSIX path below the DVC root -> content."""
    git: GitState
    environment: Environment
    stages: Mapping[str, str] = field(default_factory=dict)
    """Stage address -> SHA-256 of its lock entry (`Stage.entry_digest`)."""
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Locked parameters: file -> key -> value."""
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Metrics file -> dotted key -> value, as `flatten_metrics` gives it."""
    inputs: tuple[DataInput, ...] = ()
    watched: tuple[str, ...] = ()
    """Stages that were seen to run in this environment; nothing: it was written down afterwards."""
    undeclared_reads: tuple[str, ...] | None = None
    """As `RunRecord.undeclared_reads`."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """More tags for the run in MLflow, such as a verdict."""

    @cached_property
    def lock_digest(self) -> str:
        """The digest of the lock; see `lockproof.model.digest.lock_digest`."""
        return lock_digest(self.lock_files)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the record says; the commit is not part of that.

        A record is made before the commit that holds it, and commits get amended and rebased.
        """
        return sha256_of(
            [
                self.name,
                self.lock_digest,
                self.environment.model_dump(mode="json"),
                {file: plain(keys) for file, keys in self.params.items()},
                {file: plain(keys) for file, keys in self.metrics.items()},
                sorted([i.path, str(i.digest)] for i in self.inputs),
                dict(self.tags),
            ]
        )


@dataclass(frozen=True)
class RunRef:
    """A finished run in MLflow."""

    run_id: str
    tracking_uri: str
    """Without credentials."""
    experiment: str
    reused: bool = False
    """Whether a run that said the same was there already."""


@dataclass(frozen=True)
class LoggedRun:
    """What MLflow says of a run."""

    run_id: str
    status: str
    """MLflow's word: `RUNNING`, `SCHEDULED`, `FINISHED`, `FAILED` or `KILLED`."""
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


def plain(value: Any, depth: int = 0) -> Any:
    """A parameter value as JSON has it: text keys; dates and other scalars as valid text.

    Raises:
        ConfigError: it is nested without end (a YAML alias to itself).
    """
    if depth > MAX_DEPTH:
        raise ConfigError(f"a parameter is nested more than {MAX_DEPTH} levels deep")
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_text(key): plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner, depth + 1) for inner in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(inner, depth + 1) for inner in value), key=str)
    return _text(value.isoformat() if hasattr(value, "isoformat") else value)


def _text(value: object) -> str:
    # YAML and JSON can both spell half of a surrogate pair, which no file can hold.
    return str(value).encode("utf-8", "replace").decode()
