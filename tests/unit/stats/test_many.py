"""What `simulate` decides of many canaries at once is what `check` decides of each."""

import numpy as np
import pytest

from lockproof.cli.canary import simulate
from lockproof.model.canary_checks import Spec
from lockproof.model.verdict import Verdict
from lockproof.stats.traffic import MOVES, Drawn, Traffic, draw
from lockproof.steps.canary.interface import Figures
from lockproof.steps.canary.judge import errors_of, judge
from lockproof.steps.canary.many import standings

CANARIES, INTERVALS = 3, 45
RATIO = {"ratio": {"events": "e", "total": "t"}}
MEAN = {"mean": {"sum": "e", "count": "t"}}
KINDS = {
    "a ratio": {**RATIO, "smallestEffect": 0.1},
    "a ratio that should be high": {**RATIO, "smallestEffect": 0.1, "worse": "lower"},
    "a bounded ratio": {**RATIO, "smallestEffect": 0.3, "method": "bounded"},
    "a ratio of requests": {**RATIO, "smallestEffect": 0.1, "method": "requests"},
    "a mean": {**MEAN, "smallestEffect": 0.1},
    "a guard": {**RATIO, "limit": 0.15},
    "a guard of requests": {**RATIO, "limit": 0.15, "method": "requests"},
    "a guard of a mean": {**MEAN, "limit": 0.15},
    "a guard from below": {**RATIO, "limit": 0.02, "worse": "lower"},
}


def spec_of(measure: dict[str, object]) -> Spec:
    group = "guards" if "limit" in measure else "comparisons"
    return Spec.model_validate(
        {
            "horizon": INTERVALS * 60,
            "arms": {"canary": "c", "stable": "s"},
            group: [{"name": "m", "minimumRequests": 50, **measure}],
        }
    )


def by_check(spec: Spec, drawn: Drawn, canary: int, look: int) -> Verdict:
    (measure,), (errors,) = spec.measures, errors_of(spec)
    names = ("total", "events") if measure.ratio else ("count", "sum")
    columns = drawn.columns(canary)
    figures = [
        Figures(columns=dict(zip(names, (c[:look] for c in columns[arm]), strict=True)))
        for arm in ("canary", "stable")
    ]
    seen = (figures[0], None if "limit" in measure.model_dump() else figures[1])
    return judge(measure, errors, spec, seen, look, str).verdict


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("worse", [-0.05, 0.0, 0.25])
@pytest.mark.parametrize("requests", [1.5, 40.0])
def test_it_is_what_check_says_at_every_look(kind: str, worse: float, requests: float) -> None:
    spec = spec_of(KINDS[kind])
    spread = None if "ratio" in KINDS[kind] else 0.5
    traffic = Traffic(canary=requests, stable=60, level=0.1, spread=spread)
    drawn = draw(traffic, np.random.default_rng(15), CANARIES, INTERVALS, worse)
    (measure,), (errors,) = spec.measures, errors_of(spec)
    found = standings(measure, errors, spec, drawn)
    for canary in range(CANARIES):
        failed = int(found.failed[canary])
        for look in range(1, INTERVALS + 1):
            wanted = by_check(spec, drawn, canary, look)
            if failed and look >= failed:
                said = Verdict.FAILED
            else:
                passes = found.passes[canary, look - 1]
                said = Verdict.PASSED if passes else Verdict.INCONCLUSIVE
            assert said is wanted, (canary, look)


def test_the_command_names_all_ways_to_move() -> None:
    assert set(simulate._MOVES) == set(MOVES)
