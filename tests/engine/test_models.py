"""From a proof to a manifest, without any account: attest, verify, register, promote."""

import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from engine.conftest import POLICY, dagger
from integration.pipelines import Project, copy_of

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]
MORE = """
[[model]]
name = "letters"
paths = ["model.txt"]

[[trust]]
key = "keys/ci.pem"
"""
MANIFEST = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: served}
data:
  MODEL_URI: models:/letters/9 # moves
  MODEL_DIGEST: "md5:00000000000000000000000000000000"
"""


def test_a_proof_becomes_what_a_manifest_names(
    project: Project, library: Path, tmp_path: Path
) -> None:
    own = copy_of(project, tmp_path)
    key = generate_private_key(SECP256R1())
    private = tmp_path / "ci.key"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    own.dvc("remote", "modify", "-q", "store", "url", "s3://lockproof/models")
    own.write({"keys/ci.pem": public.decode(), "served.yaml": MANIFEST})
    own.write({"lockproof.toml": POLICY + MORE})
    own.commit("a model")
    scope = ("--cache-scope", f"models{os.getpid()}", "--servers")
    call = ("-m", library, "call", "--repository", ".", *scope)
    dagger(own.root, *call, "dvc", "push", "--cache", ".dvc/cache").expect()
    refused = dagger(own.root, *call, "verify").expect(1)
    assert "letters" in refused.said, "nothing is signed yet"
    report, proof = tmp_path / "report.json", tmp_path / "proof.jsonl"
    dagger(own.root, *call, "-o", report, "proof", "reproduce", "json").expect()
    signed = ("attest", "--report", report, "--key", f"file://{private}")
    dagger(own.root, *call, "-o", proof, "models", *signed).expect()
    assert json.loads(proof.read_text().splitlines()[0])["dsseEnvelope"]
    assert "\nPASSED: " in dagger(own.root, *call, "verify").expect().stdout, "beside the data"
    assert "\nPASSED: " in dagger(own.root, *call, "gate").expect().stdout, "with no report given"
    register = ("models", "register", "--model", "letters", "--alias", "candidate")
    made = dagger(own.root, *call, *register).expect().stdout
    assert "letters version 1 registered" in made
    again = dagger(own.root, *call, *register).expect().stdout
    assert "letters version 1 is there already" in again
    assert dagger(own.root, *call, "verify", "--subject", "letters@candidate").expect()
    promote = ("models", "promote", "--version", "letters@candidate", "--to", "served.yaml")
    assert "--tree ." in dagger(own.root, *call, *promote).said
    own.write({"served.yaml": f"# mine\n{MANIFEST}"})
    dagger(own.root, *call, "--tree", ".", *promote, "export", "--path", ".").expect()
    text = (own.root / "served.yaml").read_text()
    assert text.startswith("# mine\n")
    assert "models:/letters/1 # moves" in text
    assert "md5:0000" not in text
    assert own.git("status", "--porcelain").split() == ["M", "served.yaml"]
    nowhere = ("-m", library, "call", "--repository", ".", *register)
    assert "no tracking server is named" in dagger(own.root, *nowhere).said
