"""What every renderer promises, whichever it is."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import pytest

import lockproof
from lockproof.errors import UsageError
from lockproof.render import FORMATS, Format, format_for, format_named, render
from unit.render import sample

every_format = pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
every_sample = pytest.mark.parametrize("name", sample.SAMPLES)

Value = TypeVar("Value")

PATHS = os.pathsep.join(
    [str(Path(lockproof.__file__).parents[1]), str(Path(sample.__file__).parents[2])]
)


def run(code: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": PATHS, **environment},
        capture_output=True,
        check=True,
    )
    return done.stdout.decode("utf-8")


def turned_round(mapping: Mapping[str, Value]) -> dict[str, Value]:
    return dict(reversed(list(mapping.items())))


@every_format
@every_sample
def test_a_report_becomes_text_that_can_be_written(known: Format, name: str) -> None:
    text = known.load()(sample.SAMPLES[name]())
    text.encode("utf-8")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert text == render(sample.SAMPLES[name](), known.name)


@every_format
def test_the_text_says_the_verdict_and_names_what_differs(known: Format) -> None:
    text = known.load()(sample.failed())
    for part in ("failed", "train@linear", "data-plane/models/linear.npz", "coef[3, 7]", "LP701"):
        assert part in text


@every_format
def test_the_text_does_not_depend_on_the_process(known: Format) -> None:
    code = (
        "import sys; from unit.render import sample; from lockproof.render import render; "
        "sys.stdout.reconfigure(encoding='utf-8'); "
        f"print(end=render(sample.failed(), {known.name!r}))"
    )
    plain = {"COLUMNS": "200", "PYTHONHASHSEED": "1", "TZ": "UTC"}
    odd = {
        "COLUMNS": "20",
        "FORCE_COLOR": "1",
        "TERM": "dumb",
        "PYTHONHASHSEED": "2",
        "TZ": "Asia/Tokyo",
        "JUPYTER_COLUMNS": "33",
    }
    assert run(code, **plain) == run(code, **odd) == known.load()(sample.failed())


@every_format
def test_order_of_mappings_does_not_show(known: Format) -> None:
    report = sample.failed()
    turned = report.model_copy(
        update={
            "host": report.host.model_copy(
                update={
                    "stages": turned_round(report.host.stages),
                    "mlflow": turned_round(report.host.mlflow),
                    "environment": sample.environment(
                        packages=turned_round(sample.environment().packages)
                    ),
                }
            ),
            "timing": report.timing.model_copy(
                update={"stages": turned_round(report.timing.stages)}
            ),
        }
    )
    assert turned == report
    assert known.load()(turned) == known.load()(report)


def test_formats_are_found_by_name_and_by_suffix() -> None:
    for known in FORMATS:
        assert format_named(known.name) is known
        for suffix in known.suffixes:
            assert format_for(f"out/Report{suffix.upper()}") is known


def test_the_longest_suffix_decides() -> None:
    assert format_for("gl.codequality.json").name == "gitlab"
    assert format_for("codequality.json").name == "json"
    assert format_for("my.report.json").name == "json"


@pytest.mark.parametrize("path", ["report", "report.pdf", ".json", "dir.html/report"])
def test_a_file_without_a_known_suffix_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match=r"\.txt, \.json, \.html"):
        format_for(path)


def test_an_unknown_format_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="table, short, json, html"):
        format_named("yaml")


def test_names_of_formats_cost_no_import() -> None:
    code = (
        "import sys; from lockproof.render.registry import FORMATS; "
        "print(sorted({'rich', 'jinja2'} & set(sys.modules)))"
    )
    assert run(code).strip() == "[]"
