"""The platform's local overlay on a cluster whose nodes run pods, brought up from nothing.

Real are the API server, the kubelet and what runs in pods. Stood in for, as in stand_in.py of
../cluster: Crossplane with its providers, Argo CD, what makes volumes. The images are those that
the overlay names by digest: a cluster pulls them, or was given its own by these names.
"""

import base64
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cluster.lab import ROOT, Api, Lab
from cluster.stand_in import StandIn
from node.files import LIMIT

PROGRAM = Path(sys.executable).with_name("lockproof")
MADE = ("mlflow", "serving", "storage", "crossplane-system", "argocd", "lockproof-system")
"""Namespaces that are the platform's alone; a cluster that has one is not to be played with."""
BY_HELM = ("crossplane-system", "monitoring", "argo-rollouts", "argocd")
BUCKET = "lockproof-store"
README = "control-plane/README.md"


def commands(page: str, after: str) -> list[str]:
    """The blocks of shell commands of a page below a heading, or some words of it."""
    text = (ROOT / page).read_text("utf-8").partition(after)[2]
    return re.findall(r"^ *```bash\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)


class Platform:
    """A copy of the control plane, and the cluster of $LOCKPROOF_TEST_NODE."""

    def __init__(self, root: Path, config: Path) -> None:
        self.root, self.config = root, config
        shutil.copytree(ROOT / "control-plane", root / "control-plane")
        subprocess.run(["git", "init", "--quiet", str(root)], check=True)

    def sh(self, script: str, **variables: str) -> str:
        """Run what a page says; what it prints."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.root, env=os.environ | {"KUBECONFIG": str(self.config)} | variables,
            capture_output=True, text=True, timeout=LIMIT,
        )  # fmt: skip
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout

    def kubectl(self, *words: str, given: str = "") -> str:
        done = subprocess.run(
            ["kubectl", "--kubeconfig", str(self.config), *words],
            input=given, capture_output=True, text=True, timeout=LIMIT,
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def get(self, *words: str) -> Any:
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def secret(self, namespace: str, name: str) -> dict[str, str]:
        """What a Secret holds."""
        data = self.get("-n", namespace, "secret", name)["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start `lockproof provision` with the local overlay."""
        argv = [str(PROGRAM), "provision", *words, "--overlay", "local", "--format", "json"]
        return subprocess.Popen(
            [*argv, "--kubeconfig", str(self.config)],
            cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def provision(self, *words: str, seconds: int = LIMIT) -> tuple[int, dict[str, Any]]:
        """Exit code and report."""
        return finish(self.start(*words, "--timeout", f"{seconds}s"))

    @contextmanager
    def forwarded(self, namespace: str, service: str, port: int, own: int = 0) -> Iterator[str]:
        """The URL of a service, through a port of this machine."""
        if not own:
            with socket.socket() as one:
                one.bind(("127.0.0.1", 0))
                own = one.getsockname()[1]
        argv = ["kubectl", "--kubeconfig", str(self.config), "-n", namespace, "port-forward"]
        with subprocess.Popen(
            [*argv, f"service/{service}", f"{own}:{port}"], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            try:
                if not process.stdout.readline().startswith("Forwarding"):
                    raise ConnectionError(f"no pod of {namespace}/{service} can be reached")
                yield f"http://127.0.0.1:{own}"
            finally:
                process.kill()

    @contextmanager
    def store(self) -> Iterator[Any]:
        """An S3 client for SeaweedFS, with the key that the README's commands made."""
        import boto3

        keys = self.secret("mlflow", "object-store")
        with self.forwarded("storage", "seaweedfs", 8333) as url:
            client = boto3.client(
                "s3",
                endpoint_url=url,
                aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
                region_name="us-east-1",
            )
            try:
                yield client
            finally:
                client.close()

    def stored(self, below: str) -> set[str]:
        """The keys in the bucket."""
        with self.store() as client:
            found = client.list_objects_v2(Bucket=BUCKET, Prefix=below)
        return {one["Key"] for one in found.get("Contents", ())}

    def pods(self, namespace: str, label: str) -> list[Any]:
        """The pods with a label that are not on their way out."""
        found = self.get("-n", namespace, "pods", "-l", label)["items"]
        return [one for one in found if "deletionTimestamp" not in one["metadata"]]

    def mlflow_is_up(self) -> None:
        """Wait until all of its pods are of the newest template, and answer."""
        self.kubectl("-n", "mlflow", "rollout", "status", "deployment/mlflow",
                     f"--timeout={LIMIT}s")  # fmt: skip

    def admin(self) -> tuple[str, str]:
        """Name and password of MLflow's administrator."""
        held = self.secret("mlflow", "mlflow-auth")
        return held["MLFLOW_AUTH_ADMIN_USERNAME"], held["MLFLOW_AUTH_ADMIN_PASSWORD"]

    def python(self, code: str, *words: str, **variables: str) -> str:
        """What a program prints that a person with MLflow's client runs."""
        return self.sh(shlex.join([sys.executable, "-c", code, *words]), **variables)


def by(who: tuple[str, str], url: str) -> dict[str, str]:
    """The variables of an MLflow client."""
    return {
        "MLFLOW_TRACKING_URI": url,
        "MLFLOW_TRACKING_USERNAME": who[0],
        "MLFLOW_TRACKING_PASSWORD": who[1],
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "600",  # A slow machine is no fault.
    }


def finish(process: "subprocess.Popen[str]") -> tuple[int, dict[str, Any]]:
    """Exit code and report of a command, once it ends."""
    out, errors = process.communicate(timeout=2 * LIMIT)
    assert out, errors
    return process.returncode, json.loads(out)


def ask(url: str, body: Any = None, who: tuple[str, str] | None = None) -> tuple[int, Any]:
    """HTTP status and answer."""
    headers = {"Content-Type": "application/json"}
    if who is not None:
        headers["Authorization"] = f"Basic {base64.b64encode(':'.join(who).encode()).decode()}"
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, data, headers), timeout=300
        ) as answer:
            content, code = answer.read().decode(), answer.status
    except urllib.error.HTTPError as error:
        with error:
            content, code = error.read().decode(), error.code
    with suppress(ValueError):
        content = json.loads(content)
    return code, content


class OnNode(StandIn):
    """It makes volumes that pods can write, and buckets where the overlay's own server is."""

    platform: Platform
    volumes: Path

    def step(self) -> None:
        self._claims()  # Before buckets, whose server has such a volume.
        super().step()
        time.sleep(1)  # It is no matter of a moment here, and asks for much.

    def _bucket(self, metadata: dict[str, Any]) -> None:
        name = metadata["annotations"]["crossplane.io/external-name"]
        if name in self.buckets:
            return
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            with self.platform.store() as client:
                if name not in {one["Name"] for one in client.list_buckets()["Buckets"]}:
                    client.create_bucket(Bucket=name)
        except (BotoCoreError, ClientError, AssertionError) as error:
            raise ConnectionError("the server is not up yet") from error
        self.buckets.append(name)

    def _claims(self) -> None:
        if self.api.items("/apis/storage.k8s.io/v1/storageclasses"):
            return
        for one in self.api.items("/api/v1/persistentvolumeclaims"):
            metadata, spec = one["metadata"], one["spec"]
            name = f"volume-of-{metadata['namespace']}-{metadata['name']}"
            if metadata["namespace"] not in MADE or one["status"].get("phase") != "Pending":
                continue
            folder = self.volumes / name  # which such a node has in common with this machine
            folder.mkdir(exist_ok=True)
            folder.chmod(0o777)  # of such a volume fsGroup changes nothing
            volume = {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": name},
                "spec": {
                    "capacity": spec["resources"]["requests"],
                    "accessModes": spec["accessModes"],
                    "persistentVolumeReclaimPolicy": "Retain",
                    "hostPath": {"path": str(folder)},
                    "claimRef": {"namespace": metadata["namespace"], "name": metadata["name"]},
                },
            }
            self.api.create("/api/v1/persistentvolumes", volume)

    def _rollouts(self) -> None:
        """Nothing: the real controller is there."""


class NodeLab(Lab):
    """The API server of the node, through `kubectl proxy`."""

    def __init__(self, url: str) -> None:
        self.at = url

    @property
    def api(self) -> Api:
        return Api(self.at, None)


@contextmanager
def proxied(config: Path) -> Iterator[str]:
    """The URL of `kubectl proxy`."""
    argv = ["kubectl", "--kubeconfig", str(config), "proxy", "--port=0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://{process.stdout.readline().split()[-1]}"
        finally:
            process.kill()
