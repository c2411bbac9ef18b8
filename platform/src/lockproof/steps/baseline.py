"""The findings that were there when lockproof came to a repository."""

import json
from collections.abc import Iterable
from pathlib import Path

from lockproof.adapters.files import write_whole
from lockproof.errors import ConfigError
from lockproof.model.finding import Finding, Severity

_LARGEST = 16 << 20
_VERSION = "1"


def parse_baseline(content: bytes | None, path: str) -> frozenset[str]:
    """The fingerprints of a baseline; none where there is no such file.

    Raises:
        ConfigError: the file is not one that `lockproof gate --baseline` wrote.
    """
    if content is None:
        return frozenset()
    try:
        value = json.loads(content if len(content) <= _LARGEST else b"{}")
        if value["schema_version"] != _VERSION:
            raise ValueError(value["schema_version"])
        return frozenset(str(item["fingerprint"]) for item in value["findings"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ConfigError(
            f"{path} is no baseline: write it again with 'lockproof gate --baseline'"
        ) from error


def write_baseline(path: Path, findings: Iterable[Finding]) -> None:
    """Write the findings that would count; the file is to be committed.

    Raises:
        UsageError: it cannot be written.
    """
    entries = [
        {"fingerprint": f.fingerprint, "rule": f.rule, "subject": f.subject, "path": f.path}
        for f in findings
        if f.severity is not Severity.NOTE
    ]
    entries.sort(key=lambda entry: (str(entry["rule"]), str(entry["subject"])))
    value = {"schema_version": _VERSION, "findings": entries}
    write_whole(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")
