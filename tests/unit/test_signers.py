"""Signers other than a key file, each as far as it goes here."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from lockproof.adapters.signing.keys import public_key, signed_by
from lockproof.adapters.signing.registry import open_sealer
from lockproof.errors import UsageError
from lockproof.parse.bundle import read_bundles

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "1234"


@pytest.fixture
def public(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PKCS #11 token `proofs` with an ECDSA key, number 2; the file of its public half."""
    if shutil.which("softhsm2-util") is None or not MODULE.exists():
        pytest.skip("SoftHSM is not here: apt-get install softhsm2")
    pytest.importorskip("pkcs11", reason="pip install 'securesystemslib[hsm]'")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "conf"))
    monkeypatch.setenv("PYKCS11LIB", str(MODULE))
    monkeypatch.setenv("LOCKPROOF_KEY_PIN", PIN)
    private = generate_private_key(SECP256R1())
    key = tmp_path / "key.pem"
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    util = ["softhsm2-util", "--pin", PIN]
    made = [*util, "--init-token", "--free", "--label", "proofs", "--so-pin", PIN]
    subprocess.run(made, check=True, capture_output=True)
    brought = [*util, "--import", str(key), "--token", "proofs", "--label", "k", "--id", "02"]
    subprocess.run(brought, check=True, capture_output=True)
    path = tmp_path / "public.pem"
    path.write_bytes(
        private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return path


def test_a_token_signs(public: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sealer = open_sealer(None, "hsm:2?label=proofs", public)
    (sealed,) = read_bundles(sealer.seal(b"{}").encode(), "p")
    assert signed_by(sealed, public_key(public.read_bytes(), "public"))
    with pytest.raises(UsageError, match="could not find ECDSA private key"):
        open_sealer(None, "hsm:3?label=proofs", public).seal(b"{}")
    other = public.with_name("other.pem")
    pair = generate_private_key(SECP256R1()).public_key()
    other.write_bytes(pair.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(UsageError, match="--public-key is that of another key"):
        open_sealer(None, "hsm:2?label=proofs", other).seal(b"{}")
    monkeypatch.delenv("LOCKPROOF_KEY_PIN")
    with pytest.raises(UsageError, match="set LOCKPROOF_KEY_PIN"):
        sealer.seal(b"{}")


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("ftp://x", "no such kind; there are sigstore, hsm:"),
        ("awskms:a", "needs the key's public half: --public-key FILE"),
    ],
)
def test_what_cannot_sign_says_what_to_do(uri: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        open_sealer(None, uri, None)
