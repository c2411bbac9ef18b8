"""What a family of checks is given, and what it answers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lockproof.adapters.git.snapshot import Snapshot
from lockproof.config import Family, Policy
from lockproof.errors import UsageError
from lockproof.model.check import Check
from lockproof.model.finding import Finding
from lockproof.model.pipeline import Pipeline
from lockproof.parse.project import Reading, read_project
from lockproof.steps.progress import Progress


@dataclass(frozen=True)
class Request:
    """The arguments of `lockproof gate`."""

    directory: Path
    revision: str = "HEAD"
    staged: bool = False
    """Look at the index in place of a revision, and ask nothing outside the clone."""
    pull_request: bool = False
    """Trust only the base with policy, waivers, baseline and remotes."""
    base: str | None = None
    policy: Path | None = None
    deep: bool = False
    report: Path | None = None
    """The report of `lockproof reproduce`, from the CI job's own artifact."""
    write_baseline: bool = False
    proof: Path | None = None
    """A signed proof, as `lockproof attest --bundle` writes it; None: those beside the data."""

    @property
    def offline(self) -> bool:
        """Whether nothing outside is asked: a commit must do without. A baseline is of all."""
        return self.staged and not self.write_baseline


@dataclass(frozen=True)
class Scene:
    """One revision as every family sees it; the user's work tree is no part of it."""

    request: Request
    root: Path
    """The DVC root in the user's clone: only for settings that Git does not hold."""
    prefix: str
    """The DVC root, relative to the Git root; empty where they are the same."""
    head: Snapshot
    """What is to be merged: a commit, or the index."""
    base: Snapshot | None
    """The revision to compare with; always there for a pull request."""
    policy: Policy
    """From the base where it is a pull request."""
    progress: Progress

    @cached_property
    def reading(self) -> Reading:
        """The pipeline of `head`, and what could not be read of it."""
        return read_project(self.head, self.prefix)

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline of `head`, as far as it can be read."""
        return self.reading.pipeline

    @cached_property
    def before(self) -> Snapshot | None:
        """What `head` is a change of, for families that look at changes only.

        The base of a pull request; the last commit, where the index is looked at; else None: all
        counts as changed.
        """
        if self.request.pull_request:
            return self.base
        if not self.request.offline:
            return None
        try:
            return Snapshot(self.head.git, self.head.git.resolve("HEAD"))
        except UsageError:  # It is the first one.
            return None

    @cached_property
    def base_reading(self) -> Reading | None:
        """The same of `base`."""
        return read_project(self.base, self.prefix) if self.base else None

    @property
    def trusted(self) -> Snapshot:
        """Where policy and remotes come from."""
        pull_request = self.request.pull_request and self.base is not None
        return self.base if pull_request and self.base else self.head

    def git_path(self, path: str) -> str:
        """A path below the DVC root as one from the Git root."""
        return f"{self.prefix}/{path}" if self.prefix else path


@dataclass(frozen=True)
class Outcome:
    """What a family found."""

    check: Check
    """`inconclusive` where nothing, or not enough, could be looked at; the verdict of findings is
    set after policy and waivers had their say."""
    findings: tuple[Finding, ...] = ()


CheckFamily = Callable[[Scene], Outcome]


@dataclass(frozen=True)
class FamilyEntry:
    """A family in the registry."""

    name: Family
    rules: str
    """How the ids of its rules begin."""
    load: Callable[[], CheckFamily]
    """Imports it; some of them are heavy."""
    outside: bool = False
    """Whether it asks a remote, a server, or for a proof that no commit has yet."""
