"""A real PostgreSQL server, where its programs and psycopg are installed."""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .mlflow_server import free_port


@contextlib.contextmanager
def postgresql_server() -> Iterator[str]:
    """The URI of an empty database of a server of its own."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found or importlib.util.find_spec("psycopg") is None:
        pytest.skip("no PostgreSQL: its server programs or psycopg are not installed")
    # Not below pytest's folder, which is for one user: PostgreSQL refuses to be run by root.
    folder, programs, port = Path(tempfile.mkdtemp()), found[-1].parent, str(free_port())
    user = []
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
        user = ["setpriv", "--reuid=nobody", "--clear-groups"]
    data = str(folder / "data")
    initdb = [*user, str(found[-1]), "-D", data, "-A", "trust", "-U", "mlflow"]
    subprocess.run(initdb, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    command = [*user, str(programs / "postgres"), "-D", data, "-p", port, "-k", str(folder)]
    options = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    server = subprocess.Popen([*command, *options], cwd=folder, stderr=subprocess.DEVNULL)
    try:
        ready = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", port]
        while subprocess.run(ready, check=False).returncode:
            assert server.poll() is None
            time.sleep(0.2)
        yield f"postgresql+psycopg://mlflow@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # Its fast shutdown.
        server.wait(60)
        shutil.rmtree(folder)
