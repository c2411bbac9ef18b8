"""Whatever a source answers, it is judged; and what is not there is not passed."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.model.canary import Measured
from lockproof.model.canary_checks import Spec
from lockproof.model.verdict import Verdict
from lockproof.steps.canary.interface import Figures
from lockproof.steps.canary.judge import errors_of, judge

COUNT = 40
NUMBERS = st.one_of(st.none(), st.floats(), st.integers(0, 200).map(float))
COLUMNS = st.lists(NUMBERS, min_size=COUNT, max_size=COUNT)
KINDS: dict[str, dict[str, Any]] = {
    "ratio": {"ratio": {"events": "e", "total": "t"}},
    "mean": {"mean": {"sum": "e", "count": "t"}},
}


def judged(measure: dict[str, Any], *arms: tuple[list[Any], list[Any]]) -> Measured:
    guard = len(arms) == 1
    spec = Spec.model_validate(
        {
            "arms": {"canary": "c", "stable": "s"},
            "guards" if guard else "comparisons": [{"name": "m", "minimumRequests": 1, **measure}],
        }
    )
    names = ("events", "total") if "ratio" in measure else ("sum", "count")
    figures = [Figures(columns=dict(zip(names, arm, strict=True))) for arm in arms]
    seen = (figures[0], None if guard else figures[1])
    (one,), (errors,) = spec.measures, errors_of(spec)
    return judge(one, errors, spec, seen, COUNT, str)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["intervals", "bounded", "requests"])
@pytest.mark.parametrize("worse", ["higher", "lower"])
@settings(max_examples=10, deadline=None)
@given(st.tuples(COLUMNS, COLUMNS), st.tuples(COLUMNS, COLUMNS))
def test_any_answer_is_judged(kind: str, method: str, worse: str, one: Any, other: Any) -> None:
    if kind == "mean" and method != "intervals":
        method = "intervals"
    about = {**KINDS[kind], "method": method, "worse": worse}
    for found in (
        judged({**about, "limit": 0.5}, one),
        judged({**about, "smallestEffect": 0.1}, one, other),
    ):
        assert found.intervals + sum(found.gaps.values()) == COUNT
        assert found.reason
        if found.lower is not None and found.upper is not None:
            assert found.estimate is not None
            assert found.lower <= found.estimate + 1e-9
            assert found.estimate <= found.upper + 1e-9
        if found.verdict is Verdict.PASSED:
            assert found.intervals > 0.9 * COUNT - COUNT // 2
            assert found.upper is not None
            assert found.lower is not None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("gone", [None, math.nan, math.inf, -1.0, 0.0])
def test_what_is_not_there_is_not_passed(kind: str, gone: float | None) -> None:
    here, away = [1.0 + i % 2 for i in range(COUNT)], [gone] * COUNT
    fine, other = (here, [100.0] * COUNT), (here[::-1], [100.0] * COUNT)
    assert judged({**KINDS[kind], "smallestEffect": 0.5}, fine, other).verdict is Verdict.PASSED
    for arms in (((here, away), fine), (fine, (here, away))):
        found = judged({**KINDS[kind], "smallestEffect": 0.5}, *arms)
        assert (found.verdict, found.intervals) == (Verdict.INCONCLUSIVE, 0)


def test_a_false_alarm_is_parted_and_a_false_promote_is_not() -> None:
    measure = {**KINDS["ratio"], "smallestEffect": 0.1}
    spec = Spec.model_validate(
        {
            "falseAbort": 0.1,
            "falsePromote": 0.02,
            "arms": {"canary": "c", "stable": "s"},
            "comparisons": [{"name": f"m{i}", **measure} for i in range(4)],
        }
    )
    assert [(e.lower, e.upper) for e in errors_of(spec)] == [(pytest.approx(0.025), 0.02)] * 4
