"""A key that never leaves its place: a PKCS #11 token, a cloud's key service, HashiCorp Vault.

The signers are securesystemslib's, by its URIs (`FORMS`).
"""

import logging
import os
import re
from pathlib import Path

from lockproof.errors import UnavailableError, UsageError
from lockproof.model.sealed import Sealed

from . import keys

_PARTS = ("projects", "locations", "keyRings", "cryptoKeys", "cryptoKeyVersions")
FORMS = {
    "hsm": (r"hsm:\d{0,40}(\?label=[^\s&#]+)?", "hsm:ID?label=TOKEN, the ID in decimal digits"),
    "awskms": (r"awskms:(?!//)[\w:/+=,.@-]+", "awskms:KEY, by the key's id, ARN or alias/NAME"),
    "gcpkms": (
        "gcpkms:" + "/".join(rf"{part}/[\w.:-]+" for part in _PARTS),
        "gcpkms:" + "/".join(f"{part}/…" for part in _PARTS),
    ),
    "azurekms": (
        r"azurekms://[\w.-]+(:\d+)?/keys/[\w-]+(/\w+)?",
        "azurekms://VAULT.vault.azure.net/keys/NAME/VERSION",
    ),
    "hv": (r"hv:[\w.-]+/\d{1,9}", "hv:NAME/VERSION, the version in decimal digits"),
}
"""Scheme -> what its URIs match, and how they are written; the library reads less as it likes."""
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

        require_form(uri)
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


def require_form(uri: str) -> None:
    """Refuse a URI of one of the schemes that is not written as its kind is.

    Raises:
        UsageError: it is not; says how it is written.
    """
    pattern, form = FORMS[uri.partition(":")[0]]
    if not re.fullmatch(pattern, uri, re.ASCII):
        raise UsageError(f"--signer {uri[:80]!r}: it is written {form}")


def _said(error: Exception) -> str:
    """In one line."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"


def _pin(secret: str) -> str:
    pin = os.environ.get(PIN)
    if pin is None:
        raise UsageError(f"the {secret} is asked for: set {PIN}")
    return pin
