"""Provisioning a real API server from the module's container."""

import base64
from pathlib import Path

import pytest
import yaml

from cluster.lab import ADMIN, running
from engine.conftest import dagger, git

pytestmark = [
    pytest.mark.engine,
    pytest.mark.cluster,
    pytest.mark.xdist_group("engine"),
]
NAME = "from-a-container"
OBJECTS = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAME}},
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": NAME},
        "data": {"a": "1"},
    },
]


def test_a_cluster_is_brought_up_compared_and_taken_down(library: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "repo" / "control-plane" / "overlays" / "local"
    overlay.mkdir(parents=True)
    (overlay / "kustomization.yaml").write_text("resources: [all.yaml]\n")
    (overlay / "all.yaml").write_text(yaml.safe_dump_all(OBJECTS))
    git(tmp_path, "init", "--quiet", "repo")
    with running(tmp_path) as lab:
        cluster = {
            "server": lab.url.replace("127.0.0.1", "cluster"),
            "certificate-authority-data": base64.b64encode(lab.api.ca.read_bytes()).decode(),
            "tls-server-name": "kubernetes",
        }
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "lab", "cluster": cluster}],
            "users": [{"name": "lab", "user": {"token": ADMIN}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
            "current-context": "lab",
        }
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
        call = ["-m", library, "call", "--repository", ".", "--path", "."]
        call += ["--kubeconfig", f"file://{tmp_path / 'kubeconfig'}"]
        call += ["--cluster", lab.url.replace("https", "tcp")]
        repository = tmp_path / "repo"
        dagger(repository, *call, "crossplane", "status", "--overlay", "local", "table").expect(1)
        dagger(repository, *call, "provision", "--overlay", "local", "table").expect()
        found = lab.api.get(f"/api/v1/namespaces/{NAME}/configmaps/settings")
        assert found["data"] == {"a": "1"}
        same = dagger(repository, *call, "crossplane", "status", "--overlay", "local", "verdict")
        assert same.expect().stdout.strip() == "PASSED"
        dagger(repository, *call, "crossplane", "down", "--overlay", "local", "table").expect()
        assert lab.api.call("GET", f"/api/v1/namespaces/{NAME}")[0] == 404
