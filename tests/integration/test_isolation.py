"""What a stage can reach of the machine, level by level: real processes, real kernel."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from integration.pipelines import BIN, new_project
from lockproof.adapters.environment.build import prepare
from lockproof.adapters.sandbox.detect import find_isolation
from lockproof.adapters.sandbox.disposable import is_disposable
from lockproof.adapters.sandbox.isolation import Isolated, Isolation, Level
from lockproof.adapters.sandbox.run import Completed, Limits, run_programs
from lockproof.adapters.sandbox.view import Mount, View, readable, system_view
from lockproof.config import parse_policy
from lockproof.steps.surface import make_surface, not_found

ESCAPES = Path(__file__).with_name("escapes.py")
SECRET = "s3cret-of-the-machine"
ATTACKS = re.findall(r"@attack\ndef (\w+)", ESCAPES.read_text())

VISIBLE_UNDER_LANDLOCK = {
    "see_other_processes",  # Their names, not their memory.
    "signal_everybody",
    "signal_others",
    "change_priority_of_others",
    "find_a_service_socket",  # Seen, not usable.
    "find_the_cache",
    "connect_to_a_socket_file",
    "change_a_mode",  # Of the same user's files; the content stays closed.
    "change_times",
}
"""What Landlock cannot hide; docs/guides/security.md says so."""


def level_or_skip(level: Level) -> Isolation:
    found = anyio.run(find_isolation, (level,))
    if found.level is not level:
        pytest.skip(f"not to be had here: {'; '.join(found.refusals)}")
    return found


@pytest.fixture(params=[Level.BUBBLEWRAP, Level.NAMESPACES, Level.LANDLOCK])
def level(request: pytest.FixtureRequest) -> Level:
    return level_or_skip(request.param).level


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[tuple[Path, int, int]]:
    """A folder, a port and a process of the machine that no stage should reach."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text(SECRET)
    (folder / "canary").write_text("canary")
    os.mkfifo(folder / "pipe")
    servers = [socket.create_server(("127.0.0.1", 0))]
    port = servers[0].getsockname()[1]
    # The name of a socket file must be short.
    here = os.open(folder, os.O_RDONLY)
    for name in (f"/proc/self/fd/{here}/socket", f"\0lockproof-test-{port}"):
        server = socket.socket(socket.AF_UNIX)
        server.bind(name)
        server.listen()
        servers.append(server)
    reader = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    env = {**os.environ, "TOKEN": SECRET}
    with subprocess.Popen(["sleep", "3000"], env=env) as process:
        yield folder, port, process.pid
        assert process.poll() is None, "it was ended"
        process.send_signal(signal.SIGKILL)
    for descriptor in (here, reader):
        os.close(descriptor)
    for server in servers:
        server.close()


def run_in(
    level: Level, tmp_path: Path, *programs: list[str], timeout: float = 60
) -> tuple[Completed, str]:
    folders = {name: tmp_path / name for name in ("checkout", "home", "tmp")}
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
    own = level.own_root
    checkout = Path("/workspace") if own else folders["checkout"]
    home = Path("/home/stage") if own else folders["home"]
    view = system_view(network=False).showing(
        [
            Mount("/workspace", str(folders["checkout"]), "write"),
            Mount("/home/stage", str(folders["home"]), "write"),
            Mount("/tmp", str(folders["tmp"]), "write"),
            *readable([Path(sys.base_prefix), ESCAPES]),
        ]
    )

    async def main() -> Completed:
        return await run_programs(
            programs,
            cwd=checkout,
            env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(home)},
            log=tmp_path / "log",
            limits=Limits(timeout, network=False),
            isolated=Isolated(level, view),
        )

    done = anyio.run(main)
    return done, (tmp_path / "log").read_text("utf-8", "replace")


PYTHON = os.path.realpath(sys.executable)


def test_nothing_of_the_machine_can_be_reached(
    level: Level, tmp_path: Path, outside: tuple[Path, int, int]
) -> None:
    folder, port, pid = outside
    done, said = run_in(
        level, tmp_path, [PYTHON, "-I", str(ESCAPES), str(folder), str(port), str(pid)]
    )
    lines = dict(
        reversed(line.split())
        for line in said.splitlines()
        if " " in line and (line.startswith(("held ", "worked ")))
    )
    assert done.exit_code == 0, said
    assert done.isolation is level
    assert set(lines) == set(ATTACKS)
    assert len(ATTACKS) >= 60
    worked = {name for name, how in lines.items() if how == "worked"}
    assert worked - (VISIBLE_UNDER_LANDLOCK if level is Level.LANDLOCK else set()) == set()
    assert (folder / "secret").read_text() == SECRET
    assert (folder / "canary").read_text() == "canary"
    assert sorted(p.name for p in folder.iterdir()) == ["canary", "pipe", "secret", "socket"]


def test_the_same_attacks_work_without_isolation(
    tmp_path: Path, outside: tuple[Path, int, int]
) -> None:
    """Else the test above could not fail."""
    folder, port, pid = outside
    keep = tmp_path / "keep"
    keep.mkdir()
    # Those that would harm the machine, or this test's own process, are left out.
    harmless = (
        *("read_a_file", "read_through_a_link", "list_a_folder", "read_by_going_up"),
        *("read_by_proc_root", "hard_link_to_a_file", "copy_by_another_program"),
        *("write_a_file", "write_through_a_link", "make_a_file", "see_other_processes"),
        *("read_variables_of_others", "connect_to_a_socket_file", "read_memory_of_others"),
        *("connect_to_the_machine", "connect_to_an_abstract_socket", "write_to_a_named_pipe"),
        *("signal_everybody", "truncate_a_file", "rename_a_file"),
    )
    program = (
        f"import sys; sys.argv[1:] = [{str(folder)!r}, {port}, {pid}];"
        f"names = {harmless!r};"
        f"scope = {{'__name__': 'escapes'}}; exec(open({str(ESCAPES)!r}).read(), scope);"
        "print(*[n for n in names if not scope['ATTACKS'][n]()])"
    )
    done = subprocess.run(
        [PYTHON, "-I", "-c", program], cwd=keep, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == [], done.stderr


def test_a_stage_works_in_its_own_folders(level: Level, tmp_path: Path) -> None:
    script = (
        'set -e; echo a > f; mkdir -p d/e; echo b > "$HOME/g"; cat f "$HOME/g"; date > /dev/null'
    )
    done, said = run_in(level, tmp_path, ["/bin/sh", "-c", script])
    assert (done.exit_code, said) == (0, "a\nb\n")
    assert (tmp_path / "checkout" / "f").read_text() == "a\n"


@pytest.mark.parametrize("kind", ["conda", "venv"])
def test_an_environment_is_whole_wherever_its_parts_lie(
    kind: str, level: Level, tmp_path: Path
) -> None:
    """A prefix whose programs look beside themselves, and a virtual environment on its Python."""
    conda, venv, elsewhere = (tmp_path / name for name in ("conda", "venv", "elsewhere"))
    for folder in (conda / "bin", conda / "lib", conda / "conda-meta", elsewhere):
        folder.mkdir(parents=True)
    shutil.copy(PYTHON, conda / "bin/python")
    (conda / "lib/data").write_text("beside\n")
    (conda / "bin/tool").write_text('#!/bin/sh\ncat "$(dirname "$0")/../lib/data"\n')
    (conda / "bin/tool").chmod(0o755)
    (elsewhere / "editable.py").write_text("print('found')\n")
    subprocess.run([conda / "bin/python", "-m", "venv", "--without-pip", venv], check=True)
    (site,) = venv.glob("lib/*/site-packages")
    (site / "editable.pth").write_text(f"{elsewhere}\n")
    place = {"conda": conda, "venv": venv}[kind]
    named = f'[environment]\ninterpreter = "{place}/bin/python"\n'
    policy = parse_policy(f'{named}[run]\nvisible = ["{elsewhere}"]\n', "lockproof.toml")
    own = kind == "conda"
    code = "import ctypes, json" if own else "import ctypes, editable"

    async def main() -> Completed:
        found = await prepare(
            policy.environment, tmp_path, tmp_path / "cache", lambda _: None, Isolation(level)
        )
        surface = await make_surface(policy, found, tmp_path / "clone", Isolation(level))
        assert list(not_found(surface, found, tmp_path / "clone")) == []
        unnamed = await make_surface(
            parse_policy(named, "lockproof.toml"), found, tmp_path / "clone", Isolation(level)
        )
        told = list(not_found(unnamed, found, tmp_path / "clone"))
        assert [str(elsewhere) in line for line in told] == [True] * (not own)
        checkout = tmp_path / "checkout"
        checkout.mkdir()
        view = surface.view.showing([Mount(str(checkout), str(checkout), "write")])
        return await run_programs(
            [[f"{place}/bin/python", "-c", code], *([[f"{conda}/bin/tool"]] if own else [])],
            cwd=checkout,
            env={"PATH": f"{place}/bin:/usr/bin:/bin"},
            log=tmp_path / "log",
            limits=Limits(60, network=False),
            isolated=Isolated(level, view),
        )

    done = anyio.run(main)
    said = (tmp_path / "log").read_text("utf-8", "replace")
    assert (done.exit_code, done.isolation) == (0, level), said
    assert said.split() == ["beside" if own else "found"]


def test_programs_run_in_order_and_what_they_leave_serves_the_next(
    level: Level, tmp_path: Path
) -> None:
    server = (
        "import http.server as h;"
        " s = h.HTTPServer(('127.0.0.1', 8765), h.SimpleHTTPRequestHandler);"
        " open('up', 'w'); s.serve_forever()"
    )
    client = "import urllib.request as u; print(len(u.urlopen('http://127.0.0.1:8765/up').read()))"
    done, said = run_in(
        level,
        tmp_path,
        [
            "/bin/sh",
            "-c",
            f'{PYTHON} -c "{server}" 2>/dev/null & while [ ! -e up ]; do sleep 0.1; done',
        ],
        [PYTHON, "-c", client],
        ["/bin/sh", "-c", "exit 7"],
        ["/bin/sh", "-c", "echo never"],
    )
    assert (done.exit_code, said.split()) == (7, ["0"])


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("exit 3", 3),
        ("kill -KILL $$", 137),
        ("kill -TERM $$", 143),
        ("kill -TERM 0; exit 0", 143),
        ("trap '' TERM; kill -TERM 0; exit 0", 143),
        ("trap 'exit 0' TERM; kill -TERM 0; sleep 1", 143),
        ("kill -KILL 0", 137),
        ("kill -KILL 1; exit 4", 4),
        ("kill -TERM $PPID; exit 0", 143),
        ("kill -KILL $PPID; exit 0", 137),
        ("trap '' HUP; kill -HUP $PPID; exit 0", 129),
        ("kill -STOP $PPID & sleep 0; exit 9", 9),
    ],
)
def test_no_signal_makes_a_success_of_a_failure(
    level: Level, tmp_path: Path, script: str, code: int
) -> None:
    if level is Level.LANDLOCK:
        pytest.skip("there the launcher itself waits for the stage: test_sandbox.py")
    done, said = run_in(
        level,
        tmp_path,
        ["/bin/sh", "-c", script],
        ["/bin/sh", "-c", "exit 9"],
        timeout=10 if "STOP" in script else 60,
    )
    assert done.exit_code != 0, said
    if done.exit_code is not None and "STOP" not in script:
        assert done.exit_code == code, said


def test_an_output_can_be_read_and_removed_by_us_afterwards(level: Level, tmp_path: Path) -> None:
    run_in(level, tmp_path, ["/bin/sh", "-c", "mkdir d; echo a > d/f; chmod 000 d/f; chmod 500 d"])
    from lockproof.adapters.scratch import remove

    remove(tmp_path / "checkout")
    assert not (tmp_path / "checkout").exists()


def test_the_first_level_that_works_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    level_or_skip(Level.NAMESPACES)
    monkeypatch.setenv("PATH", "/nowhere")
    found = anyio.run(find_isolation)
    assert found.level is Level.NAMESPACES
    assert found.refusals == ("bubblewrap: not on PATH",)


def refused(*command: object, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a program in a user namespace that may make no further ones, as in many containers."""
    setup = 'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set -all "$@"'
    done = subprocess.run(
        ["unshare", "-Ur", "sh", "-c", setup, "sh", *map(str, command)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare" in done.stderr or "setpriv" in done.stderr:
        pytest.skip(done.stderr.strip())
    return done


def test_where_namespaces_are_refused_landlock_is_left() -> None:
    level_or_skip(Level.LANDLOCK)
    script = (
        "import anyio; from lockproof.adapters.sandbox.detect import find_isolation;"
        "print(anyio.run(find_isolation))"
    )
    done = refused(sys.executable, "-c", script)
    assert done.stdout.startswith("landlock (bubblewrap: "), done.stderr
    assert "namespaces: user namespace: " in done.stdout


def test_there_a_demand_is_met_only_in_a_container_made_for_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an engine of Dagger; what did not hold is in the verdict's line."""
    level_or_skip(Level.LANDLOCK)
    if is_disposable():
        pytest.skip("these tests run in such a container themselves")
    with monkeypatch.context() as patch:
        patch.setenv("LOCKPROOF_DISPOSABLE", "1")
        if not is_disposable():
            pytest.skip("the socket of a container engine is here")
    project = new_project(tmp_path)
    project.write({"dvc.yaml": "stages: {a: {cmd: echo 1 > o, outs: [o]}}\n"})
    project.repro()
    command = (BIN / "lockproof", "-C", project.root, "reproduce", "--isolation", "required")
    cache = {"LOCKPROOF_CACHE_DIR": str(tmp_path / "cache")}
    done = refused(*command, **cache)
    assert done.returncode == 2
    [line] = [each for each in done.stderr.splitlines() if each.startswith("lockproof: run.")]
    assert "isolation is required and cannot be had here (bubblewrap: " in line
    done = refused(*command, **cache, LOCKPROOF_DISPOSABLE="1")
    assert done.returncode == 0, done.stderr
    assert "stages not isolated (landlock); network on" in done.stdout


def test_a_view_mounts_a_target_once_and_in_order() -> None:
    view = View((Mount("/workspace", "/a/b"), Mount("/x", "/a/b/c")))
    assert [m.target for m in View((Mount("/a/b/c", "/"), Mount("/a", "/"))).ordered()] == [
        "/a",
        "/a/b/c",
    ]
    assert len(view.showing([Mount("/x", "/other")]).mounts) == 2
