"""The pipeline's environment, built by real uv and real pip from wheels made here."""

import email
import functools
import hashlib
import http.server
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from lockproof.adapters.environment.build import (
    PipelineEnvironment,
    describe,
    prepare,
    with_packages,
)
from lockproof.adapters.environment.gpus import gpus_here, visible_gpus
from lockproof.adapters.environment.interpreters import find_uv
from lockproof.adapters.environment.machine import installed_cuda, this_machine, threads
from lockproof.adapters.environment.variables import stage_variables
from lockproof.adapters.sandbox.detect import find_isolation
from lockproof.config import EnvironmentPolicy, RunPolicy
from lockproof.errors import ConfigError, LockproofError, UnavailableError, UsageError
from lockproof.model.environment import Environment, environment_changes
from waiting import wait_for

from .door import Door
from .wheels import sdist, wheel

UV = find_uv()
ISOLATION = anyio.run(find_isolation)
pytestmark = pytest.mark.usefixtures("index")
needs_uv = pytest.mark.skipif(UV is None, reason="no uv")
IMPORTABLE = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

# One prepare() in a process of its own; it prints what was prepared and then what was told.
PREPARE = """
import anyio, functools, json, os, pathlib, sys
from lockproof.adapters.environment.build import prepare
from lockproof.adapters.sandbox.detect import find_isolation
from lockproof.config import EnvironmentPolicy
from lockproof.errors import LockproofError
told = []
def tell(line):
    told.append(line)
    print(line, file=sys.stderr, flush=True)
policy = EnvironmentPolicy.model_validate(json.loads(sys.argv[3]))
try:
    level = anyio.run(find_isolation)
    env = anyio.run(prepare, policy, *map(pathlib.Path, sys.argv[1:3]), tell, level)
    print(json.dumps({"bin": str(env.bin), "path": env.search_path(), "told": told}))
except LockproofError as error:
    print(json.dumps({"error": type(error).__name__, "message": str(error), "told": told}))
sys.stdout.flush()
if len(sys.argv) > 4:
    sys.stdin.read()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "répo with space"
    folder.mkdir()
    (folder / "lock.txt").write_text("alpha==1.0\nBeta.Lib==1.0  # comment\n")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


class Told(list[str]):
    @property
    def built(self) -> int:
        return sum(line.startswith("building the environment of ") for line in self)


def ready(
    root: Path, cache: Path, told: list[str] | None = None, **policy: str
) -> PipelineEnvironment:
    policy = policy or {"requirements": "lock.txt"}
    parsed = EnvironmentPolicy.model_validate({k.replace("_", "-"): v for k, v in policy.items()})
    return anyio.run(
        prepare, parsed, root, cache, [].append if told is None else told.append, ISOLATION
    )


def ask(env: PipelineEnvironment, code: str) -> str:
    assert env.python is not None
    return subprocess.run(
        [env.python, "-I", "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def described(env: PipelineEnvironment, **extra: str) -> Environment:
    variables = stage_variables(
        RunPolicy(), path=env.search_path(), home=Path("/"), tmp=Path("/tmp"), extra=extra
    )
    return anyio.run(describe, env, "/bin/sh", variables)


def without_uv(tmp_path: Path) -> tuple[str, dict[str, str]]:
    """A Python beside which there is no uv, and variables with which it runs lockproof."""
    tools = tmp_path / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("sh", "uname", "ldconfig"):
        if found := shutil.which(name):
            (tools / name).exists() or (tools / name).symlink_to(found)
    python = getattr(sys, "_base_executable", sys.executable)
    if Path(python).with_name("uv").exists():
        pytest.skip("uv lies beside the only Python")
    return python, {**os.environ, **IMPORTABLE, "PATH": str(tools)}


def start(
    root: Path,
    cache: Path,
    policy: dict[str, str] | None = None,
    *,
    python: str = sys.executable,
    env: dict[str, str] | None = None,
    stay: bool = False,
    follow: bool = False,
) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [python, "-c", PREPARE, root, cache, json.dumps(policy or {"requirements": "lock.txt"})]
        + ["stay"] * stay,
        env=env or {**os.environ, **IMPORTABLE},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if follow else subprocess.DEVNULL,
        text=True,
    )


def answer(process: "subprocess.Popen[str]") -> dict[str, Any]:
    out, _ = process.communicate(timeout=120)
    found = json.loads(out)
    assert isinstance(found, dict)
    return found


# --- requirements --------------------------------------------------------------------------------


@needs_uv
def test_uv_builds_what_the_lock_says_from_pips_index(root: Path, cache: Path) -> None:
    told = Told()
    env = ready(root, cache, told)
    lock = (root / "lock.txt").read_bytes()
    assert (env.kind, env.name) == ("requirements", "lock.txt")
    assert env.digest == hashlib.sha256(lock).hexdigest()
    assert env.bin is not None
    assert env.bin.is_relative_to(cache / "envs")
    assert ask(env, "import alpha, beta_lib; print(alpha.VERSION, beta_lib.VERSION)") == "1.0 1.0"
    assert env.search_path().split(os.pathsep)[0] == str(env.bin)
    assert (env.bin / "alpha-tool").exists()
    assert told.built == 1

    again = Told()
    assert ready(root, cache, again) == env
    assert again == []


@needs_uv
def test_uv_is_told_in_its_own_words_too(
    root: Path, cache: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_FIND_LINKS", str(wheels))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.delenv("PIP_NO_INDEX")
    assert ask(ready(root, cache), "import alpha; print(alpha.VERSION)") == "1.0"


def test_pip_builds_the_same_where_there_is_no_uv(root: Path, cache: Path, tmp_path: Path) -> None:
    python, env = without_uv(tmp_path)
    hashed = [
        line for line in all_hashes(Path(os.environ["PIP_FIND_LINKS"].split()[0])) if "-1.0" in line
    ]
    (root / "lock.txt").write_text("".join(line.split("#")[0] + "\n" for line in hashed))
    found = answer(start(root, cache, python=python, env=env))
    assert "bin" in found, found
    folder = Path(found["bin"])
    names = {p.name for p in folder.parent.glob("lib/python*/site-packages/*.dist-info")}
    assert names == {"alpha-1.0.dist-info", "beta_lib-1.0.dist-info"}
    assert not list(folder.glob("pip*"))
    assert (folder.parent / "lib").is_dir()
    if UV:  # the one with uv then takes what pip has built
        told = Told()
        base = EnvironmentPolicy.model_validate({"requirements": "lock.txt", "python": python})
        assert anyio.run(prepare, base, root, cache, told.append, ISOLATION).bin == folder
        assert told == []


def all_hashes(folder: Path) -> list[str]:
    lines = []
    for path in sorted(folder.glob("*.whl")):
        name, version = path.name.split("-")[:2]
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        lines.append(f"{name}=={version} --hash=sha256:{digest} # -{version}")
    return lines


@needs_uv
def test_pythons_and_locks_do_not_share(root: Path, cache: Path) -> None:
    first = ready(root, cache)
    (root / "lock.txt").write_text("alpha==1.0\nbeta-lib==3.0\n")
    second = ready(root, cache)
    assert second.bin != first.bin
    assert ask(second, "import beta_lib; print(beta_lib.VERSION)") == "3.0"
    assert ask(first, "import beta_lib; print(beta_lib.VERSION)") == "1.0"
    other = other_python()
    third = ready(root, cache, requirements="lock.txt", python=other)
    assert ask(third, "import sys; print('%d.%d' % sys.version_info[:2])") == other
    assert described(third).python is not None
    assert str(described(third).python).startswith(f"{other}.")


def other_python() -> str:
    mine = f"{sys.version_info[0]}.{sys.version_info[1]}"
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in ("3.12", "3.13", "3.11"):
        here = shutil.which(f"python{version}") or list(versions.glob(f"{version}.*"))
        if version != mine and here:
            return version
    pytest.skip("there is only one Python here")


@needs_uv
def test_included_files_are_part_of_the_digest(root: Path, cache: Path) -> None:
    (root / "deps").mkdir()
    (root / "deps" / "all.txt").write_text("-r ../lock.txt\n-c limits.txt\n")
    (root / "deps" / "limits.txt").write_text("alpha<5\n")
    first = ready(root, cache, requirements="deps/all.txt")
    (root / "lock.txt").write_text("alpha==2.0\n")
    second = ready(root, cache, requirements="deps/all.txt")
    assert first.digest != second.digest
    assert ask(second, "import alpha; print(alpha.VERSION)") == "2.0"


@pytest.mark.parametrize(
    ("lock", "message"),
    [
        ("alpha>=1\n", r"lock\.txt:1: 'alpha>=1' is not pinned; write alpha==VERSION"),
        ("\n# x\nalpha\n", r"lock\.txt:3: 'alpha' is not pinned"),
        ("alpha==1.*\n", r"'alpha==1\.\*' is not pinned"),
        ("alpha==1,>0\n", r"is not pinned"),
        ("-e .\n", r"lock\.txt:1: a folder cannot be part of"),
        ("./code\n", r"a folder cannot be part of"),
        ("code @ file:///work/code\n", r"lock\.txt:1: 'file:' is not a way to get packages"),
        ("x @ git+https://h/x@main\n", r"is not pinned; add --hash"),
        ("-r ../outside.txt\n", r"outside\.txt is outside of the repository"),
        ("-r gone.txt\n", r"cannot read the requirements file gone\.txt: No such file"),
        ("-r lock.txt\n", r"lock\.txt includes itself"),
        ("--index-url https://h\n", r"lock\.txt names no packages"),
        ("\udcff", r"lock\.txt is not UTF-8"),
    ],
)
def test_a_file_that_leaves_something_open(
    root: Path, cache: Path, lock: str, message: str
) -> None:
    (root / "lock.txt").write_text(lock, "utf-8", "surrogateescape")
    (root.parent / "outside.txt").write_text("alpha==1.0")
    with pytest.raises(ConfigError, match=message):
        ready(root, cache)
    assert not cache.exists()


def test_a_lock_that_points_out_of_the_repository(root: Path, cache: Path) -> None:
    (root / "lock.txt").unlink()
    (root / "lock.txt").symlink_to("/etc/passwd")
    with pytest.raises(ConfigError, match=r"is outside of the repository") as caught:
        ready(root, cache)
    assert "root:" not in str(caught.value)


def test_a_lock_that_is_not_whole(root: Path, cache: Path, tmp_path: Path) -> None:
    (root / "lock.txt").write_text("alpha==1.0\n")
    for found in both(root, cache, tmp_path):
        assert found["error"] == "ConfigError"
        assert found["message"] == (
            "lock.txt does not pin beta-lib, which its packages need: run 'uv pip compile"
            " --generate-hashes lock.txt -o lock.txt', which writes it whole, and commit it"
        )
        (log,) = cache.glob("envs/*.log")
        assert "Would install" in log.read_text() or "Would download" in log.read_text(), (
            "it was said before anything was installed"
        )


def test_a_lock_with_hashes_that_is_not_whole(root: Path, cache: Path, wheels: Path) -> None:
    (line,) = (each for each in all_hashes(wheels) if each.startswith("alpha==1.0 "))
    (root / "lock.txt").write_text(line.split(" #")[0])
    with pytest.raises(ConfigError, match=r"lock\.txt does not pin beta-lib, which its packages"):
        ready(root, cache)


def test_a_well_known_package_without_what_it_needs_is_refused_unbuilt(
    root: Path, cache: Path
) -> None:
    (root / "lock.txt").write_text("Scikit_Learn==1.5.0\nscipy==1.14.0\n")
    with pytest.raises(ConfigError, match=r"lock\.txt does not pin joblib, numpy, which"):
        ready(root, cache)
    assert not cache.exists()


@pytest.mark.parametrize("own", [pytest.param(True, marks=needs_uv), False], ids=["uv", "pip"])
def test_what_pip_freeze_wrote_is_whole(root: Path, cache: Path, tmp_path: Path, own: bool) -> None:
    """It leaves out setuptools, even where a package needs them; an index may have them."""
    links = tmp_path / "links"
    wheel(links, "old", "1.0", "setuptools", "wheel")
    if own:
        wheel(links, "setuptools", "70.0")
        wheel(links, "wheel", "0.40")
    (root / "lock.txt").write_text("old==1.0\n")
    python, env = (sys.executable, None) if own else without_uv(tmp_path)
    found = answer(start(root, cache, python=python, env=env))
    assert "bin" in found, found
    assert any("does not pin setuptools, wheel, which pip freeze" in t for t in found["told"])
    names = {path.name for path in cache.glob("envs/*/lib/python*/site-packages/*-info")}
    assert names == {"old-1.0.dist-info"}


@needs_uv
def test_a_wrong_hash(root: Path, cache: Path) -> None:
    (root / "lock.txt").write_text(f"alpha==2.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(ConfigError, match=r"cannot build the environment of lock\.txt: .*[Hh]ash"):
        ready(root, cache)


def both(root: Path, cache: Path, tmp_path: Path, **variables: str) -> Iterator[dict[str, Any]]:
    """The answer of lockproof with uv, then of one without."""
    if UV:
        yield answer(start(root, cache, env={**os.environ, **IMPORTABLE, **variables}))
    python, env = without_uv(tmp_path)
    yield answer(start(root, cache, python=python, env={**env, **variables}))


def test_a_version_that_does_not_exist(root: Path, cache: Path, tmp_path: Path) -> None:
    (root / "lock.txt").write_text("alpha==9.9\n")
    for found in both(root, cache, tmp_path):
        assert found["error"] == "ConfigError"
        assert found["message"].startswith("cannot build the environment of lock.txt: ")
        assert "alpha==9.9" in found["message"]
        assert "\n" not in found["message"]
    assert not list(cache.glob("envs/*/"))


def test_an_index_that_cannot_be_reached(root: Path, cache: Path, tmp_path: Path) -> None:
    url = {"PIP_INDEX_URL": "http://me:s3cret@127.0.0.1:9/simple", "PIP_NO_INDEX": "0"}
    for found in both(root, cache, tmp_path, **url, PIP_FIND_LINKS="/nowhere"):
        assert found["error"] == "UnavailableError"
        assert "127.0.0.1:9" in found["message"]
        assert "s3cret" not in found["message"]


@pytest.mark.parametrize(("status", "error"), [(401, ConfigError), (503, UnavailableError)])
def test_an_index_that_refuses(
    root: Path, cache: Path, tmp_path: Path, status: int, error: type[LockproofError]
) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *_args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        url = f"http://me:s3cret@127.0.0.1:{listening.server_port}/simple"
        variables = {"PIP_INDEX_URL": url, "PIP_NO_INDEX": "0", "PIP_FIND_LINKS": "/nowhere"}
        found = list(both(root, cache, tmp_path, **variables))
        listening.shutdown()
        thread.join()
    assert {one["error"] for one in found} == {error.__name__}
    assert all(str(status) in one["message"] for one in found), found


@needs_uv
def test_the_installer_sees_no_credentials(
    root: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, door: Door
) -> None:
    (root / "lock.txt").write_text(sdist(tmp_path / "links", "gamma", door.knock()))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("GITHUB_TOKEN", "s3cret")
    monkeypatch.setenv("PYTHONPATH", "/lockproofs/own")
    monkeypatch.setenv("CFLAGS", "-O1")
    door.open()
    assert ask(ready(root, cache), "import gamma; print(gamma.VERSION)") == "1.0"
    seen = door.heard[0]
    assert seen["CFLAGS"] == "-O1"
    assert "s3cret" not in seen.values()
    assert seen.get("PYTHONPATH") != "/lockproofs/own"


# --- several at once, killed in between, spoilt --------------------------------------------------


def start_slow(root: Path, cache: Path, folder: Path, door: Door) -> "subprocess.Popen[str]":
    """A process in the middle of a build, which goes on when the door is opened."""
    (root / "lock.txt").write_text(sdist(folder / "links", "gamma", door.knock()))
    first = start(root, cache)
    wait_for(lambda: door.heard)
    return first


def start_waiting(root: Path, cache: Path) -> "subprocess.Popen[str]":
    """A process that has said that it waits for the one that builds."""
    process = start(root, cache, follow=True)
    assert process.stderr is not None
    assert "waiting for another lockproof" in process.stderr.readline()
    return process


def test_several_at_once_build_once(root: Path, cache: Path, tmp_path: Path, door: Door) -> None:
    first = start_slow(root, cache, tmp_path, door)
    waiting = [start_waiting(root, cache) for _ in range(2)]
    door.open()
    found = [answer(process) for process in (first, *waiting)]
    assert len({one["bin"] for one in found}) == 1
    assert sum(Told(one["told"]).built for one in found) == 1


def test_killed_while_building_the_next_one_starts_over(
    root: Path, cache: Path, tmp_path: Path, door: Door
) -> None:
    first = start_slow(root, cache, tmp_path, door)
    second = start_waiting(root, cache)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    door.open()
    found = answer(second)
    assert Told(found["told"]).built == 1
    gamma = subprocess.run(
        [Path(found["bin"], "python"), "-I", "-c", "import gamma; print(gamma.VERSION)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert gamma.stdout == "1.0\n"


@needs_uv
def test_cancelled_while_building_leaves_no_process_and_no_lock(
    root: Path, cache: Path, tmp_path: Path, door: Door
) -> None:
    (root / "lock.txt").write_text(sdist(tmp_path / "links", "gamma", door.knock()))

    async def main() -> None:
        policy = EnvironmentPolicy(requirements="lock.txt")
        async with anyio.create_task_group() as group:
            group.start_soon(prepare, policy, root, cache, [].append, ISOLATION)
            while not door.heard:
                await anyio.sleep(0.02)
            group.cancel_scope.cancel()

    anyio.run(main)
    assert not list(cache.glob("envs/*.complete"))
    door.open()
    told = Told()
    assert ask(ready(root, cache, told), "import gamma; print(gamma.VERSION)") == "1.0"
    assert told.built == 1


@needs_uv
def test_what_a_stage_installed_into_it_is_gone_the_next_time(root: Path, cache: Path) -> None:
    first = answer(start(root, cache))
    (site,) = Path(first["bin"]).parent.glob("lib/python*/site-packages")
    (site / "stray.py").touch()
    (site / "__pycache__").mkdir(exist_ok=True)

    # As long as another process uses it, it is left alone and a second one is built.
    user = start(root, cache, stay=True)
    assert user.stdout is not None
    fresh = json.loads(user.stdout.readline())
    assert fresh["bin"] == first["bin"]
    assert Told(fresh["told"]).built == 1
    assert not (site / "stray.py").exists()
    (site / "stray.py").touch()
    beside = answer(start(root, cache))
    assert beside["bin"] != first["bin"]
    assert (site / "stray.py").exists()
    user.communicate("", timeout=20)

    last = answer(start(root, cache))
    assert last["bin"] == first["bin"]
    assert not (site / "stray.py").exists()


@needs_uv
def test_an_environment_whose_python_is_gone_is_built_again(root: Path, cache: Path) -> None:
    first = answer(start(root, cache))
    python = Path(first["bin"], "python")
    python.unlink()
    python.symlink_to("/nowhere/python")
    assert Told(answer(start(root, cache))["told"]).built == 1
    assert python.exists()


def test_a_cache_that_cannot_be_written(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot use .*file/cache/envs: .*LOCKPROOF_CACHE_DIR"):
        ready(root, tmp_path / "file" / "cache")


# --- other kinds ---------------------------------------------------------------------------------

PROJECT = """
[project]
name = "project"
version = "0"
requires-python = ">=3.8"
dependencies = ["alpha==1.0"]

[dependency-groups]
dev = ["beta-lib==3.0"]

[build-system]
requires = ["nothing-that-exists"]
build-backend = "nothing"
"""


@needs_uv
def test_a_uv_lock(
    root: Path, cache: Path, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("locked", "built"):
        (tmp_path / name).mkdir()
    folder = root / "sub"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PROJECT)
    shutil.copytree(wheels, root / "wheels")
    subprocess.run(
        [str(UV), "lock", "-q", "--no-index", "--find-links", root / "wheels", "--offline"],
        cwd=folder,
        check=True,
        env={**os.environ, "UV_PYTHON": sys.executable, "TMPDIR": str(tmp_path / "locked")},
    )
    before = sorted(folder.iterdir())
    monkeypatch.setenv("TMPDIR", str(tmp_path / "built"))
    env = ready(root, cache, uv_lock="sub/uv.lock")
    assert list((tmp_path / "built").iterdir()) == [], "uv has locks of its own"
    lock = (folder / "uv.lock").read_bytes()
    assert (env.kind, env.digest) == ("uv-lock", hashlib.sha256(lock).hexdigest())
    found = described(env)
    assert found.packages == {"alpha": "1.0", "beta-lib": "3.0"}
    assert sorted(folder.iterdir()) == before, "the work tree is as it was"
    told = Told()
    assert ready(root, cache, told, uv_lock="sub/uv.lock") == env
    assert told == []


def test_a_uv_lock_needs_uv(root: Path, cache: Path, tmp_path: Path) -> None:
    (root / "pyproject.toml").write_text(PROJECT)
    (root / "uv.lock").write_text("version = 1\n")
    python, env = without_uv(tmp_path)
    found = answer(start(root, cache, {"uv-lock": "uv.lock"}, python=python, env=env))
    assert found["error"] == "ConfigError"
    assert found["message"] == "environment.uv-lock: building uv.lock needs uv; install it"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"there is no uv\.lock"),
        ({"uv.lock": "version = 1"}, r"there is no pyproject\.toml"),
        ({"uv.lock": "no TOML", "pyproject.toml": ""}, r"uv\.lock is not a uv\.lock"),
        ({"uv.lock": "package = [1]", "pyproject.toml": ""}, r"uv\.lock is not a uv\.lock"),
    ],
)
def test_a_uv_lock_that_is_none(
    root: Path, cache: Path, files: dict[str, str], message: str
) -> None:
    for name, content in files.items():
        (root / name).write_text(content)
    with pytest.raises(ConfigError, match=message):
        ready(root, cache, uv_lock="uv.lock")


def test_an_interpreter_by_path_and_by_name(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv = root / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    env = ready(root, cache, interpreter=".venv/bin/python")
    assert (env.kind, env.name, env.digest) == ("interpreter", ".venv/bin/python", None)
    assert (env.bin, env.python) == (venv / "bin", venv / "bin" / "python")
    assert ask(env, "import sys; print(sys.prefix)") == str(venv)
    (venv / "bin" / "my-python").symlink_to("python")
    monkeypatch.setenv("PATH", str(venv / "bin"), prepend=os.pathsep)
    assert ready(root, cache, interpreter="my-python").bin == venv / "bin"
    assert not cache.exists()


def test_an_interpreter_of_another_language(root: Path, cache: Path) -> None:
    (root / "R").write_text("#!/bin/sh\nexit 2\n")
    (root / "R").chmod(0o755)
    env = ready(root, cache, interpreter="./R")
    assert (env.bin, env.python) == (root, None)
    found = described(env)
    assert (found.python, found.packages, found.blas) == (None, {}, {})
    assert found.os


@pytest.mark.parametrize("name", ["./gone/python", "no-such-python"])
def test_an_interpreter_that_is_not_there(root: Path, cache: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=rf"there is no program '{name}'"):
        ready(root, cache, interpreter=name)


@pytest.mark.parametrize(
    ("python", "message"),
    [
        ("3.99", r"there is no Python 3\.99 here; install it \(for example: uv python install"),
        ("/bin/sh", r"environment\.python: '/bin/sh' is not a Python"),
        ("no-such", r"'no-such' is not a Python"),
    ],
)
def test_a_python_that_is_not_there(root: Path, cache: Path, python: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ready(root, cache, requirements="lock.txt", python=python)


def test_a_command_that_only_looks_like_the_wanted_python_is_passed_over(
    root: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As pyenv's shims do for a version that is installed and not active.
    fake = tmp_path / "shims"
    fake.mkdir()
    (fake / "python3.99").write_text("#!/bin/sh\necho 'command not found' >&2; exit 127\n")
    (fake / "python3.99").chmod(0o755)
    monkeypatch.setenv("PATH", str(fake), prepend=os.pathsep)
    with pytest.raises(ConfigError, match=r"there is no Python 3\.99 here"):
        ready(root, cache, requirements="lock.txt", python="3.99")


def test_an_image(root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = f"ghcr.io/me/train@sha256:{'a' * 64}"
    monkeypatch.delenv("LOCKPROOF_IMAGE", raising=False)
    with pytest.raises(ConfigError, match=r"only through `dagger call`"):
        ready(root, cache, image=image)
    monkeypatch.setenv("LOCKPROOF_IMAGE", image)
    env = ready(root, cache, image=image)
    assert (env.kind, env.name, env.digest, env.bin) == ("image", image, "sha256:" + "a" * 64, None)


UNPINNED = """
import anyio, json, pathlib, sys
from lockproof.adapters.environment.build import prepare
from lockproof.adapters.sandbox.isolation import OFF
env = anyio.run(prepare, None, pathlib.Path("/"), pathlib.Path("/nowhere"), print, OFF)
print(json.dumps([env.kind, env.name, env.digest, str(env.python), env.search_path()]))
"""


def test_without_a_policy_the_callers_path_less_lockproofs_own(tmp_path: Path) -> None:
    own = tmp_path / "own venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", own], check=True)
    linked = tmp_path / "linked"
    linked.symlink_to(own / "bin")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "python3").symlink_to("/bin/true")
    entries = [own / "bin", linked, theirs, ".", "", "relative/bin", f"{own}/bin/", "/bin"]
    path = os.pathsep.join(map(str, entries))
    out = subprocess.run(
        [own / "bin" / "python", "-c", UNPINNED],
        env={**IMPORTABLE, "PATH": path, "VIRTUAL_ENV": str(own)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    wanted = os.pathsep.join([str(theirs), "/bin"])
    assert json.loads(out) == ["unpinned", "PATH", None, str(theirs / "python3"), wanted]


def test_a_lockproof_outside_of_any_venv_keeps_the_systems_folders() -> None:
    base = getattr(sys, "_base_executable", sys.executable)
    path = os.pathsep.join([str(Path(base).parent), "/bin"])
    out = subprocess.run(
        [base, "-c", UNPINNED],
        env={**IMPORTABLE, "PATH": path},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert json.loads(out)[-1] == path


# --- with other versions -------------------------------------------------------------------------


@needs_uv
def test_recorded_versions_can_be_put_back(root: Path, cache: Path) -> None:
    env = ready(root, cache)
    before = described(env)
    told = Told()
    back = functools.partial(with_packages, env, {**before.packages, "alpha": "2.0"})
    other = anyio.run(back, cache, told.append, ISOLATION)
    after = described(other)
    assert after.packages == {"alpha": "2.0", "beta-lib": "1.0"}
    assert (after.python, other.kind) == (before.python, "requirements")
    assert told.built == 1
    assert anyio.run(back, cache, told.append, ISOLATION) == other
    assert told.built == 1
    assert described(env) == before

    # Exactly these: what a package needs is not added.
    alone = anyio.run(with_packages, env, {"alpha": "1.0"}, cache, told.append, ISOLATION)
    assert described(alone).packages == {"alpha": "1.0"}


@needs_uv
def test_recorded_versions_that_are_gone(root: Path, cache: Path) -> None:
    with pytest.raises(ConfigError, match=r"with recorded packages: .*alpha==0\.1"):
        anyio.run(with_packages, ready(root, cache), {"alpha": "0.1"}, cache, [].append, ISOLATION)


def test_no_python_to_put_recorded_versions_on(cache: Path) -> None:
    env = PipelineEnvironment("unpinned", "PATH", None, None, None)
    with pytest.raises(ConfigError, match=r"there is no Python in PATH"):
        anyio.run(with_packages, env, {"alpha": "1.0"}, cache, [].append, ISOLATION)


# --- the fingerprint -----------------------------------------------------------------------------


@needs_uv
def test_a_fingerprint_says_what_and_where(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    env = ready(root, cache)
    found = described(env, OPENBLAS_NUM_THREADS="2", DVC_STAGE="x")
    assert (found.kind, found.name, found.digest) == ("requirements", "lock.txt", env.digest)
    assert found.python == f"{platform.python_version()} ({platform.python_implementation()})"
    assert found.packages == {"alpha": "1.0", "beta-lib": "1.0"}
    assert found.machine == platform.machine()
    assert found.blas == {}
    assert found.shell in {"sh", "sh (dash)", "sh (bash)", "sh (busybox)"}
    assert found.threads["OMP_NUM_THREADS"] == "3"
    assert found.threads["OPENBLAS_NUM_THREADS"] == "2"
    assert int(found.threads["cpus"]) >= 1
    assert "DVC_STAGE" not in found.threads
    assert described(env, OPENBLAS_NUM_THREADS="2", DVC_STAGE="x") == found


def test_the_cpus_are_those_that_a_process_may_use() -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("no affinity on this system")
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert threads({})["cpus"] == "1"
    finally:
        os.sched_setaffinity(0, before)


def test_the_machine() -> None:
    machine = anyio.run(this_machine)
    assert platform.release() in machine.os
    assert list(machine.cpu_features) == sorted(machine.cpu_features)
    if sys.platform == "linux":
        flags = Path("/proc/cpuinfo").read_text().split()
        assert set(machine.cpu_features) <= set(flags)
        assert ("avx2" in machine.cpu_features) == ("avx2" in flags)
        assert not {"smep", "smap", "aes"} & set(machine.cpu_features)


def test_gpus_and_their_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A real nvidia-smi needs a real GPU: this checks the reading alone, a comma in a name included.
    fake = tmp_path / "nvidia-smi"
    fake.write_text(
        '#!/bin/sh\n[ "$2" = --format=csv,noheader ] || exit 9\n'
        'echo "NVIDIA L4, 550.54.15"\necho "NVIDIA A100-SXM4, 80GB, 550.54.15"\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    machine = anyio.run(this_machine)
    assert machine.gpus == ("NVIDIA L4", "NVIDIA A100-SXM4, 80GB")
    assert machine.driver == "550.54.15"
    fake.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'; exit 9\n")
    machine = anyio.run(this_machine)
    assert (machine.gpus, machine.driver) == (None, None), "it is there and does not tell"


def test_what_shows_gpus_that_nobody_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files as the drivers of NVIDIA and AMD make them stand in for drivers."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert anyio.run(gpus_here, tmp_path) == ((), None)
    for sign in ("dev/nvidia0", "dev/kfd", "proc/driver/nvidia/version"):
        root = tmp_path / sign.replace("/", "-")
        (root / sign).parent.mkdir(parents=True)
        (root / sign).touch()
        assert anyio.run(gpus_here, root) == (None, None), sign


@pytest.mark.parametrize(
    ("chosen", "seen"),
    [
        (None, ("A", "B", "B")),
        ("", ()),
        ("-1", ()),
        ("3", ()),
        ("1", None),
        ("1,-1,0", None),
        ("2,0,1", ("A", "B", "B")),
        ("0,0", None),
        ("GPU-8932f937", None),
        ("0 ,1", None),
        (" ", None),
    ],
)
def test_gpus_that_stages_see(chosen: str | None, seen: tuple[str, ...] | None) -> None:
    named = {} if chosen is None else {"CUDA_VISIBLE_DEVICES": chosen}
    assert visible_gpus(("A", "B", "B"), named) == seen
    assert visible_gpus((), named) == ()
    assert visible_gpus(None, named) is None


def test_gpus_that_an_index_names() -> None:
    by_bus = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert visible_gpus(("A", "B", "B"), {"CUDA_VISIBLE_DEVICES": "2,0,-1", **by_bus}) == ("B", "A")
    assert visible_gpus(("B", "B"), {"CUDA_VISIBLE_DEVICES": "1"}) == ("B",)
    assert visible_gpus(("B", "B"), {"CUDA_VISIBLE_DEVICES": "1,5,0"}) == ("B",)


def test_cuda_and_cudnn_of_the_machine(tmp_path: Path) -> None:
    """Files as NVIDIA's installers leave them stand in for CUDA: there is none where this runs."""
    assert installed_cuda(tmp_path) == {}
    cuda = tmp_path / "usr/local/cuda"
    (cuda / "include").mkdir(parents=True)
    (cuda / "version.json").write_text(
        '{"cuda": {"name": "CUDA SDK", "version": "12.4.1"}, "cuda_nvcc": {"version": "12.4.131"}}'
    )
    header = "#define CUDNN_MAJOR 9\n#define CUDNN_MINOR 1\n#define CUDNN_PATCHLEVEL 0\n"
    (cuda / "include" / "cudnn_version.h").write_text(f"#ifndef A\n{header}#endif\n")
    assert installed_cuda(tmp_path) == {"cuda": "12.4.1", "cudnn": "9.1.0"}
    for broken in ("", "[]", '{"cuda": {"version": ["12"]}}', '{"cuda": {"version": "a b"}}', "\0"):
        (cuda / "version.json").write_text(broken)
        assert installed_cuda(tmp_path) == {"cudnn": "9.1.0"}
    (cuda / "include" / "cudnn_version.h").write_text("#define CUDNN_MAJOR 9\n")
    assert installed_cuda(tmp_path) == {}


def test_cuda_is_a_change_only_where_both_looked_for_it() -> None:
    """A record of before lockproof looked for it says nothing of it."""
    old, now, then = (
        Environment(kind="unpinned", name="PATH", cuda=cuda)
        for cuda in (None, {"cuda": "12.4.1"}, {"cuda": "12.2.0", "cudnn": "9.1.0"})
    )
    assert environment_changes(old, now) == ()
    assert environment_changes(now, old) == ()
    assert [(c.factor, str(c)) for c in environment_changes(then, now)] == [
        ("cuda", "cuda 12.2.0 -> 12.4.1"),
        ("cuda", "cudnn 9.1.0 -> absent"),
    ]


@pytest.mark.parametrize(
    "name",
    ["CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE", "TF_DETERMINISTIC_OPS", "XLA_FLAGS",
     "JAX_DEFAULT_MATMUL_PRECISION"],
)  # fmt: skip
def test_flags_of_determinism_reach_stages_and_are_told(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(name, "1")
    given = stage_variables(RunPolicy(), path="", home=tmp_path, tmp=tmp_path, extra={})
    assert given[name] == "1"
    assert threads(given)[name] == "1"


PROBE = Path(describe.__code__.co_filename).with_name("probe.py")


def test_the_linear_algebra_is_named_with_its_kernel(tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    env = PipelineEnvironment("interpreter", "this", None, None, Path(sys.executable))
    found = described(env).blas
    assert found
    assert all(len(value.split()) >= 1 for value in found.values())
    if platform.machine() == "x86_64" and any("openblas" in name for name in found):
        generic = described(env, OPENBLAS_CORETYPE="Nehalem").blas
        openblas = {name: value for name, value in generic.items() if "openblas" in name}
        assert all(value.endswith(" Nehalem") for value in openblas.values()), generic


def test_the_linear_algebra_is_the_same_however_it_is_found(tmp_path: Path) -> None:
    """With threadpoolctl or without it, from extension modules alone or by importing them all."""
    pytest.importorskip("numpy")
    pytest.importorskip("threadpoolctl")
    run = f"sys.argv[1:] = ['blas', 'out']; runpy.run_path({str(PROBE)!r}, run_name='__main__')"
    alone = "; assert not {'numpy', 'scipy'} & sys.modules.keys()"
    whole = "; assert 'numpy' in sys.modules"
    if not sys.platform.startswith("linux"):
        alone = ""
    without, unfound = "sys.modules['threadpoolctl'] = None; ", "importlib.util.find_spec = None; "
    answers = []
    for before, after in (
        ("", alone),
        (without, alone),
        (unfound, whole),
        (unfound + without, whole),
    ):
        script = f"import importlib.util, runpy, sys; {before}{run}{after}"
        subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)
        answers.append(json.loads((tmp_path / "out").read_text()))
    assert answers[0] != {}
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize(
    ("files", "opened"),
    [
        ({}, True),
        ({"_distributor_init.py": "'Import what is beside it.'\n"}, True),
        ({"_distributor_init.py": "from . import _distributor_init_local  # noqa\n"}, True),
        ({"_distributor_init.py": "if True:\n    import mkl\n"}, False),
        ({"_distributor_init_local.py": ""}, False),
        ({"core/_multiarray_umath.so": None}, False),
        ({"linalg/_umath_linalg.so": "no library"}, False),
    ],
)
def test_what_a_distributor_loads_first_is_not_overlooked(
    files: dict[str, str | None], opened: bool, tmp_path: Path
) -> None:
    import _ctypes

    package = tmp_path / "numpy"
    for name in ("core/_multiarray_umath.so", "linalg/_umath_linalg.so"):
        (package / name).parent.mkdir(parents=True)
        if name not in files:
            shutil.copy(_ctypes.__file__, package / name)
    (package / "__init__.py").touch()
    for name, text in files.items():
        if text is not None:
            (package / name).write_text(text)
    script = f"import runpy, sys; sys.path[:0] = ['.']; m = runpy.run_path({str(PROBE)!r})"
    script += "; sys.exit(0 if m['_opened']('numpy') else 3)"
    done = subprocess.run([sys.executable, "-c", script], check=False, cwd=tmp_path)
    assert done.returncode == (0 if opened else 3)


def test_a_broken_numpy_does_not_hide_the_packages(root: Path, cache: Path, wheels: Path) -> None:
    if UV is None:
        pytest.skip("no uv")
    wheel(wheels, "numpy", "0.1", code="print('noise'); import os; os.abort()\n")
    (root / "lock.txt").write_text("numpy==0.1\n")
    found = described(ready(root, cache))
    assert (found.packages, found.blas) == ({"numpy": "0.1"}, {})


@pytest.mark.parametrize(
    "head",
    [
        "Name: Some_Thing\nVersion: 1.0\nSummary: x\n\nName: other\n",
        "Metadata-Version: 2.1\nversion: 1.0 \nNAME:\tsome.thing\n\n",
        "Name: some-thing\r\nVersion: 1.0\r\n\r\nVersion: 2\r\n",
        "Name: some-thing\nVersion: 1.0\nVersion: 2.0\n\n",
        "Name: some-thing\nSummary: of\n Name: other\nVersion: 1.0\n",
        "\nName: some-thing\nVersion: 1.0\n",
        "Name: some-thing\n\nVersion: 1.0\n",
        "Version: 1.0\nno field\nName: some-thing\n",
        "",
    ],
)
def test_a_package_is_called_what_importlib_calls_it(tmp_path: Path, head: str) -> None:
    folder = tmp_path / "some_thing-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(head, "utf-8", newline="")
    parsed = email.message_from_string((folder / "METADATA").read_text("utf-8"))  # As importlib.
    name, version = parsed["Name"], parsed["Version"]
    told = {re.sub(r"[-_.]+", "-", name).lower(): version} if name and version else {}
    argv = [sys.executable, "-I", "-S", "-c", "import runpy, sys; sys.path[:0] = sys.argv[4:]; "]
    argv[-1] += f"runpy.run_path({str(PROBE)!r}, run_name='__main__')"
    subprocess.run([*argv, "packages", "out", "", str(tmp_path)], cwd=tmp_path, check=True)
    assert json.loads((tmp_path / "out").read_text())["packages"] == told


def old_python() -> str | None:
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = sorted(versions.glob("3.8.*/bin/python"))
    return str(found[0]) if found else shutil.which("python3.8")


def test_the_probe_runs_on_python_3_8(tmp_path: Path) -> None:
    python = old_python()
    if python is None:
        pytest.skip("no Python 3.8 here")
    for what in ("packages", "blas"):
        subprocess.run([python, PROBE, what, tmp_path / what], check=True, cwd=tmp_path)
    assert json.loads((tmp_path / "packages").read_text())["python"].startswith("3.8.")
    assert json.loads((tmp_path / "blas").read_text()) == {}


def test_a_python_too_old_for_the_probe_is_still_named() -> None:
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = sorted(versions.glob("3.6.*/bin/python"))
    if not found:
        pytest.skip("no Python 3.6 here")
    env = PipelineEnvironment("interpreter", "old", None, None, found[0])
    assert str(described(env).python).startswith("3.6.")
