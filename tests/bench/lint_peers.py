"""The programs that lint is held beside, and the bundled tables as they read them."""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lockproof.adapters.kubernetes.field_tables import BundledSchemas
from lockproof.model.schema import Reference, Table

_SAME = {
    "enum": "enum",
    "pattern": "pattern",
    "minimum": "minimum",
    "maximum": "maximum",
    "required": "required",
    "min-length": "minLength",
    "max-length": "maxLength",
    "min-items": "minItems",
    "max-items": "maxItems",
    "unique": "uniqueItems",
}
_COMBINED = {"all": "allOf", "any": "anyOf", "one": "oneOf"}


def program(name: str) -> str | None:
    """Where a peer is: on PATH, or in the lab's folder."""
    beside = Path.home() / ".cache/lab/bin" / name
    return shutil.which(name) or (str(beside) if os.access(beside, os.X_OK) else None)


def json_schema(table: Table, reference: Reference) -> dict[str, Any]:
    """A table as the JSON schema that kubeconform reads."""
    writer = _Writer()
    return {**writer.refer(table, reference), "definitions": writer.definitions}


class _Writer:
    """Writes every shape once."""

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}

    def refer(self, table: Table, reference: Reference) -> dict[str, Any]:
        held, node = table.find(reference)
        name = f"{id(held.nodes)}-{reference}"
        if name not in self.definitions:
            self.definitions[name] = made = dict[str, Any]()
            made.update({theirs: node[key] for key, theirs in _SAME.items() if key in node})
            made.update(self._types(held, node))
            made.update(self._parts(held, node))
        return {"$ref": f"#/definitions/{name}"}

    @staticmethod
    def _types(table: Table, node: Mapping[str, Any]) -> dict[str, Any]:
        kind = node.get("type")
        if kind is None:
            return {}
        names = {"int-or-string": ["integer", "string"], "quantity": ["number", "string"]}
        null = ["null"] if table.null_is_absent or node.get("null") else []
        return {"type": [*names.get(kind, [kind]), *null]}

    def _parts(self, table: Table, node: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {
            theirs: [self.refer(table, inner) for inner in node[key]]
            for key, theirs in _COMBINED.items()
            if key in node
        }
        for key, theirs in (("not", "not"), ("items", "items"), ("values", "additionalProperties")):
            if key in node:
                made[theirs] = self.refer(table, node[key])
        if "properties" in node:
            fields = node["properties"].items()
            made["properties"] = {name: self.refer(table, inner) for name, inner in fields}
        if node.get("type") == "object" and not node.get("open"):
            made.setdefault("additionalProperties", False)
        return made


def write_schemas(
    folder: Path, bundled: BundledSchemas, values: Iterable[Mapping[str, Any]]
) -> None:
    """The schemas of the kinds of some manifests, by kubeconform's names."""
    for value in values:
        group, _, version = value["apiVersion"].rpartition("/")
        schema = bundled.find(group, version, value["kind"])
        if schema is None:
            continue
        part = f"-{group.partition('.')[0]}" if group else ""
        path = folder / f"{value['kind'].lower()}{part}-{version}.json"
        if not path.exists():
            path.write_text(json.dumps(json_schema(schema.table, schema.kind.root)))
