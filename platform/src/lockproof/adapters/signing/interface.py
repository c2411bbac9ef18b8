"""What signs statements: one small file for each kind of signer."""

from typing import Any, Protocol


class PublicKey(Protocol):
    """A public key, as securesystemslib has it."""

    keyid: str

    def verify_signature(self, signature: Any, data: bytes) -> None:
        """Raise UnverifiedSignatureError unless the signature is of these bytes by this key."""


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


def identity_fingerprint(identity: str, issuer: str) -> str:
    """What names an identity where a key has its fingerprint: SHA-256 of both as JSON."""
    from lockproof.model.base import sha256_of

    return sha256_of([identity, issuer])
