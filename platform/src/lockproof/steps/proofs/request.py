"""The arguments of `attest` and of `verify`."""

from dataclasses import dataclass
from pathlib import Path

from lockproof.adapters.hashing import Hashing
from lockproof.adapters.signing.interface import Sealer


@dataclass(frozen=True)
class AttestRequest:
    """What `lockproof attest` is asked for."""

    directory: Path
    report: Path
    sealer: Sealer
    revision: str = "HEAD"
    push: bool = True
    """Whether the proof goes beside the data, in the default remote."""
    notes: bool = False
    bundle: Path | None = None
    """Where to write the proof as well."""
    oms: Path | None = None
    """The folder for signatures of model folders as the OpenSSF has them."""
    key: Path | None = None
    """The file of the key, which those take."""


@dataclass(frozen=True)
class BringRequest:
    """What `lockproof verify --to` is asked for."""

    uri: str
    """`models:/NAME/NUMBER`."""
    digest: str
    """As a desired state names it: `md5:…`, `md5:….dir` or `sha256:…`."""
    to: Path
    """The folder for the model."""
    policy: Path
    """The keys are beside it."""
    bundle: Path | None = None
    """Where the proof is; None: beside the version's files."""


@dataclass(frozen=True)
class VerifyRequest:
    """What `lockproof verify` is asked for."""

    directory: Path
    subject: str = "HEAD"
    """A file or folder of a model, or a revision."""
    bundle: Path | None = None
    """Where the proof is; None: beside the data, or in Git notes."""
    pull_request: bool = False
    base: str | None = None
    policy: Path | None = None
    hashing: Hashing | None = None
    """Where somebody reads a file already that may be the subject."""
