"""Keys in a cloud's key service or in Vault: the real clients, and stand-ins for the services.

The stand-ins speak as much of the services' protocols as signing takes. moto's server would do for
AWS, but signs a digest as if it were the message (5.2.5).
"""

import base64
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    SECP384R1,
    SECP521R1,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from lockproof.adapters.signing.keys import public_key, signed_by
from lockproof.adapters.signing.registry import open_sealer
from lockproof.cli.main import main
from lockproof.errors import UnavailableError, UsageError
from lockproof.parse.bundle import read_bundles

from .cloud_keys import is_here
from .models import POLICY, proof_of, toy_project
from .pipelines import Project, copy_of
from .test_proofs import asked, public_of

HASHES = {"ECDSA_SHA_256": hashes.SHA256(), "ECDSA_SHA_384": hashes.SHA384()}
KEYS: dict[str, Any] = {
    "alias/ci": generate_private_key(SECP256R1()),
    "alias/384": generate_private_key(SECP384R1()),
    "ci": Ed25519PrivateKey.generate(),
}
AWS = "awskms:alias/ci"


class Service(BaseHTTPRequestHandler):
    """AWS KMS's `Sign` (JSON 1.1), and `transit/sign` of Vault."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/":
            assert self.headers["X-Amz-Target"] == "TrentService.Sign"
            self._answer(*self._aws(body))
        else:
            self._answer(*self._vault(body))

    do_PUT = do_POST

    def _aws(self, body: dict[str, str]) -> tuple[int, Any]:
        name = body["KeyId"].rpartition(":key/")[2]
        if name == "denied":
            text = "User: arn:aws:iam::1:user/ci is not authorized\nto perform: kms:Sign"
            return 400, {"__type": "AccessDeniedException", "message": text}
        if name not in KEYS:
            return 400, {"__type": "NotFoundException", "message": f"{name} does not exist"}
        assert body["MessageType"] == "DIGEST"
        how = ECDSA(Prehashed(HASHES[body["SigningAlgorithm"]]))
        signature = KEYS[name].sign(base64.b64decode(body["Message"]), how)
        return 200, {"KeyId": name, "Signature": base64.b64encode(signature).decode()}

    def _vault(self, body: dict[str, Any]) -> tuple[int, Any]:
        _, name = self.path.split("/v1/transit/sign/")
        if self.headers["X-Vault-Token"] != "token":
            return 403, {"errors": ["permission denied"]}
        if name not in KEYS:
            return 400, {"errors": ["signing key not found"]}
        signature = KEYS[name].sign(base64.b64decode(body["input"]))
        text = f"vault:v{body['key_version']}:{base64.b64encode(signature).decode()}"
        return 200, {"data": {"signature": text}}

    def _answer(self, code: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "VAULT_NAMESPACE", "VAULT_CACERT"):
        monkeypatch.delenv(name, raising=False)
    given = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-west-1"}
    given |= {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_MAX_ATTEMPTS": "1"}
    given |= {"AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere"}
    given |= {"AWS_ENDPOINT_URL_KMS": address, "VAULT_ADDR": address, "VAULT_TOKEN": "token"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)


def public(folder: Path, key: Any) -> Path:
    path = folder / "public.pem"
    path.write_bytes(public_of(key))
    return path


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        (AWS, "alias/ci"),
        ("awskms:alias/384", "alias/384"),
        ("awskms:arn:aws:kms:eu-west-1:1:key/ci", "alias/ci"),
        ("hv:ci/1", "ci"),
    ],
)
def test_a_service_signs(
    uri: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if uri.startswith("hv:"):
        pytest.importorskip("hvac", reason="pip install 'securesystemslib[vault]'")
    else:
        monkeypatch.setitem(KEYS, "ci", KEYS[name])
    path = public(tmp_path, KEYS[name])
    (sealed,) = read_bundles(open_sealer(None, uri, path).seal(b"{}").encode(), "p")
    assert signed_by(sealed, public_key(path.read_bytes(), "public"))


LONG = "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"
EXTRAS = [
    (f"gcpkms:{LONG}", "google.cloud.kms", "gcpkms"),
    ("azurekms://proofs.vault.azure.net/keys/ci/0123", "azure.keyvault.keys", "azurekms"),
    ("hv:ci/1", "hvac", "vault"),
]


@pytest.mark.parametrize(("uri", "module", "extra"), EXTRAS)
def test_what_is_not_installed_is_named(uri: str, module: str, extra: str, tmp_path: Path) -> None:
    if is_here(module):
        pytest.skip(f"{module} is installed")
    with pytest.raises(UsageError) as refused:
        open_sealer(None, uri, public(tmp_path, KEYS["alias/ci"]))
    (line,) = str(refused.value).splitlines()
    assert f"pip install 'securesystemslib[{extra}]'" in line


@pytest.mark.parametrize(("uri", "module", "extra"), EXTRAS)
def test_a_service_that_is_not_there_is_unavailable_in_one_line(
    uri: str,
    module: str,
    extra: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of those whose clients are here: no credentials either, and nothing answers."""
    if not is_here(module):
        pytest.skip(f"pip install 'securesystemslib[{extra}]'")
    monkeypatch.setenv("VAULT_ADDR", f"http://127.0.0.1:{unused()}")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises((UnavailableError, UsageError)) as refused:
        open_sealer(None, uri, public(tmp_path, KEYS["alias/ci"])).seal(b"{}")
    assert len(str(refused.value).splitlines()) == 1
    assert len(str(refused.value)) < 600
    assert capsys.readouterr() == ("", "")


def unused() -> int:
    """A port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.parametrize(
    "kind", [Ed25519PrivateKey.generate(), generate_private_key(SECP521R1())], ids=["25519", "521"]
)
def test_a_key_that_no_service_has_is_refused(kind: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no key there is (ed25519|ecdsa-sha2-nistp521)"):
        open_sealer(None, AWS, public(tmp_path, kind))


def test_where_a_service_is_has_to_be_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    with pytest.raises(UsageError, match="specify a region"):
        open_sealer(None, AWS, public(tmp_path, KEYS["alias/ci"]))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A proved model, not signed yet; the key of the service is trusted."""
    trust = '[[trust]]\nkey = "ci.pem"\n'
    project = toy_project(tmp_path_factory.mktemp("kms"), POLICY + trust)
    (project.root / "ci.pem").write_bytes(public_of(KEYS["alias/ci"]))
    project.commit("trust")
    proof_of(project, "report.json")
    return project


def attest(project: Project, report: Path, uri: str) -> int:
    key = ["--signer", uri, "--public-key", str(project.root / "ci.pem")]
    bundle = ["--bundle", str(project.remote.parent / "proof.jsonl")]
    argv = ["attest", "--report", str(report), *key, *bundle]
    return main(["-C", str(project.root), *argv])


def test_a_proof_that_a_service_signed_counts(made: Project, tmp_path: Path) -> None:
    project = copy_of(made, tmp_path)
    assert attest(project, made.remote.parent / "report.json", AWS) == 0
    assert asked(project, "verify", "HEAD") == (0, [])
    before = sorted(project.remote.rglob("*"))
    assert attest(project, made.remote.parent / "report.json", AWS) == 0
    assert sorted(project.remote.rglob("*")) == before


FAILURES = {
    "denied": ("awskms:denied", 4, "is not authorized to perform: kms:Sign"),
    "no such key": ("awskms:alias/none", 4, "alias/none does not exist"),
    "another key": ("awskms:alias/other", 2, "--public-key is that of another key"),
    "nobody there": (AWS, 4, "does not sign: Could not connect to the endpoint"),
    "no credentials": (AWS, 4, "does not sign: Unable to locate credentials"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_where_a_service_fails_nothing_is_kept(
    case: str,
    made: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    uri, code, message = FAILURES[case]
    monkeypatch.setitem(KEYS, "alias/other", generate_private_key(SECP256R1()))
    if case == "nobody there":
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", f"http://127.0.0.1:{unused()}")
    if case == "no credentials":
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        # The one that boto3 keeps has them.
        monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    project = copy_of(made, tmp_path)
    before = sorted(project.remote.rglob("*"))
    assert attest(project, made.remote.parent / "report.json", uri) == code
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert message in line
    assert said.out == ""
    assert sorted(project.remote.rglob("*")) == before
    assert not (project.remote.parent / "proof.jsonl").exists()
