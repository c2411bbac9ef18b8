"""Findings for GitLab's code quality widget.

The form is that of https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format:
an array of objects with `description`, `check_name`, `fingerprint`, `severity` and `location`.
"""

from lockproof.model.finding import Severity
from lockproof.model.report import Report
from lockproof.render.findings import Placed, placed
from lockproof.render.foreign import brief, visible
from lockproof.render.json_report import json_text

_SEVERITIES = {Severity.ERROR: "major", Severity.WARNING: "minor", Severity.NOTE: "info"}


def gitlab(report: Report) -> str:
    """The findings as a code quality report; an empty array where there are none."""
    return json_text([_issue(each) for each in placed(report)])


def _issue(each: Placed) -> dict[str, object]:
    finding = each.finding
    return {
        "description": "; ".join(each.lines),
        "check_name": brief(finding.rule, 40),
        "fingerprint": visible(finding.fingerprint),
        "severity": _SEVERITIES[finding.severity],
        "location": {
            "path": visible(each.path),
            "lines": {"begin": finding.line or 1},
        },
    }
