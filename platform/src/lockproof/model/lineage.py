"""What a registry holds, and where each version came from."""

from collections.abc import Mapping
from typing import Literal

from .base import Frozen
from .verdict import Verdict

Reach = Literal["reached", "not reached", "not known"]


class CanaryLineage(Frozen):
    """How the canary of a version ended, as its tag says."""

    verdict: str
    """What followed for it."""
    checks: str
    """The name of the file of checks."""
    since: str
    """Start of what was looked at, UTC, RFC 3339."""
    until: str
    """Its end."""
    report: str
    """SHA-256 of the report."""
    statement: str
    """SHA-256 of the signed statement about it; empty where none was signed."""


class VersionLineage(Frozen):
    """One model version."""

    number: int
    """Of the version, as MLflow counts."""
    uri: str
    """Its URI, `models:/NAME/NUMBER`."""
    created: str
    """UTC, RFC 3339."""
    aliases: tuple[str, ...] = ()
    """The aliases that name it, sorted."""
    served_by: tuple[str, ...] = ()
    """Files of desired state that name it."""
    commit: str | None = None
    """The commit that it was registered of; null where nothing says so."""
    title: str = ""
    """The first line of the commit's message, where the commit is here."""
    lock_digest: str | None = None
    """SHA-256 of the commit's lock, as its tags say."""
    verdict: str | None = None
    """Of the proof that it was registered by, as its tags say."""
    evidence: str | None = None
    """What it was registered by: a report or a signed proof, and its SHA-256."""
    run_id: str | None = None
    """The MLflow run that it comes from."""
    outputs: Mapping[str, str] = {}
    """The model: path -> digest."""
    inputs: Mapping[str, str] = {}
    """The data that led to it: path -> digest."""
    canary: CanaryLineage | None = None
    """How its canary ended; null where nothing says so."""
    problems: tuple[str, ...] = ()
    """Why it is not proved; nothing where what it says of itself holds against Git."""
    reach: Reach | None = None
    """Whether the data asked for led to it; null where none was asked for."""

    @property
    def in_use(self) -> bool:
        """Whether an alias or a desired state names it."""
        return bool(self.aliases or self.served_by)


class ModelLineage(Frozen):
    """A registered model and its versions, the newest first."""

    name: str
    """Of the registered model."""
    versions: tuple[VersionLineage, ...] = ()
    """All of them, the newest first."""
    missing: tuple[str, ...] = ()
    """Versions that a desired state names and the registry does not have: `FILE: URI`."""


class Lineage(Frozen):
    """A registry, or one model of it."""

    schema_version: Literal["1"] = "1"
    """Of this document."""
    tool: str
    """The lockproof that wrote it."""
    registry: str
    """Its URI, without credentials."""
    asked: str | None = None
    """The digest of data that was asked for."""
    known: bool = False
    """Whether the lock of any version's commit names that digest."""
    models: tuple[ModelLineage, ...] = ()
    """The registered models, by name."""

    @property
    def verdict(self) -> Verdict:
        """The answer to what was asked.

        With a digest: `failed` where it led to a version, `inconclusive` where that is not known
        of one, or no lock names it: it may be that of a file in a folder. Else `failed` where a
        version in use is not proved.
        """
        versions = [v for model in self.models for v in model.versions]
        if self.asked is not None:
            if any(v.reach == "reached" for v in versions):
                return Verdict.FAILED
            unknown = not self.known or any(v.reach == "not known" for v in versions)
            return Verdict.INCONCLUSIVE if unknown else Verdict.PASSED
        if any(v.in_use and v.problems for v in versions) or any(m.missing for m in self.models):
            return Verdict.FAILED
        return Verdict.PASSED if versions else Verdict.INCONCLUSIVE
