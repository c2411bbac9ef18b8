"""A manifest as an API server of Kubernetes' own kinds decodes it."""

from dataclasses import replace
from typing import Any

from lockproof.model.manifest import Manifest
from lockproof.model.schema import Node, Reference, Schema, Table


def decoded(manifest: Manifest, schema: Schema) -> Manifest:
    """With the zero of its type for every null in a list of Kubernetes' own types, as Go has it.

    A server takes `ingress: [null]` for `ingress: [{}]`, and refuses `env: [null]` for the name
    that it lacks; in a list of a custom resource a null stays one.
    """
    if not _lists_null(manifest.value):
        return manifest  # As nearly all are.
    value = _decoded(manifest.value, schema.table, schema.kind.root)
    return manifest if value is manifest.value else replace(manifest, value=value)


def _lists_null(value: Any) -> bool:
    """Whether a null stands in a list of it."""
    if isinstance(value, dict):
        return any(_lists_null(part) for part in value.values() if isinstance(part, dict | list))
    return isinstance(value, list) and any(part is None or _lists_null(part) for part in value)


def _decoded(value: Any, table: Table, reference: Reference) -> Any:
    """The same object where nothing in it changes."""
    if not isinstance(value, dict | list):
        return value
    table, node = table.find(reference)
    if isinstance(value, list):
        return _items(value, table, node)
    known, others = node.get("properties", {}), node.get("values")
    changed = {}
    for key, inner in value.items():
        below = known.get(key, others)
        made = inner if below is None else _decoded(inner, table, below)
        if made is not inner:
            changed[key] = made
    return {**value, **changed} if changed else value


def _items(value: list[Any], table: Table, node: Node) -> list[Any]:
    if "items" not in node:
        return value
    inner, shape = table.find(node["items"])
    zero = _ZEROS.get(shape.get("type", "")) if inner.null_is_absent else None
    made = [zero if item is None else _decoded(item, table, node["items"]) for item in value]
    return made if any(new is not old for new, old in zip(made, value, strict=True)) else value


_ZEROS = {
    "object": {}, "array": [], "string": "", "boolean": False, "integer": 0, "number": 0,
    "int-or-string": 0, "quantity": "0",
}  # fmt: skip
"""Type -> what Go makes of nothing; one without a type stays null."""
