"""A report of a canary that says two things, or tells of times that cannot be, is not signed."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

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


def soon() -> str:
    return f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"


def of_measure(**more: Any) -> Callable[[Any], None]:
    return lambda r: r["host"]["canary"]["measures"][0].update(more)


def of_look(**more: Any) -> Callable[[Any], None]:
    return lambda r: r["host"]["canary"].update(more)


WRONG: dict[str, tuple[int, Callable[[Any], None], str]] = {
    "failed called inconclusive": (60, lambda r: r.update(verdict="inconclusive"), "measures do"),
    "passed called inconclusive": (1, lambda r: r.update(verdict="inconclusive"), "measures do"),
    "no such month": (1, of_look(until="2026-13-41T00:00:00Z"), "names no times"),
    "since after until": (1, of_look(since="2026-04-01T00:00:00Z"), "before it begins"),
    "no interval": (1, of_look(until="2026-03-01T00:00:00Z"), "looked at no interval"),
    "the year 2200": (1, of_look(until="2200-01-01T00:00:00Z"), "still to come"),
    "in an hour": (1, of_look(until=soon()), "still to come"),
    "passed, far worse": (1, of_measure(lower=0.9, upper=0.99, estimate=0.95), "passed, and its"),
    "passed by no bound": (1, of_measure(upper=None), "passed, and its figures do not"),
    "passed by nothing": (1, of_measure(intervals=0), "passed, and its figures do not"),
    "passed, and when it failed": (1, of_measure(decided="2026-03-01T01:00:00Z"), "and did not"),
    "failed, and not when": (60, of_measure(decided=None), "failed, and not when"),
    "failed before it began": (60, of_measure(decided="2025-03-01T01:00:00Z"), "and not when"),
    "no bar": (1, of_measure(smallest_effect=None), "neither a limit"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_contradicts_itself_is_not(what: str, tmp_path: Path) -> None:
    errors, change, words = WRONG[what]
    said = json.loads(told(tmp_path, errors).model_dump_json())
    change(said)
    with pytest.raises(UsageError, match=words):
        judged(Report.model_validate_json(json.dumps(said)), Path("a.json"))


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
