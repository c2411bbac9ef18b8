"""A statement in its signed envelope, of which nothing is believed yet."""

import hashlib
from dataclasses import dataclass

MOST_BYTES = 64 << 20
"""Of a proof."""
MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@dataclass(frozen=True)
class Sealed:
    """A statement in its envelope, as it was found."""

    line: str
    """The bundle itself."""
    payload: bytes
    signatures: tuple[bytes, ...]
    hint: str = ""
    """Which key it names as the signer's; anybody can write that."""
    certified: bool = False
    """Whether it brings a certificate in place of a key."""

    @property
    def digest(self) -> str:
        """SHA-256 of the statement: a list of revoked proofs names them by it."""
        return hashlib.sha256(self.payload).hexdigest()
