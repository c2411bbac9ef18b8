"""The table that a person reads in a terminal."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lockproof.model.comparison import Difference
from lockproof.model.verdict import Verdict
from lockproof.render.foreign import visible
from lockproof.render.table import table
from lockproof.render.terminal import cells
from unit.render import sample

ANSI = re.compile(r"\x1b\[[0-9;]*m")

NAMES = st.text(st.characters(), min_size=1, max_size=60)


@pytest.mark.parametrize("width", [40, 80, 100, 120, 200])
@pytest.mark.parametrize("name", sample.SAMPLES)
def test_lines_fit_the_terminal(name: str, width: int) -> None:
    *lines, verdict = table(sample.SAMPLES[name](), width).splitlines()
    assert [line for line in lines if cells(line) > width] == []
    assert verdict.startswith(("PASSED: ", "FAILED: ", "INCONCLUSIVE: "))


@pytest.mark.parametrize("name", sample.SAMPLES)
def test_colour_adds_nothing_but_colour(name: str) -> None:
    plain, coloured = (table(sample.SAMPLES[name](), 100, color) for color in (False, True))
    assert "\x1b" not in plain
    without = "\n".join(line.rstrip() for line in ANSI.sub("", coloured).splitlines()) + "\n"
    assert without == plain
    assert ANSI.search(coloured)


def test_a_passed_report_at_80_columns() -> None:
    assert (
        table(sample.passed(), 80)
        == """\
reproduce 4f1c2a9be03d · isolated · lock 0c030586945f
environment data-plane/dvc/requirements.lock (pinned 10762e1094db)
stages of data-plane/dvc/dvc.yaml

stage / output                            verdict           locked
────────────────────────────────────────────────────────────────────────────────
prepare                                   passed
  reused (proved 2026-11-21)
  data-plane/dvc/data/prepared/train.csv  identical         fab8e4c0
  data-plane/dvc/data/prepared/test.csv   identical         1894a0b9
featurize                                 passed
  data-plane/dvc/data/features            identical         67e26efe.dir
train@linear                              passed
  data-plane/models/linear.npz            within tolerance  4572fe24
    12 of 650 values differ, all within the tolerance
    largest at coef[3, 7]: 0.8123311907 -> 0.8123311921 (off by 1.4e-9, relative
    1.72e-9)
    tolerance rtol 1e-6, atol 1e-9
  data-plane/models/linear.skops          within tolerance  bb065e10
    judged by data-plane/models/linear.npz
train@forest                              passed
  data-plane/models/forest.npz            identical         fc067cbf
evaluate                                  passed
  data-plane/dvc/metrics.json             identical         561eaa77
  data-plane/dvc/plots/confusion.csv      identical         76da7cbd

PASSED: 6 outputs identical, 2 within tolerance; 5 stages, 1 reused, 22.6 s
"""
    )


def test_a_failed_report_says_why_and_what_to_do() -> None:
    text = table(sample.failed(), 120)
    for line in (
        "train@forest                              failed            "
        "command ended with exit code 1",
        "report                                    inconclusive      "
        "skipped: a stage that it needs failed",
        "  environment, likely: scikit-learn 1.7.1 -> 1.7.2",
        "    - the record of 2026-11-20 has scikit-learn 1.7.1, this run 1.7.2",
        '      -    model = LogisticRegression(C=params["strength"], max_iter=500)',
        "      MemoryError: 4.2 GiB for an array with shape (75000, 7500)",
        "error LP701  data-plane/dvc/dvc.lock:61",
        "note LP709  .",
    ):
        assert line in text.splitlines()
    assert text.index("error LP703") < text.index("warning LP708") < text.index("note LP709")


def test_long_evidence_and_many_differences_are_cut_with_a_count() -> None:
    report = sample.failed()
    address = f"{sample.FILE}:train@linear"
    host = report.host.stages[address]
    evidence = host.evidence[0].model_copy(update={"detail": "line\n" * 40})
    differences = {sample.LINEAR[0]: (Difference(summary="differs"),) * 9}
    changed = host.model_copy(update={"evidence": (evidence,), "differences": differences})
    stages = {**report.host.stages, address: changed}
    text = table(
        report.model_copy(update={"host": report.host.model_copy(update={"stages": stages})})
    )
    assert "… 28 more lines; the HTML report has them" in text
    assert "and 6 more differences" in text


@example("[bold red]x[/]")
@example("[link=https://example.org]x[/link]")
@example(":smile:")
@example("\x1b]0;title\x07\x1b[2J")
@example("\u202egnp.exe")
@example("\udcff\x00")
@example("a" * 10_000)
@example("数" * 300)
@settings(max_examples=60, deadline=None)
@given(NAMES)
def test_names_are_text_and_nothing_else(name: str) -> None:
    text = table(sample.hostile(name), 80)
    assert all(line.isprintable() for line in text.splitlines())
    assert [line for line in text.splitlines()[:-1] if cells(line) > 80] == []
    if len(name) <= 60:
        shown = "".join(visible(name).split())
        assert shown in "".join(text.split())


@pytest.mark.parametrize("verdict", Verdict)
def test_the_verdict_line_is_the_last_and_stands_alone(verdict: Verdict) -> None:
    lines = table(sample.passed().model_copy(update={"verdict": verdict})).splitlines()
    assert lines[-1].startswith(f"{verdict.value.upper()}: 6 outputs identical")
    assert lines[-2] == ""
