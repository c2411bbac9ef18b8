"""The file of the baseline."""

import json
from collections.abc import Iterable
from pathlib import Path

from lockproof.adapters.files import write_whole
from lockproof.errors import ConfigError
from lockproof.model.base import unchecked
from lockproof.model.baseline import Baseline
from lockproof.model.finding import Finding

_LARGEST = 16 << 20


def parse_baseline(content: bytes | None, path: str) -> Baseline:
    """Read a baseline; an empty one where there is no such file.

    Raises:
        ConfigError: the file is not one that `lockproof gate --baseline` wrote.
    """
    if content is None:
        return unchecked(Baseline)()
    try:
        # Not by pydantic's own reader, which refuses names that are no UTF-8.
        return Baseline.model_validate(json.loads(content if len(content) <= _LARGEST else b""))
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"{path} is no baseline: write it again with 'lockproof gate --baseline'"
        ) from error


def write_baseline(path: Path, findings: Iterable[Finding]) -> Baseline:
    """Write the findings that would count; the file is to be committed.

    Raises:
        UsageError: it cannot be written.
    """
    baseline = Baseline.of(findings)
    write_whole(path, json.dumps(baseline.model_dump(), indent=2) + "\n")
    return baseline
