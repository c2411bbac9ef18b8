"""Who only looks, by control-plane/cluster/readers.yaml and what AWS gives a viewer.

An API server says 403 before it looks whether it has such an object: none has to be there.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.lab import READER, ROOT, Lab, running, wait_until
from lockproof.steps.provision.manifests import load_manifests

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

ROLES = "/apis/rbac.authorization.k8s.io/v1"
SECRET = "/api/v1/namespaces/mlflow/secrets/mlflow-auth"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Lab]:
    with running(tmp_path, controllers=False) as lab:
        yield lab


def path_of(body: Any) -> str:
    """The path of an object; only Kubernetes' own kinds have a plural that is not regular."""
    group, kind, metadata = body["apiVersion"], body["kind"].lower(), body["metadata"]
    ends = {"y": ("y", "ies"), "s": ("", "es")}
    old, new = ends.get(kind[-1], ("", "s"))
    base = "/api/v1" if group == "v1" else f"/apis/{group}"
    within = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{base}{within}/{kind.removesuffix(old)}{new}/{metadata['name']}"


@pytest.mark.parametrize("overlay", ["aws", "local"])
def test_a_reader_may_see_all_of_it_and_change_nothing(overlay: str, server: Lab) -> None:
    declared = load_manifests(ROOT, ROOT / "control-plane/overlays" / overlay)
    paths = [path_of(one.body) for one in declared]
    assert len(paths) > 50
    reader = replace(server.api, token=READER)

    def refused(method: str = "GET", query: str = "") -> list[str]:
        content = "application/merge-patch+json"
        asked = {path: reader.call(method, path + query, {}, content)[0] for path in paths}
        return [path for path, code in asked.items() if code == 403]

    role, binding = yaml.safe_load_all((ROOT / "control-plane/cluster/readers.yaml").read_text())
    # AWS's policy has what is aggregated to `view`, which a controller does elsewhere.
    view = {**binding, "metadata": {"name": "viewers-of-aws"}}
    view["roleRef"] = {**binding["roleRef"], "name": "system:aggregate-to-view"}
    assert refused() == paths
    server.api.create(f"{ROLES}/clusterrolebindings", view)
    wait_until(lambda: refused() != paths)
    unseen = refused()
    assert [path for path in unseen if "/rollouts/" in path or ".aws.m.upbound.io/" in path]

    server.api.create(f"{ROLES}/clusterroles", role)
    server.api.create(f"{ROLES}/clusterrolebindings", binding)
    wait_until(lambda: refused() != unseen)
    assert refused() == []
    assert refused("PATCH", "?dryRun=All") == refused("DELETE", "?dryRun=All") == paths
    assert reader.call("GET", SECRET)[0] == 403
