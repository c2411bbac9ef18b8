"""What lockproof says of repositories whose right answers were written by hand beforehand."""

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from lockproof.adapters.sandbox.detect import find_isolation
from lockproof.model.cause import Cause, CauseKind, Certainty
from lockproof.model.report import Host, HostStage, Report, StageReport, Subject, Timing
from lockproof.model.verdict import Verdict
from lockproof.steps.reproduce.conditions.clock import no_clock
from tests.bench.causes_answers import rows_of

from .answer_case import Answer, Case, Grade, Reason, ask, build, failed, judge, proven
from .answers import CASES
from .answers_trouble import index

PAGE = Path(__file__).parents[2] / "docs" / "causes-beside-truth.md"


def title(case: Case) -> str:
    """A name that only one case has."""
    return f"{case.name}: {case.done}"


@pytest.fixture(scope="module", autouse=True)
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with index(tmp_path_factory.mktemp("wheels")):
        yield


@pytest.mark.parametrize("case", CASES, ids=title)
def test_the_answer_is_right(case: Case, tmp_path: Path) -> None:
    if no_clock() and "clock" in str(case.answer):
        pytest.skip(f"the clock cannot be held here: {no_clock()}")
    own = ("name of the user", "order of os.listdir")
    if case.name in own and not anyio.run(find_isolation).level.own_root:
        pytest.skip("stages cannot have a root of their own here, so no other user or order")
    judged = ask(case, build(case, tmp_path))
    assert judged.grade is Grade.RIGHT, (judged.faults, judged.said)


def test_there_are_enough_and_each_has_a_name() -> None:
    assert len({title(case) for case in CASES}) == len(CASES) >= 32
    assert sum(case.answer.verdict is Verdict.PASSED for case in CASES) >= 8


def test_the_page_has_each_case_with_its_right_answer() -> None:
    rows = rows_of(PAGE.read_text("utf-8"))
    assert [*rows] == [(case.name, case.done, str(case.answer)) for case in CASES]
    assert {cells[4] for cells in rows.values()} == {Grade.RIGHT.value}


def report(verdict: Verdict, *causes: Cause) -> Report:
    """A report of one stage."""
    return Report(
        tool="lockproof",
        subject=Subject(commit=None, lock_digest=None),
        verdict=verdict,
        stages=(StageReport(address="fit", command=(), verdict=verdict, causes=causes),),
        findings=(),
        host=Host(stages={"fit": HostStage()}),
        timing=Timing(started="2026-01-01T00:00:00Z", seconds=0),
    )


def cause(kind: CauseKind, subject: str, certainty: Certainty) -> Cause:
    return Cause(kind=kind, subject=subject, certainty=certainty, summary="")


CODE = cause(CauseKind.CODE, "fit.py", Certainty.PROVEN)
RIGHT = failed(proven(CauseKind.CODE, r"fit\.py"))


@pytest.mark.parametrize(
    ("answer", "said", "grade"),
    [
        (RIGHT, report(Verdict.FAILED, CODE), Grade.RIGHT),
        (RIGHT, report(Verdict.PASSED), Grade.WRONG),
        (RIGHT, report(Verdict.INCONCLUSIVE, CODE), Grade.WRONG),
        (RIGHT, report(Verdict.FAILED), Grade.VERDICT_ONLY),
        (
            RIGHT,
            report(Verdict.FAILED, cause(CauseKind.CODE, "fit.py", Certainty.LIKELY)),
            Grade.VERDICT_ONLY,
        ),
        (
            RIGHT,
            report(Verdict.FAILED, CODE, cause(CauseKind.DATA, "a", Certainty.LIKELY)),
            Grade.VERDICT_ONLY,
        ),
        (
            RIGHT,
            report(Verdict.FAILED, CODE, cause(CauseKind.DATA, "a", Certainty.POSSIBLE)),
            Grade.RIGHT,
        ),
        (
            RIGHT,
            report(Verdict.FAILED, CODE, cause(CauseKind.UNKNOWN, "altered", Certainty.POSSIBLE)),
            Grade.VERDICT_ONLY,
        ),
        (
            failed(Reason((CauseKind.CODE,), but_not="FIT")),
            report(Verdict.FAILED, CODE),
            Grade.VERDICT_ONLY,
        ),
        (
            failed(Reason((CauseKind.CONDITION,), condition="locale")),
            report(Verdict.FAILED, cause(CauseKind.CONDITION, "out", Certainty.LIKELY)),
            Grade.VERDICT_ONLY,
        ),
        (failed(rules=("LP104",)), report(Verdict.FAILED), Grade.VERDICT_ONLY),
        (failed(told="byte code"), report(Verdict.FAILED), Grade.VERDICT_ONLY),
    ],
)
def test_a_wrong_answer_is_not_graded_right(answer: Answer, said: Report, grade: Grade) -> None:
    assert judge(answer, said).grade is grade
