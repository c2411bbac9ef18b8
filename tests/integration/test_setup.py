"""scripts/setup on a small project, with real uv, real pip and a package index on this machine."""

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
TELLS = "adapters/environment/installing.py"
BASE_PYTHON = os.path.realpath(sys._base_executable)
LONG = 300
"""Seconds that only what hangs takes: pip has taken two minutes on a busy machine."""

BACKEND = """
import os, zipfile

INFO = "lockproof-0.1.dist-info"
WHEEL = "lockproof-0.1-py3-none-any.whl"

def get_requires_for_build_editable(config_settings=None):
    return []

def build_editable(folder, config_settings=None, metadata_directory=None):
    files = {
        "_lockproof.pth": [os.path.abspath("platform/src")],
        f"{INFO}/METADATA": ["Metadata-Version: 2.1", "Name: lockproof", "Version: 0.1"],
        f"{INFO}/WHEEL": ["Wheel-Version: 1.0", "Root-Is-Purelib: true", "Tag: py3-none-any"],
        f"{INFO}/entry_points.txt": ["[console_scripts]", "lockproof = lockproof:main"],
    }
    files[f"{INFO}/RECORD"] = [f"{name},," for name in (*files, f"{INFO}/RECORD")]
    with zipfile.ZipFile(os.path.join(folder, WHEEL), "w") as wheel:
        for name, lines in files.items():
            wheel.writestr(name, "\\n".join([*lines, ""]))
    return WHEEL
"""

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "lockproof"
version = "0.1"
"""


def digest(content: bytes) -> str:
    """As a wheel's RECORD wants it."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def wheel(name: str) -> bytes:
    """A wheel with one empty module."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": b"",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={digest(content)},\n" for path, content in files.items())
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path), content)
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD"), record + f"{info}/RECORD,,\n")
    return buffer.getvalue()


WHEELS = {name: wheel(name) for name in ("builddep", "rundep", "devdep")}


class Index:
    """A package index that can be made to hang or to break, and counts the wheels it gives."""

    def __init__(self) -> None:
        self.given: list[str] = []
        self.asked = threading.Event()
        self.stalls_on: str | None = None
        self.breaks_on: str | None = None
        self.freed = threading.Event()
        index = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with suppress(ConnectionError):
                    index.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}/simple"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        kind, _, rest = request.path.strip("/").partition("/")
        name = rest.partition("-")[0]
        status, body, media = 404, b"", "text/html"
        if kind == "simple" and name in WHEELS:
            link = f'<a href="/files/{name}-1.0-py3-none-any.whl">{name}-1.0-py3-none-any.whl</a>'
            status, body = 200, link.encode()
        elif kind == "files" and name in WHEELS:
            if name == self.stalls_on:
                self.asked.set()
                self.freed.wait(LONG)
            if name == self.breaks_on:
                status = 404
            else:
                status, body, media = 200, WHEELS[name], "application/octet-stream"
                self.given.append(name)
        request.send_response(status)
        request.send_header("Content-Type", media)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def close(self) -> None:
        self.freed.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def index() -> Iterator[Index]:
    served = Index()
    yield served
    served.close()


class Checkout:
    """A checkout of a small project with this repository's setup scripts, and a bare PATH."""

    def __init__(self, folder: Path, home: Path, tools: Path) -> None:
        self.folder = folder
        self.venv = folder / ".venv"
        self.tools = tools
        shutil.copytree(SCRIPTS, folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        source = folder / "platform" / "src" / "lockproof"
        source.mkdir(parents=True)
        tells = source / TELLS
        tells.parent.mkdir(parents=True)
        shutil.copy(SCRIPTS.parent / "platform" / "src" / "lockproof" / TELLS, tells)
        (source / "__init__.py").write_text("def main():\n    print('proved')\n")
        (folder / "backend.py").write_text(BACKEND)
        (folder / "pyproject.toml").write_text(PYPROJECT)
        (folder / "requirements").mkdir()
        self.pin("build", "builddep")
        self.pin("gate", "rundep")
        self.pin("run", "rundep")
        self.pin("dev", "rundep", "devdep")
        self.temporary = home.parent / "tmp"
        for folder_ in (home, tools, self.temporary):
            folder_.mkdir()
        self.environ = {
            "HOME": str(home),
            "TMPDIR": str(self.temporary),
            "PATH": str(tools),
            "PYTHON": BASE_PYTHON,
            "PIP_NO_CACHE_DIR": "1",
            "UV_NO_CACHE": "1",
            "UV_HTTP_RETRIES": "0",
        }
        self.provide("dirname")

    def pin(self, kind: str, *names: str, comment: str = "") -> None:
        lines = [
            f"{name}==1.0 --hash=sha256:{hashlib.sha256(WHEELS[name]).hexdigest()}\n"
            for name in names
        ]
        pins = self.folder / "requirements" / f"{kind}.txt"
        pins.write_text(f"# {comment}\n" + "".join(lines))

    def provide(self, command: str) -> None:
        found = shutil.which(command, path=f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}")
        assert found, f"{command} is not installed"
        (self.tools / command).symlink_to(found)

    def start(self, kind: str = "run", **environ: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [self.folder / "scripts" / "setup", kind],
            cwd="/",
            env=self.environ | environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def setup(self, kind: str = "run", **environ: str) -> tuple[int, str]:
        with self.start(kind, **environ) as process:
            output, _ = process.communicate(timeout=LONG)
            return process.returncode, output

    def lockproof(self, **environ: str) -> str:
        command = [self.venv / "bin" / "lockproof"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def has(self, module: str) -> bool:
        return any(self.venv.glob(f"lib/python*/site-packages/{module}.py"))

    def rests(self) -> list[str]:
        """What setup left beside `.venv`, or among temporary files, that it should not have."""
        left = [*self.folder.glob(".venv?*"), *self.temporary.iterdir()]
        return [path.name for path in left]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "a b é" / "lockproof", tmp_path / "home", tmp_path / "tools")


def use(name: str, checkout: Checkout, index: Index) -> str:
    if name == "uv":
        checkout.provide("uv")
    checkout.environ["UV_DEFAULT_INDEX" if name == "uv" else "PIP_INDEX_URL"] = index.address
    return name


@pytest.fixture(params=["uv", "pip"])
def installer(request: pytest.FixtureRequest, checkout: Checkout, index: Index) -> str:
    return use(request.param, checkout, index)


@pytest.fixture
def quick(checkout: Checkout, index: Index) -> str:
    """uv, for what setup does alike with both."""
    return use("uv", checkout, index)


def test_makes_a_venv_once(checkout: Checkout, installer: str, index: Index) -> None:
    code, output = checkout.setup()
    assert code == 0, output
    assert f"with {installer}" in output
    assert checkout.lockproof() == checkout.lockproof(LC_ALL="C") == "proved"
    assert index.given == ["builddep", "rundep"]
    assert checkout.rests() == []
    del checkout.environ["PYTHON"]  # no Python on PATH is needed when there is nothing to do
    assert checkout.setup() == (0, "")


@pytest.mark.parametrize("fewer", ["gate", "run"])
def test_dev_adds_to_what_has_fewer_and_serves_as_it(
    checkout: Checkout, installer: str, index: Index, fewer: str
) -> None:
    assert checkout.setup(fewer)[0] == 0
    code, output = checkout.setup("dev")
    assert (code, "adding to" in output) == (0, True), output
    assert checkout.has("devdep")
    assert index.given == ["builddep", "rundep", "devdep"]
    assert checkout.setup(fewer) == checkout.setup("run") == (0, "")


def test_a_changed_pin_rebuilds(checkout: Checkout, quick: str) -> None:
    assert checkout.setup()[0] == 0
    checkout.pin("run", "devdep")
    assert checkout.setup()[0] == 0
    assert (checkout.has("rundep"), checkout.has("devdep")) == (False, True)
    assert checkout.rests() == []


def test_a_moved_checkout_rebuilds(checkout: Checkout, quick: str, tmp_path: Path) -> None:
    assert checkout.setup()[0] == 0
    checkout.folder = checkout.folder.rename(tmp_path / "moved")
    checkout.venv = checkout.folder / ".venv"
    assert checkout.setup()[0] == 0
    assert checkout.lockproof() == "proved"


def test_a_failure_keeps_the_venv_that_worked(checkout: Checkout, quick: str, index: Index) -> None:
    assert checkout.setup()[0] == 0
    checkout.pin("run", "rundep", "devdep")
    index.breaks_on = "devdep"
    code, output = checkout.setup()
    assert code == 1
    assert output.splitlines()[-1].startswith("setup: ")
    assert checkout.lockproof() == "proved"
    assert checkout.rests() == []
    index.breaks_on = None
    assert checkout.setup()[0] == 0
    assert checkout.has("devdep")


def test_a_wrong_hash_is_refused(checkout: Checkout, installer: str) -> None:
    pins = checkout.folder / "requirements" / "run.txt"
    pins.write_text(f"rundep==1.0 --hash=sha256:{'0' * 64}\n")
    code, output = checkout.setup()
    assert (code, "hash" in output.lower()) == (1, True), output
    assert not checkout.venv.exists()


@pytest.mark.parametrize(
    ("name", "number", "had_one"),
    [
        ("uv", signal.SIGKILL, False),
        ("uv", signal.SIGKILL, True),
        ("uv", signal.SIGINT, True),
        ("uv", signal.SIGTERM, False),
        ("pip", signal.SIGKILL, True),
        ("pip", signal.SIGINT, False),
    ],
)
def test_interrupted(
    checkout: Checkout, index: Index, name: str, number: int, had_one: bool
) -> None:
    use(name, checkout, index)
    if had_one:
        assert checkout.setup()[0] == 0
        checkout.pin("run", "rundep", comment="changed")
    index.stalls_on = "rundep"
    with checkout.start() as process:
        assert index.asked.wait(LONG)
        os.killpg(process.pid, number)
        output, _ = process.communicate(timeout=LONG)
    assert process.returncode == (-number if number == signal.SIGKILL else 128 + number), output
    if number != signal.SIGKILL:
        assert checkout.venv.exists() == had_one
        assert checkout.rests() == []
    index.stalls_on = None
    index.freed.set()
    assert checkout.setup()[0] == 0
    assert checkout.lockproof() == "proved"
    assert checkout.rests() == []


def test_two_at_once(checkout: Checkout, quick: str, index: Index) -> None:
    index.stalls_on = "rundep"
    with checkout.start() as first:
        assert index.asked.wait(LONG)
        with checkout.start() as second:
            assert second.stdout is not None
            assert "waiting" in second.stdout.readline()
            index.freed.set()
            assert second.wait(LONG) == 0
        assert first.wait(LONG) == 0
    assert index.given == ["builddep", "rundep"]


@pytest.mark.parametrize("told", ["pip.conf", "PIP_INDEX_URL"])
def test_uv_takes_the_index_from_pip(checkout: Checkout, index: Index, told: str) -> None:
    checkout.provide("uv")
    if told == "pip.conf":
        file = Path(checkout.environ["HOME"], ".config", "pip", "pip.conf")
        file.parent.mkdir(parents=True)
        file.write_text(f"[global]\nindex-url = {index.address}\n")
    else:
        checkout.environ[told] = index.address
    code, output = checkout.setup()
    assert (code, "with uv" in output) == (0, True), output
    assert index.given == ["builddep", "rundep"]


def test_pip_takes_the_index_from_uv(checkout: Checkout, index: Index) -> None:
    code, output = checkout.setup(UV_DEFAULT_INDEX=f"mirror={index.address}")
    assert (code, "with pip" in output) == (0, True), output
    assert index.given == ["builddep", "rundep"]


def test_no_python(checkout: Checkout) -> None:
    del checkout.environ["PYTHON"]
    code, output = checkout.setup()
    assert code == 1
    assert output.count("\n") == 1
    assert "no Python 3.11 or newer" in output
    assert "python3-venv" in output


def test_python_too_old(checkout: Checkout) -> None:
    old = checkout.tools / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    code, output = checkout.setup(PYTHON=str(old))
    assert (code, output.count("\n")) == (1, 1)
    assert "is not a Python 3.11 or newer" in output


def test_python_without_venv(checkout: Checkout) -> None:
    """Debian's python3 without python3-venv: it runs, but has no ensurepip to import."""
    bare = checkout.tools / "python3"
    bare.write_text(
        f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1 ;; esac\nexec "{BASE_PYTHON}" "$@"\n'
    )
    bare.chmod(0o755)
    del checkout.environ["PYTHON"]
    code, output = checkout.setup()
    assert (code, output.count("\n")) == (1, 1)
    assert "python3 cannot make virtual environments" in output


def test_an_unfinished_addition_is_not_trusted(checkout: Checkout, quick: str) -> None:
    assert checkout.setup("dev")[0] == 0
    mark = checkout.venv / "lockproof-setup.json"
    content = json.loads(mark.read_text())
    del content["dev"]
    mark.write_text(json.dumps(content | {"unfinished": "dev"}))
    code, output = checkout.setup("dev")
    assert (code, "making .venv" in output) == (0, True), output
