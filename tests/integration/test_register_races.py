"""Registering by many at once, and killed in the middle, on every kind of store.

The small versions run always; the large ones (6 processes, 20 versions; every step) with
LOCKPROOF_TEST_RACES=1, PostgreSQL where its programs and psycopg are installed.
"""

import contextlib
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import urllib.request
import warnings
from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from lockproof.cli.main import main

from .mlflow_server import ADMIN, free_port, mlflow_server
from .models import aliases, downloaded, proof_of, registry_of, versions, without_settings
from .pipelines import Project, copy_of, new_project
from .postgresql import postgresql_server

LARGE = bool(os.environ.get("LOCKPROOF_TEST_RACES"))
PROCESSES, COMMITS, MODELS = (6, 4, 5) if LARGE else (3, 3, 1)


@pytest.fixture(autouse=True, scope="module")
def _no_outer_settings() -> Iterator[None]:
    with without_settings():
        yield


@pytest.fixture(scope="module")
def proved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, list[tuple[str, str]]]:
    """A project of some models, and each of its commits with its proof, the oldest first."""
    project = new_project(tmp_path_factory.mktemp("races"), "races")
    files = [f"m{n}.txt" for n in range(MODELS)]
    project.write(
        {
            "params.yaml": "lr: 1\n",
            "dvc.yaml": json.dumps(
                {
                    "stages": {
                        "train": {
                            "cmd": "; ".join(f"(echo {f}; cat raw.txt) > {f}" for f in files),
                            "deps": ["raw.txt"],
                            "params": ["lr"],
                            "outs": files,
                        }
                    }
                }
            ),
            "lockproof.toml": "".join(
                f'[[model]]\nname = "toy{n}"\npaths = ["{f}"]\n' for n, f in enumerate(files)
            ),
        }
    )
    commits = []
    for number in range(COMMITS):
        project.write({"raw.txt": f"{number}\n"})
        project.dvc("add", "-q", "raw.txt")
        commit = project.repro(str(number))
        commits.append((commit, str(proof_of(project, f"{number}.json"))))
    return project, commits


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    with postgresql_server() as uri:
        yield uri


@contextlib.contextmanager
def store(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[None]:
    """The variables with which everybody uses one store of that kind."""
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        if kind == "server":
            if importlib.util.find_spec("flask_wtf") is None:
                pytest.skip("no authentication: mlflow[auth] is not installed")
            uri = stack.enter_context(mlflow_server(folder, auth=True, workers=2))
            patch.setenv("MLFLOW_TRACKING_URI", uri)
            # Where many ask a server on a slow machine it answers late, which is no race.
            patch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "600")
            patch.setenv("MLFLOW_TRACKING_USERNAME", ADMIN[0])
            patch.setenv("MLFLOW_TRACKING_PASSWORD", ADMIN[1])
        elif kind == "postgresql":
            uri = request.getfixturevalue("postgresql")
            subprocess.run(
                [sys.executable, "-m", "mlflow", "db", "upgrade", uri],
                check=True,
                capture_output=True,
            )
            patch.setenv("MLFLOW_TRACKING_URI", uri)
            patch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", str(folder))
            patch.chdir(folder)
        yield


def forked() -> int:
    """As `os.fork`, which warns beside threads: those of MLflow wait, and have no locks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def at_once(root: Path, works: Sequence[Sequence[tuple[str, str, str]]], folder: Path) -> list[str]:
    """Register each list in a process of its own, all begun together; what those say that fail.

    The processes are forks of this one, which has loaded MLflow: to load it anew in each takes
    longer than all that they race for.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.store.tracking.sqlalchemy_store  # noqa: F401 - and so MLflow

    reading, writing = os.pipe()
    running = {}
    for number, work in enumerate(works):
        said = folder / f"said-{number}"
        child = forked()
        if not child:
            failed = True
            try:
                for stream in (1, 2):
                    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
                sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
                os.close(writing)
                os.read(reading, 1)  # Until this end is closed, for all at once.
                codes = []
                for model, commit, report in work:
                    argv = ["-C", str(root), "register", commit, "--model", model]
                    codes.append(main([*argv, "--report", report, "--alias", "candidate"]))
                sys.stderr.flush()
                failed = any(codes)
            finally:
                os._exit(failed)
        running[child] = said
    os.close(reading)
    os.close(writing)
    ended = {said: os.waitpid(child, 0)[1] for child, said in running.items()}
    return [f"status {code}: {said.read_text()}" for said, code in ended.items() if code]


@pytest.mark.parametrize(
    "kind",
    ["sqlite", "server", "postgresql"] if LARGE else ["sqlite"],
)
def test_many_at_once_make_one_version_each_and_the_alias_is_at_the_last_commit(
    kind: str,
    proved: tuple[Project, list[tuple[str, str]]],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    project, commits = copy_of(proved[0], tmp_path), proved[1]
    models = [f"toy{n}" for n in range(MODELS)]
    work = [(m, commit, report) for m in models for commit, report in commits]
    shuffled = [random.Random(seed).sample(work, len(work)) for seed in range(PROCESSES)]
    with store(kind, request, tmp_path):
        assert at_once(project.root, shuffled, tmp_path) == []
        for model in models:
            found = versions(project, model)
            assert sorted(v.commit or "" for v in found) == sorted(c for c, _ in commits)
            assert len({v.key for v in found}) == len(commits)
            names = {frozenset(v.tags) for v in found}
            assert len({n - {"lockproof.alias.candidate"} for n in names}) == 1
            last = next(v.number for v in found if v.commit == commits[-1][0])
            assert aliases(project, model) == {"candidate": last}


# --- killed ---------------------------------------------------------------------------------------

STEPS = (
    "create_registered_model",
    "create_run",
    "log_batch",
    "log_inputs",
    "log_artifacts",
    "set_terminated",
    "log_artifact",
    "create_model_version",
    "set_model_version_tag",
    "set_registered_model_alias",
)
POINTS = [(step, when) for step in STEPS for when in ("before", "after")]
if not LARGE:
    POINTS = [("log_artifact", "after"), ("create_model_version", "after")]


def killed_at(step: str, when: str, argv: list[str]) -> None:
    """Run lockproof in a process that is killed right before or after its first such call."""
    child = forked()
    if not child:
        try:
            from mlflow import MlflowClient

            real = getattr(MlflowClient, step)

            def deadly(*args: object, **named: object) -> object:
                if when == "after":
                    real(*args, **named)
                os.kill(os.getpid(), signal.SIGKILL)
                raise AssertionError

            setattr(MlflowClient, step, deadly)
            main(argv)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"never came to {step}"


@pytest.mark.parametrize(("step", "when"), POINTS)
def test_killed_at_a_step_the_next_run_completes_it(
    step: str, when: str, proved: tuple[Project, list[tuple[str, str]]], tmp_path: Path
) -> None:
    import mlflow  # noqa: F401 - once, and not in each child

    project, (commit, report) = copy_of(proved[0], tmp_path), proved[1][0]
    argv = ["-C", str(project.root), "register", commit, "--model", "toy0", "--report", report]
    argv += ["--alias", "candidate"]
    killed_at(step, when, argv)
    assert main(argv) == 0
    (version,) = versions(project, "toy0")
    assert version.commit == commit
    assert aliases(project, "toy0") == {"candidate": version.number}
    with registry_of(project).session() as session:
        assert version.run_id
        run = session.client.get_run(version.run_id)
        assert run.info.status == "FINISHED"
        folder = version.source.removeprefix(f"{run.info.artifact_uri}/")
        files = session.files(version.run_id, folder)
    assert files.keys() == {"m0.txt", "lockproof-model.json"}


# --- gone in the middle ---------------------------------------------------------------------------


@pytest.mark.skipif(not LARGE, reason="LOCKPROOF_TEST_RACES: a server takes half a minute")
@pytest.mark.parametrize("step", ["log_artifact", "create_model_version"])
def test_a_server_that_goes_away_is_told_and_the_next_run_completes_it(
    step: str,
    proved: tuple[Project, list[tuple[str, str]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from mlflow import MlflowClient

    project, (commit, report) = copy_of(proved[0], tmp_path), proved[1][0]
    argv = ["-C", str(project.root), "register", commit, "--model", "toy0", "--report", report]
    argv += ["--alias", "candidate"]
    # It comes back where it was: in one process MLflow remembers where a run has its files.
    port = free_port()
    with contextlib.ExitStack() as server:
        uri = server.enter_context(mlflow_server(tmp_path, port=port))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        real = getattr(MlflowClient, step)

        def last(*args: object, **named: object) -> object:
            server.close()
            return real(*args, **named)

        with monkeypatch.context() as patch:
            patch.setattr(MlflowClient, step, last)
            assert main(argv) == 4
        (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("lockproof:")]
        assert "start it or correct the URI, then try again" in line
    with mlflow_server(tmp_path, port=port):
        assert main(argv) == 0
        (version,) = versions(project, "toy0")
        assert aliases(project, "toy0") == {"candidate": version.number}
        assert downloaded(project, version, tmp_path / "served").keys() == {
            "m0.txt",
            "lockproof-model.json",
        }


# --- no permission --------------------------------------------------------------------------------


@pytest.mark.skipif(not LARGE, reason="LOCKPROOF_TEST_RACES: a server takes half a minute")
def test_who_may_not_is_told_so_and_who_may_completes_it(
    proved: tuple[Project, list[tuple[str, str]]],
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project, (commit, report) = copy_of(proved[0], tmp_path), proved[1][0]
    argv = ["-C", str(project.root), "register", commit, "--model", "toy0", "--report", report]
    with store("server", request, tmp_path):
        user = {"username": "reader", "password": "another-long-passw0rd"}
        asked = urllib.request.Request(
            f"{os.environ['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/users/create",
            data=json.dumps(user).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Basic {b64encode(':'.join(ADMIN).encode()).decode()}",
            },
        )
        urllib.request.urlopen(asked, timeout=60).close()
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "wrong-password")
        assert main(argv) == 2
        assert "does not let you in: set MLFLOW_TRACKING_USERNAME" in capsys.readouterr().err
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", ADMIN[1])
        assert main(argv) == 0
        capsys.readouterr()
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "reader")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "another-long-passw0rd")
        assert main([*argv, "--alias", "candidate"]) == 2
        (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("lockproof:")]
        assert "have its administrator give you the permission" in line
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", ADMIN[0])
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", ADMIN[1])
        assert len(versions(project, "toy0")) == 1
