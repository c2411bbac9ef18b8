"""Frequencies: what is counted, what follows, and how often that errs at all looks."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.adapters.prometheus.series import Histogram, Line
from lockproof.errors import ConfigError
from lockproof.model.canary import Measured
from lockproof.model.canary_checks import OTHER, Drift, Spec
from lockproof.model.verdict import Verdict
from lockproof.stats.traffic import packed
from lockproof.steps.canary.drift import Reference, errors_of_part, judge_drift, parts_of
from lockproof.steps.canary.frequencies import counted
from lockproof.steps.canary.interface import Counts, Look
from lockproof.steps.canary.judge import errors_of_drifts
from lockproof.steps.canary.many import standings

INTERVALS, EFFECT = 120, 0.1
CLASSES = {"classes": {"counts": "q", "label": "class", "values": ["0", "1", "2"]}}
LATENCY = {"histogram": {"buckets": "q", "bounds": [0.25, 0.5, 1]}, "worse": "higher"}


def spec_of(about: dict[str, Any], **more: Any) -> Spec:
    return Spec.model_validate(
        {
            "horizon": INTERVALS * 60,
            "arms": {"canary": "c", "stable": "s"},
            "drifts": [{"name": "d", "smallestEffect": EFFECT, **about, **more}],
        }
    )


def mixes(moves: str, canaries: int, random: Any, shares: list[float]) -> Any:
    """The shares of four classes in each interval; they average `shares`, within rounding."""
    whole = np.broadcast_to(np.array(shares), (canaries, INTERVALS, 4)).copy()
    if moves == "with the day":
        turn = 0.1 * np.sin(np.arange(INTERVALS) / 9)
        whole[..., 0] += turn
        whole[..., 1] -= turn
    if moves == "by fours, each arm its own":
        turn = np.repeat(random.choice([-0.1, 0.1], (canaries, INTERVALS // 4)), 4, axis=1)
        whole[..., 0] += turn
        whole[..., 1] -= turn
    return whole


def rates(moves: str, canary: list[float], canaries: int, method: str) -> tuple[float, float]:
    """Which part of the canaries ever fails, and which is passed at any look, as `check` does."""
    spec = spec_of(CLASSES, method=method)
    (drift,), (errors,) = spec.drifts, errors_of_drifts(spec)
    random = np.random.default_rng(15)
    good = [0.4, 0.3, 0.2, 0.1]
    counts = []
    for many, shares in ((100, canary), (200, good)):
        requests = random.poisson(many, (canaries, INTERVALS))
        counts.append(random.multinomial(requests, mixes(moves, canaries, random, shares)))
    parts = parts_of(drift)
    failed, passes = np.zeros(canaries, dtype=bool), np.ones((canaries, INTERVALS), dtype=bool)
    for part in parts:
        place = [*CLASSES["classes"]["values"], OTHER].index(part.key)  # type: ignore[misc]
        arms = [(each.sum(axis=2).astype(float), each[..., place].astype(float)) for each in counts]
        stood = standings(
            part.measure, errors_of_part(errors, len(parts)), spec, packed(*arms, INTERVALS)
        )
        failed |= stood.failed > 0
        passes &= stood.passes
    return float(failed.mean()), float(passes.any(axis=1).mean())


@pytest.mark.parametrize(
    ("method", "moves"),
    [
        ("intervals", "steady"), ("intervals", "with the day"),
        ("intervals", "by fours, each arm its own"), ("bounded", "steady"), ("requests", "steady"),
    ],
)  # fmt: skip
def test_the_error_rates_are_held_by_all_classes_together(method: str, moves: str) -> None:
    """Of 400 canaries at 5 % more than 34 are wrong by chance once in a thousand times, of 60 more
    than 9 once in two thousand."""
    canaries = 60 if method == "requests" else 400
    most = 9 / 60 if method == "requests" else 34 / 400
    assert rates(moves, [0.4, 0.3, 0.2, 0.1], canaries, method)[0] <= most
    assert rates(moves, [0.3, 0.4, 0.2, 0.1], canaries, method)[1] <= most


def test_one_class_that_drifts_is_found_and_none_is_passed() -> None:
    failed, passed = rates("steady", [0.4, 0.45, 0.05, 0.1], 200, "intervals")
    assert failed > 0.95
    assert passed == 0
    assert rates("steady", [0.4, 0.3, 0.2, 0.1], 200, "intervals")[1] > 0.9


LOOK = Look(0, 60, 40)


def lines(columns: dict[str, list[float | None]], label: str = "class") -> list[Line]:
    return [
        Line(
            {label: name},
            {60 * (at + 1): value for at, value in enumerate(column) if value is not None},
        )
        for name, column in columns.items()
    ]


def judged(drift: Drift, spec: Spec, *arms: Counts, reference: Reference | None = None) -> Measured:
    (errors,) = errors_of_drifts(spec)
    seen = (arms[0], arms[1] if len(arms) > 1 else None)
    return judge_drift(drift, errors, spec, seen, reference, LOOK.count, lambda at: f"{at:03}")


def test_counts_that_no_sum_can_hold_are_none() -> None:
    (drift,) = spec_of(CLASSES).drifts
    column: list[float | None] = [8.9e307] * LOOK.count
    found = counted(drift, "q", lines({"0": column, "1": column}), LOOK)
    assert set(found.total) == {None}


COLUMN = st.lists(
    st.one_of(st.none(), st.floats(), st.integers(0, 90).map(float)), min_size=40, max_size=40
)
ARM = st.dictionaries(st.sampled_from(["0", "1", "2", "x"]), COLUMN, max_size=4)


@settings(max_examples=40, deadline=None)
@given(ARM, ARM)
def test_any_counts_are_judged_and_none_is_passed_on_what_is_not_there(
    canary: dict[str, list[float | None]], stable: dict[str, list[float | None]]
) -> None:
    spec = spec_of(CLASSES, minimumRequests=1)
    (drift,) = spec.drifts
    found = judged(
        drift, spec, *(counted(drift, "q", lines(arm), LOOK) for arm in (canary, stable))
    )
    assert found.reason
    assert found.part
    if not canary or not stable:
        assert found.verdict is Verdict.INCONCLUSIVE
    if found.verdict is Verdict.PASSED:
        assert found.intervals >= 30


def test_classes_that_were_never_seen_are_no_proof() -> None:
    """As with a label whose values are called otherwise: all would be `other`, in both arms."""
    spec = spec_of(CLASSES)
    (drift,) = spec.drifts
    wrong = counted(drift, "q", lines({"cat": [50.0] * 40, "dog": [40.0] * 40}), LOOK)
    found = judged(drift, spec, wrong, wrong)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "none of the classes that are named came, but cat, dog" in found.reason


def test_a_class_that_one_interval_lacks_did_not_come_in_it() -> None:
    spec = spec_of(CLASSES)
    (drift,) = spec.drifts
    some: list[float | None] = [10.0] * 40
    found = counted(drift, "q", lines({"0": some, "1": [None] * 20 + [5.0] * 20, "x": some}), LOOK)
    assert found.columns["1"] == [0.0] * 20 + [5.0] * 20
    assert found.columns[OTHER] == some
    assert found.total == [20.0] * 20 + [25.0] * 20
    for bad in (math.nan, -3.0, math.inf):
        broken = counted(drift, "q", lines({"0": some, "1": [bad] * 40}), LOOK)
        assert broken.total == [None] * 40


EDGES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)


@given(st.lists(st.tuples(*[st.integers(0, 50)] * 5), min_size=40, max_size=40))
def test_a_native_histogram_says_what_a_classic_one_says(rows: list[tuple[int, ...]]) -> None:
    spec = spec_of(LATENCY)
    (drift,) = spec.drifts
    native = Line(
        {}, {},
        {
            60 * (at + 1): Histogram(
                float(sum(row)),
                tuple(
                    (low, high, float(n))
                    for low, high, n in zip(EDGES, EDGES[1:], row, strict=False)
                    if n
                ),
            )
            for at, row in enumerate(rows)
        },
    )  # fmt: skip
    classic = {
        str(end): [float(sum(row[: place + 1])) for row in rows]
        for place, end in enumerate(EDGES[1:])
    } | {"+Inf": [float(sum(row)) for row in rows]}
    one = counted(drift, "q", [native], LOOK)
    other = counted(drift, "q", lines(classic, "le"), LOOK)
    assert one == other


def test_a_bound_within_a_bucket_is_not_guessed() -> None:
    spec = spec_of({**LATENCY, "histogram": {"buckets": "q", "bounds": [0.3]}})
    (drift,) = spec.drifts
    here = Histogram(90.0, ((0.125, 0.25, 50.0), (0.25, 0.5, 40.0)))
    empty = Histogram(50.0, ((0.125, 0.25, 50.0), (0.25, 0.5, 0.0)))
    line = Line({}, {}, {60 * (at + 1): here if at == 5 else empty for at in range(40)})
    arm = counted(drift, "q", [line], LOOK)
    found = judged(drift, spec, arm, arm)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "from 0.25 to 0.5, across the bound 0.3: take one of these" in found.reason


def test_training_data_are_held_to() -> None:
    spec = spec_of(CLASSES)
    (drift,) = spec.drifts
    spread = [float(40 + at % 3) for at in range(40)]
    arm = counted(drift, "q", lines({"0": spread, "1": spread[::-1], "2": [20.0] * 40}), LOOK)
    near = Reference({"0": 0.4, "1": 0.41, "2": 0.19, OTHER: 0.0}, "train.csv")
    assert len(parts_of(drift, near)) == 7  # `other` cannot be rarer than never.
    assert judged(drift, spec, arm, reference=near).verdict is Verdict.PASSED
    narrow = spec_of(CLASSES, smallestEffect=0.05)
    # One interval that is all of one class might not have come yet.
    assert judged(narrow.drifts[0], narrow, arm, reference=near).verdict is Verdict.INCONCLUSIVE
    far = Reference({"0": 0.1, "1": 0.7, "2": 0.2, OTHER: 0.0}, "train.csv")
    found = judged(drift, spec, arm, reference=far)
    assert found.verdict is Verdict.FAILED
    assert found.limit is not None
    assert "train.csv" in found.reason


@pytest.mark.parametrize(
    ("about", "series", "words"),
    [
        (CLASSES, [Line({}, {60: 1.0})], "put sum by (class) around it"),
        (CLASSES, [Line({"class": "0"}, {}), Line({"class": "0", "pod": "a"}, {})], "several"),
        (CLASSES, [Line({"class": "0"}, {}, {60: Histogram(1.0, ())})], "native histograms"),
        (LATENCY, lines({"0.25": [1.0] * 40}, "le"), "there is no bucket +Inf"),
        (LATENCY, lines({"0.3": [1.0] * 40, "+Inf": [2.0] * 40}, "le"), "take bounds of 0.3"),
        (LATENCY, lines({"x": [1.0] * 40}, "le"), "no end of a bucket"),
        (LATENCY, lines({"NaN": [1.0] * 40}, "le"), "no end of a bucket"),
        (LATENCY, lines({"1": [1.0] * 40, "1.0": [9.0] * 40}, "le"), "two buckets end at 1,"),
        (LATENCY, [Line({"a": b}, {}, {60: Histogram(1.0, ())}) for b in "xy"], "put sum()"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_told(about: Any, series: list[Line], words: str) -> None:
    (drift,) = spec_of(about).drifts
    with pytest.raises(ConfigError) as error:
        counted(drift, "q", series, LOOK)
    assert words in str(error.value)


def test_a_class_that_may_vanish_by_just_what_matters_is_not_passed_when_it_has() -> None:
    """Its limit is no share of all, and it was left out: ten balanced classes at 0.1 had none."""
    spec = spec_of(CLASSES)
    (drift,) = spec.drifts
    known = Reference({"0": 0.6, "1": 0.3, "2": 0.1, OTHER: 0.0}, "train.csv")
    there = {"0": [600.0] * 120, "1": [300.0] * 120, "2": [100.0] * 120}
    gone = {"0": [650.0] * 120, "1": [350.0] * 120, "2": [0.0] * 120}
    look = Look(0, 60, 120)
    verdicts = []
    for columns in (there, gone):
        arm = counted(drift, "q", lines(columns), look)
        (errors,) = errors_of_drifts(spec)
        verdicts.append(judge_drift(drift, errors, spec, (arm, None), known, 120, str).verdict)
    assert verdicts == [Verdict.PASSED, Verdict.INCONCLUSIVE]


def test_what_cannot_be_worse_by_what_matters_is_told() -> None:
    spec = spec_of(LATENCY, smallestEffect=0.9)
    (drift,) = spec.drifts
    arm = counted(drift, "q", lines({"0.25": [1.0] * 40, "0.5": [1.0] * 40, "1": [1.0] * 40,
                                     "+Inf": [2.0] * 40}, "le"), LOOK)  # fmt: skip
    known = Reference({"0.25": 0.5, "0.5": 0.5, "1": 0.5}, "train.csv")
    with pytest.raises(ConfigError, match="take a smaller one, or other bounds"):
        judged(drift, spec, arm, reference=known)


def test_classes_that_are_called_otherwise_leave_no_figures_of_a_failure() -> None:
    """`record` takes no report whose verdict and figures tell two stories."""
    spec = spec_of(CLASSES)
    (drift,) = spec.drifts
    stable = counted(drift, "q", lines({name: [30.0] * 40 for name in "012"}), LOOK)
    renamed = counted(drift, "q", lines({name: [30.0] * 40 for name in "abc"}), LOOK)
    found = judged(drift, spec, renamed, stable)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert (found.estimate, found.lower, found.upper) == (None, None, None)


def test_a_failure_beside_an_interval_that_cannot_be_told_stays_one() -> None:
    spec = spec_of(LATENCY)
    (drift,) = spec.drifts
    slow = Histogram(90.0, ((0.125, 0.25, 10.0), (1.0, 2.0, 80.0)))
    quick = Histogram(90.0, ((0.125, 0.25, 80.0), (1.0, 2.0, 10.0)))
    across = Histogram(90.0, ((0.9, 1.1, 90.0),))
    lost = Histogram(90.0, ((0.125, 0.25, 80.0),))
    for odd in (across, lost):
        arms = [
            counted(
                drift,
                "q",
                [Line({}, {}, {60 * (at + 1): odd if at == 39 else each for at in range(40)})],
                LOOK,
            )
            for each in (slow, quick)
        ]
        assert judged(drift, spec, *arms).verdict is Verdict.FAILED
        assert judged(drift, spec, arms[1], arms[1]).verdict is Verdict.INCONCLUSIVE
