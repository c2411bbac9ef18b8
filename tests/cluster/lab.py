"""A real Kubernetes control plane on loopback: etcd, API server, controllers, and a client.

The programs are those in $KUBEBUILDER_ASSETS, as envtest has them. Where kwok and the scheduler are
there, too, pods are scheduled and become ready.
"""

import gzip
import json
import os
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
ADMIN, LIMITED = "token-of-the-admin", "token-of-a-limited-user"
READER = "token-of-a-reader"
"""Of the group that control-plane/cluster/readers.yaml lets read."""
_TOKENS = (
    f'{ADMIN},admin,admin,"system:masters"\n{LIMITED},limited,limited\n'
    f'{READER},reader,reader,"lockproof:readers"\n'
)
_CONTROLLERS = (
    "namespace-controller",
    "deployment-controller",
    "replicaset-controller",
    "statefulset-controller",
    "daemonset-controller",
    "job-controller",
    "cronjob-controller",
    "garbage-collector-controller",
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
    "persistentvolume-binder-controller",
    "persistentvolumeclaim-protection-controller",
    "node-lifecycle-controller",
    "disruption-controller",
    "resourcequota-controller",
    "validatingadmissionpolicy-status-controller",
)

LIMIT = 600
"""Seconds after which something hangs; what is sound takes minutes beside a whole CI run."""


def crd_folder() -> Path | None:
    """Where the real CustomResourceDefinitions are: $LOCKPROOF_CRDS, else ../shared/crds."""
    named = os.environ.get("LOCKPROOF_CRDS")
    folders = [Path(named)] if named else [p / "shared" / "crds" for p in ROOT.parents]
    return next((folder for folder in folders if folder.is_dir()), None)


def wait_until(what: Callable[[], Any], seconds: float = LIMIT) -> Any:
    """Wait until something is true; it as it was then."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s")


def kubeconfig(cluster: Mapping[str, str], token: str) -> str:
    """The text of a kubeconfig with one cluster and one user."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "lab", "cluster": dict(cluster)}],
        "users": [{"name": "user", "user": {"token": token}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "user"}}],
        "current-context": "lab",
    }
    text: str = yaml.safe_dump(config)
    return text


def read_crds(folder: Path) -> list[dict[str, Any]]:
    """The definitions in a folder of `*.yaml` and `*.yaml.gz`."""
    found = []
    for path in sorted(folder.glob("*.yaml*")):
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        found += [one for one in yaml.load_all(content, yaml.CSafeLoader) if one]
    return [one for one in found if one["kind"] == "CustomResourceDefinition"]


@dataclass
class Api:
    """A small client of the tests' own, so that they do not look through the code under test."""

    url: str
    ca: Path | None
    """None: without TLS, as `kubectl proxy` has it."""
    token: str = ADMIN

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        content: str = "application/json",
    ) -> tuple[int, Any]:
        """HTTP status and JSON of the answer."""
        request = urllib.request.Request(
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": content},
        )
        context = ssl.create_default_context(cafile=str(self.ca)) if self.ca else None
        try:
            with urllib.request.urlopen(request, context=context, timeout=120) as answer:
                return answer.status, _parsed(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _parsed(error.read())

    def get(self, path: str) -> Any:
        """An object, or None."""
        code, value = self.call("GET", path)
        return value if code == 200 else None

    def items(self, path: str) -> list[dict[str, Any]]:
        """The objects of a list; none where the kind is not served."""
        return (self.get(path) or {}).get("items") or []

    def create(self, path: str, body: Any) -> Any:
        """Create an object, unless it is there.

        Raises:
            ConnectionError: the server is too busy, or is not up again.
        """
        code, value = self.call("POST", path, body)
        if code == 429 or code >= 500:
            raise ConnectionError(f"{code}: {value}")
        assert code in (200, 201, 409), value
        return value

    def merge(self, path: str, body: Any, query: str = "") -> Any:
        """Change some fields."""
        code, value = self.call("PATCH", path + query, body, "application/merge-patch+json")
        assert code == 200, value
        return value

    def set_status(self, path: str, status: Mapping[str, Any]) -> None:
        """Write a status; an object that has just gone is no error."""
        body = {"status": status}
        self.call("PATCH", f"{path}/status", body, "application/merge-patch+json")


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode()


@dataclass
class Lab:
    """A running control plane."""

    folder: Path
    port: int
    etcd_port: int
    assets: Path
    server: subprocess.Popen[bytes] | None = None
    others: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def api(self) -> Api:
        return Api(self.url, self.folder / "certs" / "apiserver.crt")

    def kubeconfig(self, token: str = ADMIN) -> Path:
        """A kubeconfig of a user."""
        path = self.folder / f"kubeconfig-{token}"
        cluster = {"server": self.url, "certificate-authority": str(self.api.ca)}
        path.write_text(kubeconfig(cluster, token))
        return path

    def start_server(self) -> None:
        """Start the API server and wait until it is ready."""
        key = self.folder / "service-account.key"
        argv = [
            str(self.assets / "kube-apiserver"),
            f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            f"--secure-port={self.port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--cert-dir={self.folder / 'certs'}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--allow-privileged=true",
            "--watch-cache=true",
        ]
        self.server = self._spawn(argv, "apiserver")
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            assert self.server.poll() is None, (self.folder / "apiserver.log").read_text()[-3000:]
            try:
                if self.api.call("GET", "/readyz")[0] == 200:
                    return
            except OSError:
                pass  # It does not listen yet, or has not written its certificate.
            time.sleep(0.2)
        raise AssertionError(f"the API server did not come up in {LIMIT} s")

    def stop_server(self) -> None:
        """Kill the API server; etcd keeps what it stored."""
        assert self.server is not None
        self.server.kill()
        self.server.wait()

    def install(self, definitions: list[dict[str, Any]]) -> None:
        """Install CustomResourceDefinitions and wait until they are served."""
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        for one in definitions:
            self.api.create(path, one)
        deadline = time.monotonic() + LIMIT
        waiting = [one["metadata"]["name"] for one in definitions]
        while waiting:
            assert time.monotonic() < deadline, f"not established: {waiting}"
            waiting = [name for name in waiting if not _is_established(self.api, f"{path}/{name}")]

    def _spawn(self, argv: list[str], name: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(argv, stdout=log, stderr=log, cwd=self.folder)

    def start_controllers(self) -> None:
        """Start those of the controllers that there is a program for."""
        config = self.kubeconfig()
        common = [f"--kubeconfig={config}", "--leader-elect=false"]
        secure = ["--bind-address=127.0.0.1", f"--cert-dir={self.folder / 'certs'}"]
        programs = {
            "kube-controller-manager": [
                *(*common, *secure, f"--secure-port={free_port()}"),
                f"--controllers={','.join(_CONTROLLERS)}",
                f"--root-ca-file={self.api.ca}",
                "--node-monitor-grace-period=1h",  # Nothing sends heartbeats.
                "--pvclaimbinder-sync-period=1s",  # Volumes come from a stand-in.
            ],
            "kube-scheduler": [*common, *secure, f"--secure-port={free_port()}"],
            "kwok": [
                f"--kubeconfig={config}",
                "--manage-all-nodes=true",
                f"--config={Path(__file__).with_name('kwok.yaml')}",
            ],
        }
        for name, arguments in programs.items():
            if (self.assets / name).exists():
                self.others.append(self._spawn([str(self.assets / name), *arguments], name))
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "node", "labels": {"kubernetes.io/hostname": "node"}},
        }
        self.api.create("/api/v1/nodes", node)
        capacity = {"cpu": "32", "memory": "256Gi", "pods": "110"}
        self.api.set_status("/api/v1/nodes/node", {"capacity": capacity, "allocatable": capacity})


def _is_established(api: Api, path: str) -> bool:
    conditions = (api.get(path) or {}).get("status", {}).get("conditions") or []
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


@contextmanager
def running(folder: Path, *, controllers: bool = True) -> Iterator[Lab]:
    """A control plane that keeps all it has in `folder`; it is stopped at the end."""
    assets = Path(os.environ["KUBEBUILDER_ASSETS"])
    lab = Lab(folder, free_port(), free_port(), assets)
    (folder / "tokens.csv").write_text(_TOKENS)
    _make_key(folder / "service-account.key")
    peer = f"http://127.0.0.1:{free_port()}"
    client = f"http://127.0.0.1:{lab.etcd_port}"
    argv = [str(assets / "etcd"), f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync"]
    argv += [f"--listen-client-urls={client}", f"--advertise-client-urls={client}"]
    argv += [f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}"]
    argv += [f"--initial-cluster=default={peer}"]
    with ExitStack() as stack:
        lab.others.append(lab._spawn(argv, "etcd"))
        stack.callback(_stop, lab)
        lab.start_server()
        if controllers:
            lab.start_controllers()
        yield lab


def _stop(lab: Lab) -> None:
    for process in (*reversed(lab.others[1:]), lab.server, lab.others[0]):
        if process is not None:
            process.kill()
            process.wait()


def _make_key(path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
