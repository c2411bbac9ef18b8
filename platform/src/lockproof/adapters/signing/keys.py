"""Public keys and envelopes that are signed by a key."""

import base64
import hashlib
import json
from typing import Any

from lockproof.errors import ConfigError, MissingExtraError
from lockproof.model.sealed import MEDIA_TYPE, Sealed
from lockproof.model.statement import PAYLOAD_TYPE

from .interface import PublicKey

_CURVES = ("secp256r1", "secp384r1", "secp521r1")


def require_signing(purpose: str) -> None:
    """Raise MissingExtraError unless what signs and verifies is installed."""
    from importlib.util import find_spec

    needed = ("cryptography", "securesystemslib", "sigstore", "model_signing")
    if any(find_spec(name) is None for name in needed):
        raise MissingExtraError("signing", purpose)


def public_key(pem: bytes, name: str) -> PublicKey:
    """A public key: Ed25519, or ECDSA on the NIST curves P-256, P-384 and P-521.

    Raises:
        ConfigError: it is none of these, or a private key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if b"PRIVATE KEY" in pem:
        raise ConfigError(f"{name} is a private key: write down its public key, and make a new one")
    try:
        return as_key(load_pem_public_key(pem), name)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{name} is no public key in PEM") from error


def as_key(public: Any, name: str) -> PublicKey:
    """The key in the form that verifies signatures.

    Raises:
        ConfigError: as `public_key`.
    """
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from securesystemslib.signer import SSlibKey

    elliptic = isinstance(public, EllipticCurvePublicKey) and public.curve.name in _CURVES
    if not (elliptic or isinstance(public, Ed25519PublicKey)):
        raise ConfigError(f"{name}: use Ed25519, or ECDSA on P-256, P-384 or P-521")
    key: PublicKey = SSlibKey.from_crypto(public, keyid=fingerprint(public))
    return key


def fingerprint(public: Any) -> str:
    """SHA-256 of the key's SubjectPublicKeyInfo in DER (RFC 5280), in hexadecimal."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def envelope(payload: bytes) -> Any:
    """A DSSE envelope around a statement, without signatures."""
    from securesystemslib.dsse import Envelope

    return Envelope(payload, PAYLOAD_TYPE, {})


def bundle(payload: bytes, signature: bytes, hint: str) -> str:
    """The Sigstore bundle of a statement that a key signed."""
    return json.dumps(
        {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {"publicKey": {"hint": hint}, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": hint}],
            },
        },
        separators=(",", ":"),
    )


def signed_by(sealed: Sealed, key: PublicKey) -> bool:
    """Whether the envelope's signature is one by this key."""
    from securesystemslib.exceptions import UnverifiedSignatureError
    from securesystemslib.signer import Signature

    if sealed.certified:
        return False
    signature = Signature(key.keyid, sealed.signatures[0].hex())
    try:
        key.verify_signature(signature, envelope(sealed.payload).pae())
    except UnverifiedSignatureError:
        return False
    return True
