"""Metrics as the lock has them beside the ones that were made."""

import contextlib
from pathlib import Path

from lockproof.errors import LockproofError
from lockproof.model.metrics import flatten_metrics
from lockproof.model.pipeline import Out
from lockproof.model.report import MetricValue
from lockproof.model.verdict import OutputVerdict

from .judge import locked_content
from .result import Result
from .session import Session

_MAX_VALUES = 200


def metric_values(session: Session, result: Result) -> list[MetricValue]:
    """Locked and observed values of a stage's metrics; nothing where they cannot be read."""
    values: list[MetricValue] = []
    for out in result.stage.outs:
        if out.kind != "metric" or out.locked is None or out.external:
            continue
        with contextlib.suppress(LockproofError, OSError):
            locked = _locked(session, result, out)
            observed = locked
            verdict = result.verdicts.get(out.path)
            if verdict is not OutputVerdict.IDENTICAL:
                observed = _made(result.workspace.root if result.workspace else None, out)
            followed = _made(result.followed, out)
            values += [
                MetricValue(
                    path=out.path,
                    key=key,
                    locked=locked.get(key),
                    observed=observed.get(key),
                    upstream=result.upstream,
                    followed=followed.get(key),
                )
                for key in list(dict.fromkeys([*locked, *observed, *followed]))[:_MAX_VALUES]
            ]
    return values


def _locked(session: Session, result: Result, out: Out) -> dict[str, float]:
    path = locked_content(session, result.stage, out)
    return flatten_metrics(out.path, path.read_bytes()) if path else {}


def _made(root: Path | None, out: Out) -> dict[str, float]:
    path = root and root / out.path
    return flatten_metrics(out.path, path.read_bytes()) if path and path.is_file() else {}
