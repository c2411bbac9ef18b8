"""A real `mlflow server`, with or without authentication."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ADMIN = ("admin", "a-long-enough-passw0rd")


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def mlflow_server(
    folder: Path,
    *,
    auth: bool = False,
    backend: str | None = None,
    bucket: str | None = None,
    port: int | None = None,
    workers: int = 1,
) -> Iterator[str]:
    """Its URI; with `auth` users need a password, and `ADMIN` is one.

    With `bucket`, a URI, those who use it keep their files there themselves.
    """
    uri = f"http://127.0.0.1:{port or free_port()}"
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--workers", str(workers)),
        *("--host", "127.0.0.1", "--port", uri.rpartition(":")[2]),
        *("--backend-store-uri", backend or f"sqlite:///{folder}/s.db"),
    ]
    if bucket is None:
        command += ["--artifacts-destination", str(folder / "artifacts")]
    else:
        command += ["--no-serve-artifacts", "--default-artifact-root", bucket]
    # Its eight job runners do nothing here, and take longer to start than the server.
    off = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    environment = {**os.environ, **off}
    if auth:
        (folder / "auth.ini").write_text(
            "[mlflow]\ndefault_permission = NO_PERMISSIONS\n"
            f"database_uri = sqlite:///{folder}/auth.db\n"
            f"admin_username = {ADMIN[0]}\nadmin_password = {ADMIN[1]}\n"
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        )
        command += ["--app-name", "basic-auth"]
        environment["MLFLOW_AUTH_CONFIG_PATH"] = str(folder / "auth.ini")
        environment["MLFLOW_FLASK_SERVER_SECRET_KEY"] = "not-a-secret-of-anybody"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 300
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{uri}/health", timeout=5).close()
                break
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.5)
        yield uri
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:  # A busy machine: nothing of it is needed any more.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
