"""`lockproof lint` beside a real API server: the same fields, and the same refusals."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.lab import LIMIT, LIMITED, Lab, crd_folder, read_crds, running, wait_until
from cluster.stand_in import open_definition
from lockproof.adapters.git.tree import FolderTree
from lockproof.adapters.kubernetes.field_tables import BundledSchemas, kubernetes_versions
from lockproof.model.manifest import Manifest
from lockproof.rules.manifests.shape import name_findings, shape_findings
from lockproof.rules.manifests.validation import with_validation
from lockproof.steps.lint.cluster_schemas import ClusterSchemas
from lockproof.steps.lint.found import find
from lockproof.steps.lint.gather import gather
from manifests.comparison import Comparison
from manifests.mutations import MUTATIONS, mutate, platform

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

SCHEMA_RULES = ("LP604", "LP605", "LP606", "LP607", "LP608")
WIDGET = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.lint.example.org"},
    "spec": {
        "group": "lint.example.org",
        "names": {"kind": "Widget", "plural": "widgets", "listKind": "WidgetList"},
        "scope": "Cluster",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "required": ["size"],
                                "properties": {"size": {"type": "integer", "maximum": 9}},
                            }
                        },
                    }
                },
            }
        ],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A server with every kind; others test what happens before kinds are there."""
    folder = crd_folder()
    if folder is None:
        pytest.skip("no real CustomResourceDefinitions: LOCKPROOF_CRDS names no folder of them")
    with running(tmp_path_factory.mktemp("lint-lab"), controllers=False) as lab:
        lab.install([*read_crds(folder), WIDGET])
        for name in ("models", "argocd", "flux-system", "x"):
            metadata = {"name": name}
            lab.api.create(
                "/api/v1/namespaces",
                {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata},
            )
        yield lab


@pytest.fixture(scope="module")
def schemas(server: Lab) -> ClusterSchemas:
    return ClusterSchemas.open(server.kubeconfig(), None)


def lint(root: Path, config: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("lockproof")), "lint", "--cluster", *argv],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        env={**os.environ, "KUBECONFIG": str(config)},
    )


def test_the_tables_of_kubernetes_say_what_the_server_says(schemas: ClusterSchemas) -> None:
    """Of the version that the server is: point $KUBEBUILDER_ASSETS at another one to compare it."""
    if schemas.version not in kubernetes_versions():
        pytest.skip(f"no field tables for Kubernetes {schemas.version}")
    bundled = BundledSchemas(schemas.version)
    content = json.loads(Path(_tables("kubernetes.json")).read_bytes())
    comparison = Comparison(frozenset({"said"}))  # No words of theirs are bundled.
    compared = 0
    for name in content["kinds"]:
        ours, theirs = bundled.find(*name.split("/")), schemas.find(*name.split("/"))
        if theirs is None:
            # A server serves alpha and beta versions only when it is told to.
            assert ours is None or "alpha" in name or "beta" in name, name
            continue
        assert ours is not None, name
        assert ours.kind.namespaced is theirs.kind.namespaced, name
        comparison.compare(ours.table, ours.kind.root, theirs.table, theirs.kind.root, name)
        compared += 1
    assert not comparison.differences
    assert compared > 60
    assert len(comparison.seen) > 1000
    for group in {name.split("/")[0] for name in content["kinds"]}:
        # The server's own, and what its own kinds are made of.
        assert set(schemas.kinds(group)) <= {*bundled.kinds(group)}, group


def test_the_tables_of_custom_kinds_say_what_the_server_says(
    server: Lab, schemas: ClusterSchemas
) -> None:
    folder = crd_folder()
    assert folder is not None
    bundled = BundledSchemas("1.34")
    for crd in read_crds(folder):
        spec = crd["spec"]
        for version in spec["versions"]:
            if version["served"]:
                key = (spec["group"], version["name"], spec["names"]["kind"])
                ours, theirs = bundled.find(*key), schemas.find(*key)
                assert ours is not None, key
                assert theirs is not None, key
                assert ours.kind.namespaced is theirs.kind.namespaced, key


def test_a_kind_that_changes_meanwhile_is_read_as_it_is_then(server: Lab) -> None:
    late = open_definition("late.example.org", "v1", "Late", "Cluster")
    server.install([late])

    def published() -> str | None:
        paths = server.api.get("/openapi/v3")["paths"]
        return (paths.get("apis/late.example.org/v1") or {}).get("serverRelativeURL")

    before = wait_until(published)
    opened = ClusterSchemas.open(server.kubeconfig(), None)
    late["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"] = "another"
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    server.api.merge(f"{definitions}/{late['metadata']['name']}", {"spec": late["spec"]})
    wait_until(lambda: published() != before)
    assert opened.find("late.example.org", "v1", "Late") is not None


def _tables(name: str) -> str:
    import lockproof

    return str(Path(lockproof.__file__).parent / "schemas" / name)


def manifests(root: Path) -> tuple[Manifest, ...]:
    """The manifests of the sample platform, as they would be applied."""
    tree = FolderTree(root)
    found = find(tree, ["control-plane"], ())
    gathered = gather(tree, found, lambda text: None)
    return tuple(m for bundle in gathered.bundles for m in bundle.manifests)


def refusal(server: Lab, manifest: Manifest) -> str | None:
    """What a strict dry run says against a manifest; None where it is accepted."""
    group, version, kind = manifest.group, manifest.version, manifest.kind
    start = f"/apis/{group}/{version}" if group else f"/api/{version}"
    listed = (server.api.get(start) or {}).get("resources") or ()
    one = next((r for r in listed if r["kind"] == kind and "/" not in r["name"]), None)
    if one is None:
        return "not served"
    inside = f"/namespaces/{manifest.namespace or 'x'}" if one["namespaced"] else ""
    path = f"{start}{inside}/{one['name']}?dryRun=All&fieldValidation=Strict"
    code, answer = server.api.call("POST", path, manifest.value)
    return None if code in (200, 201) else str(answer.get("message"))


def test_the_server_accepts_what_lint_accepts(server: Lab, tmp_path: Path) -> None:
    accepted = 0
    for manifest in manifests(platform(tmp_path)):
        if manifest.group == "flagger.app":
            continue  # Its definitions are not among those at hand.
        said = refusal(server, manifest)
        assert said is None, f"{manifest.label}: {said}"
        accepted += 1
    assert accepted > 15


def test_the_server_refuses_what_lint_refuses(
    server: Lab, schemas: ClusterSchemas, tmp_path: Path
) -> None:
    before = [manifest.value for manifest in manifests(platform(tmp_path / "before"))]
    refused = 0
    for number, mutation in enumerate(MUTATIONS):
        # A namespace where none belongs is dropped by the server without a word.
        if mutation.rule not in SCHEMA_RULES or mutation.name == "namespace on a cluster kind":
            continue
        if mutation.file == "flagger.yaml":
            continue
        root = platform(tmp_path / str(number))
        mutate(root, mutation)
        (changed,) = (m for m in manifests(root) if m.value not in before)
        assert refusal(server, changed) is not None, mutation.name
        schema = schemas.find(changed.group, changed.version, changed.kind)
        found = with_validation(changed, *shape_findings(changed, schema))[0] if schema else True
        assert found, mutation.name
        refused += 1
    assert refused > 20


def test_a_name_that_lint_refuses_the_server_refuses(server: Lab) -> None:
    """Of every kind that the server can create; what else is wrong with the object is no matter."""
    starts = ["/api/v1"]
    for group in server.api.get("/apis")["groups"]:
        starts += [f"/apis/{version['groupVersion']}" for version in group["versions"]]
    refused = 0
    for start in starts:
        listed = server.api.get(start)
        for one in listed["resources"]:
            if "/" in one["name"] or "create" not in one["verbs"]:
                continue
            value = {
                "apiVersion": listed["groupVersion"],
                "kind": one["kind"],
                "metadata": {"name": "Server_1"},
            }
            if not list(name_findings(Manifest(value, lambda at: ("a.yaml", 1)))):
                continue
            path = f"{start}{'/namespaces/x' if one['namespaced'] else ''}/{one['name']}"
            _, answer = server.api.call("POST", f"{path}?dryRun=All", value)
            assert "metadata.name" in str(answer), (value, answer)
            refused += 1
    assert refused > 50


def test_the_command_asks_the_cluster(server: Lab, tmp_path: Path) -> None:
    root = platform(tmp_path)
    (root / "control-plane" / "flagger.yaml").unlink()
    path = root / "control-plane" / "kustomization.yaml"
    path.write_text(path.read_text().replace("  - flagger.yaml\n", ""))
    for user, argv in (("", ()), (LIMITED, ("--only", "schema"))):
        config = server.kubeconfig(user) if user else server.kubeconfig()
        done = lint(root, config, *argv)
        assert done.returncode == 0, done.stdout + done.stderr
    widget = (
        "apiVersion: lint.example.org/v1\nkind: {}\nmetadata: {{name: a{}}}\nspec: {{size: {}}}\n"
    )
    texts = [
        widget.format("Widget", "", 10),
        widget.format("Widget", "b, namespace: x", 1),
        widget.format("Gadget", "c", 1),
        "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: c}\nspec: {}\n",
        "apiVersion: networking.k8s.io/v1beta1\nkind: IPAddress\nmetadata: {name: 10.0.0.1}\n"
        "spec: {parentRef: {resource: services, name: x}}\n",
    ]
    (root / "w.yaml").write_text("---\n".join(texts))
    done = lint(root, server.kubeconfig(), "--only", "schema", "--format", "json", "w.yaml")
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    # The server drops a namespace where none belongs: no error.
    assert [(f["rule"], f["line"], f["severity"]) for f in report["findings"]] == [
        ("LP607", 4, "error"), ("LP604", 8, "note"), ("LP608", 12, "error"),
        ("LP609", 21, "warning"), ("LP608", 22, "error"),
    ]  # fmt: skip
    assert report["checks"][0]["not_checked"] == [
        "w.yaml:16: the cluster does not serve flagger.app/v1beta1 Canary"
    ]
    done = lint(
        root, server.kubeconfig(), "--schema-location", "default", "--only", "schema", "w.yaml"
    )
    assert "LP606  w.yaml:19" in done.stdout


def test_what_is_no_cluster_ends_in_one_line(server: Lab, tmp_path: Path) -> None:
    root = platform(tmp_path / "root")
    config = server.kubeconfig()
    wrong, dead = tmp_path / "wrong", tmp_path / "dead"
    wrong.write_text(server.kubeconfig("wrong").read_text())
    dead.write_text(config.read_text().replace(str(server.port), "9"))
    for path, argv, code, message in (
        (wrong, (), 2, "does not accept these credentials"),
        (dead, (), 4, "does not answer"),
        (tmp_path / "gone", (), 2, "there is no kubeconfig"),
        (config, ("--context", "nope"), 2, "no context 'nope'"),
    ):
        done = lint(root, path, *argv)
        assert done.returncode == code, done.stderr
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
        assert not done.stdout
