"""The signed proof of a model, as the first step of a serving pod holds it against the bytes."""

import hashlib
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from lockproof.adapters.signing.key_file import KeyFile
from lockproof.model.statement import PROVENANCE, VERDICT, manifest_sha256

CODE = Path(__file__).resolve().parents[2] / "control-plane" / "gitops" / "proof.py"
BYTES = b"weights"
SHA256 = hashlib.sha256(BYTES).hexdigest()
MD5 = f"md5:{hashlib.md5(BYTES, usedforsecurity=False).hexdigest()}"
PAIRS: dict[str, Any] = {
    "Ed25519": Ed25519PrivateKey.generate(),
    "P-256": generate_private_key(SECP256R1()),
    "P-384": generate_private_key(SECP384R1()),
    "P-521": generate_private_key(SECP521R1()),
}


def in_pods() -> ModuleType:
    """The module, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("proof_in_pods", CODE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Pod:
    """What a pod is given: a model, its proof, keys."""

    def __init__(self, base: Path, name: str = "Ed25519") -> None:
        self.model, self.trust = base / "model", base / "trust"
        self.model.mkdir()
        self.trust.mkdir()
        (self.model / "weights").write_bytes(BYTES)
        pair, key = PAIRS[name], base / "key.pem"
        key.write_bytes(pair.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self.sealer = KeyFile(key)
        form = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (self.trust / "ci.pem").write_bytes(pair.public_key().public_bytes(*form))
        self.statement: dict[str, Any] = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "w", "digest": {"sha256": SHA256}, "annotations": {"dvc": MD5}}],
            "predicateType": VERDICT,
            "predicate": {"version": "1", "model": "toy", "report": {"verdict": "passed"}},
        }

    @property
    def proof(self) -> Path:
        return self.model / "lockproof-proof.jsonl"

    @property
    def payload(self) -> bytes:
        return json.dumps(self.statement).encode()

    def seal(self) -> None:
        self.proof.write_text(f"{self.sealer.seal(self.payload)}\n")

    def asks(self, digest: str = MD5, model: str = "toy") -> str:
        file = self.model / "weights"
        return str(in_pods().prove(self.model, {"": file}, digest, model, self.trust))


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("digest", [MD5, f"sha256:{SHA256}"])
def test_what_a_trusted_key_signed_is_served(tmp_path: Path, name: str, digest: str) -> None:
    pod = Pod(tmp_path, name)
    pod.seal()
    assert pod.asks(digest) == pod.sealer.fingerprint


@pytest.mark.parametrize("changed", [False, True])
def test_a_folder_is_named_as_attest_names_it(tmp_path: Path, changed: bool) -> None:
    pod, digest = Pod(tmp_path), f"md5:{'0' * 32}.dir"
    files = {name: pod.model / f"{n}" for n, name in enumerate(['a/"ä"', "b\\c", "a\ud800"])}
    for name, file in files.items():
        file.write_text(name, "utf-8", "replace")
    sums = {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}
    named = {"sha256": manifest_sha256(sums), "dvc": digest}
    (subject,) = pod.statement["subject"]
    subject.update(digest={"sha256": named["sha256"]}, annotations={"dvc": digest})
    pod.seal()
    if changed:
        files["b\\c"].write_text("other")
        with pytest.raises(Exception, match="about another model or other bytes"):
            in_pods().prove(pod.model, files, digest, "toy", pod.trust)
    else:
        signer = in_pods().prove(pod.model, files, digest, "toy", pod.trust)
        assert signer == pod.sealer.fingerprint


def test_the_links_of_the_kubelet_are_no_keys(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.seal()
    inside = pod.trust / "..2026_11_29"
    inside.mkdir()
    (pod.trust / "ci.pem").rename(inside / "ci.pem")
    (inside / "revoked").write_text(f"{'0' * 64}\n\n{'1' * 64}")
    (pod.trust / "..data").symlink_to(inside.name)
    for name in ("ci.pem", "revoked"):
        (pod.trust / name).symlink_to(f"..data/{name}")
    assert pod.asks() == pod.sealer.fingerprint


def _whole(change: Callable[[dict[str, Any]], object]) -> Callable[[Pod], None]:
    def apply(pod: Pod) -> None:
        pod.seal()
        bundle = json.loads(pod.proof.read_text())
        change(bundle)
        pod.proof.write_text(json.dumps(bundle))

    return apply


def _bundle(change: Callable[[dict[str, Any]], object]) -> Callable[[Pod], None]:
    return _whole(lambda bundle: change(bundle["dsseEnvelope"]))


def _said(change: Callable[[dict[str, Any]], object]) -> Callable[[Pod], None]:
    def apply(pod: Pod) -> None:
        change(pod.statement)
        pod.seal()

    return apply


def _revoked(
    what: Callable[[Pod], str], name: str = "revoked", encoding: str = "utf-8"
) -> Callable[[Pod], None]:
    def apply(pod: Pod) -> None:
        pod.seal()
        (pod.trust / name).write_text(f"{what(pod)}\n", encoding=encoding)

    return apply


def _other_key(pod: Pod) -> None:
    pod.seal()
    form = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (pod.trust / "ci.pem").write_bytes(PAIRS["P-256"].public_key().public_bytes(*form))


def _other_bytes(pod: Pod) -> None:
    pod.seal()
    (pod.model / "weights").write_bytes(b"Weights")


def _key(pod: Pod) -> str:
    return pod.sealer.fingerprint


HEX, BESIDE = "is no SHA-256", "holds keys .* and not"
NOBODY, OTHER, READ = "none of the trusted keys signed it", "about another model", "cannot be read"
BAD: dict[str, tuple[Callable[[Pod], object], str]] = {
    "no proof": (lambda pod: None, "there is no lockproof-proof.jsonl beside it"),
    "an empty one": (lambda pod: pod.proof.write_text(""), NOBODY),
    "a part of one": (
        lambda pod: (pod.seal(), pod.proof.write_bytes(pod.proof.read_bytes()[:-30])), READ,
    ),
    "no JSON object": (lambda pod: pod.proof.write_text("[]\n"), READ),
    "nested": (lambda pod: pod.proof.write_text("[" * 100_000), READ),
    "another key": (_other_key, NOBODY),
    "no key": (
        lambda pod: (pod.seal(), (pod.trust / "ci.pem").unlink()), "has no public key",
    ),
    "no public key": (
        lambda pod: (pod.seal(), (pod.trust / "ci.pem").write_text("x")), "no public key in PEM",
    ),
    "no signature": (_bundle(lambda e: e.update(signatures=[])), READ),
    "another signature": (_bundle(lambda e: e["signatures"][0].update(sig="AAAA")), NOBODY),
    "another payload": (_bundle(lambda e: e.update(payload="e30=")), NOBODY),
    "another type": (_bundle(lambda e: e.update(payloadType="text/plain")), READ),
    "other bytes": (_other_bytes, OTHER),
    "another digest": (
        _said(lambda s: s["subject"][0]["annotations"].update(dvc="md5:" + "0" * 32)), OTHER,
    ),
    "another model": (_said(lambda s: s["predicate"].update(model="other")), OTHER),
    "a failure": (
        _said(lambda s: s["predicate"]["report"].update(verdict="failed")), OTHER,
    ),
    "another version": (_said(lambda s: s["predicate"].update(version="2")), OTHER),
    "another predicate": (_said(lambda s: s.update(predicateType=PROVENANCE)), NOBODY),
    "the predicate of another host": (
        _said(lambda s: s.update(predicateType="https://x.example/verdict.schema.json#1")), NOBODY,
    ),
    "no statement of in-toto": (_said(lambda s: s.update(_type="x")), NOBODY),
    "another bundle": (_whole(lambda b: b.update(mediaType="x")), READ),
    "a certificate too": (
        _whole(lambda b: b["verificationMaterial"].update(certificate={"rawBytes": "AA=="})), READ,
    ),
    "no subject": (_said(lambda s: s.update(subject=[])), OTHER),
    "a revoked output": (_revoked(lambda pod: SHA256), "is revoked"),
    "a revoked key": (_revoked(lambda pod: pod.sealer.fingerprint), "is revoked"),
    "a revoked proof": (
        _revoked(lambda pod: hashlib.sha256(pod.payload).hexdigest()), "is revoked",
    ),
    "revoked in capitals": (_revoked(lambda pod: _key(pod).upper()), HEX),
    "revoked with its algorithm": (_revoked(lambda pod: f"sha256:{_key(pod)}"), HEX),
    "revoked in short": (_revoked(lambda pod: _key(pod)[:12]), HEX),
    "revoked with a comma": (_revoked(lambda pod: f"{_key(pod)},"), HEX),
    "revoked with a remark": (_revoked(lambda pod: f"{_key(pod)} # lost"), HEX),
    "revoked by Notepad": (_revoked(_key, encoding="utf-8-sig"), HEX),
    "revoked in UTF-16": (_revoked(_key, encoding="utf-16"), "what is revoked cannot be read"),
    "revoked in another file": (_revoked(_key, name="revoked.txt"), BESIDE),
    "revoked in capital letters": (_revoked(_key, name="REVOKED"), BESIDE),
    "revoked as a folder": (
        lambda pod: (pod.seal(), (pod.trust / "revoked").mkdir()), "what is revoked cannot be read",
    ),
    "revoked as a link to nothing": (
        lambda pod: (pod.seal(), (pod.trust / "revoked").symlink_to("nothing")),
        "what is revoked cannot be read",
    ),
    "a key of another name": (
        lambda pod: (pod.seal(), (pod.trust / "old.pub").write_text("")), BESIDE,
    ),
    "a key that is a folder": (
        lambda pod: (pod.seal(), (pod.trust / "old.pem").mkdir()), "no public key in PEM",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_anything_else_is_not(tmp_path: Path, name: str) -> None:
    change, why = BAD[name]
    pod = Pod(tmp_path)
    change(pod)
    with pytest.raises(Exception, match=why) as caught:
        pod.asks()
    assert type(caught.value).__name__ == "Unproved"
