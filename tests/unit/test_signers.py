"""Signers other than a key file, each as far as it goes here."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlparse

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
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.adapters.signing.keys import as_key, bundle, public_key, signed_by, signed_bytes
from lockproof.adapters.signing.registry import open_sealer
from lockproof.adapters.signing.uri import FORMS, require_form
from lockproof.errors import UsageError
from lockproof.parse.bundle import read_bundles

PAIRS: dict[str, Any] = {
    "Ed25519": Ed25519PrivateKey.generate(),
    "P-256": generate_private_key(SECP256R1()),
    "P-384": generate_private_key(SECP384R1()),
    "P-521": generate_private_key(SECP521R1()),
}
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


def test_a_key_by_a_pipe_is_not_named_by_it() -> None:
    """As a shell makes it of `--key <(…)`."""
    reading, writing = os.pipe()
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    os.write(writing, PAIRS["P-256"].private_bytes(*form))
    os.close(writing)
    sealer = open_sealer(Path(f"/dev/fd/{reading}"), None, None)
    os.close(reading)
    assert sealer.name == "a key"


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


MALFORMED = {
    "hv": ["", "a", "a/", "/1", "a/b", "a/1/2", "a/1?x", "a/-1", "//a/1", "a/1\n", "a/١"],
    "hsm": ["x", "x?label=y", "2?label=", "2?lable=y", "2?label=a&label=b", "2?label=a#b", "-1"],
    "awskms": ["", "//key", "a b", "a?b", "a#b", "a\n"],
    "gcpkms": ["", "x", "projects/p/locations/l/keyRings/r/cryptoKeys/k"],
    "azurekms": ["", "//", "//x", "proofs.vault.azure.net/keys/ci/1", "//u@h/keys/ci/1"],
}


@pytest.mark.parametrize(
    "uri", [f"{kind}:{rest}" for kind in MALFORMED for rest in MALFORMED[kind]]
)
def test_a_malformed_uri_says_how_its_kind_is_written(uri: str, tmp_path: Path) -> None:
    (tmp_path / "public.pem").write_bytes(pem("P-256"))
    with pytest.raises(UsageError) as refused:
        open_sealer(None, uri, tmp_path / "public.pem")
    (line,) = str(refused.value).splitlines()
    kind = uri.partition(":")[0]
    assert f": it is written {kind}:" in line
    assert "ValueError" not in line


WORDS = ["/", "?", "#", "&", ";", "=", "label", ":", "//", "%20", "keys", "1", "a", "\n", "\t", " "]


@given(
    kind=st.sampled_from(sorted(FORMS)),
    rest=st.one_of(
        st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=3)), max_size=8).map("".join),
        st.from_regex(r"[a-z1-9?=/]{0,12}", fullmatch=True),
    ),
)
def test_what_is_taken_is_read_as_it_is_written(kind: str, rest: str) -> None:
    """By securesystemslib, whose parts of a URI these are."""
    uri = f"{kind}:{rest}"
    try:
        require_form(uri)
    except UsageError as error:
        said = str(error)
    else:
        said = ""
    if said:
        assert len(said.splitlines()) == 1
        assert len(said) < 600
        return
    read = urlparse(uri)
    assert (read.scheme, read.fragment, read.params) == (kind, "", "")
    if kind == "hv":
        name, version = read.path.split("/")
        assert f"{name}/{version}" == rest
        assert int(version) >= 0
    elif kind == "hsm":
        assert (read.path or "2").isdecimal()
        int(read.path or "2")
        assert bool(dict(parse_qsl(read.query)).get("label")) == ("?" in rest)
    elif kind == "azurekms":
        assert f"//{read.netloc}{read.path}" == rest
    else:
        assert read.path == rest


def test_every_form_is_taken() -> None:
    long = "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"
    taken = ["hsm:", "hsm:2", "hsm:?label=a", "hsm:2?label=YubiKey+PIV+%2315835999", "hv:ci/1"]
    taken += ["awskms:alias/ci", "awskms:arn:aws:kms:eu-west-1:1:key/a-b", f"gcpkms:{long}"]
    taken += ["azurekms://proofs.vault.azure.net/keys/ci/0123", "azurekms://h/keys/ci"]
    for uri in taken:
        require_form(uri)


@given(payload=st.binary(max_size=300))
def test_what_is_signed_is_what_securesystemslib_signs(payload: bytes) -> None:
    from securesystemslib.dsse import Envelope

    kind = "application/vnd.in-toto+json"
    assert signed_bytes(payload) == Envelope(payload, kind, {}).pae()


@pytest.mark.parametrize("name", PAIRS)
@settings(max_examples=20)
@given(data=st.data())
def test_a_signature_counts_where_securesystemslib_takes_it(name: str, data: st.DataObject) -> None:
    from securesystemslib.exceptions import UnverifiedSignatureError
    from securesystemslib.signer import CryptoSigner, Signature, SSlibKey

    private, payload = PAIRS[name], data.draw(st.binary(min_size=1, max_size=100))
    key = as_key(private.public_key(), name)
    theirs = SSlibKey.from_crypto(private.public_key(), keyid=key.keyid)
    made = CryptoSigner(private, theirs).sign(signed_bytes(payload))
    signature = bytearray.fromhex(made.signature)
    if data.draw(st.booleans()):
        signature[data.draw(st.integers(0, 150)) % len(signature)] ^= data.draw(st.integers(0, 255))
    said = bytes(signature) if data.draw(st.booleans()) else bytes(signature[:-1])
    (sealed,) = read_bundles(bundle(payload, said, key.keyid).encode(), "p")
    try:
        theirs.verify_signature(Signature(key.keyid, said.hex()), signed_bytes(payload))
        counts = True
    except UnverifiedSignatureError:
        counts = False
    assert signed_by(sealed, key) == counts


def test_no_service_that_can_sign_is_loaded_to_check_a_signature() -> None:
    code = (
        "import sys; from lockproof.adapters.signing.keys import public_key, signed_by;"
        "from lockproof.parse.bundle import read_bundles; from tests.fuzz.parsers import PROOF;"
        "(s, *_) = read_bundles(PROOF, 'p');"
        f"signed_by(s, public_key({pem('P-256')!r}, 'k'));"
        "assert not {'boto3', 'securesystemslib', 'sigstore'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def pem(name: str) -> bytes:
    form = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    made: bytes = PAIRS[name].public_key().public_bytes(*form)
    return made
