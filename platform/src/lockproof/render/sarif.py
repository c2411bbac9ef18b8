"""Findings as SARIF 2.1.0, the format of code scanning services (OASIS, errata 01)."""

import re
import string
from typing import Any

from lockproof.model.finding import Severity, help_address
from lockproof.model.report import Report
from lockproof.render import words
from lockproof.render.findings import Placed, known_rules, placed
from lockproof.render.foreign import brief, visible
from lockproof.render.json_report import json_text

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_HOME = "https://github.com/lockproof/lockproof"
_UNRESERVED = frozenset((string.ascii_letters + string.digits + "-._~").encode())
_ADDRESS = re.compile(r"https://[\w./~#?&=+-]+", re.ASCII)


def sarif(report: Report) -> str:
    """The findings as a SARIF log of one run.

    `partialFingerprints` has the finding's own fingerprint twice: under a name of ours, and
    under the one by which GitHub tells alerts apart.
    """
    findings = placed(report)
    rules = _rules(findings)
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "lockproof",
                "version": brief(report.tool.removeprefix("lockproof "), 80),
                "informationUri": _HOME,
                "rules": rules,
            }
        },
        "automationDetails": {"id": f"lockproof/{report.step}/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {"executionSuccessful": True, "exitCode": int(report.verdict.exit_code)},
        ],
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The top of the repository."}}},
        "results": [_result(each, index) for each in findings],
        "properties": {
            "verdict": report.verdict.value,
            "summary": words.verdict_sentence(report),
            **{
                name: visible(value)
                for name, value in (
                    ("commit", report.subject.commit),
                    ("lockDigest", report.subject.lock_digest),
                )
                if value is not None
            },
        },
    }
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rules(findings: list[Placed]) -> list[dict[str, Any]]:
    rules = {
        rule.id: _rule(rule.id, rule.title, rule.severity, help_address(rule.id))
        for rule in known_rules()
    }
    for each in findings:
        finding = each.finding
        name = brief(finding.rule, 40)
        rules.setdefault(name, _rule(name, each.title, finding.severity, finding.help))
    return list(rules.values())


def _rule(name: str, title: str, severity: Severity, address: str) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": name,
        "shortDescription": {"text": title or name},
        "defaultConfiguration": {"level": severity.value},
    }
    if _ADDRESS.fullmatch(address):
        rule["helpUri"] = address
        rule["help"] = {"text": f"What it means and how to fix it: {address}"}
    return rule


def _result(each: Placed, index: dict[str, int]) -> dict[str, Any]:
    finding = each.finding
    name = brief(finding.rule, 40)
    place: dict[str, Any] = {
        "artifactLocation": {"uri": relative_uri(each.path), "uriBaseId": "SRCROOT"}
    }
    if finding.line is not None and finding.line > 0:
        place["region"] = {"startLine": finding.line}
    subject = {"fullyQualifiedName": visible(finding.subject)}
    fingerprint = visible(finding.fingerprint)
    return {
        "ruleId": name,
        "ruleIndex": index[name],
        "level": finding.severity.value,
        "message": {"text": "\n".join(each.lines)},
        "locations": [{"physicalLocation": place, "logicalLocations": [subject]}],
        "partialFingerprints": {
            "lockproof/v1": fingerprint,
            "primaryLocationLineHash": fingerprint,
        },
    }


def relative_uri(path: str) -> str:
    """A POSIX path as a relative URI reference (RFC 3986), whatever the path begins with.

    All but unreserved characters and inner slashes are percent-encoded, so that neither a colon
    makes a scheme of the first part nor slashes at the start an authority.
    """
    head = len(path) - len(path.lstrip("/"))
    encoded = "".join(
        chr(byte) if byte in _UNRESERVED or byte == ord("/") else f"%{byte:02X}"
        for byte in path[head:].encode("utf-8", "surrogatepass")
    )
    return "%2F" * head + encoded
