"""Whether somebody who is trusted has signed that a file or folder is a proved model.

Trusted are the public keys (`*.pem`: Ed25519, or ECDSA on P-256, P-384, P-521) in a folder; a file
`revoked` there, a SHA-256 a line, takes back a key, a proof or an output by it. Whatever else is
there, or in that file, is refused: it may be meant to take something back. Signed is the
proof that `lockproof register` keeps beside a model: one DSSE envelope a line, in Sigstore bundles.
What else a proof has to fit (the commit, its lock, the policy) `lockproof promote` looked at; Git
names what came of that.
"""

import base64
import hashlib
import json
import re
from pathlib import Path

PROOF = "lockproof-proof.jsonl"
VERDICT = "https://github.com/lockproof/lockproof/blob/main/docs/reference/verdict.schema.json#1"
STATEMENT = "https://in-toto.io/Statement/v1"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
LARGEST = 64 << 20
CURVES = {"secp256r1": "SHA256", "secp384r1": "SHA384", "secp521r1": "SHA512"}


class Unproved(Exception):
    """Nobody who is trusted says it; why."""


def prove(folder: Path, files: dict[str, Path], digest: str, model: str, trust: Path) -> str:
    """The fingerprint of the signer.

    Args:
        folder: where the model and its proof were downloaded to.
        files: the model's file, by `""`, or those of its folder, by their path in that.
        digest: as Git names it, `md5:HEX`, `md5:HEX.dir` or `sha256:HEX`.
        model: the registered model's name.
        trust: the folder with the keys.

    Raises:
        Unproved: nothing here shows it.
    """
    proof = folder / PROOF
    if not proof.is_file() or proof.stat().st_size > LARGEST:
        raise Unproved(
            f"there is no {PROOF} beside it: sign it, and run 'lockproof register' again; a version"
            ' of upload = "reference" has none: use upload = "mlflow"'
        )
    sha256 = _sha256(files)
    keys, revoked = _keys(trust), _revoked(trust)
    why = "none of the trusted keys signed it"
    for line in proof.read_bytes().splitlines():
        try:
            payload, signature = _opened(line)
            signer = next(
                (name for name, key in keys.items() if _signed(key, payload, signature)), ""
            )
            if not signer:
                continue
            statement = json.loads(payload)
            if (statement["_type"], statement["predicateType"]) != (STATEMENT, VERDICT):
                continue
            wanted = {"sha256": sha256, "dvc": digest}
            subjects = [
                {"sha256": s["digest"].get("sha256"), "dvc": s.get("annotations", {}).get("dvc")}
                for s in statement["subject"]
            ]
            predicate = statement["predicate"]
            passed = predicate["version"] == "1" and predicate["report"]["verdict"] == "passed"
            named = predicate["model"]
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            why = "its proof cannot be read"
            continue
        if digest == f"sha256:{sha256}":
            wanted["dvc"] = next((s["dvc"] for s in subjects if s["sha256"] == sha256), None)
        if revoked & {signer, sha256, hashlib.sha256(payload).hexdigest()}:
            why = "its key, its proof or the file is revoked"
        elif not passed or named != model or wanted not in subjects:
            why = f"what {signer[:12]} signed is about another model or other bytes"
        else:
            return signer
    raise Unproved(why)


def _sha256(files: dict[str, Path]) -> str:
    """As a statement names a file, or (see verdict.schema.json) a folder."""
    sums = {}
    for path, file in files.items():
        with file.open("rb") as content:
            sums[path] = hashlib.file_digest(content, "sha256").hexdigest()
    if "" in sums:
        return sums[""]
    listed = json.dumps(sorted(sums.items()), separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(listed.encode("utf-8", "surrogatepass")).hexdigest()


def _opened(line: bytes) -> tuple[bytes, bytes]:
    """What is signed of a statement, and the signature."""
    bundle = json.loads(line)
    envelope, material = bundle["dsseEnvelope"], bundle["verificationMaterial"]
    (signature,) = envelope["signatures"]
    if envelope["payloadType"] != "application/vnd.in-toto+json" or bundle["mediaType"] != BUNDLE:
        raise ValueError
    if "certificate" in material or "x509CertificateChain" in material:
        raise ValueError  # an identity of Sigstore's, which nothing here can look at
    payload = base64.b64decode(envelope["payload"], validate=True)
    return payload, base64.b64decode(signature["sig"], validate=True)


def _signed(key, payload: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA

    kind = b"application/vnd.in-toto+json"
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    curve = getattr(key, "curve", None)
    how = [] if curve is None else [ECDSA(getattr(hashes, CURVES[curve.name])())]
    try:
        key.verify(signature, message, *how)
    except InvalidSignature:
        return False
    return True


def _keys(trust: Path) -> dict:
    """Fingerprint (SHA-256 of the key in DER) -> key."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_public_key,
    )

    found = {}
    for path in sorted(trust.glob("*.pem")):
        try:
            key = load_pem_public_key(path.read_bytes())
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            raise Unproved(f"{path.name} is no public key in PEM: {error}") from error
        elliptic = isinstance(key, EllipticCurvePublicKey) and key.curve.name in CURVES
        if not (elliptic or isinstance(key, Ed25519PublicKey)):
            raise Unproved(f"{path.name}: use Ed25519, or ECDSA on P-256, P-384 or P-521")
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        found[hashlib.sha256(der).hexdigest()] = key
    if not found:
        raise Unproved(f"{trust} has no public key (*.pem), so nobody is trusted")
    return found


def _revoked(trust: Path) -> set[str]:
    """What is taken back: SHA-256 in lower case."""
    names = sorted(path.name for path in trust.iterdir())
    for name in names:
        # `..data` and the like are the kubelet's.
        if not (name.endswith(".pem") or name == "revoked" or name.startswith("..")):
            raise Unproved(f"{trust.name} holds keys (*.pem) and the file revoked, and not {name}")
    if "revoked" not in names:
        return set()
    try:
        words = (trust / "revoked").read_text(encoding="utf-8").split()
    except (OSError, ValueError) as error:
        raise Unproved(f"what is revoked cannot be read: {error}") from error
    for word in words:
        if not re.fullmatch("[0-9a-f]{64}", word):
            raise Unproved(
                f"revoked: {word[:80]!a} is no SHA-256 (64 digits, small letters), a line each"
            )
    return set(words)
