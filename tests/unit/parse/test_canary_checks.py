"""The file of checks: what it may say, and how what it must not say is told."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lockproof.parse.canary_checks import as_text, fill, instant, read_canary_checks
from lockproof.parse.yaml_document import ParseError
from lockproof.render.schema import canary_checks_schema

ROOT = Path(__file__).resolve().parents[3]
DEFAULT = ROOT / "control-plane" / "ci-cd" / "checks" / "canary-checks.yaml"
GOOD = """\
apiVersion: lockproof.dev/v1alpha1
kind: CanaryChecks
metadata:
  name: web
spec:
  arms:
    canary: a="1"
    stable: a="2"
  comparisons:
    - name: errors
      ratio:
        events: e{$arm}[$interval]
        total: t{$arm}[$interval]
      smallestEffect: 0.01
"""


def test_the_default_is_read_and_fits_the_published_schema() -> None:
    checks = read_canary_checks(DEFAULT.read_bytes(), DEFAULT.name)
    assert len(checks.spec.measures) == 3
    assert len(checks.spec.drifts) == 4
    assert sum(measure.share or 0 for measure in checks.spec.measures) == pytest.approx(0.5)
    schema = canary_checks_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(DEFAULT.read_text()), schema)
    jsonschema.validate(yaml.safe_load(GOOD), schema)
    assert (checks.spec.interval, read_canary_checks(GOOD.encode(), "c").spec.horizon) == (
        60,
        14_400,
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("kind: CanaryChecks", "kind: Rollout", "line 2: kind: "),
        ("  comparisons:", "  comparison:", "spec.comparison: no such key"),
        ("smallestEffect: 0.01", "smallestEffect: 0", "line 14: spec.comparisons.0.smallestEffect"),
        ("smallestEffect: 0.01", "smallestEffect: .nan", "smallestEffect"),
        ("smallestEffect: 0.01", "smallestEffect: 2", "is at most 1"),
        ("smallestEffect: 0.01", "limit: 2", "smallestEffect: Field required"),
        ("smallestEffect: 0.01", "smallestEffect: 0.01\n      smallest_effect: 1", "no such key"),
        ("e{$arm}[$interval]", "e[$interval]", "does not say which of the two"),
        ("e{$arm}[$interval]", "e{$arm}", "does not say how long an interval is"),
        ("e{$arm}[$interval]", "e{$arm}[$interval] + $other", "there is no $other"),
        ('a="2"', 'a="1"', "canary and stable are the same"),
        ("  arms:", "  minimumIntervals: 5\n  arms:", "minimumIntervals"),
        ("  arms:", "  horizon: 600\n  arms:", "the horizon has 10 intervals"),
        ("  arms:", "  falseAbort: 0.9\n  arms:", "falseAbort"),
        ("  arms:", "  falseAbort: 5.0e-324\n  arms:", "falseAbort"),
        ("  arms:", "  falsePromote: true\n  arms:", "falsePromote"),
        ("  arms:", "  interval: true\n  arms:", "interval"),
        ("smallestEffect: 0.01", "smallestEffect: true", "smallestEffect"),
        ("      ratio:", "      share: 1.0e-323\n      ratio:", "share"),
        ("e{$arm}[$interval]", "'e[$interval] # $arm'", "does not say which of the two"),
        (GOOD, "[]", "must hold a mapping"),
        ("      ratio:", "      mean: {sum: s, count: c}\n      ratio:", "needs either"),
        ("      ratio:", "      share: 1.5\n      ratio:", "share"),
        (GOOD[GOOD.index("  comparisons"):], "  guards: []\n", "nothing checked proves nothing"),
        ("metadata:", "metadata: &a [*a]\nmore:", ""),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_one_line(old: str, new: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(ParseError) as told:
        read_canary_checks(GOOD.replace(old, new, 1).encode(), "checks.yaml")
    assert str(told.value).startswith("checks.yaml")
    assert words in str(told.value)


def test_measures_need_names_and_shares_that_go_together() -> None:
    again = GOOD[GOOD.index("    - name") :]
    with pytest.raises(ParseError, match="two measures are called errors"):
        read_canary_checks((GOOD + again).encode(), "c")
    both = GOOD + again.replace("name: errors", "name: more\n      share: 0.7")
    read_canary_checks(both.encode(), "c")
    with pytest.raises(ParseError, match=r"shares are 1\.4 together"):
        read_canary_checks(both.replace("errors", "errors\n      share: 0.7", 1).encode(), "c")
    with pytest.raises(ParseError, match="leave nothing"):
        read_canary_checks(both.replace("0.7", "1").encode(), "c")
    with pytest.raises(ParseError, match="larger than 1 MiB"):
        read_canary_checks(b"#" * (1 << 21), "c")
    bounded = GOOD.replace("ratio:", "method: bounded\n      ratio:")
    read_canary_checks(bounded.encode(), "c")
    mean = bounded.replace("ratio", "mean").replace("events", "sum").replace("total", "count")
    with pytest.raises(ParseError, match="method bounded is for a ratio"):
        read_canary_checks(mean.encode(), "c")


def test_variables_are_filled_in_once() -> None:
    assert fill("a{$arm}[$interval] ${arm} $armed 5..$", 'x="$interval"', 60) == (
        'a{x="$interval"}[60s] x="$interval" $armed 5..$'
    )


@given(st.integers(0, 4_000_000_000))
def test_a_time_comes_back(seconds: int) -> None:
    assert instant(as_text(seconds)) == instant(str(seconds)) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "today",
        "9999-12-31T23:50:00Z",
        "250000000001",
        "2026-11-29",
        "2026-11-29T12:00:00",
        "-5",
        "1e9",
        "30m",
    ],
)
def test_what_is_no_point_in_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a time"):
        instant(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_whatever_it_holds_is_read_or_refused(value: object) -> None:
    document = yaml.safe_load(GOOD)
    for place in ("spec", "metadata", "kind"):
        text = json.dumps({**document, place: value})
        with pytest.raises(ParseError):
            read_canary_checks(text.encode(), "c")
