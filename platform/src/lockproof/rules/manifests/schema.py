"""A manifest against the schema of its kind: what a strict API server would refuse."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple

from lockproof.model.schema import Node, Reference, Schema, Table
from lockproof.rules.formats import FORMATS, is_quantity

from .cel_asked import answers
from .patterns import matches

At = tuple[str | int, ...]
"""Where in a manifest: keys and positions from its top."""


class Problem(NamedTuple):
    """One disagreement with the schema."""

    kind: Literal["unknown", "type", "required", "value"]
    at: At
    """The field; of a missing one, the object that lacks it."""
    text: str
    """What is wrong, without its place."""


def dotted(at: At) -> str:
    """`spec.containers[0].image`; keys that are no plain words are quoted."""
    parts: list[str] = []
    for key in at:
        if isinstance(key, int):
            parts.append(f"[{key}]")
        elif re.fullmatch(r"[\w-]+", key):
            parts.append(f".{key}" if parts else key)
        else:
            parts.append(f"[{key!r}]")
    return "".join(parts) or "(the whole object)"


class Validation(NamedTuple):
    """What came of holding one manifest against its schema."""

    problems: tuple[Problem, ...]
    not_checked: tuple[str, ...]
    """Rules of the schema that could not be evaluated."""


def validate(value: Any, schema: Schema) -> Validation:
    """Hold a manifest against the schema of its kind."""
    run = _Run()
    run.check(value, schema.table, schema.kind.root, ())
    return Validation(tuple(run.problems), tuple(run.not_checked))


class _Run:
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.not_checked: list[str] = []

    def check(self, value: Any, table: Table, reference: Reference, at: At) -> None:
        node: Node
        if isinstance(reference, int):
            node = table.nodes[reference]
        else:
            table, node = table.find(reference)
        if value is None:
            # What a field holds in vain a server takes away, and says nothing of.
            if at and isinstance(at[-1], int) and "type" in node and not _may_be_null(table, node):
                self._say("type", at, f"is null, must be {_article(node['type'])}")
            return
        kind = node.get("type")
        if isinstance(value, str) and "${" in value and _is_filled_in(value, kind, node):
            self.not_checked.append(f"{dotted(at)}, which is filled in later: {value[:40]}")
            return
        if kind is not None and not _TYPES[kind](value):
            self._say("type", at, f"is {_described(value)}, must be {_article(kind)}")
            return
        if isinstance(value, dict):
            self._object(value, table, node, at)
        elif isinstance(value, list):
            self._list(value, table, node, at)
        elif len(node) > 1:
            self._scalar(value, node, at)
        if not _COMBINATIONS.isdisjoint(node):
            self._combined(value, table, node, at)

    def _say(
        self, kind: Literal["unknown", "type", "required", "value"], at: At, text: str
    ) -> None:
        self.problems.append(Problem(kind, at, text))

    def _object(self, value: dict[Any, Any], table: Table, node: Node, at: At) -> None:
        properties = node.get("properties", _NONE)
        others = node.get("values")
        closed = "type" in node and not node.get("open")
        for key, inner in value.items():
            reference = properties.get(key)
            if reference is not None:
                self.check(inner, table, reference, (*at, key))
            elif others is not None:
                self.check(inner, table, others, (*at, key))
            elif closed and not (node.get("embedded") and key in _ANY_OBJECT):
                self._unknown(key, properties, at)
        for key in node.get("required", ()):
            if value.get(key) is not None:
                continue
            inner, shape = table.find(properties[key]) if key in properties else (table, _NONE)
            if not (key in value and _may_be_null(inner, shape)) and "default" not in shape:
                self._say("required", at, f"lacks the required field '{key}'")
        if node.get("embedded"):
            for key in ("apiVersion", "kind"):
                if not isinstance(value.get(key), str):
                    self._say("required", at, f"lacks the required field '{key}'")
        self._size(len(value), node, _FIELDS, at)

    def _unknown(self, key: Any, properties: Mapping[str, Any], at: At) -> None:
        close = get_close_matches(str(key)[:60], properties, n=1, cutoff=0.75)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        self._say("unknown", (*at, key), f"is no field of this object{hint}")

    def _list(self, value: list[Any], table: Table, node: Node, at: At) -> None:
        items = node.get("items")
        if items is not None:
            for position, inner in enumerate(value):
                self.check(inner, table, items, (*at, position))
        self._size(len(value), node, _ITEMS, at)
        keys = node.get("keys")
        if keys and len(value) > 1:
            self._repeated([_key(item, keys) for item in value], at)
        elif node.get("unique") and len(value) > 1:
            self._repeated([repr(item) for item in value], at)

    def _repeated(self, names: Sequence[str | None], at: At) -> None:
        seen: set[str] = set()
        for position, name in enumerate(names):
            if name is not None and name in seen:
                self._say("value", (*at, position), f"repeats {name} in a list of unique items")
            elif name is not None:
                seen.add(name)

    def _size(self, size: int, node: Node, keys: tuple[str, str, str], at: At) -> None:
        least, most, unit = keys
        low, high = node.get(least), node.get(most)
        if low is not None and size < low:
            self._say("value", at, f"has {size} {unit}s, needs at least {low}")
        if high is not None and size > high:
            self._say("value", at, f"has {size} {unit}s, may have at most {high}")

    def _scalar(self, value: Any, node: Node, at: At) -> None:
        allowed = node.get("enum")
        if allowed is not None and not any(
            value == one and isinstance(value, bool) == isinstance(one, bool) for one in allowed
        ):
            close = get_close_matches(
                str(value)[:60], [str(one) for one in allowed], n=1, cutoff=0.6
            )
            hint = f"; did you mean {close[0]}?" if close else ""
            listed = ", ".join(str(one) for one in allowed[:12])
            self._say("value", at, f"is {_described(value)}, must be one of {listed}{hint}")
        if isinstance(value, str):
            self._text(value, node, at)
        else:
            self._number(value, node, at)

    def _text(self, value: str, node: Node, at: At) -> None:
        low, high = node.get("min-length"), node.get("max-length")
        if low is not None and len(value) < low:
            self._say("value", at, f"is {_described(value)}, needs at least {low} characters")
        if high is not None and len(value) > high:
            self._say("value", at, f"has {len(value)} characters, may have at most {high}")
        pattern = node.get("pattern")
        if pattern is not None:
            found = matches(value, pattern)
            if found is None:
                self.not_checked.append(f"the pattern of {dotted(at)}")
            elif not found:
                self._say("value", at, f"is {_described(value)}, must match {pattern}")
        check = FORMATS.get(node.get("format", ""))
        if check is not None and not check.holds(value):
            self._say("value", at, f"is {_described(value)}, must be {check.name}")

    def _number(self, value: int | float, node: Node, at: At) -> None:
        for name, word, fails in _BOUNDS:
            bound = node.get(name)
            if bound is not None and fails(value, bound):
                self._say("value", at, f"is {value}, must be {word} {bound}")
        limit = _RANGES.get(node.get("format", ""))
        if limit and isinstance(value, int) and not -limit <= value < limit:
            self._say("value", at, f"is {value}, must be an {node['format']}")

    def _combined(self, value: Any, table: Table, node: Node, at: At) -> None:
        for reference in node.get("all", ()):
            self.check(value, table, reference, at)
        for name in ("any", "one"):
            parts = node.get(name)
            if not parts:
                continue
            fitting = sum(_fits(value, table, part, at) for part in parts)
            if fitting == 0:
                self._say("value", at, self._alternatives(value, table, parts))
            elif name == "one" and fitting > 1:
                self._say("value", at, "fits several alternatives, must fit just one")
        if "not" in node and _fits(value, table, node["not"], at):
            self._say("value", at, "has a value that is excluded")
        for name in node.get("needs", ()):
            self._need(value, name, at)
        for rule, answer in answers(value, table, node, at):
            if answer is None:
                self.not_checked.append(f"the rule '{rule}' on {dotted(at)}")
            elif not answer:
                said = node.get("said", _NONE).get(rule)
                why = f": {said}" if said else ""
                self._say("value", at, f"breaks the rule {rule}{why}")

    def _alternatives(self, value: Any, table: Table, parts: Sequence[Reference]) -> str:
        needed = [table.find(part)[1].get("required") for part in parts]
        if isinstance(value, dict) and all(needed):
            return "needs " + " or ".join("+".join(names or ()) for names in needed)
        return f"is {_described(value)}, which fits none of {len(parts)} alternatives"

    def _need(self, spec: Any, name: str, at: At) -> None:
        """A managed resource gives a parameter unless it only observes."""
        if not isinstance(spec, dict):
            return
        policies = spec.get("managementPolicies", ["*"])
        if not isinstance(policies, list) or not {"*", "Create", "Update"} & set(
            map(str, policies)
        ):
            return
        places = (spec.get("forProvider"), spec.get("initProvider"))
        if not any(isinstance(place, dict) and name in place for place in places):
            self._say("required", (*at, "forProvider"), f"lacks the required parameter '{name}'")


def _is_filled_in(value: str, kind: str | None, node: Node) -> bool:
    """Whether a value holds a variable, as Flux fills them in, where that decides what it is."""
    if _VARIABLE.search(value) is None:
        return False
    return (kind is not None and not _TYPES[kind](value)) or not _DECIDED.isdisjoint(node)


def _may_be_null(table: Table, node: Node) -> bool:
    """Whether a null is a value of its own, and nothing that is left out."""
    return not table.null_is_absent and (bool(node.get("null")) or "type" not in node)


def _fits(value: Any, table: Table, reference: Reference, at: At) -> bool:
    run = _Run()
    run.check(value, table, reference, at)
    return not run.problems


def _key(item: Any, names: Sequence[str]) -> str | None:
    if not isinstance(item, dict) or item.get(names[0]) is None:
        return None
    # One that is left out gets a default, the same for all.
    return ", ".join(f"{name} {item[name]!r}" for name in names if name in item)


def _article(kind: str) -> str:
    return _WORDS.get(kind, f"a {kind}")


def _described(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else f"{value[:59]}…")
    return f"the number {value}" if isinstance(value, int | float) else repr(value)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_integer,
    "number": _is_number,
    "int-or-string": lambda value: isinstance(value, str) or _is_integer(value),
    "quantity": lambda value: is_quantity(value) if isinstance(value, str) else _is_number(value),
}
_WORDS = {
    "object": "an object",
    "array": "a list",
    "integer": "an integer",
    "int-or-string": "an integer or a string",
    "quantity": "a quantity such as 500m or 1Gi",
}
_BOUNDS: tuple[tuple[str, str, Callable[[float, float], bool]], ...] = (
    ("minimum", "at least", lambda value, bound: value < bound),
    ("maximum", "at most", lambda value, bound: value > bound),
    ("above", "above", lambda value, bound: value <= bound),
    ("below", "below", lambda value, bound: value >= bound),
)
_RANGES = {"int32": 1 << 31, "int64": 1 << 63}
_COMBINATIONS = frozenset({"all", "any", "one", "not", "needs", "rules"})
_ANY_OBJECT = frozenset({"apiVersion", "kind", "metadata"})
_DECIDED = frozenset({"enum", "pattern", "format", "min-length", "max-length"})
_VARIABLE = re.compile(r"\$\{[A-Za-z_]\w*(?::?[=-][^{}]*)?\}")
_NONE: Mapping[str, Any] = {}
_FIELDS, _ITEMS = ("min-properties", "max-properties", "field"), ("min-items", "max-items", "item")
