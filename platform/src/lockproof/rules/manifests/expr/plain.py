"""Conditions that a few answers decide: those that hold one value of a result against constants."""

import math
from collections.abc import Iterator

from .operations import OPERATIONS, Failed, is_number
from .syntax import Node, Unsupported

_COMPARED = ("<", ">", "<=", ">=", "==", "!=")


def is_plain(nodes: tuple[Node, ...], longest: int) -> bool:
    """Whether conditions look at no more than one value, and at how many there are.

    Args:
        nodes: the conditions.
        longest: how many values answers have at most that are tried.

    They are put together of truth values, of the value or the length beside a constant, and of
    `isNaN` and `isInf`. So what they say changes at the constants only, and one answer between
    each two of them, with each length that they name, tells all that they can say.
    """
    looked = [one for node in nodes for one in _looks(node, longest)]
    return None not in looked and len({*looked} - {"len"}) <= 1


def constants(node: Node) -> Iterator[float]:
    """The numbers that a condition names or makes of numbers alone, with those they are made of."""
    value = _constant(node)
    if value is not None and math.isfinite(value):
        yield float(value)
    for part in node.parts:
        yield from constants(part)


def _looks(node: Node, longest: int) -> Iterator[str | None]:
    """What a condition looks at: `len`, or an item; None for what is not plain."""
    if node.kind == "literal" and isinstance(node.value, bool):
        return
    if (node.kind == "unary" and node.value in ("!", "not")) or (
        node.kind == "binary" and node.value in ("or", "||", "and", "&&")
    ):
        for part in node.parts:
            yield from _looks(part, longest)
        return
    if node.kind == "binary" and node.value in _COMPARED:
        values = [_constant(part) for part in node.parts]
        looked = [_item(p) for p, v in zip(node.parts, values, strict=True) if v is None]
        far = looked == ["len"] and any(v is not None and v > longest for v in values)
        yield looked[0] if len(looked) == 1 and not far else None
        return
    if node.kind == "call" and node.parts[0].value in ("isNaN", "isInf"):
        yield _item(node.parts[1])
        return
    yield None


def _item(node: Node) -> str | None:
    """`len`, or which item of a result a node is; None for anything else."""
    if node.kind == "builtin" and node.value == "len" and _is_result(node.parts[0]):
        return "len"
    if _is_result(node):
        return "result"
    if node.kind == "member" and _is_result(node.parts[0]):
        place = node.parts[1]
        if place.kind == "literal" and place.value in range(3):
            return f"{place.value}"
    return None


def _is_result(node: Node) -> bool:
    return node.kind == "name" and node.value == "result"


def _constant(node: Node) -> int | float | None:
    """The number that a node is, whatever the result; None where it is none."""
    if node.kind == "literal":
        return node.value if is_number(node.value) else None
    given = [_constant(part) for part in node.parts]
    if None in given or not given:
        return None
    if node.kind == "unary" and node.value in ("-", "+"):
        return -given[0] if node.value == "-" else given[0]  # type: ignore[operator]
    if node.kind == "binary" and node.value in ("+", "-", "*", "/"):
        try:
            value = OPERATIONS[node.value](*given)
        except (Failed, Unsupported):
            return None
        return value if is_number(value) else None
    return None
