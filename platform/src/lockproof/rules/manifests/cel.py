"""The rules that schemas state in CEL, as far as the bundled kinds need it.

The grammar is that of the Common Expression Language's specification less macros, maps, lists,
arithmetic and indexing. What it cannot evaluate it says so of, and takes neither for true nor for
broken: then `cel_library` is asked, where its extra is installed.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from lockproof.rules.formats import duration

from .cel_types import unescaped
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
    """What is an error for a server: a field that is not there was read, a duration is none."""


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
            left = _joined(left, self.both(), self.rule, True)
        return left

    def both(self) -> _Expression:
        left = self.relation()
        while self._take("&&"):
            left = _joined(left, self.relation(), self.rule, False)
        return left

    def relation(self) -> _Expression:
        left = self.unary()
        sign = self._take("==", "!=", "<", "<=", ">", ">=")
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
                expression = _Field(expression, unescaped(name), self.rule)
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


def _content(token: str, rule: str) -> str:
    if token.startswith("r"):
        if re.search(r"\\['\"]", token):
            raise Unsupported(rule)  # There a text ends at any quote.
        return token[2:-1]
    if re.search(r"(?<!\\)(?:\\\\)*\\[^\\'\"nt]", token):
        raise Unsupported(rule)
    simple = {"n": "\n", "t": "\t"}
    return re.sub(r"\\(.)", lambda match: simple.get(match[1], match[1]), token[1:-1])


def _truth(value: Any, rule: str) -> bool:
    if not isinstance(value, bool):
        raise Unsupported(rule)
    return value


def _joined(left: _Expression, right: _Expression, rule: str, decides: bool) -> _Expression:
    """`||` (decided by true) or `&&` (by false): a side that decides makes up for any other."""

    def joined(value: Any) -> bool:
        failed: list[Exception] = []
        for side in (left, right):
            try:
                if _truth(side(value), rule) is decides:
                    return decides
            except (_Absent, Unsupported) as error:
                failed.append(error)
        for one in failed:
            if isinstance(one, Unsupported):
                raise one
        if failed:
            raise failed[0]
        return not decides

    return joined


class _Field:
    """A field that is read."""

    def __init__(self, inner: _Expression, name: str, rule: str) -> None:
        self.inner, self.name, self.rule = inner, name, rule

    def __call__(self, value: Any) -> Any:
        holder = self._holder(value)
        if self.name not in holder:
            raise _Absent
        return holder[self.name]

    def is_there(self, value: Any) -> bool:
        """What `has` says; a holder that is not there is an error."""
        return self.name in self._holder(value)

    def _holder(self, value: Any) -> Mapping[Any, Any]:
        holder = self.inner(value)
        # Of null Kubernetes has ideas of its own.
        if not isinstance(holder, Mapping) or holder.get(self.name, "") is None:
            raise Unsupported(self.rule)
        return holder


def _compare(sign: str, left: _Expression, right: _Expression, rule: str) -> _Expression:
    def compare(value: Any) -> bool:
        a, b = left(value), right(value)
        if type(a) is not type(b) or not isinstance(a, str | int | float):
            raise Unsupported(rule)
        if isinstance(a, float) and a != b and abs(a - b) <= 1e-6 * max(1, abs(a)):
            raise Unsupported(rule)  # A server reckons in nanoseconds.
        if sign in ("==", "!="):
            return bool(a == b) is (sign == "==")
        return bool({"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[sign])

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

        def size(value: Any) -> int:
            counted = argument(value)
            if not isinstance(counted, str | list):
                raise Unsupported(rule)
            return len(counted)

        return size
    if name == "duration":

        def seconds(value: Any) -> float:
            text = argument(value)
            if not isinstance(text, str) or not text.isascii():
                raise Unsupported(rule)
            result = duration(text)
            if result is None:
                raise _Absent
            if abs(result) > _LONGEST:
                raise Unsupported(rule)
            return result

        return seconds
    raise Unsupported(rule)


def _matches(text: str, pattern: str) -> bool:
    found = matches(text, pattern)
    if found is None:
        raise Unsupported(pattern)
    return found


def _ascii(change: Callable[[str], str]) -> Callable[[str], str]:
    def changed(text: str) -> str:
        if not text.isascii():
            raise Unsupported(text)
        return change(text)

    return changed


_LONGEST = 9e9
"""Seconds: a server's durations end at 2^63 nanoseconds."""
_PLAIN: Mapping[str, Callable[[str], Any]] = {
    "lowerAscii": _ascii(str.lower),
    "upperAscii": _ascii(str.upper),
    "size": len,
}
_WITH: Mapping[str, Callable[[str, str], Any]] = {
    "matches": _matches,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
}
