"""The rules that schemas state in CEL, as far as the bundled kinds need it.

The grammar is that of the Common Expression Language's specification less macros, maps, lists,
arithmetic and indexing. What it cannot evaluate it says so of, and never takes for true: then
`cel_library` is asked, where its extra is installed.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from lockproof.rules.formats import duration

from .cel_types import SIGNS, escaped
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
                expression = _Field(expression, _unescaped(name))
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
    return re.sub(r"__(?:underscores|dot|dash|slash)__", lambda match: SIGNS[match[0]], name)


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
    return _joined(left, right, decides=True)


def _and(left: _Expression, right: _Expression) -> _Expression:
    return _joined(left, right, decides=False)


def _joined(left: _Expression, right: _Expression, *, decides: bool) -> _Expression:
    """What is decided by one side, whatever the other fails at (the language's definition)."""

    def join(value: Any) -> bool:
        try:
            if left(value) is decides:
                return bool(decides)
        except _Absent:
            if right(value) is decides:
                return bool(decides)
            raise
        return right(value) is True

    return join


class _Field:
    """A field that is read."""

    def __init__(self, holder: _Expression, name: str) -> None:
        self.holder, self.name = holder, name

    def __call__(self, value: Any) -> Any:
        if not self.is_there(value):
            raise _Absent
        return self.holder(value)[self.name]

    def is_there(self, value: Any) -> bool:
        """Whether what should hold it does; where that is not there itself, the rule fails."""
        holder = self.holder(value)
        if not isinstance(holder, Mapping):
            raise _Absent
        if self.name in holder and holder[self.name] is None:
            raise Unsupported(self.name)  # A server leaves some of them out.
        return self.name in holder


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
    if name == "has" and isinstance(argument, _Field):
        return argument.is_there
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
    "lowerAscii": lambda text: re.sub("[A-Z]+", lambda match: match[0].lower(), text),
    "upperAscii": lambda text: re.sub("[a-z]+", lambda match: match[0].upper(), text),
    "size": len,
}
_WITH: Mapping[str, Callable[[str, str], Any]] = {
    "matches": _matches,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
}
