"""The lines that a hook prints, and what the table counts in place of listing it."""

import pytest

from lockproof.model.check import Check
from lockproof.model.finding import Finding, Severity
from lockproof.model.report import Host, Report, Subject, Timing
from lockproof.model.verdict import Verdict
from lockproof.render.registry import render
from lockproof.render.short import short
from lockproof.render.table import table

ERROR = Finding.of("LP104", Severity.ERROR, "train", "run 'dvc repro'", path="dvc.lock", line=3)
WAIVED = Finding.of("LP306", Severity.NOTE, "a.py", "revoke it (waived)", path="a.py").model_copy(
    update={"passed_by": "waiver"}
)
NOTE = Finding.of("LP621", Severity.NOTE, "b.yaml", "pin it", path="b.yaml")
LOCK = Check(name="lock", verdict=Verdict.PASSED, checked=2, unit="stage")
BLIND = Check(name="git", verdict=Verdict.INCONCLUSIVE, not_checked=("secrets: no scanner\n!",))
IDLE = Check(name="reproduction", verdict=Verdict.INCONCLUSIVE, demanded=False)


def report(verdict: Verdict, *findings: Finding, checks: tuple[Check, ...] = (LOCK,)) -> Report:
    return Report(
        tool="lockproof 1",
        step="gate",
        subject=Subject(commit=None, lock_digest=None),
        verdict=verdict,
        checks=checks,
        findings=findings,
        host=Host(),
        timing=Timing(started="2026-11-29T00:00:00Z", seconds=0.5),
    )


def test_what_is_clean_is_one_line_that_counts_notes() -> None:
    text = short(report(Verdict.PASSED, NOTE, WAIVED, checks=(LOCK, IDLE)))
    assert text == "lockproof gate: PASSED: 2 stages; 1 note; 1 waived; 0.50 s\n"


def test_a_finding_is_a_line_with_its_place_first() -> None:
    lines = short(report(Verdict.FAILED, WAIVED, ERROR)).splitlines()
    assert lines == [
        "dvc.lock:3: LP104 error: run 'dvc repro'",
        "lockproof gate: FAILED: 2 stages; 1 error; 1 waived; 0.50 s",
    ]
    assert "a.py: LP306 note" in short(report(Verdict.FAILED, WAIVED, ERROR), whole=True)


@pytest.mark.parametrize("findings", [(), (NOTE,)])
def test_what_could_not_be_looked_at_is_said(findings: tuple[Finding, ...]) -> None:
    lines = short(report(Verdict.INCONCLUSIVE, *findings, checks=(BLIND, IDLE))).splitlines()
    assert lines[:-1] == ["git: secrets: no scanner\\n!"]
    bare = BLIND.model_copy(update={"not_checked": ()})
    assert short(report(Verdict.INCONCLUSIVE, checks=(bare,))).startswith("git: nothing was there")


def test_the_table_counts_what_is_let_pass_unless_it_is_asked_for() -> None:
    known = NOTE.model_copy(update={"passed_by": "baseline", "subject": "c"})
    made = report(Verdict.PASSED, NOTE, WAIVED, known)
    text = table(made)
    assert "LP306" not in text
    assert "note LP621  b.yaml\n" in text
    assert "\n1 waived, 1 in the baseline: -v lists them\n" in text
    assert "note LP306  a.py\n" in table(made, whole=True)
    assert "-v lists" not in table(made, whole=True)
    # The verdict's line counts what is left as that, and what is let pass as that.
    assert "\nPASSED: 2 stages; 1 note; 1 waived, 1 in the baseline; " in text


@pytest.mark.parametrize("name", ["table", "markdown", "html", "junit"])
def test_what_nobody_demands_does_not_read_as_undecided(name: str) -> None:
    text = render(report(Verdict.PASSED, checks=(LOCK, IDLE)), name)
    assert "not demanded" in text or name == "junit"
    assert "inconclusive" not in text.partition("</style>")[2 if name == "html" else 0].replace(
        'id="shape-inconclusive"', ""
    )
