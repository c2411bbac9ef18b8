"""Checking the bytes of a large model beside hashing it once, and the signature by itself."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from lockproof.adapters.signing.key_file import KeyFile
from lockproof.adapters.signing.keys import signed_by
from lockproof.parse.bundle import read_bundles, read_statement, read_verdict
from lockproof.steps.proofs.content import sha256_at
from tests.fuzz.parsers import PROOF

GIB = 1 << 30


def _best(call: Callable[[], object], times: int = 3) -> float:
    """Seconds of the quickest of some calls."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def _plain(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_bench_a_model_of_one_gigabyte(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    block = bytes(range(256)) * 4096
    with path.open("wb") as file:
        for _ in range(GIB // len(block)):
            file.write(block)
    once, ours = _best(lambda: _plain(path)), _best(lambda: sha256_at(path))
    print(f"\nSHA-256 of 1 GiB: {once:.2f} s; as verify reads it: {ours:.2f} s ({ours / once:.2f})")


def test_bench_a_proof(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCKPROOF_KEY_PASSPHRASE", raising=False)
    key = tmp_path / "key.pem"
    made = generate_private_key(SECP256R1())
    key.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    sealer = KeyFile(key)
    payload = read_bundles(PROOF, "p")[0].payload
    line = sealer.seal(payload).encode()

    def check() -> None:
        (sealed,) = read_bundles(line, "p")
        assert signed_by(sealed, sealer.public)
        read_verdict(read_statement(sealed))

    check()
    print(f"\na proof read, its signature checked: {_best(check) * 1000:.2f} ms")
