"""Many made-up canaries, decided at once by the code that `check` decides one by."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lockproof.model.canary_checks import Guard, Measure, Spec

from .bounds import Errors
from .course import Course, too_many_gaps
from .judge import LATEST
from .values import Pair, Point

if TYPE_CHECKING:
    from lockproof.stats.traffic import Drawn


@dataclass(frozen=True)
class Standings:
    """Of one measure of many canaries, at a look after each interval."""

    failed: Any
    """Shape (canaries,): after how many intervals it failed; 0: never."""
    passes: Any
    """Shape (canaries, intervals): whether a look after that interval would pass it, unless it had
    failed before."""


def standings(measure: Measure, errors: Errors, spec: Spec, drawn: "Drawn") -> Standings:
    """What `judge` says of each canary at each look."""
    from lockproof.stats import arrays

    course = Course(measure, errors, spec, arrays)
    guard = isinstance(measure, Guard)
    failed = drawn.index[:, 0] * 0
    good = drawn.counts & False
    for turn in range(drawn.index.shape[1]):
        counts = drawn.counts[:, turn]
        if not counts.any():
            break
        points = [
            Point(over[:, turn] / requests[:, turn], requests[:, turn], over[:, turn])
            for requests, over in (drawn.canary, drawn.stable)
        ]
        course.add(Pair(turn, points[0], None if guard else points[1]))
        ready = course.ready & counts
        if ready.any():
            fails = ready & course.fails & (failed == 0)
            failed[fails] = drawn.index[fails, turn] + 1
            good[:, turn] = ready & course.good
    return Standings(failed, _at_every_look(good, drawn))


def _at_every_look(good: Any, drawn: "Drawn") -> Any:
    """Also after the intervals that do not count: there the last one that counts says it."""
    from lockproof.stats.arrays import unpacked

    passes = drawn.counts & False
    canaries, counts = unpacked(drawn)
    last = drawn.index[:, 0] * 0 - LATEST
    counted = last * 0
    for interval in range(drawn.intervals):
        here = counts[:, interval]
        counted = counted + here
        last[here] = interval
        gaps = too_many_gaps(interval + 1, counted) | (interval - last >= LATEST)
        passes[:, interval] = (counted > 0) & ~gaps & good[canaries, counted - 1]
    return passes
