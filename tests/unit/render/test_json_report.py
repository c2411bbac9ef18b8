"""The report for programs."""

import json
import math
from typing import Any, NoReturn

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lockproof.model.report import MetricValue, Report
from lockproof.render.json_report import json_report
from unit.render import sample


def strictly(text: str) -> Any:
    """The value of a text that is JSON as RFC 8259 has it."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def with_metric(value: float) -> Report:
    return sample.report((), metrics=(MetricValue(path="m", key="k", locked=1, observed=value),))


@pytest.mark.parametrize("name", sorted(set(sample.SAMPLES) - {"hostile"}))
def test_it_reads_back_as_the_same_report(name: str) -> None:
    report = sample.SAMPLES[name]()
    text = json_report(report)
    again = Report.model_validate_json(text)
    assert again == report
    assert again.core() == report.core()
    assert json_report(again) == text


def test_its_form_is_canonical() -> None:
    text = json_report(sample.failed())
    assert text == json.dumps(strictly(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


@pytest.mark.parametrize(
    ("value", "written"),
    [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity"), (0.5, 0.5)],
)
def test_numbers_that_json_cannot_say_are_strings(value: float, written: float | str) -> None:
    text = json_report(with_metric(value))
    assert strictly(text)["host"]["metrics"][0]["observed"] == written
    read = Report.model_validate_json(text).host.metrics[0].observed
    assert read == value or (read is not None and math.isnan(read) and math.isnan(value))


@example("\u202e")
@example("\x1b\x7f\x85")
@example("\u2028\ufeff")
@example("\U000e0041\udcff")
@settings(max_examples=60)
@given(st.text(st.characters(), min_size=1))
def test_names_come_back_and_nothing_hidden_is_written(name: str) -> None:
    text = json_report(sample.hostile(name))
    text.encode("utf-8")
    assert strictly(text)["stages"][0]["address"] == name
    hidden = "\x1b\x7f\x85\u200b\u200e\u202a\u202e\u2066\u2069\u2028\ufeff\U000e0041\udcff"
    assert not set(hidden) & set(text)
