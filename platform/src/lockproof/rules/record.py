"""Whether the run record says what the lock, the metrics files and MLflow say."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from shlex import quote
from typing import Any

from lockproof.model.finding import Finding
from lockproof.model.record import RunRecord
from lockproof.model.run import LoggedRun, plain

from .catalog import finding

Values = Mapping[str, Mapping[str, Any]]
"""File -> key -> value."""
Names = Callable[[Values], Mapping[tuple[str, str], str]]


@dataclass(frozen=True)
class LockFacts:
    """What a record has to say of the revision."""

    lock_digest: str
    stages: Mapping[str, str]
    """Stage address -> SHA-256 of its lock entry."""
    params: Values
    """Locked parameters: file -> key -> value."""
    metrics: Values
    """Metrics files in Git: file -> dotted key -> value."""
    unread: frozenset[str] = field(default_factory=frozenset)
    """Metrics files that Git does not have, so that their values are not known."""


def no_record(directory: str) -> Finding:
    """The finding where there is no run record at all."""
    return finding(
        "LP401",
        directory,
        f"{directory} has no run record: run 'lockproof record' after 'dvc repro' (or as"
        " 'lockproof record -- dvc repro', which sees what stages run in) and commit it",
        path=directory,
    )


def unreadable_record(path: str, reason: str) -> Finding:
    """The finding where a record cannot be read."""
    return finding(
        "LP406",
        path,
        f"{path} cannot be read: {reason}: run 'git rm {quote(path)}' and 'lockproof record', and"
        " commit",
        path=path,
    )


def stale_record(path: str, record: RunRecord, facts: LockFacts) -> Finding:
    """The finding where no record is for this lock; `path` names the one that comes closest."""
    changed = sorted(
        name
        for name in {*record.stages, *facts.stages}
        if record.stages.get(name) != facts.stages.get(name)
    )
    what = f" (it differs in {_listed(changed)})" if changed else ""
    return finding(
        "LP402",
        path,
        f"{path} was recorded{_how(record)} for another lock{what}: run 'lockproof record' and"
        " commit it with dvc.lock" + _watch_next_time(record),
        path=path,
    )


def _how(record: RunRecord) -> str:
    return " in a watched run" if record.observed == "watched" else ""


def _watch_next_time(record: RunRecord) -> str:
    """After the fact only the environment that is pinned is known, not the one that ran."""
    if record.observed != "watched":
        return ""
    return "; the next time, 'lockproof record -- dvc repro' watches the run, as it was done there"


def record_findings(path: str, record: RunRecord, facts: LockFacts) -> Iterator[Finding]:
    """Everything that a record of this lock says otherwise than the revision."""
    locked = {file: plain(values) for file, values in facts.params.items()}
    keys = _differing(record.params, locked)
    if keys:
        yield finding(
            "LP403",
            path,
            f"{path} has other parameters than dvc.lock: {_listed(keys)}: run 'lockproof record'"
            " and commit it",
            path=path,
            seen=record.params,
        )
    known = {file: values for file, values in record.metrics.items() if file not in facts.unread}
    keys = _differing(known, facts.metrics)
    if keys:
        yield finding(
            "LP404",
            path,
            f"{path} has other metrics than the files in Git: {_listed(keys)}: run 'lockproof"
            " record' and commit it",
            path=path,
            seen=record.metrics,
        )


def missing_run(path: str, reason: str) -> Finding:
    """The finding where MLflow does not have the run that a record names, or it names none."""
    return finding("LP405", path, f"{path}: {reason}", path=path)


def run_findings(
    path: str, record: RunRecord, run: LoggedRun, expected: "Expected"
) -> Iterator[Finding]:
    """Everything that MLflow says of the run otherwise than the record.

    Args:
        path: the record's file.
        record: the record.
        run: what MLflow has.
        expected: the record's values by the names that they have in MLflow.
    """
    where = f"MLflow run {run.run_id[:40]}"
    if run.status != "FINISHED":
        yield missing_run(path, f"{where} is {run.status}, not FINISHED: run 'lockproof record'")
        return
    params = {k for k, v in expected.params.items() if run.params.get(k) != v}
    metrics = {k for k, v in expected.metrics.items() if not _same(run.metrics.get(k), v)}
    digest = run.tags.get("lockproof.lock_digest")
    keys = sorted(params | metrics)
    if digest != record.lock_digest:
        keys.insert(0, "the digest of the lock")
    if keys:
        yield finding(
            "LP407",
            path,
            f"{where} says otherwise than {path}: {_listed(keys)}: run 'lockproof record' and"
            " commit it",
            path=path,
        )


@dataclass(frozen=True)
class Expected:
    """What a run in MLflow has to say, by MLflow's names."""

    params: Mapping[str, str]
    metrics: Mapping[str, float]


def _differing(one: Values, other: Values) -> list[str]:
    """`file:key` of every value that is not the same on both sides."""
    found = []
    for file in sorted({*one, *other}):
        here, there = one.get(file, {}), other.get(file, {})
        found += [
            f"{file}:{key}"
            for key in sorted({*here, *there})
            if not _same(here.get(key, ...), there.get(key, ...))
        ]
    return found


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _listed(keys: list[str]) -> str:
    return ", ".join(keys[:3]) + (f" and {len(keys) - 3:,} more" if len(keys) > 3 else "")
