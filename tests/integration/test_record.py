"""Recording a run: the file, and the MLflow run that it names."""

import contextlib
import json
import math
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.adapters.mlflow.tracking import Tracking
from lockproof.config import MlflowPolicy
from lockproof.errors import ConfigError, LockproofError, UnavailableError, UsageError
from lockproof.model.environment import Environment
from lockproof.model.record import RunRecord
from lockproof.model.run import GitState, RunFacts
from lockproof.steps.record import (
    DEFAULT_NAME,
    MAX_BYTES,
    MAX_RECORDS,
    check_name,
    load_records,
    parse_record,
    record,
    to_json,
)

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
FACTS = RunFacts(
    name=DEFAULT_NAME,
    lock_files={"dvc.lock": b"schema: '2.0'\n"},
    git=GitState("a" * 40, "main", "https://me:s3cret@example.org/x.git"),
    environment=Environment(
        kind="requirements", name="r.lock", packages={"numpy": "2.3"}, cpu_features=("avx", "fma")
    ),
    stages={"train": "1" * 64, "sub/dvc.yaml:train": "2" * 64},
    params={"params.yaml": {"lr": 0.1, "é": [1, {"a": None}], "day": NOON.date(), "t": {2: True}}},
    metrics={"m.json": {"acc": 0.1 + 0.2, "bad": math.nan, "top": math.inf}},
)


@pytest.fixture(autouse=True)
def _no_outer_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def tracking(tmp_path: Path) -> Tracking:
    return Tracking.open(MlflowPolicy(), tmp_path / "repo")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "repo" / "data plane" / "experiments"


def test_a_record_names_its_run_and_says_what_was_recorded(
    tracking: Tracking, folder: Path
) -> None:
    done = record(FACTS, folder, tracking, now=NOON.astimezone(timezone(timedelta(hours=5))))
    assert done.written
    assert done.path == folder / "pipeline.json"
    assert done.run is not None
    text = done.path.read_text("utf-8")
    assert text.endswith("}\n")
    assert "s3cret" not in text
    said = json.loads(text)
    assert list(said) == sorted(said)
    assert said["mlflow_run_id"] == done.run.run_id
    assert said["lock_digest"] == FACTS.lock_digest
    assert said["recorded_at"] == "2026-01-02T12:00:00Z"
    assert said["metrics"]["m.json"]["acc"] == 0.1 + 0.2
    assert said["params"]["params.yaml"] == {
        "lr": 0.1, "é": [1, {"a": None}], "day": "2026-01-02", "t": {"2": True}
    }  # fmt: skip
    assert said["stages"] == FACTS.stages
    assert said["environment"]["packages"] == {"numpy": "2.3"}
    run = tracking.get_run(said["mlflow_run_id"])
    assert run.status == "FINISHED"
    assert run.tags["lockproof.lock_digest"] == said["lock_digest"]
    [read] = load_records(folder)
    assert to_json(read) == text
    assert math.isnan(read.metrics["m.json"]["bad"])


def test_recording_again_leaves_the_file_alone(tracking: Tracking, folder: Path) -> None:
    first = record(FACTS, folder, tracking, now=NOON)
    before = first.path.stat()
    again = record(FACTS, folder, tracking, now=NOON + timedelta(days=1))
    assert not again.written
    assert again.run is not None
    assert again.run.reused
    assert again.record.recorded_at == "2026-01-02T12:00:00Z"
    after = first.path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    later = record(replace(FACTS, metrics={"m.json": {"acc": 0.5}}), folder, tracking, now=NOON)
    assert later.written
    assert later.run is not None
    assert not later.run.reused


def test_without_mlflow(folder: Path) -> None:
    done = record(FACTS, folder, None, now=NOON)
    assert done.written
    assert done.run is None
    assert done.record.mlflow_run_id is None
    assert not record(FACTS, folder, None).written
    assert [path.name for path in folder.iterdir()] == ["pipeline.json"]


def test_without_mlflow_a_run_that_still_says_this_is_kept(
    tracking: Tracking, folder: Path
) -> None:
    first = record(FACTS, folder, tracking)
    again = record(FACTS, folder, None)
    assert not again.written
    assert again.record.mlflow_run_id == first.record.mlflow_run_id
    changed = record(replace(FACTS, params={}), folder, None)
    assert changed.written
    assert changed.record.mlflow_run_id is None


def test_where_mlflow_fails_nothing_is_written(tmp_path: Path, folder: Path) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(UnavailableError):
            record(FACTS, folder, Tracking.open(MlflowPolicy(tracking_uri=uri), tmp_path))
        assert not folder.exists()
        old = record(FACTS, folder, None, now=NOON).path.read_bytes()
        with pytest.raises(UnavailableError):
            record(
                replace(FACTS, params={}),
                folder,
                Tracking.open(MlflowPolicy(tracking_uri=uri), tmp_path),
            )
    assert (folder / "pipeline.json").read_bytes() == old


@pytest.mark.parametrize("broken", [b"", b"<<<<<<< ours\n{}\n", b"{}", b"\xff", b"[" * 100_000])
def test_a_broken_record_is_replaced(folder: Path, broken: bytes) -> None:
    folder.mkdir(parents=True)
    (folder / "pipeline.json").write_bytes(broken)
    with pytest.raises(ConfigError, match=r"^pipeline\.json: .*record it again$"):
        load_records(folder)
    assert record(FACTS, folder, None).written
    assert [found.name for found in load_records(folder)] == ["pipeline"]


def test_a_link_is_replaced_and_its_target_left_alone(tmp_path: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    target = tmp_path / "precious"
    target.write_text("precious")
    (folder / "pipeline.json").symlink_to(target)
    with pytest.raises(ConfigError, match="symbolic link"):
        load_records(folder)
    record(FACTS, folder, None)
    assert target.read_text() == "precious"
    assert not (folder / "pipeline.json").is_symlink()


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a/b", "../x", "a b", "é", "a\n", "x" * 101, "a\0"]
)
def test_a_name_that_is_not_allowed(folder: Path, tracking: Tracking, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a record"):
        record(replace(FACTS, name=name), folder, tracking)
    assert tracking.store.database is not None
    assert not tracking.store.database.exists()
    assert not folder.exists()


@pytest.mark.parametrize("name", ["pipeline", "a", "-", "A.b_c-1", "x" * 100, "a.json"])
def test_a_name_that_is_allowed(folder: Path, name: str) -> None:
    assert check_name(name) == name
    record(replace(FACTS, name=name), folder, None)
    assert [found.name for found in load_records(folder)] == [name]


# --- reading --------------------------------------------------------------------------------------


def test_a_folder_that_is_not_there_or_empty_has_no_records(tmp_path: Path) -> None:
    assert load_records(tmp_path / "none") == ()
    (tmp_path / ".hidden.json").write_text("half written")
    (tmp_path / "README.md").write_text("about")
    assert load_records(tmp_path) == ()


def test_records_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        record(replace(FACTS, name=name), tmp_path, None)
    assert [found.name for found in load_records(tmp_path)] == ["a", "b", "c"]


VALID = json.loads(to_json(RunRecord(
    name="r", lock_digest="0" * 64, params={"p": {"a": 1}}, metrics={"m": {"a": 1.5}},
    environment=Environment(kind="k", name="n"), recorded_at="2026-01-02T12:00:00Z",
)))  # fmt: skip


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"extra": 1}, "extra: "),
        ({"metrics": {"m": {"a": "1.5"}}}, "metrics.m.a: "),
        ({"metrics": {"m": {"a": True}}}, "metrics.m.a: "),
        ({"metrics": {"m": [1]}}, "metrics.m: "),
        ({"schema_version": "3"}, "schema_version: "),
        ({"environment": None}, "environment: "),
        ({"name": "other"}, "says that it is the record 'other'"),
        ({"name": "../r"}, "says that it is the record '../r'"),
        ({"lock_digest": 5}, "lock_digest: "),
    ],
)
def test_a_record_that_is_not_right(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_record(json.dumps(VALID | change).encode(), "r.json")
    assert str(caught.value).startswith(f"r.json: {says}")


@pytest.mark.parametrize("key", VALID)
def test_a_record_that_lacks_something(key: str) -> None:
    content = json.dumps({k: v for k, v in VALID.items() if k != key}).encode()
    if key in (
        *("mlflow_run_id", "schema_version", "stages"),
        *("observed", "watched", "undeclared_reads"),
    ):
        assert parse_record(content, "r.json").name == "r"
        return
    with pytest.raises(ConfigError, match=f"^r\\.json: {key}: "):
        parse_record(content, "r.json")


def test_a_key_twice_is_two_documents_in_one() -> None:
    text = json.dumps(VALID).replace('"name": "r"', '"name": "r", "name": "r"', 1)
    with pytest.raises(ConfigError, match="occurs twice"):
        parse_record(text.encode(), "r.json")


def test_sizes_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_bytes(json.dumps(VALID).encode() + b" " * MAX_BYTES)
    with pytest.raises(ConfigError, match="no run record is that large"):
        load_records(tmp_path)
    with pytest.raises(ConfigError, match="too large"):
        record(replace(FACTS, params={"p": {"a": "x" * MAX_BYTES}}), tmp_path / "n", None)
    assert not (tmp_path / "n").exists()
    for number in range(MAX_RECORDS + 1):
        (tmp_path / f"{number}.json").touch()
    with pytest.raises(ConfigError, match="at most 1000"):
        load_records(tmp_path)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
TREES = st.recursive(
    SCALARS | st.dates() | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)
PARAMS = st.dictionaries(
    st.text(max_size=8), st.dictionaries(st.text(max_size=8), TREES, max_size=3), max_size=3
)
METRICS = st.dictionaries(
    st.text(max_size=8), st.dictionaries(st.text(max_size=8), st.floats(), max_size=3), max_size=3
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("records")


@given(params=PARAMS, metrics=METRICS)
@settings(max_examples=100, deadline=None)
def test_what_is_written_reads_back(
    shared: Path, params: dict[str, dict[str, Any]], metrics: dict[str, dict[str, float]]
) -> None:
    facts = replace(FACTS, params=params, metrics=metrics)
    done = record(facts, shared, None)
    read = parse_record(done.path.read_bytes(), done.path.name)
    assert to_json(read) == to_json(done.record) == done.path.read_text("utf-8")
    assert not record(facts, shared, None).written
    assert facts.digest == replace(facts).digest


@given(
    st.binary(max_size=200) | st.recursive(SCALARS, st.lists).map(lambda v: json.dumps(v).encode())
)
def test_any_content_is_a_record_or_a_clear_error(content: bytes) -> None:
    with pytest.raises(LockproofError) as caught:
        parse_record(content, "r.json")
    assert isinstance(caught.value, ConfigError)


@given(st.data())
def test_a_damaged_record_is_a_record_or_a_clear_error(data: st.DataObject) -> None:
    content = bytearray(json.dumps(VALID).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ConfigError):
        assert parse_record(bytes(content), "r.json").name == "r"


def test_a_record_of_the_first_schema_still_reads() -> None:
    new = ("observed", "watched", "undeclared_reads")
    fields = ("timezone", "locale", "umask", "user", "filesystem", "variables", "described")
    old = {k: v for k, v in VALID.items() if k not in new} | {"schema_version": "1"}
    old["environment"] = {k: v for k, v in VALID["environment"].items() if k not in fields}
    found = parse_record(json.dumps(old).encode(), "r.json")
    assert (found.observed, found.environment.described) == ("after the fact", "1")
    assert not found.saw("train")
