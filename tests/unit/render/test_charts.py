"""Bars: their geometry says what the numbers say."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.render.charts import PHASES, Bar, Pair, band_over_time, paired_bars, time_bar

VALUES = st.none() | st.floats()


def one(locked: float | None, observed: float | None, width: float = 100.0) -> Pair:
    (pair,) = paired_bars([(locked, observed)], width)
    return pair


def test_scores_are_drawn_from_zero_to_one() -> None:
    pair = one(0.5, 0.25)
    assert (pair.zero, pair.locked, pair.observed) == (0, Bar(0, 50), Bar(0, 25))


def test_other_values_fill_the_chart() -> None:
    pair = one(360, 90)
    assert (pair.locked, pair.observed) == (Bar(0, 100), Bar(0, 25))


def test_values_below_zero_grow_to_the_left_of_it() -> None:
    pair = one(-1, 3)
    assert (pair.zero, pair.locked, pair.observed) == (25, Bar(0, 25), Bar(25, 75))
    pair = one(-2, -1)
    assert (pair.zero, pair.locked, pair.observed) == (100, Bar(0, 100), Bar(50, 50))


def test_a_value_that_is_not_there_has_no_bar() -> None:
    assert one(None, 1.0).locked is None
    assert one(math.nan, math.inf).locked is None
    assert one(math.nan, math.inf).observed is None


@given(st.lists(st.tuples(VALUES, VALUES)), st.floats(1, 1000))
def test_bars_stay_in_the_chart(values: list[tuple[float | None, float | None]], w: float) -> None:
    for (locked, observed), pair in zip(values, paired_bars(values, w), strict=True):
        for value, bar in ((locked, pair.locked), (observed, pair.observed)):
            assert (bar is None) == (value is None or not math.isfinite(value))
            if bar is not None:
                assert bar.x >= 0
                assert bar.width >= 0
                assert bar.x + bar.width <= w + 0.02


def test_phases_stand_in_their_order_and_unknown_ones_last() -> None:
    segments = time_bar({"zeal": 1, "run": 2, "fetch": 1, "idle": 0}, 8, 80)
    assert [(s.phase, s.kind, s.bar) for s in segments] == [
        ("fetch", "fetch", Bar(0, 10)),
        ("run", "run", Bar(10, 20)),
        ("zeal", "other", Bar(30, 10)),
    ]


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan, math.inf])
def test_a_time_that_is_none_has_no_segment(seconds: float) -> None:
    assert time_bar({PHASES[0]: seconds}, 8, 80) == ()


def test_no_time_at_all_is_no_division_by_zero() -> None:
    assert time_bar({"run": 1.0}, 0.0, 80) == ()


def test_bounds_that_narrow_are_a_band_beside_what_they_are_held_to() -> None:
    known = [(0.0, None, 0.5, 9.0), (30.0, -0.5, 0.25, 1.5), (60.0, 0.0, 0.25, 0.5)]
    band = band_over_time(known, [0.0, 1.0], [30.0], (100, 110))
    assert band is not None
    # The later half says from where to where: -0.5 to 1.5, and a twentieth around.
    assert (band.low, band.high) == (-0.6, 1.6)
    assert band.bars == (80.0, 30.0)
    assert band.marks == (50.0,)
    assert band.estimate == "0,55 50,67.5 100,67.5"
    # Along the upper bounds and back along the lower; what is beyond, or none, is at the edge.
    assert band.band == "0,0 50,5 100,55 100,80 50,105 0,110"


bound = st.floats() | st.none()
moment = st.floats(-1e10, 1e10)


@given(
    known=st.lists(st.tuples(moment, bound, st.floats(), bound), min_size=1),
    bars=st.lists(st.floats(), min_size=1, max_size=2),
    marks=st.lists(moment, max_size=1),
)
def test_a_band_stays_in_its_chart(
    known: list[tuple[float, float | None, float, float | None]],
    bars: list[float],
    marks: list[float],
) -> None:
    band = band_over_time(known, bars, marks, (560, 120))
    if band is None:
        return
    points = [pair.split(",") for pair in f"{band.band} {band.estimate}".split()]
    places = [*(float(x) for x, _ in points), *band.marks]
    heights = [*(float(y) for _, y in points), *band.bars]
    assert len(points) == 3 * len(known)
    assert all(0 <= x <= 560 for x in places)
    assert all(0 <= y <= 120 for y in heights)
