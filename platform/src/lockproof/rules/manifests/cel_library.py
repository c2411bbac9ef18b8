"""Rules in CEL by Google's own library, as far as an API server would say the same of them.

The extra `cel` brings it: cel-cpp, the runtime that the language's authors keep. Kubernetes gives
rules typed values and functions of its own: values are typed here by the schema, and a rule that
uses a function which the library does not have, or may have otherwise, is not evaluated.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from lockproof.model.schema import Node, Table

from .cel_types import TEXT, TIMES, bare, compares_whole, escaped, speaks_of

_MOST_STEPS = 10**8
"""What a rule may take by a rough bound: a second or so. An API server has such a bound, too."""
_LONGEST = 1 << 14
"""Characters of a rule, and of what a pattern is held against."""
_MACRO = re.compile(r"\b(all|exists|exists_one|existsOne|map|filter|bind)\s*\(")
_OWN = re.compile(r"\b(?:duration|timestamp|format|bytes)\s*\(")
"""Functions whose texts each library reads and writes in its own way."""
_READS = re.compile(r"\b(?:int|uint|double|bool)\s*\(")
_WRITES = re.compile(r"\bstring\s*\(")
_BY_CHARACTER = re.compile(
    r"\b(?:lowerAscii|upperAscii|trim|split|replace|substring|charAt|indexOf|lastIndexOf|reverse)"
    r"\s*\("
)
_GROWS = re.compile(r"\b(replace|join|format)\s*\(")


class _Untold(Exception):
    """A value that cannot be typed as a server does."""


def holds_by_library(rule: str, value: Any, table: Table, node: Node) -> bool | None:
    """Whether a rule is true of `self`; None where that cannot be known here.

    Args:
        rule: the expression.
        value: what it is asked of, with defaults filled in.
        table: where the value's schema stands.
        node: the value's schema.
    """
    environment = _environment()
    if environment is None or _steps(rule, value) > _MOST_STEPS:
        return None
    if speaks_of(rule, value, table, node, TIMES) or compares_whole(rule, value, table, node):
        return None  # The library takes moments and durations from nobody.
    try:
        typed = _typed(value, table, node)
        expression = _compiled(rule)
        if expression is None or _is_told_otherwise(rule, typed):
            return None
        result = expression.eval(data={"self": typed})
        answer = result.value()
    except (_Untold, RuntimeError, ValueError, TypeError, OverflowError):
        return None
    if not isinstance(answer, bool):
        return None  # An error, which a server may have been spared by its types.
    return answer


@lru_cache(maxsize=1)
def _environment() -> Any:
    """With the extensions that Kubernetes has as well; None where the extra is not installed."""
    try:
        from cel_expr_python import cel
        from cel_expr_python.ext.ext_optional import ExtOptional
        from cel_expr_python.ext.ext_strings import ExtStrings
    except ImportError:
        return None
    return cel.NewEnv(variables={"self": cel.Type.DYN}, extensions=[ExtOptional(), ExtStrings()])


@lru_cache(maxsize=256)
def _compiled(rule: str) -> Any:
    try:
        return _environment().compile(rule)
    except (RuntimeError, ValueError):
        return None


def _steps(rule: str, value: Any) -> int:
    """A bound on what a rule takes: macros run over all there is, and texts grow by calls."""
    leaves, characters = 1, 1
    for leaf in _leaves(value):
        leaves += 1
        characters += len(leaf) if isinstance(leaf, str) else 8
    without = TEXT.sub("", rule)
    texts = [len(text) for text in TEXT.findall(rule)]
    depth = most = 0
    above: list[bool] = []
    macros = {match.end() - 1 for match in _MACRO.finditer(without)}
    for place, sign in enumerate(without):
        if sign == "(":
            above.append(place in macros)
            depth += above[-1]
            most = max(most, depth)
        elif sign == ")" and above:
            depth -= above.pop()
    growth = without.count("+") + 1
    total = len(macros) if growth > 1 else 0
    if characters > _LONGEST and "matches" in without:
        return _MOST_STEPS + 1  # As in `patterns`.
    if len(rule) > _LONGEST or total + len(_GROWS.findall(without)) > 16 or most > 8:
        return _MOST_STEPS + 1
    longest = max([*texts, growth, characters])  # By which one call may multiply a text.
    turns = int(max(leaves, 4) ** most) * (len(macros) + 1)
    grown = int(longest ** len(_GROWS.findall(without))) * int(growth**total)
    return turns * grown * (characters + len(rule))


def _is_told_otherwise(rule: str, value: Any) -> bool:
    """Whether an API server's library may say otherwise of the rule."""
    without = bare(rule)
    if without is None or _OWN.search(without):
        return True
    leaves = [*_leaves(value), *TEXT.findall(rule)]
    texts = [leaf for leaf in leaves if isinstance(leaf, str)]
    if _READS.search(without) and any(re.search(r"[\s+]|[^\x00-\x7f]", text) for text in texts):
        return True  # Google's takes ` 7` for a number.
    if _WRITES.search(without) and (
        any(isinstance(leaf, float) for leaf in leaves) or re.search(r"\.\d|double", without)
    ):
        return True
    return _BY_CHARACTER.search(without) is not None and not all(map(str.isascii, texts))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield key
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value


def _typed(value: Any, table: Table, node: Node) -> Any:
    """A value as a server gives it to a rule; moments and durations stay texts.

    Raises:
        _Untold: its schema does not say what it is.
    """
    kind = node.get("type")
    if value is None:
        raise _Untold  # For a rule some of them are there, and some are not.
    if isinstance(value, bool) or kind == "int-or-string":
        return value
    if isinstance(value, Mapping) and kind == "object":
        return dict(_fields(value, table, node))
    if isinstance(value, list) and kind == "array" and "items" in node:
        table, shape = table.find(node["items"])
        return [_typed(inner, table, shape) for inner in value]
    if isinstance(value, int | float) and kind == "number":
        return float(value)
    if isinstance(value, int) and kind == "integer":
        return value
    if isinstance(value, str) and kind == "string":
        return _bytes(value) if node.get("format") == "byte" else value
    raise _Untold


def _fields(value: Mapping[Any, Any], table: Table, node: Node) -> Iterator[tuple[str, Any]]:
    known, others = node.get("properties", {}), node.get("values")
    for key, inner in value.items():
        if not isinstance(key, str):
            raise _Untold
        if key in known:
            yield escaped(key), _typed(inner, *table.find(known[key]))
        elif others is not None:
            yield key, _typed(inner, *table.find(others))
        # What is not declared no rule can read.


def _bytes(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        raise _Untold from None
