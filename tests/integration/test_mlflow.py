"""The MLflow adapter against a real SQLite store and a real `mlflow server`."""

import json
import math
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lockproof.adapters.mlflow.entities import artifact_path
from lockproof.adapters.mlflow.tracking import Tracking
from lockproof.config import MlflowPolicy
from lockproof.errors import ConfigError, ExitCode, UsageError
from lockproof.model.digest import Digest
from lockproof.model.environment import Environment
from lockproof.model.run import DataInput, GitState, RunFacts, RunRef

from .mlflow_server import mlflow_server

ODD = "é ü #%?"

FACTS = RunFacts(
    name="pipeline",
    lock_files={
        "dvc.lock": b"schema: '2.0'\n",
        f"sub {ODD}/dvc.lock": b"schema: '2.0'\n# other\n",
        "data/digits.csv.dvc": b"outs:\n- path: digits.csv\n",
    },
    git=GitState("a" * 40, "feature/ü", "https://me:s3cret@example.org/x.git?token=s3cret", True),
    environment=Environment(kind="requirements", name="r.lock", digest="0" * 64, os="Líñux"),
    params={"params.yaml": {"lr": 0.1, "train": {"seed": 7, "layers": [1, 2]}, "note": "a\nb"}},
    metrics={"m.json": {"acc": 0.1 + 0.2, "tiny": 5e-324, "bad": math.nan, "top": -math.inf}},
    inputs=(
        DataInput("data/digits.csv", Digest(value="0123456789abcdef" * 2), 12_345),
        DataInput(f"data/{ODD}", Digest(value="f" * 32 + ".dir")),
    ),
)
pytestmark = pytest.mark.xdist_group("mlflow")  # One server.


@pytest.fixture(autouse=True)
def _no_outer_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mlflow_server(tmp_path_factory.mktemp("server")) as uri:
        yield uri


def opened(root: Path, uri: str | None = None, experiment: str = "lockproof") -> Tracking:
    return Tracking.open(MlflowPolicy(tracking_uri=uri, experiment=experiment), root)


@pytest.fixture(params=["sqlite", "server"])
def tracking(request: pytest.FixtureRequest, tmp_path: Path) -> Tracking:
    """The same contract for both kinds of store; each test has an experiment of its own."""
    if request.param == "sqlite":
        return opened(tmp_path / f"repo {ODD}")
    return opened(tmp_path, request.getfixturevalue("server"), request.node.name)


def client_of(tracking: Tracking):
    with tracking.store.settings():
        import mlflow

        return mlflow.MlflowClient(tracking.store.uri, tracking.store.uri)


def runs_of(tracking: Tracking) -> list[tuple[str, str]]:
    """(id, status) of every run in the experiment that is not deleted."""
    client = client_of(tracking)
    experiment = client.get_experiment_by_name(tracking.experiment)
    if experiment is None:
        return []
    found = client.search_runs([experiment.experiment_id])
    return [(run.info.run_id, run.info.status) for run in found]


# --- what a run holds -----------------------------------------------------------------------------


def test_a_run_reads_back_as_it_was_logged(tracking: Tracking) -> None:
    ref = tracking.log_run(FACTS)
    assert ref == RunRef(ref.run_id, tracking.uri, tracking.experiment, reused=False)
    run = tracking.get_run(ref.run_id)
    assert run.status == "FINISHED"
    assert run.params == {"lr": "0.1", "train.seed": "7", "train.layers": "[1,2]", "note": "a\nb"}
    assert math.isnan(run.metrics["bad"])
    assert run.metrics | {"bad": 0.0} == {**FACTS.metrics["m.json"], "bad": 0.0}
    assert run.tags.items() >= {
        "mlflow.source.git.commit": "a" * 40,
        "mlflow.source.git.branch": "feature/ü",
        "mlflow.source.git.repoURL": "https://example.org/x.git",
        "mlflow.source.git.dirty": "true",
        "mlflow.source.name": "lockproof record",
        "mlflow.runName": "pipeline",
        "lockproof.record": "pipeline",
        "lockproof.lock_digest": FACTS.lock_digest,
        "lockproof.environment_digest": FACTS.environment.pinned_digest,
    }.items()  # fmt: skip


def test_data_inputs_have_the_digest_of_dvc(tracking: Tracking) -> None:
    run = client_of_run(tracking, FACTS)
    found = {item.dataset.name: item for item in run.inputs.dataset_inputs}
    assert {name: item.dataset.digest for name, item in found.items()} == {
        "data/digits.csv": "0123456789abcdef" * 2,
        f"data/{ODD}": "f" * 32 + ".dir",
    }
    dataset = found["data/digits.csv"].dataset
    assert json.loads(dataset.profile) == {"size": 12_345}
    assert json.loads(dataset.source) == {
        "path": "data/digits.csv",
        "digest": "md5:" + "0123456789abcdef" * 2,
        "repository": "https://example.org/x.git",
    }


def client_of_run(tracking: Tracking, facts: RunFacts):
    run_id = tracking.log_run(facts).run_id
    return client_of(tracking).get_run(run_id)


def test_artifacts_hold_the_locks_and_the_environment(tracking: Tracking, tmp_path: Path) -> None:
    ref = tracking.log_run(FACTS)
    target = tmp_path / "down"
    target.mkdir()
    client_of(tracking).download_artifacts(ref.run_id, "", str(target))
    found = {
        path.relative_to(target).as_posix(): path.read_bytes()
        for path in target.rglob("*")
        if path.is_file()
    }
    assert set(found) == {
        "environment.json",
        "lock/dvc.lock",
        f"lock/{artifact_path(f'sub {ODD}/dvc.lock')}",
        "lock/dvc-files.json",
    }
    assert found["lock/dvc.lock"] == FACTS.lock_files["dvc.lock"]
    pointers = json.loads(found["lock/dvc-files.json"])
    assert pointers == {"data/digits.csv.dvc": "outs:\n- path: digits.csv\n"}
    assert Environment.model_validate_json(found["environment.json"]) == FACTS.environment


def test_more_than_one_batch_and_more_than_fits(tracking: Tracking) -> None:
    long = "x" * 7000
    wide = "\U0001f40d" * 6000
    facts = replace(
        FACTS,
        params={
            "p.yaml": {f"k{i}": i for i in range(250)} | {f"w{i}": wide for i in range(12)},
            "q/p.yaml": {"k1": "other", "n" * 300: long, "a=b": 1, "a?b": 2, "": "", "..": "up"},
        },
        metrics={"m.json": {f"m/{i}": float(i) for i in range(1100)} | {"": 1.0}},
        inputs=tuple(
            DataInput(f"d/{i}" + "y" * 600 * (i == 0), Digest(value=f"{i:032x}"))
            for i in range(150)
        ),
    )
    run = client_of_run(tracking, facts)
    params = run.data.params
    assert len(params) == 250 + 12 + 6
    assert params["p.yaml:k1"] == "1"
    assert params["q/p.yaml:k1"] == "other"
    assert params["k2"] == "2"
    assert params["w3"] == wide
    [cut] = [key for key in params if key.startswith("nnn")]
    assert len(cut) == 250
    assert len(params[cut]) == 6000
    assert params[cut].startswith("x" * 5000)
    assert sorted(v for k, v in params.items() if k.startswith("a_b-")) == ["1", "2"]
    assert len(run.data.metrics) == 1101
    assert run.data.metrics["m.json"] == 1.0
    assert len(run.inputs.dataset_inputs) == 150


# --- once -----------------------------------------------------------------------------------------


def test_the_same_facts_are_logged_once(tracking: Tracking) -> None:
    first = tracking.log_run(FACTS)
    again = tracking.log_run(replace(FACTS, git=GitState("b" * 40)))
    assert again == replace(first, reused=True)
    assert runs_of(tracking) == [(first.run_id, "FINISHED")]


@pytest.mark.parametrize(
    "change",
    [
        {"metrics": {"m.json": {"acc": 0.5}}},
        {"params": {"params.yaml": {"lr": 0.2}}},
        {"lock_files": {"dvc.lock": b"schema: '2.0'\nstages: {}\n"}},
        {"environment": FACTS.environment.model_copy(update={"os": "another"})},
        {"name": "other"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_facts_are_another_run(tmp_path: Path, change: dict[str, object]) -> None:
    tracking = opened(tmp_path)
    first = tracking.log_run(FACTS)
    second = tracking.log_run(replace(FACTS, **change))
    assert not second.reused
    assert second.run_id != first.run_id


def test_a_deleted_run_is_not_reused(tracking: Tracking) -> None:
    first = tracking.log_run(FACTS)
    client_of(tracking).delete_run(first.run_id)
    assert tracking.log_run(FACTS).run_id != first.run_id
    with pytest.raises(UsageError, match="no run"):
        tracking.get_run(first.run_id)


# Reads its arguments from a pickle file; imports MLflow before it says that it is ready, so that
# processes that are let go together do meet.
WORKER = """
import pickle, sys
from pathlib import Path
from lockproof.adapters.mlflow.tracking import Tracking
from lockproof.config import MlflowPolicy
root, uri, experiment, facts, warm = pickle.loads(Path(sys.argv[1]).read_bytes())
tracking = Tracking.open(MlflowPolicy(tracking_uri=uri, experiment=experiment), root)
if warm:
    with tracking.store.settings():
        import mlflow
    print("ready", flush=True)
    sys.stdin.readline()
ref = tracking.log_run(facts)
print(ref.run_id, ref.reused, flush=True)
"""


def start(
    tracking: Tracking, facts: RunFacts, folder: Path, *, warm: bool = True
) -> "subprocess.Popen[str]":
    folder.mkdir(parents=True, exist_ok=True)
    database = tracking.store.database
    uri = None if database else tracking.store.uri
    root = database.parent.parent if database else folder
    arguments = folder / "arguments.pickle"
    arguments.write_bytes(pickle.dumps((root, uri, tracking.experiment, facts, warm)))
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(arguments)],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def wait_ready(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


@pytest.mark.parametrize("same", [True, False], ids=["same", "different"])
def test_two_processes_at_once(tracking: Tracking, tmp_path: Path, same: bool) -> None:
    all_facts = [FACTS, FACTS if same else replace(FACTS, name="other")]
    workers = [start(tracking, f, tmp_path / str(i)) for i, f in enumerate(all_facts)]
    for worker in workers:
        wait_ready(worker)
    for worker in workers:
        go(worker)
    said = [worker.communicate(timeout=120) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    ids = [out.split()[0] for out, _ in said]
    assert len(set(ids)) == (1 if same else 2)
    assert sorted(runs_of(tracking)) == sorted({(run_id, "FINISHED") for run_id in ids})


# --- whole ----------------------------------------------------------------------------------------

LARGE = replace(FACTS, params={"p.yaml": {f"k{i}": "v" * 500 for i in range(5_000)}})


@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGINT, "KILLED"), (signal.SIGKILL, "RUNNING")]
)
def test_an_interrupted_run_is_not_finished(
    tracking: Tracking, tmp_path: Path, sent: signal.Signals, status: str
) -> None:
    tracking.check()
    worker = start(tracking, LARGE, tmp_path / "w")
    wait_ready(worker)
    go(worker)
    deadline = time.monotonic() + 60
    while not (begun := runs_of(tracking)):
        assert time.monotonic() < deadline
        assert worker.poll() is None
        time.sleep(0.02)
    assert begun[0][1] == "RUNNING"
    worker.send_signal(sent)
    worker.communicate(timeout=60)
    assert worker.returncode != 0
    assert runs_of(tracking) == [(begun[0][0], status)]
    small = replace(FACTS, params={})
    assert not tracking.log_run(small).reused


def test_a_run_that_could_not_be_logged_whole_has_failed(tmp_path: Path) -> None:
    tracking = opened(tmp_path)
    tracking.check()
    in_the_way = tmp_path / ".lockproof" / "mlartifacts"
    in_the_way.write_text("a file where artifacts should go")
    with pytest.raises(ConfigError, match=r"mlartifacts|Not a directory|File exists"):
        tracking.log_run(FACTS)
    [(failed, status)] = runs_of(tracking)
    assert status == "FAILED"
    in_the_way.unlink()
    ref = tracking.log_run(FACTS)
    assert ref.run_id != failed
    assert not ref.reused
    assert sorted(dict(runs_of(tracking)).values()) == ["FAILED", "FINISHED"]


def test_what_a_kill_left_of_a_new_database_does_no_harm(tmp_path: Path) -> None:
    folder = tmp_path / ".lockproof"
    folder.mkdir()
    for name in (".mlflow.db.new", ".mlflow.db.new-journal"):
        (folder / name).write_bytes(b"half of something" * 1000)
    tracking = opened(tmp_path)
    assert tracking.get_run(tracking.log_run(FACTS).run_id).status == "FINISHED"
    assert {path.name for path in folder.iterdir()} == {".gitignore", "mlartifacts", "mlflow.db"}


# --- nothing left behind --------------------------------------------------------------------------


def test_the_work_tree_stays_clean(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    opened(root).log_run(FACTS)
    status = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"],
        cwd=root, check=True, capture_output=True,
    )  # fmt: skip
    assert status.stdout == b""
    assert (root / ".lockproof" / "mlflow.db").exists()


def test_it_says_nothing_and_leaves_nothing(tracking: Tracking, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    worker = start(tracking, FACTS, folder, warm=False)
    out, err = worker.communicate(timeout=120)
    assert (out.split()[1:], err) == (["False"], "")
    assert [path.name for path in folder.iterdir()] == ["arguments.pickle"]


def test_settings_of_the_process_are_put_back(tracking: Tracking, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere.invalid")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "33")
    before = dict(os.environ)
    tracking.log_run(FACTS)
    assert dict(os.environ) == before
    import mlflow

    assert mlflow.get_tracking_uri() == "http://elsewhere.invalid"
    assert mlflow.active_run() is None


# --- runs and experiments that are not there ------------------------------------------------------


@pytest.mark.parametrize("run_id", ["0" * 32, "../x", "", "a b", "x" * 1000])
def test_a_run_that_is_not_there(tracking: Tracking, run_id: str) -> None:
    tracking.check()
    with pytest.raises(UsageError, match="no run") as caught:
        tracking.get_run(run_id)
    assert caught.value.exit_code is ExitCode.USAGE


def test_reading_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run"):
        opened(tmp_path).get_run("0" * 32)
    assert not (tmp_path / ".lockproof").exists()


def test_a_deleted_experiment(tracking: Tracking) -> None:
    tracking.log_run(FACTS)
    client = client_of(tracking)
    client.delete_experiment(client.get_experiment_by_name(tracking.experiment).experiment_id)
    with pytest.raises(ConfigError, match="was deleted"):
        tracking.log_run(FACTS)
