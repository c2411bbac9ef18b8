"""What a rule in CEL gets of a server that is not as JSON has it: names, moments, sets, maps."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from lockproof.model.schema import Node, Table

TIMES = ("date-time", "date", "duration")
"""Formats of texts that a server makes moments and durations of."""
TYPED = (*TIMES, "byte")
"""Those of which a rule gets no text."""
TEXT = re.compile(r"r?\"(?:[^\"\\]|\\.)*+\"|r?'(?:[^'\\]|\\.)*+'")
_TOKENS = re.compile(r"\w+|==|!=|\S")
_VARIABLE = re.compile(
    r"\b(?:all|exists|exists_one|existsOne|map|filter|bind)\s*+\(\s*+(\w++)\s*+,"
)
_OPERATORS = ("==", "!=", "+")
_SPECIAL = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
SIGNS = {written: sign for sign, written in _SPECIAL.items()}
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


def is_of_other_types(
    rule: str, value: Any, table: Table, node: Node, formats: Collection[str]
) -> bool:
    """Whether a rule may speak of what a server gives it as another type than JSON has.

    Args:
        rule: the expression.
        value: what it is asked of.
        table: where the value's schema stands.
        node: the value's schema.
        formats: those of texts that are given as they stand, and should not be.
    """
    bare = TEXT.sub("''", rule)
    tokens = _TOKENS.findall(bare)
    words, compared = set(tokens), set(_compared(tokens))
    items = {"]", *_VARIABLE.findall(bare)}
    return any(
        (names[-1] in words and shape.get("format") in formats)
        # Lists that are sets or maps are equal in any order, and joined without repetition; so is
        # what holds them.
        or (
            bool({"keys", "unique"} & set(shape))
            and not compared.isdisjoint({*names, *(items if in_list else ())})
        )
        for names, shape, in_list in _named(value, table, node, ("self",))
    )


def _compared(tokens: list[str]) -> Iterator[str]:
    """The names, and closing brackets, that stand as they are where values are compared."""
    for place, name in enumerate(tokens):
        after = place + 1
        while after < len(tokens) and tokens[after] == ")":
            after += 1
        follows = tokens[after] if after < len(tokens) else ""
        before = place - 1
        listed = follows in ("]", ":") or (follows == "," and tokens[before] != "(")
        if follows in (*_OPERATORS, "in") or (name != "]" and listed):
            yield name
        while before >= 1 and tokens[before] == ".":
            before -= 2  # Over what it is a part of.
        if before >= 0 and tokens[before] in _OPERATORS and follows not in (".", "[", "("):
            yield name


def _named(
    value: Any, table: Table, node: Node, names: tuple[str, ...], *, in_list: bool = False
) -> Iterator[tuple[tuple[str, ...], Node, bool]]:
    """Every shape in a value, with the names by which a rule gets at it, and whether in a list."""
    yield names, node, in_list
    if isinstance(value, list) and "items" in node:
        table, shape = table.find(node["items"])
        for inner in value:
            yield from _named(inner, table, shape, names, in_list=True)
    elif isinstance(value, Mapping):
        known, others = node.get("properties", {}), node.get("values")
        for key, inner in value.items():
            if key in known:
                way = (*names, escaped(str(key)))
                yield from _named(inner, *table.find(known[key]), way, in_list=in_list)
            elif others is not None:
                yield from _named(inner, *table.find(others), names, in_list=True)
