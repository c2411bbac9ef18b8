"""The grammar: an expression as a tree."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from .tokens import Refused, Token, Unsupported, tokens

__all__ = ["Node", "Refused", "Unsupported", "parse"]

PREDICATES: Final = frozenset(
    {
        "all", "none", "any", "one", "filter", "map", "count", "find", "findIndex", "findLast",
        "findLastIndex", "groupBy", "reduce",
    }
)  # fmt: skip
"""Functions that take an expression about each item."""
BUILTINS: Final = PREDICATES | {
    "len", "type", "abs", "ceil", "floor", "round", "int", "float", "string", "trim", "trimPrefix",
    "trimSuffix", "upper", "lower", "split", "splitAfter", "replace", "repeat", "join", "indexOf",
    "lastIndexOf", "hasPrefix", "hasSuffix", "max", "min", "sum", "mean", "median", "toJSON",
    "fromJSON", "toBase64", "fromBase64", "now", "duration", "date", "first", "last", "get", "take",
    "keys", "values", "toPairs", "fromPairs", "sort", "sortBy",
}  # fmt: skip
_UNARY = {"not": 50, "!": 50, "-": 90, "+": 90}
_BINARY = {
    "|": 0, "or": 10, "||": 10, "and": 15, "&&": 15, "==": 20, "!=": 20, "<": 20, ">": 20, ">=": 20,
    "<=": 20, "in": 20, "matches": 20, "contains": 20, "startsWith": 20, "endsWith": 20, "..": 25,
    "+": 30, "-": 30, "*": 60, "/": 60, "%": 60, "**": 100, "^": 100, "??": 500,
}  # fmt: skip
"""How strongly each binds; the powers bind to the right, the others to the left."""
_DEEPEST = 60
_LARGEST = 2**63 - 1


@dataclass(frozen=True, eq=False)  # Values that are equal can be of two kinds: 1 and true.
class Node:
    """A part of an expression."""

    kind: str
    """`literal`, `name`, `unary`, `binary`, `member`, `slice`, `call`, `builtin`, `closure`,
    `item`, `let`, `choice` (of two parts where it is `?:`), `list` or `map`."""
    parts: tuple["Node", ...] = ()
    value: Any = None
    """The value of a literal; the name or the sign of the others."""


@lru_cache(maxsize=1024)
def parse(text: str) -> Node:
    """The tree of an expression, the same one for the same text.

    Raises:
        Refused: it does not parse.
        Unsupported: it is too long, nested too deeply, or has an escape that is not known here.
    """
    parser = _Parser(tokens(text))
    node = parser.expression(0)
    if parser.now.kind != "end":
        raise parser.unexpected()
    return node


class _Parser:
    def __init__(self, words: list[Token]) -> None:
        self.words, self.place, self.depth, self.inside = words, 0, 0, 0

    @property
    def now(self) -> Token:
        return self.words[self.place]

    def unexpected(self) -> Refused:
        return Refused(f"{self.now.shown} is not expected there")

    def step(self) -> Token:
        token = self.now
        if token.kind == "end":
            raise self.unexpected()
        self.place += 1
        return token

    def meets(self, kind: str, *values: str) -> bool:
        return self.now.kind == kind and self.now.value in values

    def must(self, kind: str, value: str = "") -> Token:
        if self.now.kind != kind or (value and self.now.value != value):
            raise self.unexpected()
        return self.step()

    def expression(self, strength: int) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Unsupported("it is nested too deeply")
        if strength == 0 and self.meets("operator", "let"):
            node = self.let()
        else:
            node = self.operations(strength)
            while strength == 0 and self.meets("operator", "?"):
                node = self.choice(node)
        self.depth -= 1
        return node

    def let(self) -> Node:
        self.step()
        name = self.must("name").value
        self.must("operator", "=")
        value = self.expression(0)
        self.must("operator", ";")
        return Node("let", (value, self.expression(0)), name)

    def choice(self, node: Node) -> Node:
        self.step()
        if self.meets("operator", ":"):
            self.step()
            return Node("choice", (node, self.expression(0)))
        yes = self.expression(0)
        self.must("operator", ":")
        return Node("choice", (node, yes, self.expression(0)))

    def operations(self, strength: int) -> Node:
        node, before = self.primary(), ""
        while self.now.kind == "operator":
            negated = self.meets("operator", "not")
            if negated:
                self.step()
            sign = self.now.value
            if self.now.kind != "operator" or sign not in _BINARY or _BINARY[sign] < strength:
                break
            self.step()
            if sign == "|":
                node = self.pipe(node)
            else:
                if before == "??" and sign != "??":
                    raise Refused(f"'{sign}' and '??' cannot be mixed without parentheses")
                right = self.expression(_BINARY[sign] + (sign not in ("**", "^")))
                node = Node("binary", (node, right), sign)
                if negated:
                    node = Node("unary", (node,), "not")
            before = sign
        return node

    def primary(self) -> Node:
        if self.now.kind == "operator" and self.now.value in _UNARY:
            sign = self.step().value
            return self.postfix(Node("unary", (self.expression(_UNARY[sign]),), sign))
        if self.meets("bracket", "("):
            self.step()
            node = self.expression(0)
            self.must("bracket", ")")
            return self.postfix(node)
        if self.meets("operator", "#", "."):
            if not self.inside:
                raise Refused(f"{self.now.shown} stands for an item, and here is none")
            name = ""
            if self.step().value == "#":
                if self.now.kind == "name" and self._is_adjacent():
                    name = self.step().value
            else:
                self.place -= 1  # `.field` is that of the item.
            return self.postfix(Node("item", (), name))
        return self.secondary()

    def _is_adjacent(self) -> bool:
        return self.now.at == self.words[self.place - 1].at + 1

    def secondary(self) -> Node:
        token = self.now
        if token.kind == "name":
            self.step()
            if token.value in _WORDS:
                return Node("literal", (), _WORDS[token.value])
            return self.postfix(self.named(token.value))
        if token.kind == "number":
            self.step()
            return self.postfix(Node("literal", (), _number(token)))
        if token.kind == "text":
            self.step()
            return self.postfix(Node("literal", (), token.value))
        if self.meets("bracket", "["):
            self.step()
            return self.postfix(Node("list", tuple(self.until("]"))))
        if self.meets("bracket", "{"):
            self.step()
            return self.postfix(self.map())
        raise self.unexpected()

    def named(self, name: str) -> Node:
        if not self.meets("bracket", "("):
            return Node("name", (), name)
        if name in PREDICATES:
            self.step()
            first = self.expression(0)
            self.must("operator", ",")
            return self.predicate(name, first)
        if name in BUILTINS:
            return Node("builtin", self.arguments(), name)
        return Node("call", (Node("name", (), name), *self.arguments()))

    def predicate(self, name: str, first: Node) -> Node:
        parts = [first, self.closure()]
        if name == "reduce" and self.meets("operator", ","):
            self.step()
            parts.append(self.expression(0))
        self.must("bracket", ")")
        return Node("builtin", tuple(parts), name)

    def closure(self) -> Node:
        closed = self.meets("bracket", "{")
        if closed:
            self.step()
        self.inside += 1
        node = self.expression(0)
        self.inside -= 1
        if closed:
            self.must("bracket", "}")
        return Node("closure", (node,))

    def pipe(self, node: Node) -> Node:
        name = self.must("name").value
        if name in PREDICATES:
            self.must("bracket", "(")
            return self.predicate(name, node)
        arguments = (node, *self.arguments())
        if name in BUILTINS:
            return Node("builtin", arguments, name)
        return Node("call", (Node("name", (), name), *arguments))

    def arguments(self) -> tuple[Node, ...]:
        self.must("bracket", "(")
        found: list[Node] = []
        while not self.meets("bracket", ")"):
            if found:
                self.must("operator", ",")
            found.append(self.expression(0))
        self.step()
        return tuple(found)

    def until(self, bracket: str) -> list[Node]:
        found: list[Node] = []
        while not self.meets("bracket", bracket):
            if found:
                self.must("operator", ",")
                if self.meets("bracket", bracket):
                    break
            found.append(self.expression(0))
        self.step()
        return found

    def map(self) -> Node:
        pairs: list[Node] = []
        while not self.meets("bracket", "}"):
            if pairs:
                self.must("operator", ",")
                if self.meets("bracket", "}"):
                    break
            if self.now.kind in ("number", "text", "name"):
                key = Node("literal", (), self.step().value)
            elif self.meets("bracket", "("):
                key = self.expression(0)
            else:
                raise self.unexpected()
            self.must("operator", ":")
            pairs += [key, self.expression(0)]
        self.step()
        return Node("map", tuple(pairs))

    def postfix(self, node: Node) -> Node:
        while self.meets("operator", ".", "?.") or self.meets("bracket", "["):
            sign = self.step().value
            node = self.bracketed(node) if sign == "[" else self.field(node, sign)
        return node

    def field(self, node: Node, sign: str) -> Node:
        name = self.step()
        if name.kind != "name" and not (name.kind == "operator" and name.value.isalpha()):
            raise Refused(f"{name.shown} is no name of a field")
        node = Node("member", (node, Node("literal", (), name.value)), sign)
        if self.meets("bracket", "("):
            node = Node("call", (node, *self.arguments()))
        return node

    def bracketed(self, node: Node) -> Node:
        missing = Node("literal")
        first = missing
        if not self.meets("operator", ":"):
            first = self.expression(0)
            if not self.meets("operator", ":"):
                self.must("bracket", "]")
                return Node("member", (node, first), "[")
        self.step()
        last = missing if self.meets("bracket", "]") else self.expression(0)
        self.must("bracket", "]")
        return Node("slice", (node, first, last))


_WORDS: dict[str, bool | None] = {"true": True, "false": False, "nil": None}


def _number(token: Token) -> int | float:
    text = token.value.replace("_", "")
    try:
        if "x" in text:
            number: int | float = int(text, 16)
        elif any(sign in text for sign in ".eE"):
            number = float(text)
        else:
            number = int(text, 10)
    except ValueError:
        raise Refused(f"{token.shown} is no number") from None
    if (isinstance(number, int) and number > _LARGEST) or number == float("inf"):
        raise Refused(f"{token.shown} is too large a number")
    return number
