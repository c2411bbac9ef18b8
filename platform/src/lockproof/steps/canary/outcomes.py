"""Of many canaries: how many are failed and passed, and after how long."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lockproof.model.canary_checks import Spec

from .judge import errors_of
from .many import Standings, standings

if TYPE_CHECKING:
    from lockproof.stats.traffic import Drawn


@dataclass(frozen=True)
class Outcomes:
    """What became of each canary; numbers of intervals, 0: never."""

    failed: Any
    """At which look it fails, also where it had passed before: nobody stops looking."""
    passed: Any
    """At which look it passes, where it had not failed before."""


def outcomes(found: Sequence[Standings]) -> Outcomes:
    """Of canaries that fail where any measure does, and pass where all do at one look."""
    from lockproof.stats.arrays import first_true, sooner

    failed, passes = found[0].failed, found[0].passes
    for each in found[1:]:
        failed, passes = sooner(failed, each.failed), passes & each.passes
    passed = first_true(passes)
    passed[(failed > 0) & (passed >= failed)] = 0
    return Outcomes(failed, passed)


def decided(spec: Spec, drawn: "Sequence[Drawn]") -> Outcomes:
    """As `check` decides by the measures of `spec`, at a look after each interval.

    Args:
        spec: what is decided.
        drawn: the figures of each measure, in the order of the file.
    """
    return outcomes(
        [
            standings(measure, errors, spec, figures)
            for measure, errors, figures in zip(spec.measures, errors_of(spec), drawn, strict=True)
        ]
    )
