"""Single numbers and arrays are computed with alike; and what is counted is told with its doubt."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.stats import arrays, floats, proportion
from lockproof.stats.wilson import wilson

AMOUNTS = st.floats(0, 1e6)


@given(AMOUNTS, st.floats(0, 1), st.booleans())
def test_arrays_give_what_numbers_give(x: float, y: float, which: bool) -> None:
    for name, values in (
        ("sqrt", [x]), ("log1p", [x]), ("exp", [y]), ("expm1", [y]),
        ("lgamma", [x + 0.5]), ("xlogy", [x, y]),
        ("minimum", [x, y]), ("maximum", [x, y]), ("where", [which, x, y]),
    ):  # fmt: skip
        one = getattr(floats, name)(*values)
        many = getattr(arrays, name)(*(np.array([value, value]) for value in values))
        assert list(many) == pytest.approx([one, one]), name
    assert floats.some(which) is arrays.some(np.array([False, which]))


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=20))
def test_halves_that_are_looked_up_are_what_each_is(halves: list[int]) -> None:
    values = np.array(halves) / 2
    assert list(arrays.lgamma(values)) == [math.lgamma(value) for value in values]


def test_nothing_is_found_where_it_is_not_asked_for() -> None:
    asked: list[float] = []

    def find(x: float) -> float:
        asked.append(x)
        return 2 * x

    assert floats.among(True, find, 3.0) == 6
    assert math.isnan(floats.among(False, find, 4.0))
    assert asked == [3.0]
    found = arrays.among(np.array([True, False]), lambda x: 2 * x, np.array([3.0, 4.0]))
    assert found[0] == 6
    assert math.isnan(found[1])


@given(st.integers(0, 50), st.integers(1, 50), st.sampled_from([0.0, 1.0]))
def test_bounds_of_many_are_those_of_each(events: int, others: int, outer: float) -> None:
    k, n = np.array([0.0, events]), np.array([float(others), events + others])
    found = proportion.end(outer, k, n, 0.05, arrays)
    for place in range(2):
        one = proportion.end(outer, float(k[place]), float(n[place]), 0.05)
        assert found[place] == pytest.approx(one, abs=1e-9)


@given(st.integers(0, 100), st.integers(1, 100))
def test_the_ends_of_wilson_are_where_the_score_test_stops(happened: int, others: int) -> None:
    trials = happened + others
    low, high = wilson(happened, trials)
    share = happened / trials
    assert 0 <= low <= share <= high <= 1
    for end in (low, high):
        if 1e-9 < end < 1 - 1e-9:
            score = abs(share - end) / math.sqrt(end * (1 - end) / trials)
            assert score == pytest.approx(2.5758, abs=1e-3)


def test_whichever_comes_first_counts() -> None:
    assert list(arrays.sooner(np.array([0, 0, 3, 3, 3]), np.array([0, 2, 0, 2, 5]))) == [
        0,
        2,
        3,
        2,
        3,
    ]
    rows = np.array([[False, False], [False, True], [True, True]])
    assert list(arrays.first_true(rows)) == [0, 2, 1]
