"""What signs statements: one small file for each kind of signer."""

from dataclasses import dataclass
from typing import Any, Protocol

from lockproof.model.sealed import Sealed


@dataclass(frozen=True)
class PublicKey:
    """A public key that may verify proofs."""

    keyid: str
    """64 hex digits: see `keys.fingerprint`."""
    public: Any
    """The key, as `cryptography` has it."""


class Sealer(Protocol):
    """Puts statements into signed envelopes."""

    name: str
    """For people."""
    fingerprint: str
    """64 hex digits that name the signer: see `keys.fingerprint` and `identity_fingerprint`."""

    def seal(self, payload: bytes) -> str:
        """The Sigstore bundle (v0.3, JSON in one line) around a statement.

        Raises:
            UsageError: the signer refuses.
            UnavailableError: it does not answer.
        """

    def sealed(self, sealed: Sealed) -> bool:
        """Whether this very signer made a bundle; asks nobody."""


def identity_fingerprint(identity: str, issuer: str) -> str:
    """What names an identity where a key has its fingerprint: SHA-256 of both as JSON."""
    from lockproof.model.base import sha256_of

    return sha256_of([identity, issuer])
