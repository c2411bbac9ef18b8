"""How far two numbers are apart, and whether that is close enough."""

import math
import re
from decimal import Decimal
from fractions import Fraction
from typing import TypeGuard

from lockproof.model.comparison import Tolerance

from .bounds import MAX_NUMBER_CHARS

Number = int | float | Decimal

_EXACT = 1 << 53
_NUMERAL = re.compile(
    r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:inf|infinity|nan)",
    re.IGNORECASE,
)


def is_number(value: object) -> TypeGuard[Number]:
    """Whether a value is a number; a truth value is not."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def parse_number(text: str) -> int | float | None:
    """The number that a CSV cell states in ASCII; None where it is text."""
    text = text.strip(" \t")
    if len(text) > MAX_NUMBER_CHARS or not _NUMERAL.fullmatch(text):
        return None
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def same(locked: Number, observed: Number) -> bool:
    """Equal by value; NaN equals NaN, infinities only where the sign is the same."""
    return locked == observed or (locked != locked and observed != observed)


def gap(locked: Number, observed: Number) -> float:
    """|locked - observed|; infinite where one of them is not finite or too large for a float."""
    try:
        if _by_floats(locked, observed):
            distance = abs(float(locked) - float(observed))
        else:
            distance = float(abs(Fraction(locked) - Fraction(observed)))
    except (OverflowError, ValueError):
        return math.inf
    return math.inf if math.isnan(distance) else distance


def agree(locked: Number, observed: Number, tolerance: Tolerance) -> bool:
    """Whether |locked - observed| <= atol + rtol * |locked|, or the two are the same.

    With floats the arithmetic is that of `numpy.isclose`; integers beyond 2**53 and decimals
    are compared exactly.
    """
    if same(locked, observed):
        return True
    try:
        if _by_floats(locked, observed):
            a, b = float(locked), float(observed)
            if not (math.isfinite(a) and math.isfinite(b)):
                return False
            return abs(a - b) <= tolerance.atol + tolerance.rtol * abs(a)
        bound = Fraction(tolerance.atol) + Fraction(tolerance.rtol) * abs(Fraction(locked))
        return abs(Fraction(locked) - Fraction(observed)) <= bound
    except (OverflowError, ValueError):
        return False


def relative_to(reference: float, distance: float) -> float | None:
    """`distance` / |reference|; None where that has no finite value."""
    if reference == 0 or not math.isfinite(reference):
        return None
    ratio = distance / abs(reference)
    return ratio if math.isfinite(ratio) else None


def as_float(number: Number) -> float:
    """The nearest float; infinite where there is none."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _by_floats(locked: Number, observed: Number) -> bool:
    if isinstance(locked, float) or isinstance(observed, float):
        return True
    if isinstance(locked, Decimal) or isinstance(observed, Decimal):
        return False
    return -_EXACT < locked < _EXACT and -_EXACT < observed < _EXACT
