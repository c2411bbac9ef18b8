"""What `lockproof promote` is asked, and what it did."""

from dataclasses import dataclass
from pathlib import Path

from lockproof.model.registration import ModelVersion


@dataclass(frozen=True)
class Request:
    """The arguments of `lockproof promote`."""

    directory: Path
    version: str
    """`MODEL@ALIAS`, or `models:/NAME/NUMBER`."""
    to: Path
    """The manifest or kustomization that names the version to serve."""
    commit: bool = False
    """Commit it on the branch that is checked out."""
    branch: str | None = None
    """Commit it on a new branch of this name, and leave the work tree alone."""
    revert: str | None = None
    """Why the version is no longer to be served; None: it is to be."""


@dataclass(frozen=True)
class Promoted:
    """What promoting did."""

    version: ModelVersion
    before: tuple[str, ...]
    """The versions that the files named."""
    after: str
    """The version that they name now."""
    files: tuple[str, ...]
    """The files that differ, from the top of their repository; none: they said so already."""
    branch: str | None
    """Where it was committed."""
    commit: str | None
    message: str
    """Of the commit."""
    body: str
    """Of a pull request, in Markdown."""
