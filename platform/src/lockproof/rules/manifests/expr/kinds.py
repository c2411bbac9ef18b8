"""What kind of value each part of an expression has: the language refuses what does not fit.

Kinds are `bool`, `int`, `float`, `string`, `nil`, `map`, `any` (only known when it runs), and
lists: `[]float`, `[]any`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from .syntax import BUILTINS, Node, Refused, Unsupported

FUNCTIONS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "asInt": (("any",), "int"),
    "asFloat": (("any",), "float"),
    "isNaN": (("float",), "bool"),
    "isInf": (("float",), "bool"),
    "isNil": (("any",), "bool"),
    "default": (("any", "any"), "any"),
}
"""What Argo Rollouts adds to the language: kinds of arguments and of what is returned."""
_NUMBERS = ("int", "float")
_ORDERED = (*_NUMBERS, "string")
_ONE_NUMBER = {"abs": "", "ceil": "float", "floor": "float", "int": "int", "float": "float"}
_OF_LIST = {"sum": "any", "mean": "float", "median": "float"}
_MOST_STEPS = 20_000
"""Of one expression, which has half as many parts at most: those of lists are asked again."""
_TRUTHS = ("all", "none", "any", "one", "filter", "count")


def kind_of(node: Node, result: str) -> str:
    """The kind of an expression, where `result` has the given one.

    Raises:
        Refused: its parts do not fit together.
        Unsupported: it uses what is not known here.
    """
    return _Kinds(result).of(node)


class _Kinds:
    def __init__(self, result: str) -> None:
        self.names = {"result": result}
        self.items: list[str] = []
        self.left = _MOST_STEPS

    def of(self, node: Node) -> str:
        self.left -= 1  # The items of a list are asked twice, and so those of a list in it.
        if self.left < 0:
            raise Unsupported(f"it takes more than {_MOST_STEPS} steps to find its kind")
        kind: str = getattr(self, f"_{node.kind}")(node)
        return kind

    def _literal(self, node: Node) -> str:
        value = node.value
        if value is None:
            return "nil"
        return {bool: "bool", int: "int", float: "float", str: "string"}[type(value)]

    def _name(self, node: Node) -> str:
        if node.value in self.names:
            return self.names[node.value]
        if node.value in FUNCTIONS or node.value in BUILTINS or node.value == "$env":
            raise Unsupported(f"{node.value} as a value")
        raise Refused(f"there is no {node.value}")

    def _unary(self, node: Node) -> str:
        kind = self.of(node.parts[0])
        if node.value in ("!", "not"):
            if kind in ("bool", "any"):
                return "bool"
        elif kind in (*_NUMBERS, "any"):
            return kind
        raise Refused(f"'{node.value}' does not work on {_shown(kind)}")

    def _binary(self, node: Node) -> str:
        left, right = (self.of(part) for part in node.parts)
        sign = node.value
        if sign == "in":
            return self._in(node, left, right)
        if sign == "??":
            return left if right == "nil" or right == left else right if left == "nil" else "any"
        kind = _joined(sign, left, right)
        if kind is None:
            raise Refused(
                f"'{sign}' does not work between {_shown(left)} and {_shown(right)}"
                + ("; write result[0]" if "[]float" in (left, right) else "")
            )
        return kind

    def _in(self, node: Node, left: str, right: str) -> str:
        if right.startswith("[]"):
            inner = {right[2:]}
            if node.parts[1].kind == "list":
                kinds = {_family(self.of(part)) for part in node.parts[1].parts}
                inner |= {self.of(node.parts[1].parts[-1])} if len(kinds) == 1 else set()
            if all(_comparable(left, one) for one in inner):
                return "bool"
        elif right == "any":
            return "bool"
        elif right == "map":
            raise Unsupported("'in' a map")
        raise Refused(f"'in' does not work between {_shown(left)} and {_shown(right)}")

    def _member(self, node: Node) -> str:
        base, key = (self.of(part) for part in node.parts)
        if base == "any":
            return "any"
        if base.startswith("[]"):
            if key in ("int", "any"):
                return base[2:]
            raise Refused(f"an item of {_shown(base)} is named by a whole number")
        if base == "map":
            raise Unsupported("maps")
        raise Refused(f"{_shown(base)} has no items")

    def _slice(self, node: Node) -> str:
        base, *ends = (self.of(part) for part in node.parts)
        if not base.startswith("[]") and base not in ("string", "any"):
            raise Refused(f"{_shown(base)} cannot be cut")
        if not {*ends} <= {"int", "any", "nil"}:
            raise Refused("a list is cut at whole numbers")
        return base

    def _call(self, node: Node) -> str:
        callee, *arguments = node.parts
        if callee.kind != "name":
            self.of(callee)
            raise Unsupported("a method")
        if callee.value in self.names:
            raise Refused(f"{callee.value} is no function")
        if callee.value not in FUNCTIONS:
            raise Refused(f"there is no function {callee.value}")
        wanted, made = FUNCTIONS[callee.value]
        if len(wanted) != len(arguments):
            raise Refused(f"{callee.value} takes {len(wanted)}, is given {len(arguments)}")
        for want, argument in zip(wanted, arguments, strict=True):
            kind = self.of(argument)
            if want == "float" and kind == "int" and argument.kind != "literal":
                raise Unsupported(f"{callee.value} of a whole number")
            if want == "float" and kind not in (*_NUMBERS, "any", "nil"):
                raise Refused(
                    f"{callee.value} takes a number, is given {_shown(kind)}"
                    + ("; write result[0]" if kind == "[]float" else "")
                )
        return made

    def _builtin(self, node: Node) -> str:
        name = node.value
        if node.parts[1:] and node.parts[1].kind == "closure":
            return self._predicate(node)
        kinds = [self.of(part) for part in node.parts]
        if name in ("max", "min"):
            return _extreme(name, kinds)
        if name not in ("len", *_ONE_NUMBER, *_OF_LIST):
            raise Unsupported(f"the function {name}")
        if len(kinds) != 1:
            raise Refused(f"{name} takes one value, is given {len(kinds)}")
        (kind,) = kinds
        is_list = kind.startswith("[]") or kind == "any"
        if name == "len" and (is_list or kind in ("string", "map")):
            return "int"
        if name in _OF_LIST and is_list:
            return _OF_LIST[name]
        numeric = (*_NUMBERS, "any", *(["string"] if name in ("int", "float") else []))
        if name in _ONE_NUMBER and kind in numeric:
            return _ONE_NUMBER[name] or kind
        raise Refused(f"{name} does not work on {_shown(kind)}")

    def _predicate(self, node: Node) -> str:
        if node.value not in _TRUTHS:
            raise Unsupported(f"the function {node.value}")
        base = self.of(node.parts[0])
        if not base.startswith("[]") and base != "any":
            raise Refused(f"{node.value} works on a list, not on {_shown(base)}")
        self.items.append(base[2:] if base != "any" else base)
        inner = self.of(node.parts[1].parts[0])
        self.items.pop()
        if inner not in ("bool", "any"):
            raise Refused(f"{node.value} wants a condition, is given {_shown(inner)}")
        if node.value == "filter":
            return base if base != "any" else "[]any"
        return "int" if node.value == "count" else "bool"

    def _item(self, node: Node) -> str:
        if node.value:
            raise Unsupported(f"#{node.value}")
        return self.items[-1]

    def _let(self, node: Node) -> str:
        name = node.value
        if name in self.names or name in FUNCTIONS or name in BUILTINS:
            raise Refused(f"{name} is there already")
        self.names[name] = self.of(node.parts[0])
        kind = self.of(node.parts[1])
        del self.names[name]
        return kind

    def _choice(self, node: Node) -> str:
        asked, *chosen = (self.of(part) for part in node.parts)
        if asked not in ("bool", "any"):
            raise Refused(f"{_shown(asked)} is no condition")
        yes, no = chosen if len(chosen) == 2 else (asked, *chosen)
        if "nil" in (yes, no):
            return no if yes == "nil" else yes
        return yes if yes == no else "any"

    def _list(self, node: Node) -> str:
        for part in node.parts:
            self.of(part)
        return "[]any"

    def _map(self, node: Node) -> str:
        for part in node.parts:
            self.of(part)
        return "map"


def _extreme(name: str, kinds: Sequence[str]) -> str:
    for kind in kinds:
        if kind == "any" or kind.startswith("[]"):
            return "any"
        if kind not in _NUMBERS:
            raise Refused(f"{name} does not work on {_shown(kind)}")
    if not kinds:
        raise Refused(f"{name} is given nothing")
    if kinds[0] == "int" and "float" in kinds:
        raise Unsupported(f"{name} of whole numbers and others")
    return kinds[0]


def _joined(sign: str, left: str, right: str) -> str | None:
    """The kind of an operation's result; None where the language refuses it."""
    if sign in ("==", "!="):
        return "bool" if _comparable(left, right) else None
    if sign in ("matches", "contains", "startsWith", "endsWith"):
        return "bool" if _both(left, right, "string") else None
    if sign in ("or", "||", "and", "&&"):
        return "bool" if _both(left, right, "bool") else None
    if sign in ("<", ">", "<=", ">="):
        same = (left in _NUMBERS and right in _NUMBERS) or left == right == "string"
        return "bool" if same or _either(left, right, _ORDERED) else None
    if sign in ("%", ".."):
        if not _both(left, right, "int"):
            return None
        return "[]int" if sign == ".." else "int" if "any" not in (left, right) else "any"
    if sign == "+" and left == right == "string":
        return "string"
    if left in _NUMBERS and right in _NUMBERS:
        exact = left == right == "int" and sign in ("+", "-", "*")
        return "int" if exact else "float"
    if _either(left, right, _ORDERED if sign == "+" else _NUMBERS):
        return "float" if sign in ("/", "**", "^") else "any"
    return None


def _both(left: str, right: str, kind: str) -> bool:
    return {left, right} <= {kind, "any"}


def _either(left: str, right: str, kinds: tuple[str, ...]) -> bool:
    """Whether one is only known when it runs, and the other may fit."""
    allowed = (*kinds, "any")
    return "any" in (left, right) and left in allowed and right in allowed


def _family(kind: str) -> str:
    return "list" if kind.startswith("[]") else kind


def _comparable(left: str, right: str) -> bool:
    if {left, right} & {"nil", "any"} or {left, right} <= {*_NUMBERS}:
        return True
    return _family(left) == _family(right)


def _shown(kind: str) -> str:
    return _SHOWN.get(kind, "a list" if kind.startswith("[]") else f"a {kind}")


_SHOWN = {
    "[]float": "a list of numbers",
    "bool": "a truth value",
    "int": "a whole number",
    "float": "a number",
    "string": "a text",
    "nil": "nil",
    "any": "a value",
}
