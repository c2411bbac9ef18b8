"""Keys in Google's and Azure's key services: their real clients, and stand-ins for the services."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from .cloud_keys import AZURE, RING, VERSION, is_here
from .models import POLICY, proof_of, toy_project
from .pipelines import Project, copy_of
from .test_proofs import asked

LOCKPROOF = Path(sys.executable).with_name("lockproof")
NEEDS = {"gcpkms": "google.cloud.kms", "azurekms": "azure.keyvault.keys"}


def uri_of(service: str, key: str) -> str:
    """Of a key of the stand-ins, as the guide writes it."""
    if service == "gcpkms":
        return f"gcpkms:{RING.format(key)}"
    return f"azurekms://{AZURE}/keys/{key}/{VERSION}"


@dataclass(frozen=True)
class Cloud:
    """The stand-ins: a folder with their public keys, and the variables of who uses them."""

    folder: Path
    variables: Mapping[str, str]

    def attest(self, project: Project, uri: str, **more: str) -> tuple[int, str]:
        """`lockproof attest` by a key of theirs; its exit code, and what it says of errors."""
        base = project.remote.parent
        argv = [str(LOCKPROOF), "-C", str(project.root), "attest", "--signer", uri]
        argv += ["--report", str(self.folder / "report.json"), "--bundle", str(base / "p.jsonl")]
        argv += ["--public-key", str(self.folder / "p256.pem")]
        clean = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
        env = {**clean, **self.variables, **more}
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    if not any(map(is_here, NEEDS.values())):
        pytest.skip("pip install 'securesystemslib[gcpkms,azurekms]'")
    folder = tmp_path_factory.mktemp("cloud")
    argv = [sys.executable, str(Path(__file__).with_name("cloud_keys.py")), str(folder)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        proxy = f"http://127.0.0.1:{int(server.stdout.readline())}"
        yield Cloud(
            folder,
            {
                "https_proxy": proxy,
                "no_proxy": "127.0.0.1",
                "GOOGLE_APPLICATION_CREDENTIALS": str(folder / "account.json"),
                "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(folder / "tls.pem"),
                "REQUESTS_CA_BUNDLE": str(folder / "tls.pem"),
                "IDENTITY_ENDPOINT": f"{proxy}/token",
                "IDENTITY_HEADER": "known",
            },
        )


@pytest.fixture(scope="module")
def made(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A proved model, not signed yet; both keys of the services are trusted."""
    trust = '[[trust]]\nkey = "p256.pem"\n'
    project = toy_project(tmp_path_factory.mktemp("proved"), POLICY + trust)
    (project.root / "p256.pem").write_bytes((cloud.folder / "p256.pem").read_bytes())
    project.commit("trust")
    (cloud.folder / "report.json").write_bytes(proof_of(project).read_bytes())
    return project


@pytest.mark.parametrize("service", NEEDS)
def test_a_proof_that_a_service_signed_counts(
    service: str, cloud: Cloud, made: Project, tmp_path: Path
) -> None:
    if not is_here(NEEDS[service]):
        pytest.skip(f"pip install 'securesystemslib[{service}]'")
    project = copy_of(made, tmp_path)
    assert cloud.attest(project, uri_of(service, "p256"))[0] == 0
    assert asked(project, "verify", "HEAD") == (0, [])


FAILURES = {
    "gcpkms denied": ("denied", {}, 4, "does not sign: 403 Permission denied on the key"),
    "gcpkms none": ("none", {}, 4, "does not sign: 404 projects/p/"),
    "gcpkms other": ("p384", {}, 2, "--public-key is that of another key"),
    "gcpkms nobody": (
        "p256",
        {"GOOGLE_APPLICATION_CREDENTIALS": "/none"},
        2,
        "/none was not found",
    ),
    "azurekms denied": ("denied", {}, 4, "does not sign: (Forbidden) no permission"),
    "azurekms none": ("none", {}, 4, "does not sign: (KeyNotFound) none was not found"),
    "azurekms nobody": ("p256", {"IDENTITY_HEADER": "?"}, 4, "failed to retrieve a token"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_where_a_service_fails_nothing_is_kept(
    case: str, cloud: Cloud, made: Project, tmp_path: Path
) -> None:
    service = case.split()[0]
    if not is_here(NEEDS[service]):
        pytest.skip(f"pip install 'securesystemslib[{service}]'")
    key, more, code, message = FAILURES[case]
    project = copy_of(made, tmp_path)
    before = sorted(project.remote.rglob("*"))
    found, said = cloud.attest(project, uri_of(service, key), **more)
    (line,) = said.splitlines()
    assert (found, message in line) == (code, True), said
    assert sorted(project.remote.rglob("*")) == before
    assert not (project.remote.parent / "p.jsonl").exists()
