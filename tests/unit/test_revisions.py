"""What several revisions come to, and which errors of one keep no other from its report."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.errors import ExitCode, LockproofError, UnavailableError, UsageError
from lockproof.model.revisions import Revision, worst_code
from lockproof.model.verdict import Verdict
from lockproof.render.revisions import revisions_table
from lockproof.steps.revisions import Asked, one_by_one

ASKED = tuple(Asked(each * 40, (each,)) for each in "abc")


@given(st.lists(st.integers(0, 255) | st.sampled_from(ExitCode), min_size=1))
def test_all_have_passed_where_each_has_and_failed_where_one_has(codes: list[int]) -> None:
    worst = worst_code(codes)
    assert worst in codes
    assert (worst == 0) == (set(codes) == {0})
    assert (worst == 1) == (1 in codes)


def test_none_have_not_passed() -> None:
    assert worst_code([]) == ExitCode.INCONCLUSIVE


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("do this"), 2),
        (LockproofError("the launcher of stage commands failed: 1"), 3),
        (ExceptionGroup("", [UnavailableError("no answer")]), 4),
        (ExceptionGroup("", [ExceptionGroup("", [UsageError("a")]), UsageError("b")]), 2),
    ],
)
def test_one_that_cannot_be_reproduced_keeps_no_other_from_it(error: Exception, code: int) -> None:
    def prove(each: Asked) -> Revision:
        if each.names == ("b",):
            raise error
        verdict = Verdict.PASSED
        return Revision(names=each.names, commit=each.commit, verdict=verdict, exit_code=0)

    found = one_by_one(ASKED, prove, lambda _: None)
    assert [each.exit_code for each in found.revisions] == [0, code, 0]
    assert found.exit_code == code
    assert "NOT REPRODUCED: 3 revisions: 2 passed, 1 without a verdict" in revisions_table(found)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        ExceptionGroup("", [UsageError("a"), ValueError("x")]),
        BaseExceptionGroup("", [UsageError("a"), KeyboardInterrupt()]),
    ],
)
def test_a_bug_or_an_interruption_ends_all(error: BaseException) -> None:
    def prove(_: Asked) -> Revision:
        raise error

    with pytest.raises(type(error)):
        one_by_one(ASKED, prove, lambda _: None)
