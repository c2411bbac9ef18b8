"""The record family: run records against the lock, the metrics files and MLflow."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from lockproof.errors import ConfigError, MissingExtraError, UnavailableError, UsageError
from lockproof.model.check import Check
from lockproof.model.digest import lock_digest
from lockproof.model.finding import Finding
from lockproof.model.record import RunRecord
from lockproof.model.verdict import Verdict
from lockproof.rules import record as rules
from lockproof.rules.record import Expected, LockFacts
from lockproof.steps.gather import locked_params
from lockproof.steps.record import MAX_RECORDS, parse_record

from .interface import Outcome, Scene
from .metrics import read_metrics


@dataclass
class _Seen:
    findings: list[Finding] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    in_mlflow: int = 0


def check(scene: Scene) -> Outcome:
    """Judge the run records of the revision.

    Raises:
        UnavailableError: MLflow does not answer, and the policy demands that it does.
    """
    if scene.reading.problems:
        why = "what a record must say, since files of the pipeline cannot be read"
        return Outcome(Check(name="record", verdict=Verdict.INCONCLUSIVE, not_checked=(why,)))
    seen = _Seen()
    directory = scene.git_path(scene.policy.record.directory)
    records = dict(_records(scene, directory, seen))
    facts = _facts(scene)
    current = {p: r for p, r in records.items() if r.lock_digest == facts.lock_digest}
    stages = any(stage.kind == "stage" for stage in scene.pipeline.stages)
    if not records and stages:
        seen.findings.append(rules.no_record(directory))
    elif not current and records:
        path, record = max(records.items(), key=lambda item: _closeness(item[1], facts))
        seen.findings.append(rules.stale_record(path, record, facts))
    for path, record in current.items():
        seen.findings += rules.record_findings(path, record, facts)
    if current:
        _mlflow(scene, current, seen)
    return Outcome(
        Check(
            name="record",
            verdict=Verdict.PASSED if current else Verdict.INCONCLUSIVE,
            checked=len(current),
            unit="run record",
            summary=_summary(seen, current) if current else "",
            demanded=stages or bool(records),
            not_checked=tuple(seen.not_checked),
        ),
        tuple(seen.findings),
    )


def _summary(seen: _Seen, current: Mapping[str, RunRecord]) -> str:
    """How much the records of this lock are worth."""
    watched = sum(record.observed == "watched" for record in current.values())
    return f"compared with MLflow: {seen.in_mlflow}; of watched runs: {watched}"


def _records(scene: Scene, directory: str, seen: _Seen) -> Iterator[tuple[str, RunRecord]]:
    paths = [
        path
        for path in scene.head.folders.get(directory, ())
        if path.endswith(".json") and not PurePosixPath(path).name.startswith(".")
    ]
    if len(paths) > MAX_RECORDS:
        seen.not_checked.append(f"{len(paths) - MAX_RECORDS:,} records of {directory}: too many")
    scene.head.load(paths[:MAX_RECORDS])
    for path in paths[:MAX_RECORDS]:
        content = scene.head.read(path)
        if content is None:
            seen.findings.append(rules.unreadable_record(path, "it is no regular file"))
            continue
        try:
            yield path, parse_record(content, PurePosixPath(path).name)
        except ConfigError as error:
            seen.findings.append(rules.unreadable_record(path, str(error)))


def _facts(scene: Scene) -> LockFacts:
    metrics = read_metrics(scene.head, scene.reading, scene.git_path, top=False)
    return LockFacts(
        lock_digest=lock_digest(scene.reading.lock_files),
        stages={s.address: s.entry_digest for s in scene.pipeline.stages if s.kind == "stage"},
        params=locked_params(scene.pipeline),
        metrics=metrics.values,
        unread=frozenset((*metrics.elsewhere, *metrics.broken)),
    )


def _closeness(record: RunRecord, facts: LockFacts) -> int:
    return sum(facts.stages.get(stage) == digest for stage, digest in record.stages.items())


def _mlflow(scene: Scene, records: dict[str, RunRecord], seen: _Seen) -> None:
    policy = scene.policy.record.mlflow
    if policy == "off":
        seen.not_checked.append("MLflow: switched off in [record]")
        return
    if scene.policy.mlflow.tracking_uri is None and not os.environ.get("MLFLOW_TRACKING_URI"):
        if policy == "required":
            raise UnavailableError(
                "[record] demands MLflow and no tracking server is configured: set"
                " MLFLOW_TRACKING_URI, or tracking-uri in [mlflow]"
            )
        seen.not_checked.append("MLflow: no tracking server is configured")
        return
    try:
        for path, record in records.items():
            seen.findings += _compare(scene, path, record)
            seen.in_mlflow += 1
    except (UnavailableError, MissingExtraError) as error:
        if policy == "required":
            raise
        seen.not_checked.append(f"MLflow: {error}")


def _compare(scene: Scene, path: str, record: RunRecord) -> list[Finding]:
    from lockproof.adapters.mlflow.entities import logged_metrics, logged_params
    from lockproof.adapters.mlflow.tracking import Tracking

    if record.mlflow_run_id is None:
        return [rules.missing_run(path, "it names no run in MLflow: run 'lockproof record'")]
    tracking = Tracking.open(scene.policy.mlflow, scene.root)
    tracking.check()
    try:
        run = tracking.get_run(record.mlflow_run_id)
    except (ConfigError, MissingExtraError):
        raise
    except UsageError as error:  # There is no such run.
        return [rules.missing_run(path, str(error))]
    expected = Expected(logged_params(record.params), logged_metrics(record.metrics))
    return list(rules.run_findings(path, record, run, expected))
