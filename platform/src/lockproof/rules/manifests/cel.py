"""The rules that schemas state in CEL, as far as the bundled kinds need it.

The grammar is that of the Common Expression Language's specification less macros, maps, lists,
arithmetic and indexing. What it cannot evaluate it says so of, and never takes for true: then
`cel_library` is asked, where its extra is installed.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

from lockproof.model.schema import Node, Table
from lockproof.rules.formats import duration

from .patterns import matches


class Unsupported(Exception):
    """The expression uses what this evaluator does not know."""


def holds(rule: str, value: Any) -> bool:
    """Whether a rule is true of `self`.

    Raises:
        Unsupported: the rule cannot be evaluated here.
    """
    try:
        result = _parsed(rule)(value)
    except _Absent:
        return False  # A server refuses what makes a rule fail to evaluate.
    if not isinstance(result, bool):
        raise Unsupported(rule)
    return result


class _Absent(Exception):
    """A field that is not there was read."""


_Expression = Callable[[Any], Any]
_TOKEN = re.compile(
    r"\s*(?:(?P<text>r?'(?:[^'\\]|\\.)*'|r?\"(?:[^\"\\]|\\.)*\")|(?P<number>\d+)|(?P<name>\w+)"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|[<>!().,?:]))"
)


@lru_cache(maxsize=256)
def _parsed(rule: str) -> _Expression:
    tokens: list[tuple[str, str]] = []
    place = 0
    text = rule.strip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise Unsupported(rule)
        tokens.append((match.lastgroup, match[match.lastgroup]))
        place = match.end()
    parser = _Parser(rule, tokens)
    expression = parser.choice()
    if parser.tokens:
        raise Unsupported(rule)
    return expression


class _Parser:
    def __init__(self, rule: str, tokens: list[tuple[str, str]]) -> None:
        self.rule, self.tokens = rule, tokens

    def _next(self) -> str:
        return self.tokens[0][1] if self.tokens else ""

    def _take(self, *signs: str) -> str:
        if self.tokens and self.tokens[0][0] != "text" and self.tokens[0][1] in signs:
            return self.tokens.pop(0)[1]
        return ""

    def _must(self, sign: str) -> None:
        if not self._take(sign):
            raise Unsupported(self.rule)

    def choice(self) -> _Expression:
        condition = self.either()
        if not self._take("?"):
            return condition
        yes = self.choice()
        self._must(":")
        no = self.choice()
        return lambda value: yes(value) if _truth(condition(value), self.rule) else no(value)

    def either(self) -> _Expression:
        left = self.both()
        while self._take("||"):
            left = _or(left, self.both())
        return left

    def both(self) -> _Expression:
        left = self.relation()
        while self._take("&&"):
            left = _and(left, self.relation())
        return left

    def relation(self) -> _Expression:
        left = self.unary()
        sign = self._take("==", "!=", "<", "<=", ">", ">=", "in")
        return _compare(sign, left, self.unary(), self.rule) if sign else left

    def unary(self) -> _Expression:
        if self._take("!"):
            inner = self.unary()
            return lambda value: not _truth(inner(value), self.rule)
        return self.member()

    def member(self) -> _Expression:
        expression = self.primary()
        while self._take("."):
            kind, name = self.tokens.pop(0) if self.tokens else ("", "")
            if kind != "name":
                raise Unsupported(self.rule)
            if self._take("("):
                argument = None if self._next() == ")" else self.choice()
                self._must(")")
                expression = _method(name, expression, argument, self.rule)
            else:
                expression = _field(expression, _unescaped(name))
        return expression

    def primary(self) -> _Expression:
        if self._take("("):
            inner = self.choice()
            self._must(")")
            return inner
        kind, word = self.tokens.pop(0) if self.tokens else ("", "")
        if kind == "text":
            content = _content(word, self.rule)
            return lambda _: content
        if kind == "number":
            return lambda _: int(word)
        if kind != "name":
            raise Unsupported(self.rule)
        if self._take("("):
            argument = self.choice()
            self._must(")")
            return _function(word, argument, self.rule)
        if word in ("true", "false"):
            return lambda _: word == "true"
        if word != "self":
            raise Unsupported(self.rule)
        return lambda value: value


def _unescaped(name: str) -> str:
    """The field that a rule means: `__namespace__` is `namespace`, which CEL reserves."""
    word = name.removeprefix("__").removesuffix("__")
    if escaped(word) == name:
        return word
    return re.sub(r"__(?:underscores|dot|dash|slash)__", lambda match: _SIGNS[match[0]], name)


def _content(token: str, rule: str) -> str:
    if token.startswith("r"):
        return token[2:-1]
    if re.search(r"(?<!\\)(?:\\\\)*\\[^\\'\"nt]", token):
        raise Unsupported(rule)
    simple = {"n": "\n", "t": "\t"}
    return re.sub(r"\\(.)", lambda match: simple.get(match[1], match[1]), token[1:-1])


def _truth(value: Any, rule: str) -> bool:
    if not isinstance(value, bool):
        raise Unsupported(rule)
    return value


def _or(left: _Expression, right: _Expression) -> _Expression:
    return lambda value: left(value) is True or right(value) is True


def _and(left: _Expression, right: _Expression) -> _Expression:
    return lambda value: left(value) is True and right(value) is True


def _field(inner: _Expression, name: str) -> _Expression:
    def read(value: Any) -> Any:
        holder = inner(value)
        if not isinstance(holder, Mapping) or name not in holder:
            raise _Absent
        return holder[name]

    return read


def _compare(sign: str, left: _Expression, right: _Expression, rule: str) -> _Expression:
    def compare(value: Any) -> bool:
        a, b = left(value), right(value)
        if sign in ("==", "!="):
            return bool(a == b) is (sign == "==")
        try:
            if sign == "in":
                return bool(a in b)
            return bool({"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[sign])
        except TypeError:
            raise Unsupported(rule) from None

    return compare


def _method(name: str, target: _Expression, argument: _Expression | None, rule: str) -> _Expression:
    def call(value: Any) -> Any:
        text = target(value)
        if not isinstance(text, str):
            raise Unsupported(rule)
        if argument is None:
            return _PLAIN[name](text)
        other = argument(value)
        if not isinstance(other, str):
            raise Unsupported(rule)
        return _WITH[name](text, other)

    if name not in (_PLAIN if argument is None else _WITH):
        raise Unsupported(rule)
    return call


def _function(name: str, argument: _Expression, rule: str) -> _Expression:
    if name == "has":

        def has(value: Any) -> bool:
            try:
                argument(value)
            except _Absent:
                return False
            return True

        return has
    if name == "size":
        return lambda value: len(argument(value))
    if name == "duration":

        def seconds(value: Any) -> float:
            text = argument(value)
            result = duration(text) if isinstance(text, str) else None
            if result is None:
                raise _Absent
            return result

        return seconds
    raise Unsupported(rule)


def _matches(text: str, pattern: str) -> bool:
    found = matches(text, pattern)
    if found is None:
        raise Unsupported(pattern)
    return found


_PLAIN: Mapping[str, Callable[[str], Any]] = {
    "lowerAscii": str.lower,
    "upperAscii": str.upper,
    "size": len,
}
_WITH: Mapping[str, Callable[[str, str], Any]] = {
    "matches": _matches,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
}


TIMES = ("date-time", "date", "duration")
"""Formats of texts that a server makes moments and durations of."""
TYPED = (*TIMES, "byte")
"""Those of which a rule gets no text."""
TEXT = re.compile(r"r?\"(?:[^\"\\]|\\.)*+\"|r?'(?:[^'\\]|\\.)*+'")
_TOKENS = re.compile(r"\w+|==|!=|\S")
_OPERATORS = ("==", "!=", "+")
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
    tokens = _TOKENS.findall(TEXT.sub("''", rule))
    words, compared = set(tokens), set(_compared(tokens))
    return any(
        (name in words and shape.get("format") in formats)
        # Lists that are sets or maps are equal in any order, and joined without repetition.
        or (name in compared and bool({"keys", "unique"} & set(shape)))
        for name, shape in _named(value, table, node, "self")
    )


def _compared(tokens: list[str]) -> Iterator[str]:
    """The names that stand on a side of `==`, `!=` or `+` as they are."""
    for place, name in enumerate(tokens):
        after = place + 1
        while after < len(tokens) and tokens[after] == ")":
            after += 1
        follows = tokens[after] if after < len(tokens) else ""
        if follows in _OPERATORS:
            yield name
        before = place - 1
        while before >= 1 and tokens[before] == ".":
            before -= 2  # Over what it is a part of.
        if before >= 0 and tokens[before] in _OPERATORS and follows not in (".", "[", "("):
            yield name


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
