"""Honest locks that cannot be followed here, and packages that are others now."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from lockproof.model.cause import CauseKind, Certainty
from lockproof.steps.gather import gather
from lockproof.steps.record import record

from .answer_case import UNKNOWN, Case, Reason, failed, made, passed, proven
from .answers_honest import chain
from .pipelines import Project, Silence
from .wheels import wheel


def object_of(project: Project, content: bytes) -> Path:
    """The object with this content in the remote."""
    return next(p for p in project.remote.rglob("*") if p.is_file() and p.read_bytes() == content)


def missing_object(base: Path) -> Project:
    project = chain(base)
    object_of(project, b"c\na\nb\n").unlink()
    return project


def corrupted_object(base: Path) -> Project:
    project = chain(base)
    place = object_of(project, b"c\na\nb\n")
    place.chmod(0o644)
    place.write_bytes(b"c\na\nB\n")
    return project


@contextmanager
def served(text: bytes) -> Iterator[int]:
    """A web server on this machine; yields its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def downloads(base: Path, fallback: bool) -> Project:
    with served(b"fresh\n") as port:
        fetch = "import sys, urllib.request\n"
        fetch += "opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))\n"
        get = f"text = opener.open('http://127.0.0.1:{port}/', timeout=20).read()\n"
        if fallback:
            get = f"try:\n    {get}except OSError:\n    text = b'stale'\n"
        fetch += f"{get}open('out.txt', 'wb').write(text)\n"
        yaml = "stages:\n  fetch: {cmd: python3 fetch.py, deps: [fetch.py], outs: [out.txt]}\n"
        return made(base, {"fetch.py": fetch, "dvc.yaml": yaml})


def network(base: Path) -> Project:
    return downloads(base, fallback=False)


def network_with_default(base: Path) -> Project:
    return downloads(base, fallback=True)


def missing_program(base: Path) -> Project:
    """The author has it in a folder of their own."""
    tools = base / "tools"
    tools.mkdir()
    (tools / "authors-tool").write_text("#!/bin/sh\necho made\n")
    (tools / "authors-tool").chmod(0o755)
    yaml = "stages:\n  make: {cmd: authors-tool > out.txt, outs: [out.txt]}\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(tools), prepend=":")
        return made(base, {"dvc.yaml": yaml})


FIT = "import alpha\nopen('model.txt', 'w').write(alpha.VERSION)\n"
PACKAGED = {
    "requirements.lock": "alpha==1.0\n",
    "lockproof.toml": '[environment]\nrequirements = "requirements.lock"\n',
    "dvc.yaml": "stages:\n  fit: {cmd: python3 fit.py, deps: [fit.py], outs: [model.txt]}\n",
    "fit.py": FIT,
}


def packaged(base: Path) -> Project:
    """Made with the package that is pinned."""
    with site_of(base / "site", "1.0"):
        return made(base, PACKAGED)


@contextmanager
def site_of(site: Path, version: str) -> Iterator[None]:
    """A folder of packages that the author's Python finds."""
    site.mkdir(exist_ok=True)
    (site / "alpha.py").write_text(f"VERSION = {version!r}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(site))
        patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        yield


def recorded(project: Project) -> None:
    """`lockproof record`, after the fact, into the commit."""
    gathered = anyio.run(gather, project.root, "pipeline", Silence())
    record(gathered.facts, project.root / gathered.policy.record.directory, None)
    project.git("add", "-A")
    project.git("commit", "-q", "--amend", "-m", "first")


def pinned(base: Path) -> Project:
    return packaged(base)


def newer_pin(base: Path) -> Project:
    project = packaged(base)
    project.write({"requirements.lock": "alpha==2.0\n"})
    project.commit("newer alpha")
    return project


def newer_pin_recorded(base: Path) -> Project:
    project = packaged(base)
    recorded(project)
    project.write({"requirements.lock": "alpha==2.0\n"})
    project.commit("newer alpha")
    return project


def forced(base: Path) -> Project:
    """An honest `dvc repro -f` in an environment that is newer than the pins."""
    project = packaged(base)
    with site_of(base / "site", "2.0"):
        project.dvc("repro", "-q", "-f")
        project.dvc("push", "-q")
    project.commit("again")
    return project


def forced_recorded(base: Path) -> Project:
    """And a record after it, which can but look at the pins."""
    project = forced(base)
    recorded(project)
    return project


K = CauseKind
_PACKAGE = Reason((K.ENVIRONMENT,), "alpha")
_UNSEEN = (K.UNKNOWN, K.ENVIRONMENT)
_CUT = (K.NETWORK, K.ENVIRONMENT, K.UNDECLARED_INPUT, K.UNKNOWN)

TROUBLE = tuple(
    Case(name, done, build, answer)
    for name, done, build, answer in (
        (
            "chain of three",
            "an object gone from the remote; cloned",
            missing_object,
            failed(rules=("LP201",), told=r"raw\.csv"),
        ),
        (
            "chain of three",
            "an object corrupted in the remote; cloned",
            corrupted_object,
            failed(rules=("LP202",), told=r"raw\.csv"),
        ),
        (
            "stage that downloads",
            "the network is off",
            network,
            failed(Reason(_CUT, "network"), rules=("LP703",)),
        ),
        (
            "stage that downloads, with a default",
            "the network is off",
            network_with_default,
            failed(Reason(_CUT, "network")),
        ),
        (
            "program of the author's own",
            "it is not here",
            missing_program,
            failed(Reason(_UNSEEN, ""), rules=("LP703",), told="authors-tool"),
        ),
        ("stage with a pinned package", "nothing", pinned, passed()),
        (
            "stage with a pinned package",
            "pin changed; no run record",
            newer_pin,
            failed((UNKNOWN, _PACKAGE)),
        ),
        (
            "stage with a pinned package",
            "pin changed; there is a run record",
            newer_pin_recorded,
            failed(proven(K.ENVIRONMENT, "alpha")),
        ),
        (
            "stage with a pinned package",
            "dvc repro -f with a newer one",
            forced,
            failed(Reason(_UNSEEN, at_most=Certainty.LIKELY)),
        ),
        (
            "stage with a pinned package",
            "dvc repro -f with a newer one, then lockproof record",
            forced_recorded,
            failed(Reason(_UNSEEN, at_most=Certainty.LIKELY)),
        ),
    )
)


@contextmanager
def index(folder: Path) -> Iterator[None]:
    """The only packages that there are: alpha 1.0 and 2.0."""
    for version in ("1.0", "2.0"):
        wheel(folder, "alpha", version)
    with pytest.MonkeyPatch.context() as patch:
        for program in ("PIP", "UV"):
            patch.setenv(f"{program}_NO_INDEX", "1")
            patch.setenv(f"{program}_FIND_LINKS", str(folder))
        yield
