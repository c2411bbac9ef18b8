"""What a condition says of a result."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from .kinds import kind_of
from .operations import (
    BUILTINS,
    CALLS,
    OPERATIONS,
    Failed,
    end_of,
    extreme,
    fail,
    is_number,
    truth,
    whole,
)
from .syntax import Node, Refused, Unsupported

__all__ = ["UNKNOWN", "Failed", "condition"]

_MOST_STEPS = 5_000
"""Of one evaluation, in which a list counts as many as it has items; some dozens are usual."""


class _Unknown:
    """A value that is not known here."""


UNKNOWN: Final = _Unknown()
"""A result of which nothing is known."""


def condition(node: Node, result: Sequence[float] | float | _Unknown) -> bool | None:
    """What a condition says of a result; None where that depends on a result that is not known.

    Args:
        node: the condition.
        result: what the query gave: the values of a vector, one value, or `UNKNOWN`.

    Raises:
        Refused: it does not fit a result of that kind.
        Failed: it ends in an error.
        Unsupported: it uses what is not known here.
    """
    known = "any" if result is UNKNOWN else "float" if isinstance(result, float) else "[]float"
    kind = _kind(node, known)
    if kind not in ("bool", "any"):
        raise Refused(f"it is no condition: it gives {kind.replace('[]float', 'a list')}")
    value = _Run(list(result) if isinstance(result, Sequence) else result).of(_simplified(node))
    if value is UNKNOWN:
        return None
    if not isinstance(value, bool):
        raise Failed("it gives no truth value")
    return value


_kind = lru_cache(maxsize=1024)(kind_of)


@lru_cache(maxsize=1024)
def _simplified(node: Node) -> Node:
    return _folded(node)


def _folded(node: Node) -> Node:
    """Without what is true or false whatever the rest is: even where the rest is an error."""
    parts = tuple(_folded(part) for part in node.parts)
    node = Node(node.kind, parts, node.value)
    if node.kind == "unary" and node.value in ("!", "not") and _is_bool(parts[0]):
        return Node("literal", (), not parts[0].value)
    if node.kind != "binary":
        return node
    left, right = parts
    if node.value in ("or", "||", "and", "&&"):
        decides = node.value in ("or", "||")
        for one, other in ((left, right), (right, left)):
            if _is_bool(one) and one.value is not decides:
                return other
        if any(_is_bool(one) for one in parts):
            return Node("literal", (), decides)
    same = type(left.value) is type(right.value) and type(left.value) in (bool, int, str)
    if node.value == "==" and left.kind == right.kind == "literal" and same:
        return Node("literal", (), left.value == right.value)
    return node


def _is_bool(node: Node) -> bool:
    return node.kind == "literal" and isinstance(node.value, bool)


class _Run:
    def __init__(self, result: Any) -> None:
        self.names = {"result": result}
        self.items: list[Any] = []
        self.left = _MOST_STEPS

    def of(self, node: Node) -> Any:
        value = getattr(self, f"_{node.kind}")(node)
        self.left -= len(value) if isinstance(value, list) else 1
        if self.left < 0:
            raise Unsupported(f"it takes more than {_MOST_STEPS} steps")
        return value

    def _literal(self, node: Node) -> Any:
        return node.value

    def _name(self, node: Node) -> Any:
        return self.names[node.value]

    def _unary(self, node: Node) -> Any:
        value = self.of(node.parts[0])
        if value is UNKNOWN:
            return UNKNOWN
        if node.value in ("!", "not"):
            return not truth(value)
        if node.value == "+":
            return value
        return whole(-value) if is_number(value) else fail(value)

    def _binary(self, node: Node) -> Any:
        sign = node.value
        if sign in ("or", "||", "and", "&&"):
            return self._logic(node, decides=sign in ("or", "||"))
        left = self.of(node.parts[0])
        if sign == "??":
            return self.of(node.parts[1]) if left is None else left
        right = self.of(node.parts[1])
        if left is UNKNOWN or right is UNKNOWN:
            return UNKNOWN
        return OPERATIONS[sign](left, right)

    def _logic(self, node: Node, *, decides: bool) -> Any:
        left = self.of(node.parts[0])
        if left is not UNKNOWN and truth(left) is decides:
            return decides
        right = self.of(node.parts[1])
        if right is not UNKNOWN and truth(right) is decides:
            return decides
        return UNKNOWN if left is UNKNOWN else right

    def _member(self, node: Node) -> Any:
        base, key = (self.of(part) for part in node.parts)
        if base is UNKNOWN or key is UNKNOWN:
            return UNKNOWN
        if base is None and node.value == "?.":
            raise Unsupported("'?.' of nil")
        if not isinstance(base, list):
            return fail(base)
        if not isinstance(key, int | float) or isinstance(key, bool) or key != key:
            return fail(key)
        place = int(key)
        if not -len(base) <= place < len(base):
            raise Failed(f"there is no item {place} in a list of {len(base)}")
        return base[place]

    def _slice(self, node: Node) -> Any:
        base, first, last = (self.of(part) for part in node.parts)
        if base is UNKNOWN or first is UNKNOWN or last is UNKNOWN:
            return UNKNOWN
        if not isinstance(base, list):
            raise Unsupported("a part of a text")
        ends = [end_of(first, 0, len(base)), end_of(last, len(base), len(base))]
        return base[min(ends[0], ends[1]) : ends[1]]

    def _call(self, node: Node) -> Any:
        name = node.parts[0].value
        given = [self.of(part) for part in node.parts[1:]]
        result = self.names["result"]
        if name in ("isNil", "default"):
            if result is UNKNOWN:
                return UNKNOWN
            return False if name == "isNil" else result  # Whatever they are given.
        if given[0] is UNKNOWN:
            return UNKNOWN
        literal = node.parts[1].kind == "literal" and isinstance(given[0], int)
        # A whole number that is written out is one of their kind; one that is computed is not.
        return CALLS[name](float(given[0]) if literal and name in ("isNaN", "isInf") else given[0])

    def _builtin(self, node: Node) -> Any:
        if node.parts[1:] and node.parts[1].kind == "closure":
            return self._predicate(node)
        given = [self.of(part) for part in node.parts]
        if any(one is UNKNOWN for one in given):
            return UNKNOWN
        if node.value in ("min", "max"):
            return extreme(node.value, given)
        return BUILTINS[node.value](given[0])

    def _predicate(self, node: Node) -> Any:
        base = self.of(node.parts[0])
        if base is UNKNOWN:
            return UNKNOWN
        if not isinstance(base, list):
            return fail(base)
        found, unknown = [], False
        for item in base:
            self.items.append(item)
            holds = self.of(node.parts[1].parts[0])
            self.items.pop()
            unknown |= holds is UNKNOWN
            if holds is not UNKNOWN and truth(holds):
                found.append(item)
                if node.value in ("any", "none"):
                    break
            elif node.value == "all" and holds is not UNKNOWN:
                return False
        if unknown:
            return UNKNOWN
        count = len(found)
        answers = {
            "all": count == len(base),
            "none": not count,
            "any": count > 0,
            "one": count == 1,
        }
        return answers.get(node.value, found if node.value == "filter" else count)

    def _item(self, node: Node) -> Any:
        return self.items[-1]

    def _let(self, node: Node) -> Any:
        self.names[node.value] = self.of(node.parts[0])
        value = self.of(node.parts[1])
        del self.names[node.value]
        return value

    def _choice(self, node: Node) -> Any:
        asked = self.of(node.parts[0])
        if asked is UNKNOWN:
            return UNKNOWN
        if truth(asked):
            return self.of(node.parts[1]) if len(node.parts) == 3 else asked
        return self.of(node.parts[-1])

    def _list(self, node: Node) -> Any:
        made = [self.of(part) for part in node.parts]
        return UNKNOWN if UNKNOWN in made else made

    def _map(self, node: Node) -> Any:
        raise Unsupported("maps")
