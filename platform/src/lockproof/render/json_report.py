"""The report for programs: canonical JSON that `docs/reference/report.schema.json` describes."""

import json
import math
import re
from typing import Any

from lockproof.model.inert import inert_json
from lockproof.model.report import Report

NOT_FINITE = ("NaN", "Infinity", "-Infinity")
"""JSON has no words for these numbers, so that they are strings; they read back as floats."""

_HIDDEN = re.compile(
    "[\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164"
    "\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


def json_report(report: Report) -> str:
    """The report as JSON; see `json_text`."""
    return json_text(report.model_dump(mode="json"))


def json_text(value: Any) -> str:
    r"""A value as JSON: keys sorted, indented by two, a line feed at its end.

    Hidden and direction-changing characters are `\u` escapes, so that the text also is safe
    to look at and can always be encoded as UTF-8.
    """
    text = json.dumps(_finite(value), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return inert_json(_HIDDEN.sub(lambda match: json.dumps(match[0])[1:-1], text)) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return NOT_FINITE[0] if math.isnan(value) else NOT_FINITE[1 if value > 0 else 2]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value
