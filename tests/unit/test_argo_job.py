"""What Jobs say to Argo Rollouts comes to three outcomes, in the words of Argo's own rules."""

from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lockproof.errors import UsageError
from lockproof.model.verdict import Verdict
from lockproof.steps.canary.argo_job import exit_code, turn_of

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "control-plane/components/canary-job/analysis.yaml"
PASSED, FAILED, UNKNOWN = Verdict.PASSED, Verdict.FAILED, Verdict.INCONCLUSIVE
ERROR = None
"""The Job cannot be made, or is gone: a measurement without an outcome, which takes a number."""
METRIC = yaml.safe_load(TEMPLATE.read_text())["spec"]["metrics"][0]


def outcome(looks: list[Verdict | None]) -> str:
    """A stand-in for `assessMetricStatus` of Argo Rollouts, by the limits of the template.

    After the last of `looks` the verdict stays as it is.
    """
    taken = failed = row = errors = 0
    while True:
        look = looks[min(taken + errors, len(looks) - 1)]
        if look is ERROR and taken + errors < len(looks) - 1:
            errors, row = errors + 1, 0
            continue
        code = exit_code(taken + errors + 1, look or UNKNOWN)
        taken += 1
        failed, row = (failed + 1, 0) if code else (failed, row + 1)
        if failed > METRIC["failureLimit"]:
            return "Failed"
        if row >= METRIC["consecutiveSuccessLimit"]:
            return "Successful"
        if taken >= METRIC["count"]:
            return "Inconclusive"


@pytest.mark.parametrize(
    ("verdict", "ends"),
    [(PASSED, "Successful"), (FAILED, "Failed"), (UNKNOWN, "Inconclusive")],
)
def test_each_verdict_is_an_outcome_of_argo(verdict: Verdict, ends: str) -> None:
    assert outcome([verdict]) == ends
    # A Job that could not be made changes nothing, wherever it was.
    for errors in (1, 2, 7):
        for before in range(4):
            assert outcome([verdict] * before + [ERROR] * errors + [verdict]) == ends


looks = st.lists(st.sampled_from([PASSED, FAILED, UNKNOWN, ERROR]), min_size=1, max_size=12)


@given(looks)
def test_nothing_is_successful_without_a_look_that_passed(found: list[Verdict | None]) -> None:
    if outcome(found) == "Successful":
        assert PASSED in found


@given(looks)
def test_nothing_fails_by_silence_that_was_interrupted_once(found: list[Verdict | None]) -> None:
    # The last look stays, so that one at least was made.
    quiet = [*(look if look is ERROR else UNKNOWN for look in found[:-1]), UNKNOWN]
    rows = sum(one is ERROR and two is not ERROR for one, two in pairwise(quiet))
    if rows <= 1:
        assert outcome(quiet) == "Inconclusive"


def test_its_limits_are_those_that_the_code_names() -> None:
    assert (METRIC["count"], METRIC["consecutiveSuccessLimit"], METRIC["failureLimit"]) == (4, 2, 2)
    assert METRIC["count"] >= METRIC["consecutiveSuccessLimit"] + METRIC["failureLimit"]


def test_the_turn_stands_in_the_name_of_the_job() -> None:
    assert turn_of("2b1f3c9e-0000-4000-8000-0123456789ab.verdict.3") == 3
    for name in ("", "verdict", "u.verdict.0", "u.verdict.03", "u.verdict.", "a.b.c.1", "u.v.1\n"):
        with pytest.raises(UsageError, match="no name that Argo Rollouts gives"):
            turn_of(name)
