"""The wording that the table and the page share."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.model.comparison import LargestDifference, Tolerance
from lockproof.model.environment import Environment
from lockproof.model.report import HostStage, SkipReason
from lockproof.model.verdict import OutputVerdict
from lockproof.render import words
from unit.render import sample


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "passed",
            "PASSED: 6 outputs identical, 2 within tolerance; 5 stages, 1 reused, 22.6 s",
        ),
        (
            "failed",
            "FAILED: 3 outputs different, 1 missing, 1 not checked, 3 identical, "
            "1 within tolerance; 2 errors; 6 stages, 1 reused, 1 skipped, 26.9 s; network on",
        ),
        (
            "inconclusive",
            "INCONCLUSIVE: 1 output nondeterministic, 1 not comparable, 2 not checked, "
            "2 identical; 5 stages, 0 reused, 2 skipped, 18.9 s",
        ),
        ("empty", "INCONCLUSIVE: no output to check; 0 stages, 0 reused, 0.40 s"),
    ],
)
def test_the_verdict_is_one_sentence(name: str, sentence: str) -> None:
    assert words.verdict_sentence(sample.SAMPLES[name]()) == sentence


@pytest.mark.parametrize("verdict", OutputVerdict)
def test_every_output_verdict_is_counted(verdict: OutputVerdict) -> None:
    stage = sample.stage("s", (sample.output("a", verdict),))
    assert words.outputs_by_verdict((stage,)) == f"1 output {verdict.value}"


@pytest.mark.parametrize("reason", SkipReason)
def test_every_reason_to_skip_has_words(reason: SkipReason) -> None:
    stage = sample.stage("s", (), skipped=reason)
    (note,) = words.stage_notes(stage, HostStage())
    assert note == f"skipped: {words.SKIP_WORDS[reason]}"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.00 s"),
        (0.994, "0.99 s"),
        (0.996, "1.0 s"),
        (12.34, "12.3 s"),
        (99.94, "99.9 s"),
        (99.96, "1 min 40 s"),
        (185, "3 min 05 s"),
        (3599.6, "1 h 00 min"),
        (7325, "2 h 02 min"),
        (math.inf, "unknown time"),
    ],
)
def test_times_have_a_fitting_unit(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "absent"),
        (360.0, "360"),
        (1e-6, "1e-6"),
        (-2.5e-10, "-2.5e-10"),
        (1e20, "1e20"),
        (math.nan, "nan"),
    ],
)
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert words.number(value) == text


@given(st.floats(), st.floats())
def test_numbers_that_differ_look_different(one: float, other: float) -> None:
    shown = words.numbers_apart(one, other)
    if not (math.isnan(one) and math.isnan(other)):
        # Both zeros are equal, and so is what is said of them, apart from the sign.
        assert (shown[0].lstrip("-") != shown[1].lstrip("-")) or one in (other, -other)
        assert one == other or shown[0] != shown[1]


@pytest.mark.parametrize(
    ("tolerance", "text"),
    [
        (Tolerance(rtol=1e-6, atol=1e-9), "rtol 1e-6, atol 1e-9"),
        (Tolerance(atol=0.01), "atol 0.01"),
        (Tolerance(), "rtol 0, atol 0"),
    ],
)
def test_tolerances_leave_out_what_is_zero(tolerance: Tolerance, text: str) -> None:
    assert words.tolerance_words(tolerance) == text


def test_the_largest_difference_says_where_and_how_much() -> None:
    largest = LargestDifference(where="coef[3]", locked="1.0", observed="1.5", absolute=0.5)
    assert words.largest_words(largest) == "largest at coef[3]: 1.0 -> 1.5 (off by 0.5)"
    text = LargestDifference(where="row 1", locked="cat", observed="dog")
    assert words.largest_words(text) == "largest at row 1: cat -> dog"


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        (None, "not recorded"),
        (Environment(kind="unpinned", name="/usr/bin"), "/usr/bin"),
        (Environment(kind="interpreter", name="python3.12"), "python3.12 (unpinned)"),
        (
            Environment(kind="image", name="python:3.12", digest="sha256:" + "ab" * 32),
            "python:3.12 (pinned abababababab)",
        ),
    ],
)
def test_the_environment_says_whether_it_is_pinned(
    environment: Environment | None, line: str
) -> None:
    assert words.environment_line(environment, None) == line


def test_a_file_that_all_stages_share_is_left_out_of_their_labels() -> None:
    stages = sample.passed().stages
    assert words.common_file(stages) == sample.FILE
    assert words.stage_label(stages[0].address, sample.FILE) == "prepare"
    other = stages[0].model_copy(update={"address": "sub/dvc.yaml:prepare"})
    assert words.common_file((*stages, other)) is None
    assert words.stage_label(other.address, None) == "sub/dvc.yaml:prepare"
    assert words.common_file((stages[0].model_copy(update={"address": "train"}),)) is None
