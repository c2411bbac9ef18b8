"""The operations of the language on values, as they are when it runs."""

import math
from collections.abc import Callable
from typing import Any

from .syntax import Unsupported

_LARGEST = 2**63
_LONGEST = 10_000
"""Items of a range, characters of a text that is put together."""


class Failed(Exception):
    """It ends in an error when it runs: what it asks for is not there, or does not fit."""


def fail(value: Any) -> Any:
    """Say that a value is of the wrong kind.

    Raises:
        Failed: always.
    """
    raise Failed(f"{_described(value)} is of the wrong kind there")


def _described(value: Any) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return (
        "nil" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    )


def truth(value: Any) -> bool:
    """A truth value, or a failure."""
    if not isinstance(value, bool):
        fail(value)
    return bool(value)


def is_number(value: Any) -> bool:
    """Whether a value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def whole(value: int | float) -> int | float:
    """A number, unless it is a whole one of more than 64 bits."""
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        raise Unsupported("a whole number of more than 64 bits")
    return value


def end_of(value: Any, missing: int, size: int) -> int:
    """Where a part of a list begins or ends."""
    if value is None:
        return missing
    if not is_number(value) or value != value:
        return int(fail(value))
    place = int(value)
    return min(max(place + size if place < 0 else place, 0), size)


def _equal(left: Any, right: Any) -> bool:
    if is_number(left) and is_number(right):
        return float(left) == float(right) if float in (type(left), type(right)) else left == right
    if isinstance(left, list) and isinstance(right, list):
        raise Unsupported("lists compared")
    return type(left) is type(right) and bool(left == right)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def run(left: Any, right: Any) -> bool:
        if is_number(left) and is_number(right):
            if float in (type(left), type(right)):
                return compare(float(left), float(right))
            return compare(left, right)
        if isinstance(left, str) and isinstance(right, str):
            return compare(left.encode(), right.encode())
        return bool(fail(right if is_number(left) else left))

    return run


def _counted(compute: Callable[[Any, Any], Any], *, floats: bool = False) -> Callable[..., Any]:
    def run(left: Any, right: Any) -> Any:
        if not (is_number(left) and is_number(right)):
            return fail(right if is_number(left) else left)
        if floats or float in (type(left), type(right)):
            left, right = float(left), float(right)
        return whole(compute(left, right))

    return run


def _divided(left: float, right: float) -> float:
    if right:
        return left / right
    if not left or left != left:
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _power(left: float, right: float) -> float:
    try:
        return math.pow(left, right)
    except (OverflowError, ValueError):
        raise Unsupported("a power that is no number") from None


def _rest(left: Any, right: Any) -> Any:
    if not (type(left) is int and type(right) is int):
        return fail(right if type(left) is int else left)
    if not right:
        raise Failed("division by zero")
    return int(math.fmod(left, right)) if max(abs(left), abs(right)) < 2**53 else _large()


def _large() -> Any:
    raise Unsupported("the rest of large numbers")


def _range(left: Any, right: Any) -> Any:
    if right - left > _LONGEST:
        raise Unsupported(f"more than {_LONGEST} items")
    return list(range(left, right + 1))


def _plus(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        if len(left) + len(right) > _LONGEST:
            raise Unsupported(f"a text of more than {_LONGEST} characters")
        return left + right
    return _counted(lambda a, b: a + b)(left, right)


def _within(left: Any, right: Any) -> bool:
    if right is None:
        return False
    return any(_equal(one, left) for one in right) if isinstance(right, list) else fail(right)


def _texts(compare: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    def run(left: Any, right: Any) -> bool:
        if isinstance(left, str) and isinstance(right, str):
            return compare(left, right)
        return bool(fail(right if isinstance(left, str) else left))

    return run


def _matches(left: Any, right: Any) -> bool:
    raise Unsupported("'matches'")


OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": _ordered(lambda a, b: bool(a < b)),
    ">": _ordered(lambda a, b: bool(a > b)),
    "<=": _ordered(lambda a, b: bool(a <= b)),
    ">=": _ordered(lambda a, b: bool(a >= b)),
    "+": _plus,
    "-": _counted(lambda a, b: a - b),
    "*": _counted(lambda a, b: a * b),
    "/": _counted(_divided, floats=True),
    "**": _counted(_power, floats=True),
    "^": _counted(_power, floats=True),
    "%": _rest,
    "..": _range,
    "in": _within,
    "contains": _texts(lambda a, b: b in a),
    "startsWith": _texts(str.startswith),
    "endsWith": _texts(str.endswith),
    "matches": _matches,
}


def _as_int(value: Any) -> int:
    if isinstance(value, str):
        digits = value[1:] if value[:1] in ("+", "-") else value
        return int(value) if digits.isdecimal() and value.isascii() else int(fail(value))
    if not is_number(value):
        return int(fail(value))
    if isinstance(value, float) and not -_LARGEST <= value < _LARGEST:
        raise Unsupported("what is too large for a whole number, or none")
    return int(value)


def _as_float(value: Any) -> float:
    if isinstance(value, str):
        if not set(value) <= set("0123456789.+-eE"):
            raise Unsupported("a number as text")
        try:
            return float(value)
        except ValueError:
            return float(fail(value))
    return float(value) if is_number(value) else float(fail(value))


def _of_float(ask: Callable[[float], bool]) -> Callable[[Any], bool]:
    return lambda value: ask(value) if isinstance(value, float) else bool(fail(value))


CALLS: dict[str, Callable[[Any], Any]] = {
    "asInt": _as_int,
    "asFloat": _as_float,
    "isNaN": _of_float(math.isnan),
    "isInf": _of_float(math.isinf),
}


def _length(value: Any) -> int:
    if isinstance(value, list):
        return len(value)
    return len(value.encode()) if isinstance(value, str) else int(fail(value))


def _rounded(compute: Callable[[float], int]) -> Callable[[Any], Any]:
    def run(value: Any) -> Any:
        if not is_number(value):
            return fail(value)
        return float(compute(value)) if math.isfinite(value) else float(value)

    return run


def _numbers(value: Any) -> list[int | float]:
    if not isinstance(value, list) or not all(is_number(one) for one in value):
        return list(fail(value))
    return value


def _sum(value: Any) -> int | float:
    total: int | float = 0
    for one in _numbers(value):
        total = whole(total + one)
    return total


def _mean(value: Any) -> float:
    numbers = _numbers(value)
    total = 0.0
    for one in numbers:
        total += one
    return total / len(numbers) if numbers else 0.0


def _median(value: Any) -> float:
    # Go sorts NaN first.
    numbers = sorted(map(float, _numbers(value)), key=lambda one: (one == one, one))
    if not numbers:
        return 0.0
    middle = len(numbers) // 2
    return numbers[middle] if len(numbers) % 2 else (numbers[middle - 1] + numbers[middle]) / 2


def extreme(name: str, given: list[Any]) -> Any:
    """The least or the largest of numbers and lists of them; nil of empty lists."""
    compare, best = OPERATIONS["<" if name == "min" else ">"], None
    for one in given:
        if not is_number(one) and not isinstance(one, list) and len(given) == 1:
            return one
        for number in one if isinstance(one, list) else (one,):
            value = extreme(name, [number]) if isinstance(number, list) else number
            if not is_number(value):
                fail(value)
            best = value if best is None or compare(value, best) else best
    return best


BUILTINS: dict[str, Callable[[Any], Any]] = {
    "len": _length,
    "abs": lambda value: whole(abs(value)) if is_number(value) else fail(value),
    "ceil": _rounded(math.ceil),
    "floor": _rounded(math.floor),
    "int": _as_int,
    "float": _as_float,
    "sum": _sum,
    "mean": _mean,
    "median": _median,
}
