"""Findings: what identifies one, and what it points to."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lockproof.model.finding import HELP_ROOT, Finding, Severity

WORDS = st.text(max_size=12)
PAGES = Path(__file__).resolve().parents[2] / "docs" / "rules"


@given(WORDS, WORDS, st.none() | WORDS, WORDS, WORDS, st.none() | st.integers(1))
@settings(deadline=None)
def test_the_fingerprint_is_of_rule_subject_and_path_alone(
    rule: str, subject: str, path: str | None, message: str, other: str, line: int | None
) -> None:
    one = Finding.of(rule, Severity.ERROR, subject, message, path=path, line=line)
    same = Finding.of(rule, Severity.NOTE, subject, other, path=path)
    assert one.fingerprint == same.fingerprint
    assert re.fullmatch("[0-9a-f]{16}", one.fingerprint)


KEYS = st.tuples(WORDS, WORDS, st.none() | WORDS)


@given(KEYS, KEYS)
@settings(deadline=None)
def test_other_findings_have_other_fingerprints(
    one: tuple[str, str, str | None], other: tuple[str, str, str | None]
) -> None:
    def fingerprint(key: tuple[str, str, str | None]) -> str:
        return Finding.of(key[0], Severity.NOTE, key[1], "m", path=key[2]).fingerprint

    assert (fingerprint(one) == fingerprint(other)) == (one == other)


def test_parts_do_not_run_together() -> None:
    keys = [("LP1", "01x", None), ("LP10", "1x", None), ("LP1", "01", "x"), ("LP1", "01x", "")]
    found = {Finding.of(r, Severity.NOTE, s, "m", path=p).fingerprint for r, s, p in keys}
    assert len(found) == len(keys)


def test_a_finding_keeps_what_it_was_given_and_links_its_page() -> None:
    found = Finding.of("LP101", Severity.ERROR, "train", "no entry", path="dvc.yaml", line=3)
    assert found.model_dump(mode="json") == {
        "rule": "LP101",
        "severity": "error",
        "message": "no entry",
        "subject": "train",
        "path": "dvc.yaml",
        "line": 3,
        "fingerprint": found.fingerprint,
        "seen": None,
        "passed_by": None,
        "help": f"{HELP_ROOT}/LP101.md",
    }
    assert HELP_ROOT.endswith("/docs/rules")
    assert (PAGES / found.help.rpartition("/")[2]).is_file()


def test_a_fingerprint_stays_over_releases() -> None:
    # Systems that track findings know them by it: a change here closes and reopens them all.
    assert Finding.of("LP101", Severity.ERROR, "train", "m", path="dvc.yaml").fingerprint == (
        "d42b6f873420ec2f"
    )


def test_findings_are_values() -> None:
    found = Finding.of("LP101", Severity.ERROR, "train", "m")
    assert found == Finding.of("LP101", Severity.ERROR, "train", "m")
    with pytest.raises(AttributeError):
        found.message = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Finding.model_validate({**found.model_dump(), "url": "x"})
