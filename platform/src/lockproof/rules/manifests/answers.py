"""What a metric's conditions make of the answers that its query may give.

Argo Rollouts evaluates both conditions on every measurement: an error in either is an error, a true
failure condition a failure, then a true success condition a success; what is neither is
inconclusive, and where one condition is missing it is the opposite of the other.
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import pairwise
from random import Random
from typing import Any, Literal, NamedTuple

from .expr import Refused, Unsupported, condition
from .expr.evaluation import UNKNOWN, Failed
from .expr.plain import constants, is_plain
from .expr.syntax import Node
from .promql import Emptiness

Shape = Literal["vector", "scalar"]
Outcome = Literal["successful", "failed", "inconclusive", "error"]
_USUAL = (0.0, 0.5, 1.0, -1.0, 100.0, 1e9, -1e9, math.inf, -math.inf)
_MOST_PROBES = 60
_LONGEST_ANSWER = 20
"""Values of a vector, as far as conditions name a number of them."""


class Conditions(NamedTuple):
    """Both conditions of a metric, as trees."""

    success: Node | None
    failure: Node | None

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Those that there are."""
        return tuple(node for node in self if node is not None)

    @property
    def constants(self) -> list[float]:
        """What results are held against, in order."""
        return sorted({number for node in self.nodes for number in constants(node)})

    def outcome(self, result: Any) -> Outcome | None:
        """What a measurement is; None where that depends on a result that is not known.

        Raises:
            Refused, Unsupported: as `condition`.
        """
        try:
            success = None if self.success is None else condition(self.success, result)
            failure = None if self.failure is None else condition(self.failure, result)
        except Failed:
            return "error"
        if self.success is None and self.failure is None:
            return "successful"
        if self.success is None:
            success = None if failure is None else not failure
        elif self.failure is None:
            failure = None if success is None else not success
        if failure is True:
            return "failed"
        if failure is None:
            return None
        if success is None:
            return None
        return "successful" if success else "inconclusive"


class Tried(NamedTuple):
    """What came of the answers that were tried."""

    outcomes: frozenset[Outcome | None]
    special: tuple[tuple[str, Outcome | None], ...]
    """What an answer is called that was not measured, and its outcome."""
    size: int
    """How many answers were tried."""
    decided: bool
    """Whether they are all that there are to try."""
    needed: int
    """How many values an answer must have, so that no condition ends in an error."""


@lru_cache(maxsize=256)
def try_answers(conditions: Conditions, shape: Shape | None, empty: Emptiness) -> Tried:
    """Hold conditions against answers: once for all metrics that have the same ones.

    Args:
        conditions: as they were read, which are the same only where the trees are.
        shape: what the query gives; None where that is not known.
        empty: what an empty answer says.

    Raises:
        Refused, Unsupported: as `condition`.
    """
    if shape is None:
        outcome = conditions.outcome(UNKNOWN)
        return Tried(frozenset({outcome}), (), 0, _decided(conditions), 1)
    vector = shape == "vector"
    probes = _probes(conditions, shape)
    outcomes = {conditions.outcome(probe) for probe in probes}
    special: list[tuple[str, Outcome | None]] = []
    if vector and empty != "never":
        nothing = conditions.outcome([])
        outcomes.add(nothing)
        if empty == "missed":
            special.append(("an empty answer", nothing))
    if conditions.outcome([0.5] if vector else 0.5) != "error":  # Else it lacks another value.
        nan = conditions.outcome([math.nan] if vector else math.nan)
        special.append(("NaN, as 0/0 without traffic,", nan))
    return Tried(
        outcomes=frozenset(outcomes | {outcome for _, outcome in special}),
        special=tuple(special),
        size=len(probes) + len(special),
        decided=_decided(conditions),
        needed=_needed(conditions) if vector else 1,
    )


def _decided(conditions: Conditions) -> bool:
    try:
        if conditions.outcome(UNKNOWN) is not None:
            return True
    except (Refused, Unsupported):
        return False
    few = 4 * len(conditions.constants) + len(_USUAL) <= _MOST_PROBES
    return few and is_plain(conditions.nodes, _LONGEST_ANSWER)


def _needed(conditions: Conditions) -> int:
    for count in range(1, _LONGEST_ANSWER + 1):
        with suppress(Refused, Unsupported):
            if conditions.outcome([0.5] * count) != "error":
                return count
    return 1


def _probes(conditions: Conditions, shape: Shape) -> Sequence[Any]:
    """Answers to try: around every number that the conditions name, the usual ones, and chance."""
    values, sizes = dict.fromkeys(_USUAL), {1, 2, 3}
    numbers = conditions.constants
    values |= dict.fromkeys((low + high) / 2 for low, high in pairwise(numbers))
    for number in numbers:
        step = max(abs(number) * 0.1, 0.01)
        values |= dict.fromkeys((number, number - step, number + step))
        if 0 <= number <= _LONGEST_ANSWER and number == int(number):
            sizes |= {max(1, int(number) + more) for more in (-1, 0, 1)}
    chance = Random(0)  # noqa: S311 - the same answers at every run
    chosen = list(values)[:_MOST_PROBES]
    chosen += [10 ** chance.uniform(-4, 6) for _ in range(20)]
    if shape == "scalar":
        return list(chosen)
    found: list[Any] = [[value] * size for size in sorted(sizes) for value in chosen]
    for size in sorted(sizes - {1}):
        found += [chance.choices(chosen, k=size) for _ in range(60)]
    return found
