"""The platform's own manifests on pods that run: what they wait for, and what stays.

The kubelet is real, and so is what it says. Of the local overlay this is the S3 server alone: the
kinds of Crossplane and Argo CD are not served by such a node, and MLflow's image is not on it.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).with_name("lockproof")
STORE = os.environ.get("LOCKPROOF_TEST_NODE_STORE", "localhost/seaweedfs:1")
"""The image of the S3 server, which the node has."""
KEY, SECRET = "a-key", "a-secret-of-the-test"

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("node")]


class Bed:
    """A repository with one overlay, and a namespace of its own in the cluster."""

    def __init__(self, root: Path) -> None:
        self.config = os.environ["LOCKPROOF_TEST_NODE"]
        self.name = f"up-{uuid.uuid4().hex[:8]}"
        self.root = root
        overlay = root / "control-plane" / "overlays" / self.name
        overlay.mkdir(parents=True)
        local = root / "control-plane" / "overlays" / "local"
        local.mkdir()
        shutil.copy(ROOT / "control-plane/overlays/local/seaweedfs.yaml", local)
        image, _, tag = STORE.rpartition(":")
        of = {"name": "docker.io/chrislusf/seaweedfs", "newName": image, "newTag": tag}
        (local / "kustomization.yaml").write_text("resources: [seaweedfs.yaml]\n")
        kustomization = {"namespace": self.name, "resources": ["../local"], "images": [of]}
        (overlay / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        subprocess.run(["git", "init", "--quiet", str(root)], check=True)

    def kubectl(self, *words: str, given: str = "") -> str:
        done = subprocess.run(
            ["kubectl", "--kubeconfig", self.config, *words],
            input=given, capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def provision(self, *words: str) -> tuple[int, dict[str, Any]]:
        """Exit code and report."""
        argv = [str(PROGRAM), "provision", *words, "--overlay", self.name, "--format", "json"]
        done = subprocess.run(
            [*argv, "--kubeconfig", self.config],
            cwd=self.root, capture_output=True, text=True, timeout=400,
        )  # fmt: skip
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    @contextmanager
    def forwarded(self) -> Iterator[Any]:
        """An S3 client, through a port of this machine."""
        import boto3

        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        argv = ["kubectl", "--kubeconfig", self.config, "-n", self.name, "port-forward"]
        argv += ["service/seaweedfs", f"{port}:8333"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("Forwarding")
            client = boto3.client(
                "s3",
                endpoint_url=f"http://127.0.0.1:{port}",
                aws_access_key_id=KEY,
                aws_secret_access_key=SECRET,
                region_name="us-east-1",
            )
            try:
                yield client
            finally:
                client.close()
                process.kill()


def until(what: Callable[[], Any], seconds: float = 120) -> Any:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds} s")


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    one = Bed(tmp_path / "repo")
    volume = None
    if not json.loads(one.kubectl("get", "storageclass", "-o", "json"))["items"]:
        # Nothing makes volumes here: a folder, which such a node has in common with this machine.
        folder = tmp_path / "data"
        folder.mkdir()
        folder.chmod(0o777)
        volume = one.name
        spec = {
            "capacity": {"storage": "20Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": str(folder)},
            "claimRef": {"namespace": one.name, "name": "seaweedfs-data"},
        }
        body = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume}}
        one.kubectl("apply", "-f", "-", given=yaml.safe_dump(body | {"spec": spec}))
    yield one
    one.kubectl("delete", "namespace", one.name, "--ignore-not-found", "--timeout=120s")
    one.kubectl("delete", "configmap", f"lockproof-{one.name}", "--ignore-not-found")
    if volume:
        one.kubectl("delete", "persistentvolume", volume)


def test_the_store_comes_up_with_its_secret_and_keeps_its_data(bed: Bed) -> None:
    """Without the Secret the kubelet's own words say what is missing; then `up` takes it up."""
    code, report = bed.provision("--timeout", "20s")
    assert code == 1, report["findings"]
    told = {one["rule"]: one["message"] for one in report["findings"]}
    assert 'secret "object-store" not found' in told["LP906"]
    assert {one["action"] for one in report["host"]["objects"]} == {"create"}

    credentials = [{"accessKey": KEY, "secretKey": SECRET}]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    identity = {"name": "platform", "credentials": credentials, "actions": actions}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "object-store", "namespace": bed.name},
        "stringData": {"s3.json": json.dumps({"identities": [identity]})},
    }
    bed.kubectl("apply", "-f", "-", given=yaml.safe_dump(secret))
    code, report = bed.provision("--timeout", "300s")
    assert code == 0, report["findings"]
    assert {one["action"] for one in report["host"]["objects"]} == {"none"}
    with bed.forwarded() as client:
        until(lambda: client.create_bucket(Bucket="kept"))
        client.put_object(Bucket="kept", Key="a", Body=b"data")

    code, report = bed.provision("down", "--timeout", "120s")
    assert code == 0, report["findings"]
    kept = {one["name"] for one in report["host"]["objects"] if one["action"] == "keep"}
    assert f"PersistentVolumeClaim {bed.name}/seaweedfs-data" in kept
    until(lambda: not _left(bed))
    code, report = bed.provision("--timeout", "300s")
    assert code == 0, report["findings"]
    with bed.forwarded() as client:
        found = until(lambda: _read(client))
    assert found == b"data"


def _left(bed: Bed) -> Any:
    return json.loads(bed.kubectl("-n", bed.name, "get", "pods", "-o", "json"))["items"]


def _read(client: Any) -> bytes | None:
    """The object, as soon as the server knows its volumes again."""
    from botocore.exceptions import ClientError

    try:
        found: bytes = client.get_object(Bucket="kept", Key="a")["Body"].read()
    except ClientError:
        return None
    return found
