"""Which MLflow store is taken, and what is said of one that is not right."""

import contextlib
import http.server
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from lockproof.adapters.mlflow.tracking import Tracking
from lockproof.config import MlflowPolicy
from lockproof.errors import ConfigError, ExitCode, UnavailableError
from lockproof.installed import how_to_add
from lockproof.model.environment import Environment
from lockproof.model.run import GitState, RunFacts

FACTS = RunFacts(
    name="pipeline",
    lock_files={"dvc.lock": b"schema: '2.0'\n"},
    git=GitState("a" * 40),
    environment=Environment(kind="requirements", name="r.lock"),
)


@pytest.fixture(autouse=True)
def _no_outer_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def opened(root: Path, uri: str | None = None) -> Tracking:
    return Tracking.open(MlflowPolicy(tracking_uri=uri), root)


# --- which store ----------------------------------------------------------------------------------


def test_the_policy_comes_before_the_variable_and_both_before_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert opened(tmp_path).uri == f"sqlite:///{tmp_path}/.lockproof/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///here.db")
    assert opened(tmp_path).uri == f"sqlite:///{tmp_path}/cwd/here.db"
    assert opened(tmp_path, "sqlite:///there.db").uri == f"sqlite:///{tmp_path}/there.db"
    assert opened(tmp_path, "https://a:b@host:5000/mlflow").uri == "https://host:5000/mlflow"
    assert not (tmp_path / ".lockproof").exists()


def test_a_database_that_is_named_keeps_its_artifacts_beside_it(tmp_path: Path) -> None:
    other = tmp_path / "other place"
    tracking = opened(tmp_path, f"sqlite:///{quote(str(other))}/m.db")
    tracking.log_run(FACTS)
    assert sorted(path.name for path in other.iterdir()) == ["m.db", "mlartifacts"]
    assert [path.name for path in tmp_path.iterdir() if path != other] == ["cwd"]
    assert list((tmp_path / "cwd").iterdir()) == []


@pytest.mark.parametrize(
    "uri",
    [
        "mlruns", "./mlruns", "/tmp/mlruns", "file:///tmp/mlruns", "http://", "https:///x",
        "http://h:port", "http://[", "sqlite://", "sqlite:///", "sqlite:///:memory:",
        "sqlite://host/x.db", "sqlite", "sqlite:///file:x.db?uri=true",
    ],
)  # fmt: skip
def test_a_uri_that_cannot_be_logged_to(tmp_path: Path, uri: str) -> None:
    with pytest.raises(ConfigError):
        opened(tmp_path, uri)


@pytest.mark.parametrize("uri", ["ftp://host/x", "mysql+nosuch://u:s3cret@h/x", "postgresql://"])
def test_a_uri_that_mlflow_does_not_know(tmp_path: Path, uri: str) -> None:
    with pytest.raises((ConfigError, UnavailableError)) as caught:
        opened(tmp_path, uri).check()
    assert "s3cret" not in str(caught.value)


def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".lockproof").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="symbolic link"):
        opened(tmp_path)


# --- databases that are not right -----------------------------------------------------------------


def test_a_database_of_another_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    opened(tmp_path).check()
    database = tmp_path / "old.db"
    database.write_bytes((tmp_path / ".lockproof" / "mlflow.db").read_bytes())
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'cfd24bdc0731'")
        connection.execute("DROP TABLE inputs")
        connection.commit()
    before = database.read_bytes()
    with pytest.raises(ConfigError, match=r"schema cfd24bdc0731.*mlflow db upgrade"):
        opened(tmp_path, f"sqlite:///{database}").log_run(FACTS)
    assert database.read_bytes() == before


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE mine (a)")
        connection.commit()
    before = database.read_bytes()
    with pytest.raises(ConfigError, match="not one of MLflow"):
        opened(tmp_path, f"sqlite:///{database}").log_run(FACTS)
    assert database.read_bytes() == before


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("text that is longer than an empty database, and no database")
    with pytest.raises(ConfigError, match="not a database"):
        opened(tmp_path, "sqlite:///x.db").check()


def test_a_folder_in_place_of_the_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").mkdir()
    with pytest.raises(ConfigError, match="cannot open"):
        opened(tmp_path, "sqlite:///x.db").check()


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / ".lockproof").write_text("")
    with pytest.raises(ConfigError, match="cannot use the folder"):
        opened(tmp_path).check()


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("")
    tracking = opened(tmp_path, "sqlite:///x.db")
    assert tracking.get_run(tracking.log_run(FACTS).run_id).status == "FINISHED"


# --- servers that are not right -------------------------------------------------------------------


def test_nobody_listens(tmp_path: Path) -> None:
    uri = f"http://me:s3cret@127.0.0.1:{free_port()}"
    with pytest.raises(UnavailableError) as caught:
        opened(tmp_path, uri).log_run(FACTS)
    assert caught.value.exit_code is ExitCode.UNAVAILABLE
    assert "Connection refused" in str(caught.value)
    assert uri.replace("me:s3cret@", "") in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_host_that_is_not_known(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"no-such-host\.invalid"):
        opened(tmp_path, "https://no-such-host.invalid").log_run(FACTS)


def test_a_server_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        with pytest.raises(UnavailableError, match="timed out"):
            opened(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}").log_run(FACTS)


@contextlib.contextmanager
def answering(status: int, body: bytes, content_type: str) -> Iterator[tuple[str, list[str]]]:
    """A server that gives every request the same answer, and the credentials it was sent."""
    seen: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            seen.append(self.headers.get("Authorization", ""))
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as fake:
        thread = threading.Thread(target=fake.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"127.0.0.1:{fake.server_port}", seen
        finally:
            fake.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (404, b"<h1>nothing here</h1>", ConfigError, "does not speak MLflow"),
        (200, b"<h1>please log in</h1>", ConfigError, "does not speak MLflow"),
        (401, b"who are you", ConfigError, "MLFLOW_TRACKING_TOKEN"),
        (403, b'{"error_code": "PERMISSION_DENIED", "message": "no"}', ConfigError, "let you in"),
        (503, b"later", UnavailableError, "does not answer"),
        (
            400,
            b'{"error_code": "NEW_ONE", "message": "at http://a:s3cret@h/"}',
            UnavailableError,
            "NEW_ONE",
        ),
    ],
)
def test_a_server_that_refuses(
    tmp_path: Path, status: int, body: bytes, kind: type[Exception], says: str
) -> None:
    with answering(status, body, "text/html") as (place, seen):
        with pytest.raises(kind, match=says) as caught:
            opened(tmp_path, f"http://us%40er:s3cret@{place}/").log_run(FACTS)
        # "us@er:s3cret"
        assert set(seen) == {"Basic dXNAZXI6czNjcmV0"}
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_credentials_in_a_debug_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with pytest.raises(UnavailableError) as caught:
        opened(tmp_path, f"http://me:s3cret@127.0.0.1:{free_port()}").log_run(FACTS)
    assert "s3cret" not in caplog.text
    assert "s3cret" not in repr(caught.value.__cause__)
    assert "s3cret" not in repr(opened(tmp_path, "http://me:s3cret@h"))


# --- what is not installed or not asked for ------------------------------


@pytest.mark.parametrize("missing", ["mlflow", "sqlalchemy"])
def test_without_the_extra(tmp_path: Path, missing: str) -> None:
    script = f"""
import sys
sys.modules[{missing!r}] = None
from pathlib import Path
from lockproof.adapters.mlflow.tracking import Tracking
from lockproof.config import MlflowPolicy
from lockproof.errors import MissingExtraError
try:
    Tracking.open(MlflowPolicy(), Path({str(tmp_path)!r})).check()
except MissingExtraError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert how_to_add("mlflow") in done.stdout


def test_the_adapter_alone_imports_nothing_heavy() -> None:
    script = (
        "import lockproof.adapters.mlflow.tracking, lockproof.steps.record, sys;"
        "print([m for m in ('mlflow', 'sqlalchemy', 'ruamel', 'requests') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
