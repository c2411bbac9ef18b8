"""What a rule in CEL gets from an API server as another type than JSON has."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from lockproof.model.schema import Node, Table

TIMES = ("date-time", "date", "duration")
"""Formats of texts that a server makes moments and durations of."""
TYPED = (*TIMES, "byte")
"""Those of which a rule gets no text."""
TEXT = re.compile(r"r?\"(?:[^\"\\]|\\.)*+\"|r?'(?:[^'\\]|\\.)*+'")
_TOKENS = re.compile(r"\w+|\S")
_ODD = re.compile(r"'''|\"\"\"|\b[bB]?[rR][bB]?(?:'[^'\\]*+\\|\"[^\"\\]*+\\)")
_SPECIAL = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_SIGNS = {written: sign for sign, written in _SPECIAL.items()}
_RESERVED = frozenset(
    {
        "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for",
        "function", "if", "import", "let", "loop", "package", "namespace", "return", "var", "void",
        "while",
    }
)  # fmt: skip


def escaped(name: str) -> str:
    """A field's name as rules write it (Kubernetes' API reference, Validation rules)."""
    if name in _RESERVED:
        return f"__{name}__"
    return re.sub(r"__|[./-]", lambda match: _SPECIAL[match[0]], name)


def unescaped(name: str) -> str:
    """The field that a rule means: `__namespace__` is `namespace`, which CEL reserves."""
    word = name.removeprefix("__").removesuffix("__")
    if escaped(word) == name:
        return word
    return re.sub(r"__(?:underscores|dot|dash|slash)__", lambda match: _SIGNS[match[0]], name)


def bare(rule: str) -> str | None:
    """A rule with its texts emptied; None where it is not plain where they end."""
    if _ODD.search(rule):
        return None
    without = TEXT.sub("''", rule)
    return None if "//" in without else without


def is_named_otherwise(rule: str, value: Any, table: Table, node: Node) -> bool:
    """Whether a name in the rule may be escaped, or a map's key, which never is."""
    return "__" in rule and any("values" in shape for _, shape in _named(value, table, node, ""))


def speaks_of(rule: str, value: Any, table: Table, node: Node, formats: Collection[str]) -> bool:
    """Whether a rule names a text whose format a server makes another type of."""
    words = set(_TOKENS.findall(TEXT.sub("''", rule)))
    return any(
        name in words and shape.get("format") in formats
        for name, shape in _named(value, table, node, "self")
    )


def compares_whole(rule: str, value: Any, table: Table, node: Node) -> bool:
    """Whether a rule may compare, join or hand on what is equal otherwise for a server.

    Lists that are sets or maps are equal in any order and joined without repetition; moments and
    durations are equal however they are written. A name that holds one is safe only where a field
    of it is read, where it is counted, or where a macro goes over its items.
    """
    without = bare(rule)
    if without is None:
        return True
    held: dict[str, set[str]] = {}
    if not _holds(value, table, node, "self", held):
        return False
    tokens = _TOKENS.findall(without)
    return any(
        not _is_safe(kind, tokens, place, held)
        for place, token in enumerate(tokens)
        for kind in tuple(held.get(token, ()))
    )


_OVER = frozenset({"all", "exists", "exists_one", "existsOne", "map"})


def _is_safe(kind: str, tokens: list[str], place: int, held: dict[str, set[str]]) -> bool:
    """Whether one use of a name shows only parts of it; notes the variable of a macro."""
    after = [*tokens[place + 1 : place + 6], "", "", "", "", ""]
    if after[0] == ")":
        start = place
        while start >= 2 and tokens[start - 1] == ".":
            start -= 2  # Over what it is a part of.
        return start >= 2 and tokens[start - 1] == "(" and tokens[start - 2] in ("has", "size")
    if after[0] == "[":
        return kind == "list"
    if after[0] != ".":
        # The variable of a macro, where it is named.
        return (
            after[0] == ","
            and place >= 2
            and tokens[place - 1] == "("
            and (tokens[place - 2] in _OVER)
        )
    if kind == "object":
        return after[2] != "("
    if after[2] != "(":
        return False
    if after[1] == "size":
        return True
    if kind == "list":
        return after[1] in _OVER or after[1] == "filter"
    variable, two = after[3], [*tokens[place + 6 : place + 7], ""][0]
    if after[1] not in _OVER or after[4] != "," or two == ",":
        return False
    further = tokens[place + 7 : place + 8]
    if further == [","]:
        return False  # A macro of two variables.
    items = f"{tokens[place]}[]"
    for name in [name for name in held if name.startswith(items)]:
        held.setdefault(variable + name.removeprefix(items), set()).update(held[name])
    return True


def _holds(value: Any, table: Table, node: Node, name: str, held: dict[str, set[str]]) -> bool:
    """Whether a value is or has what is equal otherwise; notes by which names, as which kind."""
    kind, inside = "object", False
    if isinstance(value, list) and "items" in node:
        inner, shape = table.find(node["items"])
        inside = True in [_holds(item, inner, shape, f"{name}[]", held) for item in value]
        kind = "items" if inside else "list"
        inside = inside or bool({"keys", "unique"} & set(node))
    elif isinstance(value, Mapping):
        known, others = node.get("properties", {}), node.get("values")
        for key, item in value.items():
            if key in known:
                inner, shape = table.find(known[key])
                inside |= _holds(item, inner, shape, escaped(str(key)), held)
            elif others is not None and _holds(item, *table.find(others), "", held):
                inside, kind = True, "items"
    else:
        kind, inside = "text", node.get("format") in TIMES
    if inside:
        held.setdefault(name, set()).add(kind)
    return inside


def _named(value: Any, table: Table, node: Node, name: str) -> Iterator[tuple[str, Node]]:
    """Every shape in a value, with the name by which a rule gets at it."""
    yield name, node
    if isinstance(value, list) and "items" in node:
        table, shape = table.find(node["items"])
        for inner in value:
            yield from _named(inner, table, shape, name)
    elif isinstance(value, Mapping):
        known, others = node.get("properties", {}), node.get("values")
        for key, inner in value.items():
            if key in known:
                yield from _named(inner, *table.find(known[key]), escaped(str(key)))
            elif others is not None:
                yield from _named(inner, *table.find(others), name)
