"""Provisioning a real API server from the module's container."""

import base64
from pathlib import Path

import pytest
import yaml

from cluster.lab import ADMIN, Lab, kubeconfig, running
from cluster.stand_in import open_definition
from engine.conftest import committed, dagger, report_of

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


def reach(lab: Lab, folder: Path) -> list[str]:
    """The module's options for a server on this machine's loopback."""
    cluster = {
        "server": lab.url.replace("127.0.0.1", "cluster"),
        "certificate-authority-data": base64.b64encode(lab.api.ca.read_bytes()).decode(),
        "tls-server-name": "kubernetes",
    }
    file = folder / "kubeconfig"
    file.write_text(kubeconfig(cluster, ADMIN))
    return ["--kubeconfig", f"file://{file}", "--cluster", lab.url.replace("https", "tcp")]


def test_a_cluster_is_brought_up_compared_and_taken_down(library: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "repo" / "control-plane" / "overlays" / "local"
    overlay.mkdir(parents=True)
    (overlay / "kustomization.yaml").write_text("resources: [all.yaml]\n")
    (overlay / "all.yaml").write_text(yaml.safe_dump_all(OBJECTS))
    committed(tmp_path / "repo")
    with running(tmp_path) as lab:
        call = ["-m", library, "call", "--repository", ".", "--path", ".", *reach(lab, tmp_path)]
        repository = tmp_path / "repo"
        dagger(repository, *call, "crossplane", "status", "--overlay", "local", "table").expect(1)
        dagger(repository, *call, "provision", "--overlay", "local").expect()
        found = lab.api.get(f"/api/v1/namespaces/{NAME}/configmaps/settings")
        assert found["data"] == {"a": "1"}
        same = dagger(repository, *call, "crossplane", "status", "--overlay", "local", "verdict")
        assert same.expect().stdout.strip() == "PASSED"
        dagger(repository, *call, "crossplane", "down", "--overlay", "local", "table").expect()
        assert lab.api.call("GET", f"/api/v1/namespaces/{NAME}")[0] == 404


def test_manifests_are_held_against_the_kinds_of_a_cluster(library: Path, tmp_path: Path) -> None:
    """No bundled table knows either kind; the server has one of them."""
    for kind in ("Widget", "Gadget"):
        manifest = {"apiVersion": "example.org/v1", "kind": kind, "metadata": {"name": "a"}}
        (tmp_path / "repo" / kind).mkdir(parents=True)
        (tmp_path / "repo" / kind / "all.yaml").write_text(yaml.safe_dump(manifest))
    committed(tmp_path / "repo")
    call = ["-m", library, "call", "--repository", "."]
    lint = ["manifests", "lint", "--paths"]
    alone = dagger(tmp_path / "repo", *call, *lint, "Widget", "table").expect(5)
    assert "no schema for example.org/v1 Widget" in alone.said
    with running(tmp_path, controllers=False) as lab:
        lab.install([open_definition("example.org", "v1", "Widget", "Cluster")])
        call += reach(lab, tmp_path)
        known = dagger(tmp_path / "repo", *call, *lint, "Widget", "verdict").expect()
        assert known.stdout.strip() == "PASSED"
        out = ["--no-fail", "reports", "export", "--path", tmp_path / "out"]
        dagger(tmp_path / "repo", *call, *lint, "Gadget", *out).expect()
    report = report_of(tmp_path / "out")
    assert report["verdict"] == "failed"
    assert [finding["rule"] for finding in report["findings"]] == ["LP608"]
