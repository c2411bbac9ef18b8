"""The rules in CEL of one node of a schema, asked of what an API server would ask them of."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lockproof.model.schema import Node, Table

from .cel import Unsupported, holds
from .cel_types import TYPED, is_named_otherwise, speaks_of

_NONE: Mapping[str, Any] = {}
_WORD = re.compile(r"\w+")


def answers(
    value: Any, table: Table, node: Node, at: tuple[str | int, ...]
) -> Iterator[tuple[str, bool | None]]:
    """Each rule, and whether it is true; None where that cannot be known here.

    Args:
        value: what stands in the manifest.
        table: where its schema stands.
        node: its schema.
        at: where it stands in the manifest.
    """
    rules = node.get("rules", ())
    completed = _completed(value, table, node) if rules else None
    for rule in rules:
        changed = _is_changed_before(rule, value, at)
        yield rule, None if changed else _asked(rule, completed, table, node)


def _is_changed_before(rule: str, value: Any, at: tuple[str | int, ...]) -> bool:
    """Whether a server changes first what a rule is asked of.

    It makes a name where there is a `generateName`, and takes no status by a manifest where the
    kind has one of its own.
    """
    if at:
        return at[0] == "status"
    metadata = value.get("metadata") if isinstance(value, Mapping) else None
    named = isinstance(metadata, Mapping) and "name" in metadata
    words = _WORD.findall(rule)
    return (not named and "metadata" in words) or ("status" in words and "status" in value)


def _asked(rule: str, value: Any, table: Table, node: Node) -> bool | None:
    """Whether a rule is true; None where that cannot be known here."""
    if not (
        speaks_of(rule, value, table, node, TYPED) or is_named_otherwise(rule, value, table, node)
    ):
        try:
            return holds(rule, value)
        except Unsupported:
            pass
    from .cel_library import holds_by_library  # Loaded where a rule needs it.

    return holds_by_library(rule, value, table, node)


def _completed(value: Any, table: Table, node: Node) -> Any:
    """A value with the defaults of its schema filled in, as a server does before it asks rules."""
    if isinstance(value, list) and "items" in node:
        inner, shape = table.find(node["items"])
        return [_completed(item, inner, shape) for item in value]
    if not isinstance(value, dict):
        return value
    known, made = node.get("properties", _NONE), dict(value)
    if "values" in node:
        inner, shape = table.find(node["values"])
        made |= {name: _completed(one, inner, shape) for name, one in value.items()}
    for name, reference in known.items():
        inner, shape = table.find(reference)
        if made.get(name) is None and "default" in shape and not (name in made and "null" in shape):
            made[name] = shape["default"]
        elif name in made and made[name] is None and "type" in shape and "null" not in shape:
            del made[name]
        if name in made:
            made[name] = _completed(made[name], inner, shape)
    return made
