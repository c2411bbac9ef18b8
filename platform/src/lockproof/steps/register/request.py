"""What `lockproof register` is asked, and what it did."""

from dataclasses import dataclass
from pathlib import Path

from lockproof.model.registration import ModelVersion, Registration


@dataclass(frozen=True)
class Request:
    """The arguments of `lockproof register`."""

    directory: Path
    model: str
    report: Path | None = None
    """The report of `lockproof reproduce`, from the CI job's own artifact; None: a signed proof."""
    bundle: Path | None = None
    """Where the signed proof is; None: beside the data, or in Git notes."""
    revision: str = "HEAD"
    base: str | None = None
    """The revision whose policy counts, where that is not the registered one's own."""
    alias: str | None = None
    """The alias to move to the version."""
    rollback: str | None = None
    """Why the alias goes to this version wherever it is; None: only forward."""


@dataclass(frozen=True)
class AliasMove:
    """What came of an alias."""

    alias: str
    at: ModelVersion
    """The version that has it now."""
    before: ModelVersion | None
    """The version that had it; None where none had."""


@dataclass(frozen=True)
class Registered:
    """What registering did."""

    registration: Registration
    version: ModelVersion
    made: bool
    """False where the version was there."""
    where: str
    """The registry's URI, without credentials."""
    moved: AliasMove | None = None
