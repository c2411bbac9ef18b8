"""A report of a canary that says two things, or tells of times that cannot be, is not signed."""

import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.cli.plain_progress import SilentProgress
from lockproof.errors import ConfigError, UsageError
from lockproof.model.report import Report
from lockproof.steps.canary import Request, check
from lockproof.steps.proofs.canary_report import judged

CHECKS = """\
apiVersion: lockproof.dev/v1alpha1
kind: CanaryChecks
metadata: {name: digits}
spec:
  interval: 60
  falseAbort: 0.01
  arms: {canary: 'arm="canary"', stable: 'arm="stable"'}
  comparisons: [{name: errors, smallestEffect: 0.05, method: METHOD, RATIO}]
"""
RATIO = "ratio: {events: 'e{$arm}[$interval]', total: 't{$arm}[$interval]'}"
METHODS = ("intervals", "bounded", "requests")


def told(
    folder: Path, errors: int, method: str = "intervals", since: str = "2026-03-01T00:00:00Z"
) -> Report:
    """Of 240 minutes with a hundred requests each."""
    checks = CHECKS.replace("METHOD", method).replace("RATIO", RATIO)
    if errors < 0:
        checks = checks.replace("errors,", "errors, worse: lower,")
    (folder / "checks.yaml").write_text(checks)
    arms = {
        name: {"events": [abs(events) + minute % 2 for minute in range(240)], "total": [100] * 240}
        for name, events in (("canary", errors), ("stable", 30 if errors < 0 else 1))
    }
    said = {"apiVersion": "lockproof.dev/v1alpha1", "kind": "CanarySamples", "since": since}
    found = json.dumps({**said, "interval": 60, "measures": {"errors": arms}})
    (folder / "samples.json").write_text(found)
    return check(
        Request(folder, Path("checks.yaml"), samples=Path("samples.json")), SilentProgress()
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("errors", "verdict"),
    [(1, "passed"), (60, "failed"), (5, None), (-30, "passed"), (-1, "failed")],
)
def test_what_check_writes_is_taken(
    method: str, errors: int, verdict: str | None, tmp_path: Path
) -> None:
    report = told(tmp_path, errors, method)
    if verdict and (method, verdict) != ("bounded", "passed"):  # Which takes longer.
        assert report.verdict == verdict
    assert judged(report, Path("a.json")) == report.host.canary


def in_an_hour(report: Any) -> None:
    """Ends an hour after it is called: the whole suite may take more than that."""
    of_look(until=f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}")(report)


def of_measure(**more: Any) -> Callable[[Any], None]:
    return lambda r: r["host"]["canary"]["measures"][0].update(more)


def of_look(**more: Any) -> Callable[[Any], None]:
    return lambda r: r["host"]["canary"].update(more)


def of_arm(**more: Any) -> Callable[[Any], None]:
    return lambda r: r["host"]["canary"]["measures"][0]["canary"].update(more)


def of_course(**more: Any) -> Callable[[Any], None]:
    return lambda r: r["host"]["canary"]["measures"][0]["course"][-1].update(more)


def with_check(**more: Any) -> Callable[[Any], None]:
    return lambda r: r["checks"].insert(0, {**r["checks"][0], **more})


WORSE = {"at": "2026-03-01T00:01:00Z", "lower": 0.9, "estimate": 0.95, "upper": 0.99}
WRONG: dict[str, tuple[int, Callable[[Any], None], str]] = {
    "failed called inconclusive": (60, lambda r: r.update(verdict="inconclusive"), "measures do"),
    "passed called inconclusive": (1, lambda r: r.update(verdict="inconclusive"), "measures do"),
    "no such month": (1, of_look(until="2026-13-41T00:00:00Z"), "names no times"),
    "since after until": (1, of_look(since="2026-04-01T00:00:00Z"), "before it begins"),
    "no interval": (1, of_look(until="2026-03-01T00:00:00Z"), "looked at no interval"),
    "the year 2200": (1, of_look(until="2200-01-01T00:00:00Z"), "still to come"),
    "in an hour": (1, in_an_hour, "still to come"),
    "passed, far worse": (1, of_measure(lower=0.9, upper=0.99, estimate=0.95), "passed, and its"),
    "passed by no bound": (1, of_measure(upper=None), "passed, and its figures do not"),
    "passed by nothing": (1, of_measure(intervals=0), "passed, and its figures do not"),
    "passed, and when it failed": (1, of_measure(decided="2026-03-01T01:00:00Z"), "and did not"),
    "failed, and not when": (60, of_measure(decided=None), "failed, and not when"),
    "failed before it began": (60, of_measure(decided="2025-03-01T01:00:00Z"), "and not when"),
    "no bar": (1, of_measure(smallest_effect=None), "neither a limit"),
    "a far estimate": (1, of_measure(estimate=0.9), "outside of its bounds"),
    "a low estimate": (1, of_measure(estimate=-0.9), "outside of its bounds"),
    "bounds in turn": (1, of_measure(lower=0.9, upper=0.0, estimate=None), "outside of its bounds"),
    "no estimate": (1, of_measure(estimate=None), "not those of its course"),
    "no number": (1, of_measure(estimate=float("nan"), lower=0.9), "figures that are no numbers"),
    "no risk": (1, of_measure(upper_error=-5.0), "takes a risk that is none"),
    "no such risk": (1, of_measure(upper_error=float("nan")), "figures that are no numbers"),
    "any risk": (1, of_look(false_promote=float("nan")), "names no chances"),
    "the whole risk": (1, of_look(false_promote=1.0), "names no chances"),
    "an infinite effect": (1, of_measure(smallest_effect=float("inf")), "that are no numbers"),
    "an effect that is none": (1, of_measure(smallest_effect=-1.0), "smallest effect that is none"),
    "of no requests": (1, of_arm(requests=0.0), "other requests than intervals"),
    "of no share": (1, of_arm(value=None), "other requests than intervals"),
    "of other arms": (1, of_measure(stable=None), "a limit and a stable version, or neither"),
    "one interval": (1, of_measure(intervals=1), "counts fewer intervals"),
    "too few intervals": (1, of_measure(intervals=9, gaps={"x": 231}), "too few intervals count"),
    "intervals below none": (1, of_measure(gaps={"x": -1}), "more intervals than there were"),
    "another course": (1, of_measure(course=[WORSE]), "not those of its course"),
    "a later course": (1, of_course(at="2026-04-01T00:00:00Z"), "course that is not of its time"),
    "a failed check": (1, with_check(name="other", verdict="failed"), "checks that say otherwise"),
    "a check twice": (1, with_check(verdict="failed"), "checks that say otherwise"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_contradicts_itself_is_not(what: str, tmp_path: Path) -> None:
    errors, change, words = WRONG[what]
    said = json.loads(told(tmp_path, errors).model_dump_json())
    change(said)
    with pytest.raises(UsageError, match=words):
        judged(Report.model_validate_json(json.dumps(said)), Path("a.json"))


@pytest.mark.parametrize("method", ["intervals", "requests"])
def test_an_estimate_is_that_of_its_arms_where_intervals_do_not_weigh_otherwise(
    method: str, tmp_path: Path
) -> None:
    said = json.loads(told(tmp_path, 1, method).model_dump_json())
    of_arm(value=0.99)(said)
    report = Report.model_validate_json(json.dumps(said))
    if method == "intervals":
        assert judged(report, Path("a.json")) == report.host.canary
        return
    with pytest.raises(UsageError, match="an estimate that is not of its arms"):
        judged(report, Path("a.json"))


@given(data=st.data())
@settings(max_examples=60)
def test_what_check_writes_of_any_samples_is_taken(data: st.DataObject) -> None:
    """Whatever is seen: gaps, nothing at all, means of any size, and what changes half-way."""
    minutes = data.draw(st.integers(1, 90))
    bars = ("smallestEffect: 0.05", "smallestEffect: 0.05, worse: lower", "limit: 0.2")
    bar = data.draw(st.sampled_from(bars))
    mean = data.draw(st.booleans())
    method = data.draw(st.sampled_from(METHODS[:1] if mean else METHODS))
    kind = "mean: {sum: 's{$arm}[$interval]', count: 't{$arm}[$interval]'}" if mean else RATIO
    list_ = "guards" if bar.startswith("limit") else "comparisons"
    checks = CHECKS.replace("smallestEffect: 0.05", bar).replace("comparisons", list_)
    checks = checks.replace("METHOD", method).replace("RATIO", kind)
    totals = st.none() | st.sampled_from([0, 3, 100, 1e5])
    share = st.sampled_from([0.0, 0.01, 0.3, 1.0, 1e7] if mean else [0.0, 0.01, 0.3, 1.0])

    def arm() -> dict[str, list[float | None]]:
        total = data.draw(st.lists(totals, min_size=minutes, max_size=minutes))
        shares = data.draw(st.lists(share, min_size=minutes, max_size=minutes))
        most = [None if n is None else n * part for n, part in zip(total, shares, strict=True)]
        return {"sum" if mean else "events": most, "count" if mean else "total": total}

    arms = {name: arm() for name in ("canary", "stable")[: 1 if list_ == "guards" else 2]}
    said = {"apiVersion": "lockproof.dev/v1alpha1", "kind": "CanarySamples", "interval": 60}
    said |= {"since": "2026-03-01T00:00:00Z", "measures": {"errors": arms}}
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "checks.yaml").write_text(checks)
        (Path(name) / "samples.json").write_text(json.dumps(said))
        asked = Request(Path(name), Path("checks.yaml"), samples=Path("samples.json"))
        report = check(asked, SilentProgress())
    report = Report.model_validate_json(report.model_dump_json())
    assert judged(report, Path("a.json")) == report.host.canary


def test_a_failure_that_is_called_inconclusive_as_a_whole_and_in_part_shows(
    tmp_path: Path,
) -> None:
    said = json.loads(told(tmp_path, 60).model_dump_json())
    said["verdict"] = "inconclusive"
    of_measure(verdict="inconclusive", decided=None)(said)
    with pytest.raises(UsageError, match="those of one that failed"):
        judged(Report.model_validate_json(json.dumps(said)), Path("a.json"))


def test_samples_of_what_is_still_to_come_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"reach to 2099-01-01T04:00:00Z, which is still to come"):
        told(tmp_path, 1, since="2099-01-01T00:00:00Z")
