"""OpenAPI and JSON Schema into compact tables: fields, types and bounds, and no text."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from lockproof.model.schema import Reference

_SAME = {
    "enum": "enum",
    "pattern": "pattern",
    "minimum": "minimum",
    "maximum": "maximum",
    "minLength": "min-length",
    "maxLength": "max-length",
    "minItems": "min-items",
    "maxItems": "max-items",
    "minProperties": "min-properties",
    "maxProperties": "max-properties",
    "x-kubernetes-patch-merge-key": "merge",
}
_COMBINED = {"allOf": "all", "anyOf": "any", "oneOf": "one"}
_NEEDED = re.compile(
    r"!\('\*' in self\.managementPolicies \|\| 'Create' in self\.managementPolicies"
    r" \|\| 'Update' in self\.managementPolicies\) \|\| has\(self\.forProvider\.(\w+)\)"
    r"( \|\| \(has\(self\.initProvider\) && has\(self\.initProvider\.\1\)\))?"
)
_LONGEST_MESSAGE = 300
OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
"""The definition that every object's metadata is held against."""


class TableBuilder:
    """Turns schemas into nodes; equal shapes become one node."""

    def __init__(
        self, resolve: Callable[[str], Reference] | None = None, *, said: bool = False
    ) -> None:
        """Begin with nothing.

        Args:
            resolve: says what a `$ref` stands for; without it every `$ref` is an error.
            said: whether to keep what rules say in words where they are broken.
        """
        self.nodes: list[dict[str, Any]] = []
        self._known: dict[str, int] = {}
        self._resolve = resolve
        self._said = said

    def reserve(self) -> int:
        """An index for a node that is filled in later: what refers to itself needs one."""
        self.nodes.append({})
        return len(self.nodes) - 1

    def intern(self, node: dict[str, Any]) -> int:
        """The index of a node with just this content."""
        key = json.dumps(node, sort_keys=True)
        if key not in self._known:
            self._known[key] = len(self.nodes)
            self.nodes.append(node)
        return self._known[key]

    def add(self, schema: Any, *, structural: bool = False) -> Reference:
        """Add a schema.

        Args:
            schema: a JSON Schema or OpenAPI schema object, or a boolean schema.
            structural: whether it is a custom resource's, where an object that names no fields
                takes none, and defaults are filled in before anything is checked; elsewhere it
                takes any, and checks come first.

        Raises:
            KeyError: a `$ref` that cannot be resolved.
        """
        if not isinstance(schema, Mapping):
            return self.intern({} if schema in (True, None) else {"not": self.intern({})})
        reference = self._referred(schema)
        if reference is not None:
            return reference
        return self.intern(self.node(schema, structural=structural))

    def _referred(self, schema: Mapping[str, Any]) -> Reference | None:
        target = schema.get("$ref")
        several = schema.get("allOf") if "properties" not in schema else None
        if target is None and isinstance(several, list) and len(several) == 1:
            target = several[0].get("$ref") if isinstance(several[0], Mapping) else None
        if target is None:
            return None
        if self._resolve is None:
            raise KeyError(target)
        return self._resolve(str(target))

    def node(self, schema: Mapping[str, Any], *, structural: bool) -> dict[str, Any]:
        """The node of a schema, not yet in the table."""
        node: dict[str, Any] = {}
        types = schema.get("type")
        names = [types] if isinstance(types, str) else list(types or ())
        if "null" in names or schema.get("nullable") is True or "default" in schema:
            node["null"] = True
        if structural and "default" in schema:
            node["default"] = schema["default"]
        names = [name for name in names if name != "null"]
        whole = schema.get("x-kubernetes-int-or-string") is True
        whole = whole or schema.get("format") == "int-or-string"
        if whole or set(names) == {"integer", "string"}:
            node["type"] = "int-or-string"
        elif set(names) == {"number", "string"}:
            node["type"] = "quantity"
        elif len(names) == 1:
            node["type"] = names[0]
        for theirs, ours in _SAME.items():
            if schema.get(theirs) is not None:
                node[ours] = schema[theirs]
        if "merge" in str(schema.get("x-kubernetes-patch-strategy", "")):
            node.setdefault("merge", "")
        if schema.get("format") not in (None, "int-or-string", ""):
            node["format"] = schema["format"]
        self._bounds(schema, node)
        self._fields(schema, node, structural=structural)
        self._lists(schema, node, structural=structural)
        if not whole:
            self._combined(schema, node)
        self._rules(schema, node)
        if self._said and "rules" in node:
            node["said"] = _messages(schema)
        return node

    @staticmethod
    def _bounds(schema: Mapping[str, Any], node: dict[str, Any]) -> None:
        for theirs, plain, strict in (
            ("exclusiveMinimum", "minimum", "above"),
            ("exclusiveMaximum", "maximum", "below"),
        ):
            bound = schema.get(theirs)
            if bound is True and plain in node:  # OpenAPI 3.0 and draft 4: a flag.
                node[strict] = node.pop(plain)
            elif isinstance(bound, int | float) and not isinstance(bound, bool):
                node[strict] = bound

    def _fields(self, schema: Mapping[str, Any], node: dict[str, Any], *, structural: bool) -> None:
        properties = schema.get("properties")
        extra = schema.get("additionalProperties")
        if properties:
            node["properties"] = {
                name: self.add(inner, structural=structural) for name, inner in properties.items()
            }
            node.setdefault("type", "object") if structural else None
        if schema.get("required"):
            node["required"] = sorted(schema["required"])
        if isinstance(extra, Mapping) and extra:
            node["values"] = self.add(extra, structural=structural)
        is_open = extra is True or extra == {}
        is_open = is_open or schema.get("x-kubernetes-preserve-unknown-fields") is True
        if node.get("type") == "object" and not properties and extra is None and not structural:
            is_open = True
        if is_open:
            node["open"] = True
        if schema.get("x-kubernetes-embedded-resource") is True:
            node["embedded"] = True

    def _lists(self, schema: Mapping[str, Any], node: dict[str, Any], *, structural: bool) -> None:
        if "items" in schema:
            node["items"] = self.add(schema["items"], structural=structural)
        if schema.get("uniqueItems") is True or schema.get("x-kubernetes-list-type") == "set":
            node["unique"] = True
        if schema.get("x-kubernetes-list-type") == "map":
            node["keys"] = list(schema.get("x-kubernetes-list-map-keys") or ())

    def _combined(self, schema: Mapping[str, Any], node: dict[str, Any]) -> None:
        for theirs, ours in _COMBINED.items():
            if schema.get(theirs):
                node[ours] = [self._part(inner) for inner in schema[theirs]]
        if "not" in schema:
            node["not"] = self._part(schema["not"])

    def _part(self, schema: Any) -> Reference:
        """A part of a combination: it restricts values and never declares which fields exist."""
        reference = self.add(schema)
        if isinstance(reference, int) and not self.nodes[reference].get("open"):
            return self.intern({**self.nodes[reference], "open": True})
        return reference

    @staticmethod
    def _rules(schema: Mapping[str, Any], node: dict[str, Any]) -> None:
        rules = [" ".join(rule["rule"].split()) for rule in _listed(schema)]
        needs = [
            re.sub(r"^__(\w+)__$", r"\1", match[1])  # CEL's spelling of its reserved words.
            for rule in rules
            if (match := _NEEDED.fullmatch(rule))
        ]
        others = [
            rule
            for rule in rules
            if not _NEEDED.fullmatch(rule) and "oldSelf" not in rule  # Only an update has one.
        ]
        if needs:
            node["needs"] = sorted(needs)
        if others:
            node["rules"] = others


def _messages(schema: Mapping[str, Any]) -> dict[str, str]:
    """What each rule says in words."""
    stated = ((one.get("rule"), one.get("message")) for one in _listed(schema))
    return {
        " ".join(rule.split()): " ".join(message.split())[:_LONGEST_MESSAGE]
        for rule, message in stated
        if isinstance(rule, str) and isinstance(message, str)
    }


def _listed(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rules = schema.get("x-kubernetes-validations")
    return list(rules) if isinstance(rules, list) else []


def add_object(builder: TableBuilder, schema: Mapping[str, Any], *, structural: bool = True) -> int:
    """Add the schema of a whole object: apiVersion, kind and metadata are as everywhere."""
    node = builder.node(schema, structural=structural)
    text = builder.intern({"type": "string"})
    node["type"] = "object"
    node["properties"] = {
        **node.get("properties", {}),
        "apiVersion": text,
        "kind": text,
        "metadata": OBJECT_META,
    }
    return builder.intern(node)
