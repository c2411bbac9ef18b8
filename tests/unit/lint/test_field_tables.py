"""The bundled field tables against the published schemas that they were made from."""

import json
import os
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from field_tables import custom_tables, read_crds

from cluster.lab import crd_folder
from lockproof.adapters.kubernetes.field_tables import BundledSchemas, kubernetes_versions
from lockproof.model.schema import Reference, Table
from lockproof.rules.manifests.schema import validate
from lockproof.steps.lint.cluster_schemas import document_kinds
from manifests.comparison import Comparison

ROOT = Path(__file__).resolve().parents[3]
CRDS = crd_folder()
FOLDER = files("lockproof") / "schemas"
needs_crds = pytest.mark.skipif(
    CRDS is None, reason="no real CustomResourceDefinitions: LOCKPROOF_CRDS names no folder of them"
)


def definitions() -> list[dict[str, Any]]:
    return [crd for path in paths() for crd in read_crds(path)]


def paths() -> list[Path]:
    return sorted(CRDS.glob("*.yaml*")) if CRDS else []


def fields(schema: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, str, str]]:
    """Every field of a published schema: path, type, and what restricts it."""
    facts = {
        key: schema[key]
        for key in (
            "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "format", "default",
        )
        if key in schema and schema[key] is not None
    }  # fmt: skip
    kind = "int-or-string" if schema.get("x-kubernetes-int-or-string") else schema.get("type", "")
    yield at, kind, json.dumps([facts, sorted(schema.get("required", ()))], sort_keys=True)
    for name, inner in schema.get("properties", {}).items():
        yield from fields(inner, f"{at}/{name}")
    if isinstance(schema.get("items"), dict):
        yield from fields(schema["items"], f"{at}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from fields(schema["additionalProperties"], f"{at}{{}}")


def table_fields(
    table: Table, reference: Reference, at: str = ""
) -> Iterator[tuple[str, str, str]]:
    """The same of a table."""
    table, node = table.find(reference)
    names = {"min-length": "minLength", "max-length": "maxLength"}
    facts = {
        names.get(key, key): node[key]
        for key in (
            "enum", "pattern", "minimum", "maximum", "min-length", "max-length", "format",
            "default",
        )
        if key in node
    }  # fmt: skip
    yield at, node.get("type", ""), json.dumps([facts, node.get("required", [])], sort_keys=True)
    for name, inner in node.get("properties", {}).items():
        if at == "" and name in ("apiVersion", "kind", "metadata"):
            continue
        yield from table_fields(table, inner, f"{at}/{name}")
    if "items" in node:
        yield from table_fields(table, node["items"], f"{at}[]")
    if "values" in node:
        yield from table_fields(table, node["values"], f"{at}{{}}")


@needs_crds
def test_the_tables_agree_with_the_published_definitions_field_by_field() -> None:
    bundled = BundledSchemas("1.34")
    compared = 0
    for crd in definitions():
        spec = crd["spec"]
        for version in spec["versions"]:
            if not version.get("served"):
                continue
            schema = bundled.find(spec["group"], version["name"], spec["names"]["kind"])
            assert schema is not None, f"{crd['metadata']['name']} {version['name']}"
            published = {
                entry
                for entry in fields(version["schema"]["openAPIV3Schema"])
                if entry[0].split("/")[:2]
                not in (["", "apiVersion"], ["", "kind"], ["", "metadata"])
            }
            ours = set(table_fields(schema.table, schema.kind.root))
            assert ours == published, f"{crd['metadata']['name']} {version['name']}"
            assert schema.kind.namespaced is (spec["scope"] == "Namespaced")
            compared += len(ours)
    assert compared > 10_000


@needs_crds
def test_no_description_of_theirs_is_kept() -> None:
    kept = "".join(
        path.read_text("utf-8") for path in FOLDER.iterdir() if path.name.endswith(".json")
    )

    def sentences(schema: Any) -> Iterator[str]:
        if isinstance(schema, Mapping):
            text = schema.get("description")
            if isinstance(text, str) and len(text.split()) > 5:
                yield text
            for inner in schema.values():
                yield from sentences(inner)

    for crd in definitions():
        for text in set(sentences(crd["spec"])):
            assert text not in kept


@needs_crds
def test_making_the_tables_again_changes_nothing() -> None:
    own = Path(__file__).with_name("cronworkflow-crd.yaml")
    made = custom_tables([*paths(), own])
    for group in ("argoproj.io", "s3.aws.m.upbound.io", "kustomize.toolkit.fluxcd.io"):
        on_file = json.loads((FOLDER / f"{group}.json").read_bytes())
        assert on_file == json.loads(json.dumps(made[group])), (
            f"run scripts/field_tables.py: {group}"
        )


@pytest.mark.parametrize("version", kubernetes_versions())
def test_every_reference_of_every_kubernetes_version_leads_somewhere(version: str) -> None:
    bundled = BundledSchemas(version)
    content = json.loads((FOLDER / "kubernetes.json").read_bytes())
    seen: set[tuple[int, Reference]] = set()

    def follow(table: Table, reference: Reference) -> None:
        if (id(table), reference) in seen:
            return
        seen.add((id(table), reference))
        table, node = table.find(reference)
        inner = [*node.get("properties", {}).values()]
        inner += [node[key] for key in ("items", "values", "not") if key in node]
        for key in ("all", "any", "one"):
            inner += node.get(key, [])
        for one in inner:
            follow(table, one)

    count = 0
    for name in content["kinds"]:
        group, number, kind = name.split("/")
        schema = bundled.find(group, number, kind)
        if schema is not None:
            follow(schema.table, schema.kind.root)
            count += 1
    assert count > 60
    assert len(seen) > 500


def test_versions_differ_where_kubernetes_does() -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "restartPolicyRules": []}]},
    }
    found = {}
    for version in ("1.32", "1.34"):
        schema = BundledSchemas(version).find("", "v1", "Pod")
        assert schema is not None
        found[version] = [problem.kind for problem in validate(pod, schema).problems]
    assert found == {"1.32": ["unknown"], "1.34": []}


def published(version: str) -> list[Path]:
    """The OpenAPI v3 documents in the sources of a Kubernetes version, where Go has them."""
    cache = Path(os.environ.get("GOMODCACHE") or Path.home() / "go" / "pkg" / "mod")
    folders = sorted((cache / "k8s.io").glob(f"kubernetes@v{version}.*"))
    return (
        sorted((folders[-1] / "api/openapi-spec/v3").glob("api*v*_openapi.json")) if folders else []
    )


@pytest.mark.parametrize("version", kubernetes_versions())
def test_the_tables_agree_with_the_documents_that_kubernetes_publishes(version: str) -> None:
    documents = published(version)
    if not documents:
        pytest.skip(f"Go has no sources of k8s.io/kubernetes {version}")
    bundled = BundledSchemas(version)
    # Enumerations are not in the published documents; tests/cluster compares them with a server.
    comparison = Comparison(ignore=frozenset({"enum"}))
    kinds: set[tuple[str, str, str]] = set()
    for path in documents:
        for key, theirs in document_kinds(json.loads(path.read_bytes())).items():
            ours = bundled.find(*key)
            assert ours is not None, key
            assert ours.kind.namespaced is theirs.kind.namespaced, key
            comparison.compare(
                ours.table, ours.kind.root, theirs.table, theirs.kind.root, "/".join(key)
            )
            kinds.add(key)
    assert not comparison.differences
    groups = {group for group, _, _ in kinds}
    listed = {(g, *kind.split("/")) for g in groups for kind in bundled.kinds(g)}
    assert kinds == listed
    assert len(kinds) > 60
