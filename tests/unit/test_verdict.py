"""How verdicts combine, and the exit codes they end in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.errors import (
    ConfigError,
    ExitCode,
    LockproofError,
    MissingExtraError,
    UnavailableError,
    UsageError,
)
from lockproof.installed import how_to_add
from lockproof.model.verdict import OutputVerdict, Verdict, worst

VERDICTS = st.sampled_from(Verdict)
SOME = st.lists(VERDICTS, min_size=1, max_size=6)
BADNESS = {Verdict.PASSED: 0, Verdict.INCONCLUSIVE: 1, Verdict.FAILED: 2}


def test_nothing_checked_is_no_pass() -> None:
    assert worst([]) is Verdict.INCONCLUSIVE


def test_it_takes_any_iterable() -> None:
    assert worst(v for v in (Verdict.PASSED, Verdict.FAILED)) is Verdict.FAILED


@given(VERDICTS, VERDICTS, VERDICTS)
@settings(deadline=None)
def test_worst_is_associative(a: Verdict, b: Verdict, c: Verdict) -> None:
    assert worst([worst([a, b]), c]) is worst([a, worst([b, c])]) is worst([a, b, c])


@given(SOME, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_worst_is_commutative(verdicts: list[Verdict], random: object) -> None:
    shuffled = list(verdicts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert worst(shuffled) is worst(verdicts)


@given(VERDICTS)
@settings(deadline=None)
def test_worst_is_idempotent_and_passed_is_neutral(a: Verdict) -> None:
    assert worst([a]) is worst([a, a]) is worst([a, Verdict.PASSED]) is a


@given(SOME, VERDICTS)
@settings(deadline=None)
def test_one_more_part_never_makes_it_better(verdicts: list[Verdict], more: Verdict) -> None:
    assert BADNESS[worst([*verdicts, more])] >= BADNESS[worst(verdicts)]


@given(SOME)
@settings(deadline=None)
def test_worst_is_one_of_its_parts_and_the_worst_of_them(verdicts: list[Verdict]) -> None:
    found = worst(verdicts)
    assert found in verdicts
    assert all(BADNESS[v] <= BADNESS[found] for v in verdicts)


def test_exit_codes_are_the_contract_with_ci() -> None:
    assert {v: int(v.exit_code) for v in Verdict} == {
        Verdict.PASSED: 0,
        Verdict.FAILED: 1,
        Verdict.INCONCLUSIVE: 5,
    }
    assert {code.name: int(code) for code in ExitCode} == {
        "PASSED": 0,
        "FAILED": 1,
        "USAGE": 2,
        "BUG": 3,
        "UNAVAILABLE": 4,
        "INCONCLUSIVE": 5,
        "INTERRUPTED": 130,
    }


def test_only_what_was_seen_to_agree_passes() -> None:
    assert {v: v.verdict for v in OutputVerdict} == {
        OutputVerdict.IDENTICAL: Verdict.PASSED,
        OutputVerdict.WITHIN_TOLERANCE: Verdict.PASSED,
        OutputVerdict.DIFFERENT: Verdict.FAILED,
        OutputVerdict.MISSING: Verdict.FAILED,
        OutputVerdict.NOT_COMPARABLE: Verdict.INCONCLUSIVE,
        OutputVerdict.NONDETERMINISTIC: Verdict.INCONCLUSIVE,
        OutputVerdict.NOT_CHECKED: Verdict.INCONCLUSIVE,
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LockproofError("x"), 3),
        (UsageError("x"), 2),
        (ConfigError("x"), 2),
        (UnavailableError("x"), 4),
        (MissingExtraError("s3", "a bucket"), 2),
    ],
)
def test_errors_know_their_exit_code(error: LockproofError, code: int) -> None:
    assert error.exit_code == code


def test_a_message_is_one_line_whatever_was_put_in() -> None:
    assert str(UsageError("a\n  b\r\n\tc \x0b d")) == "a b c d"
    extra = str(MissingExtraError("s3", "reading a bucket"))
    assert extra == f"reading a bucket needs the extra 's3': {how_to_add('s3')}"
