"""A key that never leaves its place: a PKCS #11 token, a cloud's key service, HashiCorp Vault.

The signers are securesystemslib's, by its URIs: `hsm:2?label=NAME`, `awskms:…`, `gcpkms:…`,
`azurekms:…`, `hv:…`.
"""

import logging
import os
from pathlib import Path

from lockproof.errors import UnavailableError, UsageError
from lockproof.model.sealed import Sealed

from . import keys

SCHEMES = ("hsm", "awskms", "gcpkms", "azurekms", "hv")
PIN = "LOCKPROOF_KEY_PIN"
_LOUD = ("azure", "botocore", "google", "securesystemslib")
"""What logs an error of which it then raises."""
_LONGEST = 400
"""Characters of what a service says: some say what they tried, page by page."""


class UriSigner:
    """Signs by asking a token or a service."""

    def __init__(self, uri: str, public: Path | None) -> None:
        """Take the key's URI and the file of its public key in PEM.

        Raises:
            UsageError: it cannot be used; what it takes may not be installed.
        """
        from securesystemslib.exceptions import UnsupportedLibraryError
        from securesystemslib.signer import Signer

        if public is None:
            raise UsageError(f"--signer {uri} needs the key's public half: --public-key FILE")
        try:
            pem = public.read_bytes()
        except OSError as error:
            raise UsageError(f"cannot read {public}: {error.strerror or error}") from error
        for name in _LOUD:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self.name = uri
        key = keys.public_key(pem, str(public))
        self.fingerprint = key.keyid
        self._public = key
        self._key = keys.for_signing(key)
        try:
            self._signer = Signer.from_priv_key_uri(uri, self._key, _pin)
        except (UnsupportedLibraryError, ImportError) as error:
            kind = uri.partition(":")[0]
            extra = {"hv": "vault"}.get(kind, kind)
            raise UsageError(
                f"--signer {kind}: needs more: pip install 'securesystemslib[{extra}]'"
            ) from error
        except KeyError as error:  # AWS's, of kinds of keys.
            raise UsageError(f"--signer {uri}: no key there is {self._key.scheme}") from error
        except Exception as error:  # Each has its own, and none is asked for anything yet.
            raise UsageError(f"--signer {uri}: {_said(error)}") from error

    def seal(self, payload: bytes) -> str:
        """Sign, look whether the public key fits, and put into a bundle."""
        from securesystemslib.exceptions import UnsupportedLibraryError, UnverifiedSignatureError

        message = keys.signed_bytes(payload)
        try:
            signature = self._signer.sign(message)
            self._key.verify_signature(signature, message)
        except UnverifiedSignatureError as error:
            raise UsageError(
                f"--signer {self.name}: --public-key is that of another key"
            ) from error
        except (UnsupportedLibraryError, ValueError) as error:
            raise UsageError(f"--signer {self.name}: {_said(error)}") from error
        except UsageError:
            raise
        except Exception as error:  # Each service has errors of its own.
            raise UnavailableError(f"--signer {self.name} does not sign: {_said(error)}") from error
        return keys.bundle(payload, bytes.fromhex(signature.signature), self.fingerprint)

    def sealed(self, sealed: Sealed) -> bool:
        """Whether this key made a bundle."""
        return keys.sealed_by(sealed, self._public)


def _said(error: Exception) -> str:
    """In one line."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"


def _pin(secret: str) -> str:
    pin = os.environ.get(PIN)
    if pin is None:
        raise UsageError(f"the {secret} is asked for: set {PIN}")
    return pin
