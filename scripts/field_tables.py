"""Make the field tables in lockproof/schemas/ from the published schemas.

    python scripts/field_tables.py kubernetes OUT MODULE...   sources of k8s.io/kubernetes, each
        kubernetes@vX.Y.Z, and of k8s.io/api and k8s.io/apiextensions-apiserver, newest last
    python scripts/field_tables.py custom OUT CRD...          CustomResourceDefinitions (.yaml[.gz])

What is kept are facts: field names, types, bounds, required fields, merge keys, CEL expressions.
No description of theirs is. The tables are written for machines; see lockproof/model/schema.py.
"""

import gzip
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from lockproof.parse.json_schema import TableBuilder, add_object

_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_PREFIX = "#/definitions/"


def main(words: list[str]) -> int:
    """Write the tables."""
    if len(words) < 3 or words[0] not in ("kubernetes", "custom"):
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(words[1])
    sources = [Path(word) for word in words[2:]]
    if words[0] == "kubernetes":
        write(folder / "kubernetes.json", kubernetes_table(sources))
    else:
        for group, table in custom_tables(sources).items():
            write(folder / f"{group}.json", table)
    return 0


def write(path: Path, table: Mapping[str, Any]) -> None:
    """One node a line, so that a difference between versions can be read."""
    head = {name: value for name, value in table.items() if name != "nodes"}
    lines = [json.dumps(node, separators=(",", ":"), sort_keys=True) for node in table["nodes"]]
    text = json.dumps(head, separators=(",", ":"), sort_keys=True)
    path.write_text(f'{text[:-1]},"nodes":[\n' + ",\n".join(lines) + "\n]}\n", "utf-8")


def read_crds(path: Path) -> Iterator[dict[str, Any]]:
    """The CustomResourceDefinitions of a file."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    for document in yaml.load_all(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if document and document.get("kind") == "CustomResourceDefinition":
            yield document


def custom_tables(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Group -> table, from CustomResourceDefinitions."""
    found = [crd for path in sorted(paths) for crd in read_crds(path)]
    builders: dict[str, tuple[TableBuilder, dict[str, Any]]] = {}
    for crd in sorted(found, key=lambda crd: str(crd["metadata"]["name"])):
        spec = crd["spec"]
        builder, kinds = builders.setdefault(spec["group"], (TableBuilder(), {}))
        for version in spec["versions"]:
            if not version.get("served"):
                continue
            entry: dict[str, Any] = {
                "root": add_object(builder, version["schema"]["openAPIV3Schema"]),
                "namespaced": spec["scope"] == "Namespaced",
            }
            if version.get("deprecated"):
                entry["deprecated"] = True
            kinds[f"{version['name']}/{spec['names']['kind']}"] = entry
    return {
        group: {"kinds": kinds, "nodes": builder.nodes}
        for group, (builder, kinds) in builders.items()
    }


def kubernetes_table(modules: Iterable[Path]) -> dict[str, Any]:
    """One table for several Kubernetes versions; what did not change stands once."""
    modules = list(modules)
    sources = sorted(
        (minor(module), module) for module in modules if module.name.startswith("kubernetes@")
    )
    builder = TableBuilder(lambda target: target.removeprefix(_PREFIX))
    definitions: dict[str, dict[str, int]] = {}
    kinds: dict[str, dict[str, Any]] = {}
    for (_, number), module in sources:
        version = f"1.{number}"
        swagger = json.loads((module / "api/openapi-spec/swagger.json").read_bytes())
        add_enums(swagger["definitions"], enums(module))
        for name, schema in sorted(swagger["definitions"].items()):
            node = builder.intern(_definition(builder, name, schema))
            changes = definitions.setdefault(name, {})
            if not changes or list(changes.values())[-1] != node:
                changes[version] = node
        for kind, entry in served_kinds(swagger).items():
            known = kinds.setdefault(kind, {**entry, "versions": []})
            known["versions"].append(version)
    return {
        "versions": [f"1.{number}" for (_, number), _ in sources],
        "definitions": definitions,
        "kinds": dict(sorted(kinds.items())),
        "lifecycle": lifecycles(m for m in modules if not m.name.startswith("kubernetes@")),
        "nodes": builder.nodes,
    }


def _definition(builder: TableBuilder, name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    if name == _QUANTITY:
        return {"type": "quantity"}
    if name.endswith((".JSONSchemaPropsOrArray", ".JSONSchemaPropsOrBool", ".v1.JSON")):
        return {}
    return builder.node(schema, structural=False)


def minor(module: Path) -> tuple[int, int]:
    """The Kubernetes version of a source folder such as `kubernetes@v1.34.4`."""
    match = re.search(r"@v(\d+)\.(\d+)\.", module.name)
    if not match:
        raise SystemExit(f"{module}: name the folder as Go does, kubernetes@v1.34.4")
    return int(match[1]), int(match[2])


def lifecycles(modules: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """`group/version/Kind` -> when it is deprecated and removed, and by what it is replaced."""
    found: dict[str, dict[str, Any]] = {}
    for module in modules:
        for path in sorted(module.rglob("zz_generated.prerelease-lifecycle.go")):
            register = (path.parent / "register.go").read_text("utf-8")
            group = re.search(r'GroupName\s*=\s*"([^"]*)"', register)
            if group is None:
                raise SystemExit(f"{path.parent}: no GroupName in register.go")
            for kind, facts in _lifecycle(path.read_text("utf-8")).items():
                found[f"{group[1]}/{path.parent.name}/{kind}"] = facts
    return dict(sorted(found.items()))


def _lifecycle(source: str) -> dict[str, dict[str, Any]]:
    kinds: dict[str, dict[str, Any]] = {}
    version = r"func \(in \*(\w+)\) APILifecycle{}\(\).*\n\treturn (\d+), (\d+)"
    for name in ("Deprecated", "Removed"):
        for kind, major, number in re.findall(version.format(name), source):
            if not kind.endswith("List"):
                kinds.setdefault(kind, {})[name.lower()] = [int(major), int(number)]
    replaced = (
        r"func \(in \*(\w+)\) APILifecycleReplacement\(\).*\n\treturn schema\.GroupVersionKind"
        r'\{Group: "([^"]*)", Version: "([^"]*)", Kind: "([^"]*)"\}'
    )
    for kind, *other in re.findall(replaced, source):
        if kind in kinds:
            kinds[kind]["replacement"] = "/".join(other)
    return kinds


def served_kinds(swagger: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """`group/version/Kind` -> definition and scope, for kinds that can be created."""
    named = {
        f"{gvk['group']}/{gvk['version']}/{gvk['kind']}": name
        for name, schema in swagger["definitions"].items()
        for gvk in schema.get("x-kubernetes-group-version-kind", ())
    }
    kinds: dict[str, dict[str, Any]] = {}
    for path, operations in swagger["paths"].items():
        action = operations.get("post") or {}
        gvk = action.get("x-kubernetes-group-version-kind")
        if not gvk or action.get("x-kubernetes-action") != "post":
            continue
        if path.split("/")[-2].startswith("{") and path.split("/")[-2] != "{namespace}":
            continue  # A subresource such as pods/binding.
        kind = f"{gvk['group']}/{gvk['version']}/{gvk['kind']}"
        if kind in named:
            kinds[kind] = {"root": named[kind], "namespaced": "{namespace}" in path}
    return kinds


def enums(module: Path) -> dict[str, dict[str, list[str]]]:
    """Go type -> field -> values: the published file leaves out what a server adds to it."""
    source = (module / "pkg/generated/openapi/zz_generated.openapi.go").read_text("utf-8")
    found: dict[str, dict[str, list[str]]] = {}
    for function in re.split(r"^func ", source, flags=re.MULTILINE):
        name = re.match(r"schema_(\w+)\(", function)
        if not name or "Enum:" not in function:
            continue
        fields: dict[str, list[str]] = {}
        field = ""
        for line in function.splitlines():
            opened = re.match(r'^\t{5}"(\w+)": \{$', line)
            if opened:
                field = opened[1]
            values = re.match(r"^\t+Enum:\s+\[\]interface\{\}\{(.*)\},$", line)
            if values and field:
                depth = len(line) - len(line.lstrip("\t"))
                listed = re.findall(r'"((?:[^"\\]|\\.)*)"', values[1])
                fields[field if depth == 7 else f"{field}[]"] = listed
        found[name[1]] = fields
    return found


def add_enums(definitions: dict[str, Any], found: Mapping[str, Mapping[str, list[str]]]) -> None:
    """Put the values of enumerations where a server's own document has them."""
    short = {_function_name(name): schema for name, schema in definitions.items()}
    for function, fields in found.items():
        schema = short.get(function) or {}
        for field, values in fields.items():
            target = schema.get("properties", {}).get(field.removesuffix("[]"))
            if target is not None and field.endswith("[]"):
                target = target.get("items") or target.get("additionalProperties")
            if target is not None and target.get("type") == "string":
                target["enum"] = values


def _function_name(definition: str) -> str:
    """`io.k8s.api.core.v1.Pod` -> `k8sio_api_core_v1_Pod`, as the generator names functions."""
    parts = definition.split(".")
    if "pkg" in parts:
        return "_".join(parts[parts.index("pkg") :])
    host = {"io.k8s": "k8sio"}.get(".".join(parts[:2]), "")
    return "_".join([host, *(part.replace("-", "_") for part in parts[2:])])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
