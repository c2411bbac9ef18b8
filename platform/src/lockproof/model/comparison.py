"""How one output compares, in numbers."""

from .base import Frozen, Number


class Tolerance(Frozen):
    """Numbers `a` (locked) and `b` (observed) agree where |a - b| <= atol + rtol * |a|.

    The formula is that of `numpy.isclose` with the locked value as reference.
    """

    rtol: Number = 0.0
    atol: Number = 0.0


class LargestDifference(Frozen):
    """The place in an output where the locked and the observed value are furthest apart."""

    where: str
    """A dotted key, `row 12, column score`, or an array index such as `coef[3, 7]`."""
    locked: str
    observed: str
    absolute: float | None = None
    """|locked - observed|; None where the values are not numbers."""
    relative: float | None = None
    """|locked - observed| / |locked|; None where that has no value."""


class Difference(Frozen):
    """What differs inside one output (or one file of a directory output)."""

    summary: str
    """One line for people, such as `3 of 640 values differ`."""
    checked: int = 0
    """How many values were compared."""
    differing: int = 0
    """How many are not equal."""
    beyond: int = 0
    """How many are not equal within the tolerance."""
    largest: LargestDifference | None = None
