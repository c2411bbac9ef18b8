"""A stand-in for a Sigstore instance: keys of its own, and the real formats of all that it signs.

An authority that issues a certificate for an identity, with the timestamp of a certificate log in
it (RFC 6962), and a transparency log that takes the envelope (Rekor's `dsse` 0.0.1). What the
library that verifies has of the public instance, its trusted root, is written here for this one.
"""

import base64
import hashlib
import json
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from lockproof.adapters.signing.keys import bundle, signed_bytes

ISSUER = ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
TIMESTAMPS = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
LIFE = timedelta(minutes=10)
"""Of a certificate, as the public instance has it."""
USAGES = [
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
]


def key() -> EllipticCurvePrivateKey:
    return generate_private_key(SECP256R1())


def signed(private: EllipticCurvePrivateKey, message: bytes) -> bytes:
    return private.sign(message, ECDSA(SHA256()))


def der(private: EllipticCurvePrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_id(private: EllipticCurvePrivateKey) -> bytes:
    return hashlib.sha256(der(private)).digest()


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


@dataclass
class Sigstore:
    """One instance."""

    folder: Path
    began: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __post_init__(self) -> None:
        """Make its keys, and the certificate of its authority for a year."""
        self.authority, self.certificates, self.log = key(), key(), key()
        self.root = self._root(self.began, self.began + timedelta(days=365))

    def _root(self, begins: datetime, ends: datetime) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in")])
        public = self.authority.public_key()
        return (
            x509.CertificateBuilder(name, name, public, x509.random_serial_number(), begins, ends)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(self.authority, SHA256())
        )

    def verifier(self) -> Any:
        """What verifies by this instance, and asks nobody."""
        from sigstore.models import TrustedRoot
        from sigstore.verify import Verifier

        valid = {"start": f"{self.began:%Y-%m-%dT%H:%M:%SZ}"}
        logs = {
            kind: [
                {
                    "baseUrl": "https://log.invalid",
                    "hashAlgorithm": "SHA2_256",
                    "publicKey": {
                        "rawBytes": text(der(private)),
                        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                        "validFor": valid,
                    },
                    "logId": {"keyId": text(key_id(private))},
                }
            ]
            for kind, private in (("tlogs", self.log), ("ctlogs", self.certificates))
        }
        chain = {"certificates": [{"rawBytes": text(self.root.public_bytes(Encoding.DER))}]}
        authority = {
            "subject": {"organization": "stand-in", "commonName": "stand-in"},
            "uri": "https://authority.invalid",
            "certChain": chain,
            "validFor": valid,
        }
        path = self.folder / "trusted_root.json"
        kind = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
        path.write_text(
            json.dumps({"mediaType": kind, **logs, "certificateAuthorities": [authority]})
        )
        return Verifier(trusted_root=TrustedRoot.from_file(str(path)))

    def seal(
        self, payload: bytes, identity: str, issuer: str, *, issued: datetime, logged: datetime
    ) -> str:
        """The bundle of a statement.

        Args:
            payload: the statement.
            identity: of whom signs, a URI.
            issuer: who vouches for it.
            issued: when the certificate's ten minutes begin.
            logged: when the transparency log says that it took the envelope.
        """
        private = key()
        certificate = self._issued(private, identity, issuer, issued)
        made = json.loads(bundle(payload, signed(private, signed_bytes(payload)), ""))
        made["verificationMaterial"] = {
            "certificate": {"rawBytes": text(certificate.public_bytes(Encoding.DER))},
            "tlogEntries": [self._entry(made["dsseEnvelope"], payload, certificate, logged)],
        }
        made["dsseEnvelope"]["signatures"][0].pop("keyid")
        return json.dumps(made)

    def _issued(
        self, private: EllipticCurvePrivateKey, identity: str, issuer: str, at: datetime
    ) -> x509.Certificate:
        public, serial = private.public_key(), x509.random_serial_number()

        def made(timestamps: bytes) -> x509.Certificate:
            own = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)])
            by = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.authority.public_key())
            return (
                x509.CertificateBuilder(
                    self.root.subject, x509.Name([]), public, serial, at, at + LIFE
                )
                .add_extension(_usage("digital_signature"), critical=True)
                .add_extension(
                    x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False
                )
                .add_extension(by, critical=False)
                .add_extension(own, critical=True)
                .add_extension(x509.UnrecognizedExtension(ISSUER, issuer.encode()), critical=False)
                .add_extension(
                    x509.UnrecognizedExtension(TIMESTAMPS, _octets(timestamps)), critical=False
                )
                .sign(self.authority, SHA256())
            )

        # RFC 6962, 3.2: what is signed of a certificate has no timestamps in it.
        core = made(_list(bytes(118))).tbs_precertificate_bytes
        time = int(at.timestamp() * 1000)
        entry = key_id(self.authority) + len(core).to_bytes(3, "big") + core
        signature = signed(
            self.certificates, struct.pack("!BBQH", 0, 0, time, 1) + entry + bytes(2)
        )
        head = struct.pack("!B32sQH", 0, key_id(self.certificates), time, 0)
        return made(_list(head + b"\x04\x03" + len(signature).to_bytes(2, "big") + signature))

    def _entry(
        self, envelope: dict[str, Any], payload: bytes, by: x509.Certificate, at: datetime
    ) -> dict[str, Any]:
        (signature,) = envelope["signatures"]
        pem = text(by.public_bytes(Encoding.PEM))
        spec = {
            "envelopeHash": {
                "algorithm": "sha256",
                "value": hashlib.sha256(json.dumps(envelope).encode()).hexdigest(),
            },
            "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
            "signatures": [{"signature": signature["sig"], "verifier": pem}],
        }
        body = _plain({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec})
        root, time = hashlib.sha256(b"\0" + body).digest(), int(at.timestamp())
        promise = {
            "body": text(body),
            "integratedTime": time,
            "logID": key_id(self.log).hex(),
            "logIndex": 0,
        }
        note = f"stand-in - 1\n1\n{text(root)}\n"
        by_log = text(key_id(self.log)[:4] + signed(self.log, note.encode()))
        return {
            "logIndex": "0",
            "logId": {"keyId": text(key_id(self.log))},
            "kindVersion": {"kind": "dsse", "version": "0.0.1"},
            "integratedTime": str(time),
            "inclusionPromise": {"signedEntryTimestamp": text(signed(self.log, _plain(promise)))},
            "inclusionProof": {
                "logIndex": "0",
                "rootHash": text(root),
                "treeSize": "1",
                "hashes": [],
                "checkpoint": {"envelope": f"{note}\n\N{EM DASH} stand-in {by_log}\n"},
            },
            "canonicalizedBody": text(body),
        }


def _usage(*wanted: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in wanted for name in USAGES})


def _octets(content: bytes) -> bytes:
    """A DER OCTET STRING."""
    assert len(content) < 128
    return b"\x04" + bytes([len(content)]) + content


def _list(timestamp: bytes) -> bytes:
    """A SignedCertificateTimestampList of one."""
    one = len(timestamp).to_bytes(2, "big") + timestamp
    return len(one).to_bytes(2, "big") + one


def _plain(value: dict[str, Any]) -> bytes:
    """Canonical JSON (RFC 8785), of text and whole numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
