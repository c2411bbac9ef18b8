"""Public keys and envelopes that are signed by a key."""

import base64
import hashlib
import json
from typing import Any

from lockproof.errors import ConfigError, MissingExtraError
from lockproof.model.sealed import MEDIA_TYPE, Sealed
from lockproof.model.statement import PAYLOAD_TYPE

from .interface import PublicKey

_CURVES = {"secp256r1": "SHA256", "secp384r1": "SHA384", "secp521r1": "SHA512"}
"""Curve -> the hash that goes with it in ECDSA (FIPS 186-5)."""


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

    elliptic = isinstance(public, EllipticCurvePublicKey) and public.curve.name in _CURVES
    if not (elliptic or isinstance(public, Ed25519PublicKey)):
        raise ConfigError(f"{name}: use Ed25519, or ECDSA on P-256, P-384 or P-521")
    return PublicKey(fingerprint(public), public)


def for_signing(key: PublicKey) -> Any:
    """The key as securesystemslib has it, for its signers."""
    from securesystemslib.signer import SSlibKey

    return SSlibKey.from_crypto(key.public, keyid=key.keyid)


def fingerprint(public: Any) -> str:
    """SHA-256 of the key's SubjectPublicKeyInfo in DER (RFC 5280), in hexadecimal."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def signed_bytes(payload: bytes) -> bytes:
    """What is signed of a statement: DSSE's encoding of it and its type.

    https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md#signature-definition
    """
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def bundle(payload: bytes, signature: bytes, hint: str) -> str:
    """The Sigstore bundle of a statement that a key signed; `hint` names the key.

    The signature names none: Sigstore's verifier in Go, which is cosign's too, passes over one that
    names its key otherwise than it does itself.
    """
    return json.dumps(
        {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {"publicKey": {"hint": hint}, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
            },
        },
        separators=(",", ":"),
    )


def sealed_by(sealed: Sealed, key: PublicKey) -> bool:
    """Whether the bundle, what is not signed of it included, is as this key's signer makes it."""
    made = bundle(sealed.payload, sealed.signatures[0], key.keyid)
    return sealed.line == made and signed_by(sealed, key)


def signed_by(sealed: Sealed, key: PublicKey) -> bool:
    """Whether the envelope's signature is one by this key.

    By `cryptography` itself: securesystemslib loads every service that can sign, which takes
    longer than all else that the gate does about a proof.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey

    if sealed.certified:
        return False
    how = []
    if isinstance(key.public, EllipticCurvePublicKey):
        how = [ECDSA(getattr(hashes, _CURVES[key.public.curve.name])())]
    try:
        key.public.verify(sealed.signatures[0], signed_bytes(sealed.payload), *how)
    except InvalidSignature:
        return False
    return True
