"""Run records: JSON files that say how a lock came to be, each with its run in MLflow."""

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from lockproof.adapters.files import write_whole
from lockproof.adapters.mlflow.tracking import Tracking
from lockproof.config import Policy
from lockproof.errors import ConfigError, UsageError
from lockproof.model.metrics import without_duplicates
from lockproof.model.record import RunRecord
from lockproof.model.run import RunFacts, RunRef, plain

DEFAULT_NAME = "pipeline"
MAX_BYTES = 4 * 2**20
MAX_RECORDS = 1000

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Recorded:
    """What recording did."""

    record: RunRecord
    path: Path
    written: bool
    """False where the file said all this already and was left as it was."""
    run: RunRef | None
    """The run in MLflow; None where MLflow was not asked for."""


def record(
    facts: RunFacts, directory: Path, tracking: Tracking | None, *, now: datetime | None = None
) -> Recorded:
    """Log a run to MLflow, then write its record `<directory>/<name>.json`.

    A record never names a run that is not there: where MLflow fails, nothing is written. Without
    `tracking`, a record that says the same already keeps the run that it names. What was seen of
    the run that made this lock stays in the record also where it is written again afterwards.

    Args:
        facts: what to record.
        directory: the folder of run records; it is made if it is missing.
        tracking: where to log; None leaves MLflow out.
        now: the time to record, with a time zone; default: the clock.

    Raises:
        UsageError: the name is not allowed, or the file cannot be written.
        ConfigError: as `Tracking.log_run`, or the record would be larger than a reader accepts.
        UnavailableError: MLflow does not answer.
    """
    path = directory / f"{check_name(facts.name)}.json"
    old = _earlier(path)
    if old is not None and _knows_more(old, facts):
        facts = replace(
            facts,
            environment=old.environment,
            watched=old.watched,
            undeclared_reads=old.undeclared_reads,
        )
    new = RunRecord(
        name=facts.name,
        lock_digest=facts.lock_digest,
        stages=dict(facts.stages),
        params={file: plain(values) for file, values in facts.params.items()},
        metrics={file: dict(values) for file, values in facts.metrics.items()},
        environment=facts.environment,
        observed="watched" if facts.watched else "after the fact",
        watched=facts.watched,
        undeclared_reads=facts.undeclared_reads,
        recorded_at=f"{(now or datetime.now(UTC)).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    )
    run = tracking.log_run(facts) if tracking is not None else None
    if run is not None:
        new = new.model_copy(update={"mlflow_run_id": run.run_id})
    elif old is not None and _says(old, None) == _says(new, None):
        new = new.model_copy(update={"mlflow_run_id": old.mlflow_run_id})
    if old is not None and _says(old, old.mlflow_run_id) == _says(new, new.mlflow_run_id):
        return Recorded(old, path, written=False, run=run)
    text = to_json(new)
    if len(text.encode()) > MAX_BYTES:
        raise ConfigError(f"{path}: a record of more than {MAX_BYTES} bytes is too large")
    write_whole(path, text)
    return Recorded(new, path, written=True, run=run)


def open_tracking(policy: Policy, root: Path) -> Tracking:
    """The tracking store that the policy names, or the sqlite one below the DVC root.

    Raises:
        ConfigError: the tracking URI is not usable.
        MissingExtraError: MLflow is not installed.
    """
    return Tracking.open(policy.mlflow, root)


def load_records(directory: Path) -> tuple[RunRecord, ...]:
    """Read every run record of a folder, in the order of their names.

    Returns:
        Nothing where the folder is missing or holds no `*.json`.

    Raises:
        ConfigError: a file is not a record, is named for another one, is a symbolic link or is too
            large, or there are too many.
    """
    try:
        paths = sorted(
            path
            for path in directory.iterdir()
            if path.suffix == ".json" and not path.name.startswith(".")
        )
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigError(f"cannot read {directory}: {error.strerror or error}") from error
    if len(paths) > MAX_RECORDS:
        raise ConfigError(f"{directory} holds {len(paths)} records: at most {MAX_RECORDS} are read")
    return tuple(parse_record(_read(path), path.name) for path in paths)


def parse_record(content: bytes, file_name: str) -> RunRecord:
    """Read one run record strictly.

    Args:
        content: the file's bytes.
        file_name: its name, `<record name>.json`; also used in messages.

    Raises:
        ConfigError: it is not a record, or one of another name.
    """
    from pydantic import ValidationError  # A gate without records needs none of it.

    if len(content) > MAX_BYTES:
        raise ConfigError(f"{file_name}: more than {MAX_BYTES} bytes; no run record is that large")
    try:
        json.loads(content, object_pairs_hook=without_duplicates)
        found = RunRecord.model_validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise ConfigError(f"{file_name}: {where[:200]}: {first['msg']}; record it again") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file_name}: not a run record: {error}; record it again") from error
    if f"{found.name}.json" != file_name:
        raise ConfigError(
            f"{file_name}: says that it is the record {found.name[:100]!r}; record it again"
        )
    return found


def check_name(name: str) -> str:
    """Return `name` if a record may have it.

    Raises:
        UsageError: it is not letters, digits, `.`, `_`, `-` (100 at most, the first not a dot).
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name[:100]!r} cannot name a record: use up to 100 letters, digits, '.', '_' and '-',"
            " the first not a dot"
        )
    return name


def to_json(record: RunRecord) -> str:
    """The text of a record: keys sorted, two spaces, a newline at the end."""
    content = record.model_dump(mode="json")
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _knows_more(old: RunRecord, facts: RunFacts) -> bool:
    """Whether a run that made this very lock was watched: that is not forgotten afterwards."""
    same = old.lock_digest == facts.lock_digest and dict(old.stages) == dict(facts.stages)
    return same and old.observed == "watched" and not facts.watched


def _says(record: RunRecord, run_id: str | None) -> str:
    return to_json(record.model_copy(update={"recorded_at": "", "mlflow_run_id": run_id}))


def _earlier(path: Path) -> RunRecord | None:
    """The record that is there; None where there is none or it is broken: it gets replaced."""
    try:
        return parse_record(_read(path), path.name)
    except ConfigError:
        return None


def _read(path: Path) -> bytes:
    try:
        if path.is_symlink():
            raise ConfigError(f"{path}: a run record must be a file, not a symbolic link")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
