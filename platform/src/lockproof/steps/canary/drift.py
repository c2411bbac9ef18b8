"""What follows from frequencies: each class, or bound, is a ratio that is judged as any other.

A difference between two distributions is as large as the largest difference of the share of a
class; of what lies above a bound (Kolmogorov and Smirnov's, at the bounds that the file names).
Each of these is a comparison of its own, and they part the chance of a false alarm equally
(Bonferroni), however classes depend on each other. A canary passes where it passes all.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lockproof.errors import ConfigError
from lockproof.model.canary import Measured
from lockproof.model.canary_checks import OTHER, Comparison, Drift, Guard, Spec
from lockproof.model.verdict import Verdict
from lockproof.render.words import count

from .bounds import Errors
from .frequencies import called
from .interface import Counts, Figures
from .judge import judge

_LEAST = 1e-9
"""A share that is none, and what differences of shares are off by."""


@dataclass(frozen=True)
class Reference:
    """Shares that are known."""

    shares: Mapping[str, float]
    """Class, or bound as `frequencies.called` has it -> its share of all."""
    said: str
    """Where they come from."""


@dataclass(frozen=True)
class Part:
    """One of the ratios."""

    key: str
    """Class or bound."""
    about: str
    """`class 3, more often`, `more above 0.5`."""
    measure: Guard | Comparison


def parts_of(drift: Drift, reference: Reference | None = None) -> list[Part]:
    """The ratios of a drift.

    Beside shares that are known, each must stay within `smallestEffect` of its own; one that could
    not leave it is none.
    """
    keys = (
        (*drift.classes.values, OTHER)
        if drift.classes is not None
        else [called(bound) for bound in _bounds(drift)]
    )
    return [part for key in keys for part in _both(drift, key, reference)]


def _bounds(drift: Drift) -> tuple[float, ...]:
    assert drift.histogram is not None
    return drift.histogram.bounds


def _both(drift: Drift, key: str, reference: Reference | None) -> Iterator[Part]:
    query = next(iter(drift.kind.model_dump().values()))
    about = {
        "name": drift.name,
        "ratio": {"events": query, "total": query},
        "method": drift.method,
        "minimumRequests": drift.minimum_requests,
    }
    for worse, more in (("higher", "more"), ("lower", "less" if drift.histogram else "fewer")):
        if drift.worse not in (worse, "either"):
            continue
        said = f"{more} of class {key}" if drift.classes else f"{more} above {key}"
        if reference is None:
            measure: Guard | Comparison = Comparison.model_validate(
                {**about, "worse": worse, "smallestEffect": drift.smallest_effect}
            )
        else:
            sign = 1 if worse == "higher" else -1
            limit = reference.shares[key] + sign * drift.smallest_effect
            if not -_LEAST <= limit <= 1 + _LEAST:
                continue
            # One that may vanish wholly, or be all, by just what matters is shown not to have.
            limit = min(max(limit, _LEAST), 1 - _LEAST)
            measure = Guard.model_validate({**about, "worse": worse, "limit": limit})
        yield Part(key, said, measure)


def errors_of_part(errors: Errors, parts: int) -> Errors:
    """Of one of so many."""
    return Errors(errors.lower / max(parts, 1), errors.upper)


def judge_drift(
    drift: Drift,
    errors: Errors,
    spec: Spec,
    seen: tuple[Counts, Counts | None],
    reference: Reference | None,
    intervals: int,
    at: Callable[[int], str],
) -> Measured:
    """Judge all parts; what is told is that of the one that decides.

    Args:
        drift: of `spec`.
        errors: its levels, which its parts share.
        spec: what is decided.
        seen: of the canary, and of stable where that is what it is compared with.
        reference: what the canary is compared with else.
        intervals: how many have ended.
        at: index of an interval -> when it ended, as text.

    Raises:
        ConfigError: nothing can be worse by what matters.
    """
    parts = parts_of(drift, reference)
    if not parts:
        raise ConfigError(
            f"{drift.name}: no share can be worse by smallestEffect {drift.smallest_effect:g}"
            f" beside {reference.said if reference else 'stable'}: take a smaller one, or other"
            f" {'bounds' if drift.histogram else 'classes'}"
        )
    level = errors_of_part(errors, len(parts))

    def judged(part: Part, show: bool) -> Measured:
        canary, stable = (None if arm is None else _figures(arm, part.key) for arm in seen)
        assert canary is not None
        one = judge(part.measure, level, spec, (canary, stable), intervals, at, show=show)
        return one.model_copy(update={"part": part.about})

    decides = _decides([judged(part, show=False) for part in parts])
    decides = judged(next(part for part in parts if part.about == decides.part), show=True)
    unknown = next((arm.unknown for arm in seen if arm is not None and arm.unknown), "")
    # Where some intervals cannot be told, a failure in the others stays one.
    if unknown and (drift.classes is not None or decides.verdict is not Verdict.FAILED):
        # Bounds beside it would tell another story, of what it is not about.
        nothing = {"estimate": None, "lower": None, "upper": None, "decided": None, "course": ()}
        return decides.model_copy(
            update={"verdict": Verdict.INCONCLUSIVE, "reason": unknown, **nothing}
        )
    among = f", of {count(len(parts), 'comparison')}"
    if decides.verdict is Verdict.PASSED:
        among = f", the nearest of {count(len(parts), 'comparison')} that all passed"
    beside = "" if reference is None else f"; beside {reference.said}"
    return decides.model_copy(
        update={"reason": f"{decides.reason} ({decides.part}{among}{beside})"}
    )


def _figures(arm: Counts, key: str) -> Figures:
    queries = {"counts": arm.query} if arm.query else {}
    return Figures(queries=queries, columns={"events": arm.columns[key], "total": arm.total})


def _decides(found: list[Measured]) -> Measured:
    """The first that failed, else the one of the inconclusive or passed that is nearest to it."""
    failed = [one for one in found if one.verdict is Verdict.FAILED]
    if failed:
        return min(failed, key=lambda one: one.decided or "")
    open_ = [one for one in found if one.verdict is not Verdict.PASSED]
    return max(open_ or found, key=_worst)


def _worst(one: Measured) -> float:
    """How much worse it may be, beside what it may be."""
    end = one.upper if one.worse == "higher" else one.lower
    if end is None:
        return math.inf
    sign = 1.0 if one.worse == "higher" else -1.0
    return sign * end - (0.0 if one.limit is None else sign * one.limit)
