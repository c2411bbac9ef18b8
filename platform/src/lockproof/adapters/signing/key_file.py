"""A private key in a file: PEM (PKCS #8), Ed25519 or ECDSA."""

import os
from pathlib import Path

from lockproof.errors import ConfigError, UsageError
from lockproof.model.sealed import Sealed

from . import keys

PASSPHRASE = "LOCKPROOF_KEY_PASSPHRASE"  # noqa: S105 - the variable's name
_LONGEST = 1 << 16


class KeyFile:
    """Signs with a key that it holds in memory."""

    def __init__(self, path: Path) -> None:
        """Read the key; where it is encrypted, `$LOCKPROOF_KEY_PASSPHRASE` opens it.

        Raises:
            UsageError: it cannot be read or opened, or is of another kind.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from securesystemslib.signer import CryptoSigner

        # Such as a shell makes of <(…): it names nothing, and next time is another.
        self.name = (
            "a key" if path.is_relative_to("/dev") or path.is_relative_to("/proc") else str(path)
        )
        try:
            with path.open("rb") as file:
                content = file.read(_LONGEST)
        except OSError as error:
            raise UsageError(f"cannot read the key {path}: {error.strerror or error}") from error
        given = os.environ.get(PASSPHRASE)
        try:
            private = load_pem_private_key(content, given.encode() if given else None)
        except TypeError as error:
            how = f"set {PASSPHRASE}" if not given else f"it is not encrypted: unset {PASSPHRASE}"
            raise UsageError(f"the key {path} does not open: {how}") from error
        except (ValueError, UnsupportedAlgorithm) as error:
            wrong = f"a private key in PEM, or {PASSPHRASE} is not its passphrase"
            raise ConfigError(f"the key {path} does not open: it is not {wrong}") from error
        self.public = keys.as_key(private.public_key(), str(path))
        self.fingerprint = self.public.keyid
        self._signer = CryptoSigner(private, keys.for_signing(self.public))

    def seal(self, payload: bytes) -> str:
        """Sign, and put into a bundle."""
        signature = self._signer.sign(keys.signed_bytes(payload))
        return keys.bundle(payload, bytes.fromhex(signature.signature), self.fingerprint)

    def sealed(self, sealed: Sealed) -> bool:
        """Whether this key made a bundle."""
        return keys.sealed_by(sealed, self.public)
