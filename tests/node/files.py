"""A Git server and a DVC remote in the cluster, so that pods need no way out of it."""

import base64
import io
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from integration.pipelines import Project

LIMIT = 2400
"""Seconds after which something hangs; what is sound takes many minutes on a busy machine."""
_SERVE = """
set -eu
cd /srv
git clone --quiet --bare /given/repository repository.git
tar xf /given/remote
python3 -m http.server 8080 &
exec git daemon --reuseaddr --base-path=/srv --export-all --enable=upload-pack --port=9418 /srv
"""


def kubectl(kubeconfig: Path, *argv: str, given: str = "") -> str:
    """What kubectl prints."""
    done = subprocess.run(
        ["kubectl", "--kubeconfig", str(kubeconfig), *argv],
        input=given,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, (argv, done.stderr)
    return done.stdout


@contextmanager
def served(kubeconfig: Path, namespace: str, image: str, project: Project) -> Iterator[None]:
    """Serve a repository as `git://files/repository.git` and its remote as `http://files:8080`."""
    bundle = project.root / ".git" / "bundle"
    project.git("bundle", "create", "-q", str(bundle), "--all")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(project.remote, "remote")
    data = {"repository": bundle.read_bytes(), "remote": archive.getvalue()}
    objects: list[dict[str, Any]] = [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "files", "namespace": namespace},
            "data": {name: base64.b64encode(content).decode() for name, content in data.items()},
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "files", "namespace": namespace, "labels": {"app": "files"}},
            "spec": {
                "containers": [
                    {
                        "name": "files",
                        "image": image,
                        "command": ["/bin/sh", "-c", _SERVE],
                        "readinessProbe": {"tcpSocket": {"port": 9418}, "periodSeconds": 1},
                        "volumeMounts": [
                            {"name": "given", "mountPath": "/given"},
                            {"name": "srv", "mountPath": "/srv"},
                        ],
                    }
                ],
                "volumes": [
                    {"name": "given", "secret": {"secretName": "files"}},
                    {"name": "srv", "emptyDir": {}},
                ],
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "files", "namespace": namespace},
            "spec": {
                "selector": {"app": "files"},
                "ports": [{"name": "git", "port": 9418}, {"name": "http", "port": 8080}],
            },
        },
    ]
    text = yaml.safe_dump_all(objects)
    kubectl(kubeconfig, "apply", "-f", "-", given=text)
    try:
        kubectl(kubeconfig, "-n", namespace, "wait", "--for=condition=Ready", "pod/files",
                f"--timeout={LIMIT}s")  # fmt: skip
        yield
    finally:
        kubectl(kubeconfig, "delete", "--now", "--ignore-not-found", "-f", "-", given=text)


def wait_until(what: Any, seconds: float = LIMIT) -> Any:
    """Wait until something is true; it as it was then."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds} s")
