"""What a revision changes against its base: metrics, parameters, data, stages."""

from functools import cached_property
from typing import Any, Literal

from .base import Frozen
from .digest import Digest


class MetricChange(Frozen):
    """A metric that is not as it is at the base."""

    path: str
    """The metrics file: POSIX, relative to the DVC root."""
    key: str
    """Dotted key in the file."""
    base: float | None
    """None where the base has no such metric."""
    current: float | None
    """None where the revision has no such metric."""
    better: Literal["higher", "lower"] | None = None
    """Which way is better, where the policy says so."""


class ParamChange(Frozen):
    """A locked parameter that is not as it is at the base."""

    path: str
    """The parameters file: POSIX, relative to the DVC root."""
    key: str
    """Dotted key in the file."""
    base: Any = None
    """As JSON has it; null also where the base has no such parameter (see `change`)."""
    current: Any = None
    """As JSON has it; null also where the revision has no such parameter."""
    change: Literal["added", "removed", "changed"]


class DataChange(Frozen):
    """Data or a model under DVC that is not as it is at the base."""

    path: str
    """POSIX, relative to the DVC root."""
    change: Literal["added", "removed", "changed"]
    base: Digest | None = None
    current: Digest | None = None
    base_bytes: int | None = None
    """Size at the base as locked; null where that is not known or there is none."""
    current_bytes: int | None = None
    base_files: int | None = None
    """Files in a directory at the base as locked; 1 for a file."""
    current_files: int | None = None


class StageChange(Frozen):
    """A stage that is not as it is at the base."""

    address: str
    """DVC's address: `train`, or `sub/dvc.yaml:train`."""
    change: Literal["added", "removed", "changed"]
    base: tuple[str, ...] = ()
    """Its commands at the base, where they changed."""
    current: tuple[str, ...] = ()
    """Its commands in the revision, where they changed."""
    inputs: tuple[str, ...] = ()
    """Dependencies that are new, gone or locked otherwise: `+ new`, `- gone`, `~ changed`."""


class Changes(Frozen):
    """All of it, as the locks of the two revisions have it; no data is needed to know it."""

    base: str
    """The commit that is compared with."""
    metrics: tuple[MetricChange, ...] = ()
    params: tuple[ParamChange, ...] = ()
    data: tuple[DataChange, ...] = ()
    stages: tuple[StageChange, ...] = ()
    unknown: tuple[str, ...] = ()
    """What could not be compared and why, one line each."""

    @cached_property
    def by_stage(self) -> dict[str, StageChange]:
        """What happened to stages, by address."""
        return {change.address: change for change in self.stages}

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known to have changed."""
        return not (self.metrics or self.params or self.data or self.stages)


class FolderChange(Frozen):
    """What changed in a directory, file by file, where both listings could be read here."""

    added: int
    removed: int
    changed: int
    examples: tuple[str, ...] = ()
    """Some of the files: `+ new`, `- gone`, `~ changed`."""
