"""Stage commands under limits: real shells, real processes, a real server."""

import contextlib
import functools
import http.server
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lockproof.adapters.environment.variables import stage_variables
from lockproof.adapters.sandbox.launcher import GRACE
from lockproof.adapters.sandbox.output import LastLine
from lockproof.adapters.sandbox.run import (
    Completed,
    Limits,
    run_commands,
    run_programs,
)
from lockproof.config import RunPolicy
from lockproof.errors import ConfigError, UsageError
from waiting import wait_for

LINUX = sys.platform.startswith("linux")
linux_only = pytest.mark.skipif(not LINUX, reason="only Linux finds every descendant")
# So that a new Python finds what this one has found, installed or not.
IMPORTABLE = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

# Ends up in a session of its own, without the parent that started it, deaf to SIGTERM.
DAEMON = textwrap.dedent(
    """
    import os, signal, sys, time
    if os.fork(): os._exit(0)
    os.setsid()
    if os.fork(): os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with open(sys.argv[1] + ".part", "w") as file: file.write(str(os.getpid()))
    os.rename(sys.argv[1] + ".part", sys.argv[1])
    time.sleep(300)
    """
)


def run(folder: Path, *commands: str, **options: Any) -> Completed:
    limits = Limits(options.pop("timeout", 60), options.pop("network", True))
    call = functools.partial(
        run_commands,
        commands,
        cwd=options.pop("cwd", folder),
        env=options.pop("env", {"PATH": os.environ["PATH"]}),
        shell=options.pop("shell", "/bin/sh"),
        log=options.pop("log", folder / "log"),
        limits=limits,
        **options,
    )
    return anyio.run(call)


def text(folder: Path) -> str:
    return (folder / "log").read_text("utf-8", "surrogateescape")


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


# Of this test process alone, so that others beside it do not matter.
LONG_SLEEP = f"sleep 300.{os.getpid()}"


def running(command: str) -> bool:
    return any(line == command for _, _, line in processes())


@pytest.fixture(autouse=True)
def nothing_left_before() -> None:
    """DVC, called in this process by another test, does not wait for the daemon that it forks."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def children() -> list[str]:
    """Processes below this one, zombies included."""
    return [f"{pid} {line}" for pid, parent, line in processes() if parent == os.getpid()]


def processes() -> Iterator[tuple[int, int, str]]:
    """PID, parent's PID and command line of everything that runs (`ps` is not everywhere)."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            line = (folder / "cmdline").read_bytes().decode(errors="replace")
            yield int(folder.name), int(parent), line.rstrip("\0").replace("\0", " ")


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A command that leaves a stubborn daemon, and the file where it says its PID."""
    script, told = tmp_path / "daemon.py", tmp_path / "pid"
    script.write_text(DAEMON)
    wait = f"while [ ! -e {told} ]; do sleep 0.02; done"
    yield f"{sys.executable} -I -S {script} {told}; {wait}", told
    if told.exists() and alive(int(told.read_text())):
        os.kill(int(told.read_text()), signal.SIGKILL)
        pytest.fail("the daemon was still alive")


# --- what a shell does ---------------------------------------------------------------------------


def test_runs_in_order_and_stops_at_the_first_failure(tmp_path: Path) -> None:
    done = run(tmp_path, "echo one", "echo two >&2; exit 7", "echo three")
    assert (done.exit_code, done.timed_out) == (7, False)
    assert text(tmp_path) == "one\ntwo\n"
    assert done.seconds > 0


def test_no_commands_succeed(tmp_path: Path) -> None:
    assert run(tmp_path).exit_code == 0
    assert text(tmp_path) == ""


@pytest.mark.parametrize(("name", "code"), [("TERM", 143), ("KILL", 137), ("PIPE", 141)])
def test_a_signal_is_128_and_its_number(tmp_path: Path, name: str, code: int) -> None:
    assert run(tmp_path, f"kill -{name} $$", "echo no").exit_code == code
    assert text(tmp_path) == ""


def test_a_command_that_signals_its_own_group_hits_only_itself(tmp_path: Path) -> None:
    assert run(tmp_path, "kill 0; sleep 60").exit_code == 143


def test_standard_input_is_empty(tmp_path: Path) -> None:
    assert run(tmp_path, "cat", "read line; echo status $?").exit_code == 0
    assert text(tmp_path) == "status 1\n"


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
@pytest.mark.parametrize(
    ("shell", "options"),
    [("bash", ["--noprofile", "--norc"]), ("zsh", ["--no-rcs"]), ("sh", [])],
)
def test_shells_start_as_dvc_starts_them(tmp_path: Path, shell: str, options: list[str]) -> None:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"no {shell} here")
    # A shell may become its last command: `tr` would then read itself.
    command = "tr '\\0' '\\n' < /proc/$$/cmdline; true"
    assert run(tmp_path, command, shell=shell).exit_code == 0
    # zsh writes an option's name anew where it was given.
    words = text(tmp_path).replace("no_rcs", "no-rcs").splitlines()
    assert words == [path, *options, "-c", command]


@pytest.mark.parametrize("locale", [{}, {"LC_ALL": "C"}, {"LANG": "POSIX"}])
def test_programs_see_exactly_the_variables_given(tmp_path: Path, locale: dict[str, str]) -> None:
    # Python turns LC_CTYPE=C into C.UTF-8 for itself and its children: that must not leak.
    env = {"A": "1=2", "LONG": "x" * 100_000, "LINES": "a\nb", "BYTES": "\udcff", **locale}
    call = functools.partial(
        run_programs,
        [[shutil.which("env") or "", "-0"]],
        cwd=tmp_path,
        env=env,
        log=tmp_path / "log",
        limits=Limits(None, network=True),
    )
    assert anyio.run(call).exit_code == 0
    assert text(tmp_path).split("\0")[:-1] == [f"{name}={value}" for name, value in env.items()]


@linux_only
def test_the_process_above_a_command_has_nothing_to_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    assert run(tmp_path, "cat /proc/$PPID/environ; echo; echo read").exit_code == 0
    assert text(tmp_path).endswith("\nread\n")
    assert "s3cret" not in text(tmp_path)


def test_signals_and_descriptors_are_as_in_a_fresh_process(tmp_path: Path) -> None:
    if not LINUX:
        pytest.skip("needs /proc")
    run(tmp_path, "grep -E 'Sig(Ign|Blk)' /proc/self/status; ls /proc/self/fd | wc -l")
    # Signals 32 and 33 are the C library's own: no program can set or clear them.
    masks = {int(mask, 16) & ~(0b11 << 31) for mask in re.findall(r":\s+(\w+)", text(tmp_path))}
    assert masks == {0}
    assert text(tmp_path).splitlines()[-1].strip() == "4"  # 0, 1, 2 and the folder that ls reads


@pytest.mark.parametrize("name", ["mit Leerzeichen", "données-数据-😀", "quote'\"$(x)", "b\udcffd"])
def test_any_folder_will_do(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    done = run(tmp_path, 'printf "%s\n" "$PWD"', "echo x > made", cwd=folder, network=False)
    assert done.exit_code == 0
    assert text(tmp_path) == f"{folder}\n"
    assert (folder / "made").exists()


def test_a_shell_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot run the shell '/no/such/shell'.*run\.shell"):
        run(tmp_path, "true", shell="/no/such/shell")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot work in .*gone: No such file"):
        run(tmp_path, "true", cwd=tmp_path / "gone")


def test_a_command_too_long_for_the_kernel(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"cannot run a command with .*sh: Argument list too long"
    ):
        run(tmp_path, "true " + "x" * 3_000_000)


@pytest.mark.parametrize("text", ["echo a\0b", "echo \ud800"])
def test_a_command_that_no_system_takes(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="has a character no system takes: 'echo"):
        run(tmp_path, text)


def test_many_commands(tmp_path: Path) -> None:
    assert run(tmp_path, *["printf x"] * 300).exit_code == 0
    assert text(tmp_path) == "x" * 300


# --- output --------------------------------------------------------------------------------------

MEASURED = """
import anyio, functools, pathlib, resource, sys
from lockproof.adapters.sandbox.run import Limits, run_commands

async def main(folder, command):
    call = functools.partial(run_commands, cwd=folder, env={"PATH": "/usr/bin:/bin"},
        shell="/bin/sh", log=folder / "log", limits=Limits(300, True), on_output=lambda line: None)
    await call(["true"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (await call([command])).exit_code == 0
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)

anyio.run(main, pathlib.Path(sys.argv[1]), sys.argv[2])
"""


@pytest.mark.parametrize("source", ["head -c 200000000 /dev/zero", "yes long | head -c 200000000"])
def test_output_of_any_size_takes_no_memory(tmp_path: Path, source: str) -> None:
    told = python(MEASURED, tmp_path, source)
    assert (tmp_path / "log").stat().st_size == 200_000_000
    kilobytes = int(told) // (1 if LINUX else 1024)
    assert kilobytes < 8_000, "200 MB of output took more than 8 MB of memory"


def python(script: str, *arguments: str | Path, **env: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, **IMPORTABLE, **env},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    ).stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_error_and_ends_the_commands(tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(UsageError, match="cannot write the log /dev/full: No space left on device"):
        run(tmp_path, "echo something; sleep 3000", log=Path("/dev/full"))
    assert time.monotonic() - start < 3000, "the commands were waited for"
    assert children() == []


def test_a_log_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot write the log"):
        run(tmp_path, "true", log=tmp_path / "file" / "log")


def test_progress_shows_the_last_line_now_and_then(tmp_path: Path) -> None:
    lines: list[str] = []
    counting = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done"
    run(tmp_path, counting, "sleep 0.6; printf 'a\\rb 50%%\\r'; sleep 0.6", on_output=lines.append)
    assert lines[-1] == "b 50%"
    assert "line 19999" in lines
    assert len(lines) < 50


def test_progress_cannot_steer_the_terminal(tmp_path: Path) -> None:
    lines: list[str] = []
    run(tmp_path, "printf '\\033]0;title\\007\\033[2Jred \\033[31mtext\\b\\200\\n'",
        on_output=lines.append)  # fmt: skip
    assert lines == ["red text\ufffd"]


def test_progress_that_raises_leaves_no_process(tmp_path: Path) -> None:
    def broken(_line: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as caught:
        run(tmp_path, "echo x; sleep 60", on_output=broken)
    assert caught.group_contains(ZeroDivisionError)
    assert children() == []


@given(st.lists(st.text(alphabet="ab\n\r ", max_size=8)))
@example(["one\ntwo", "\r", "\n"])
def test_the_last_line_does_not_depend_on_how_the_stream_is_cut(pieces: list[str]) -> None:
    shown: list[str] = []
    line = LastLine(shown.append)
    for piece in pieces:
        line.feed(piece.encode())
    line.flush()
    whole = re.split(r"[\r\n]", "".join(pieces))[:-1]
    wanted = [part.strip() for part in whole if part.strip()]
    assert shown == wanted[-1:]


# --- the network ---------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "page").write_text("reached")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path / "served"))

        def log_message(self, *_args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}/page"
        listening.shutdown()
        thread.join()


FETCH = (
    f"{sys.executable} -I -c 'import sys, urllib.request as u; "
    "print(u.build_opener(u.ProxyHandler({{}})).open(sys.argv[1], timeout=10).read().decode())' {}"
)


def offline(done: Completed) -> Completed:
    if done.network != "off":
        assert done.network.startswith("on (cannot be turned off: ")
        pytest.skip(f"network {done.network}")
    return done


def test_the_network_is_on_if_the_policy_says_so(tmp_path: Path, server: str) -> None:
    done = run(tmp_path, FETCH.format(server), network=True)
    assert (done.exit_code, done.network) == (0, "on (policy)")
    assert text(tmp_path) == "reached\n"


def test_the_network_is_off(tmp_path: Path, server: str) -> None:
    done = offline(run(tmp_path, FETCH.format(server), network=False))
    assert done.exit_code == 1
    assert "Connection refused" in text(tmp_path)


def test_localhost_works_offline_and_a_server_outlives_the_command_that_starts_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "page").write_text("reached")
    serve = f"{sys.executable} -I -u -m http.server --bind 127.0.0.1 8765 > started 2>&1 &"
    wait = "while ! grep -qs Serving started; do sleep 0.05; done"
    done = offline(
        run(tmp_path, serve, wait, FETCH.format("http://localhost:8765/page"), network=False)
    )
    assert done.exit_code == 0
    assert text(tmp_path) == "reached\n"


def test_files_belong_to_the_caller_offline(tmp_path: Path) -> None:
    offline(run(tmp_path, "id -u; id -g; touch made", network=False))
    assert text(tmp_path) == f"{os.geteuid()}\n{os.getegid()}\n"
    assert (tmp_path / "made").stat().st_uid == os.geteuid()


UNPRIVILEGED = """
import ctypes, os, socket, sys
from lockproof.adapters.sandbox.offline import go_offline
socket.getaddrinfo("127.0.0.1", 80)
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE, as after a start without privileges
before = os.getuid(), os.getgid()
refusal = go_offline()
assert (os.getuid(), os.getgid()) == before, (os.getuid(), os.getgid())
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5).close()
    print("reached", refusal)
except OSError as error:
    print("refused", refusal, error)
"""


@linux_only
def test_the_network_goes_off_without_privileges(server: str) -> None:
    port = server.split(":")[2].partition("/")[0]
    told = python(UNPRIVILEGED, port)
    if told.startswith("reached") and "None" not in told:
        pytest.skip(told)
    assert told.startswith("refused None")
    assert "Connection refused" in told


ALONE = """
import anyio, functools, pathlib, sys
from lockproof.adapters.sandbox.run import Limits, run_commands
call = functools.partial(run_commands, [sys.argv[2]], cwd=pathlib.Path(sys.argv[1]),
    env={"PATH": "/usr/bin:/bin"}, shell="/bin/sh", log=pathlib.Path(sys.argv[1], "log"),
    limits=Limits(float(sys.argv[3]), False))
print(anyio.run(call))
"""


@linux_only
def test_where_the_kernel_refuses_commands_run_and_the_reason_is_told(tmp_path: Path) -> None:
    # A user namespace in which no network namespace may be made stands for such a kernel.
    limit = "echo 0 > /proc/sys/user/max_net_namespaces"
    if subprocess.run(
        ["unshare", "-r", "sh", "-c", limit], check=False, stderr=subprocess.DEVNULL
    ).returncode:
        pytest.skip("cannot set up a user namespace with limits")
    script = shlex_join(sys.executable, "-c", ALONE, str(tmp_path), "echo ran; id -u", "60")
    told = subprocess.run(
        ["unshare", "-r", "sh", "-c", f"{limit}; exec {script}"],
        env={**os.environ, **IMPORTABLE},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    reason = "unshare: no more namespaces are allowed"
    assert f"network='on (cannot be turned off: {reason})'" in told
    assert "exit_code=0" in told
    assert text(tmp_path) == "ran\n0\n"


def shlex_join(*words: str) -> str:
    return " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)


# --- nothing is left behind ----------------------------------------------------------------------


@linux_only
def test_processes_left_running_are_ended_after_the_last_command(
    tmp_path: Path, daemon: tuple[str, Path]
) -> None:
    command, told = daemon
    done = run(tmp_path, f"sleep 300 & {command}", "echo last", network=False)
    assert (done.exit_code, text(tmp_path)) == (0, "last\n")
    assert GRACE < done.seconds < 300, "SIGTERM, grace, SIGKILL"
    assert not alive(int(told.read_text()))
    assert children() == []


@linux_only
def test_the_time_limit_ends_everything(tmp_path: Path, daemon: tuple[str, Path]) -> None:
    command, told = daemon
    polite = "trap 'echo tidied > tidied; exit' TERM; while :; do sleep 0.05; done"
    done = run(tmp_path, f"{command}; {polite}", "echo no", timeout=10, network=False)
    assert (done.exit_code, done.timed_out) == (None, True)
    assert done.seconds > 10 + GRACE
    assert (tmp_path / "tidied").read_text() == "tidied\n"
    assert not alive(int(told.read_text()))
    assert children() == []


def test_the_time_limit_does_not_wait_for_the_obedient(tmp_path: Path) -> None:
    done = run(tmp_path, "echo begun; sleep 3000", timeout=5)
    assert (done.exit_code, done.timed_out) == (None, True)
    assert text(tmp_path) == "begun\n"


def test_the_time_limit_is_for_the_whole_list(tmp_path: Path) -> None:
    done = run(tmp_path, "echo x", *["sleep 4"] * 100, timeout=8)
    assert done.timed_out
    assert text(tmp_path) == "x\n"


@linux_only
def test_cancelling_ends_everything(tmp_path: Path, daemon: tuple[str, Path]) -> None:
    command, told = daemon

    async def main() -> float:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(
                functools.partial(
                    run_commands,
                    [f"echo begun; {command}; sleep 300"],
                    cwd=tmp_path,
                    env={"PATH": os.environ["PATH"]},
                    shell="/bin/sh",
                    log=tmp_path / "log",
                    limits=Limits(None, network=False),
                )
            )
            with anyio.fail_after(300):
                while not told.exists():
                    await anyio.sleep(0.02)
            tasks.cancel_scope.cancel()
            start = anyio.current_time()
        return anyio.current_time() - start

    assert anyio.run(main) >= GRACE
    assert not alive(int(told.read_text()))
    assert text(tmp_path) == "begun\n"
    assert children() == []


def test_a_command_can_tidy_up_and_is_heard_until_it_has_ended(tmp_path: Path) -> None:
    tidy = "head -c 1000000 /dev/zero; sleep 0.5; echo tidied > tidied; exit"

    async def main() -> None:
        with anyio.move_on_after(5):
            await run_commands(
                [f"trap '{tidy}' TERM; while :; do sleep 0.05; done"],
                cwd=tmp_path,
                env={"PATH": os.environ["PATH"]},
                shell="/bin/sh",
                log=tmp_path / "log",
                limits=Limits(None, network=True),
            )

    anyio.run(main)
    assert (tmp_path / "tidied").exists()
    assert (tmp_path / "log").stat().st_size >= 1_000_000


@pytest.mark.parametrize("delay", [0, 0.005, 0.02, 0.05])
def test_cancelling_at_any_moment_leaves_nothing(tmp_path: Path, delay: float) -> None:
    before = len(list(Path("/dev/fd").iterdir()))

    async def main() -> None:
        with anyio.move_on_after(delay):
            await run_commands(
                ["sleep 3000"],
                cwd=tmp_path,
                env={"PATH": os.environ["PATH"], "BIG": "x" * 100_000},
                shell="/bin/sh",
                log=tmp_path / "log",
                limits=Limits(None, network=False),
            )

    start = time.monotonic()
    anyio.run(main)
    assert time.monotonic() - start < 3000, "the command was waited for"
    assert children() == []
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_runs_side_by_side_do_not_wait_for_each_other(tmp_path: Path) -> None:
    # Each says that it has begun and ends only once all have: in a row, none ever would.
    wait = "while [ $(ls -d begun* | wc -l) -lt 6 ]; do sleep 0.05; done"
    meet = f"touch begun{{0}}; {wait}; echo {{0}}; {{1}}"

    async def one(number: int, found: dict[int, Completed]) -> None:
        found[number] = await run_commands(
            [meet.format(number, "exec sleep 600" if number == 5 else f"exit {number}")],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
            shell="/bin/sh",
            log=tmp_path / f"log{number}",
            limits=Limits(10 if number == 5 else 300, network=False),
        )

    async def main() -> dict[int, Completed]:
        found: dict[int, Completed] = {}
        async with anyio.create_task_group() as tasks:
            for number in range(6):
                tasks.start_soon(one, number, found)
        return found

    found = anyio.run(main)
    assert [found[n].exit_code for n in range(6)] == [0, 1, 2, 3, 4, None]
    assert [(tmp_path / f"log{n}").read_text() for n in range(6)] == [f"{n}\n" for n in range(6)]


PARENT = """
import anyio, fcntl, functools, os, pathlib, sys
from lockproof.adapters.sandbox.run import Limits, run_commands
folder = pathlib.Path(sys.argv[1])
lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR)
fcntl.flock(lock, fcntl.LOCK_EX)
anyio.run(functools.partial(run_commands, [sys.argv[2]], cwd=folder,
    env={"PATH": "/usr/bin:/bin"}, shell="/bin/sh", log=folder / "log",
    limits=Limits(None, False), held=[lock]))
"""


@linux_only
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_when_lockproof_is_killed_everything_dies(
    tmp_path: Path, daemon: tuple[str, Path], number: signal.Signals
) -> None:
    command, told = daemon
    inner = f"echo $$ $PPID > shell; {LONG_SLEEP} & {command}; sleep 300"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, tmp_path, inner],
        env={**os.environ, **IMPORTABLE},
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(told.exists)
    finally:
        parent.send_signal(number)
        parent.wait()
    pids = [int(told.read_text()), *map(int, (tmp_path / "shell").read_text().split())]
    # The lock goes when the last process has gone, so whoever waits for it finds a quiet folder.
    subprocess.run(["flock", tmp_path / "lock", "true"], check=True, timeout=120)
    wait_for(lambda: not any(alive(pid) for pid in pids))
    assert not running(LONG_SLEEP)


@linux_only
@pytest.mark.parametrize(("last", "end"), [("echo done", "exit_code=0"), ("sleep 300", "=None")])
def test_without_proc_the_process_groups_are_ended(tmp_path: Path, last: str, end: str) -> None:
    hide = "mount -t tmpfs none /proc"
    if subprocess.run(["unshare", "-rm", "sh", "-c", hide], check=False).returncode:
        pytest.skip("cannot hide /proc")
    script = shlex_join(sys.executable, "-c", ALONE, str(tmp_path), f"{LONG_SLEEP} & {last}", "1")
    told = subprocess.run(
        ["unshare", "-rm", "sh", "-c", f"{hide}; exec {script}"],
        env={**os.environ, **IMPORTABLE},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    assert end in told
    assert not running(LONG_SLEEP)


@linux_only
@pytest.mark.parametrize(("name", "code"), [("KILL", 137), ("TERM", 143)])
def test_a_command_that_kills_its_launcher_gains_nothing(
    tmp_path: Path, name: str, code: int
) -> None:
    done = run(tmp_path, f"{LONG_SLEEP} & kill -{name} $PPID; {LONG_SLEEP}", "echo no")
    assert (done.exit_code, done.timed_out) == (code, False)
    wait_for(lambda: not running(LONG_SLEEP))
    assert children() == []


# --- what a stage sees ---------------------------------------------------------------------------

CALLER = {
    "LANG": "de_DE.UTF-8",
    "LC_NUMERIC": "de_DE.UTF-8",
    "TZ": "Europe/Berlin",
    "OMP_NUM_THREADS": "3",
    "AWS_SECRET_ACCESS_KEY": "s3cret",
    "AWS_CA_BUNDLE": "/ca",
    "GITHUB_TOKEN": "s3cret",
    "MLFLOW_TRACKING_URI": "http://u:p@h",
    "HTTPS_PROXY": "http://u:p@proxy",
    "SSL_CERT_FILE": "/ca",
    "PYTHONPATH": "/x",
    "PYTHONHASHSEED": "0",
    "VIRTUAL_ENV": "/venv",
    "HOME": "/home/me",
    "TMPDIR": "/var/tmp",
    "PATH": "/caller",
    "TERM": "xterm",
    "DVC_STUDIO_TOKEN": "s3cret",
    "MY_DATA": "1",
    "my_data": "2",
}


def seen(caller: Mapping[str, str], policy: RunPolicy, **extra: str) -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            patch.delenv(name)
        for name, value in caller.items():
            patch.setenv(name, value)
        return stage_variables(
            policy, path="/stage", home=Path("/scratch/home"), tmp=Path("/scratch/tmp"), extra=extra
        )


ALWAYS = {"PATH": "/stage", "HOME": "/scratch/home", "TMPDIR": "/scratch/tmp", "TERM": "dumb"}
HARMLESS = {name: CALLER[name] for name in ("LANG", "LC_NUMERIC", "TZ", "OMP_NUM_THREADS")} | ALWAYS
NETWORK = {name: CALLER[name] for name in ("HTTPS_PROXY", "SSL_CERT_FILE", "AWS_CA_BUNDLE")}


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ({}, HARMLESS),
        ({"network": True}, HARMLESS | NETWORK),
        ({"pass-env": ["MY_*"]}, HARMLESS | {"MY_DATA": "1"}),
        ({"pass-env": ["PYTHONPATH", "VIRTUAL_ENV"]},
         HARMLESS | {"PYTHONPATH": "/x", "VIRTUAL_ENV": "/venv"}),
        ({"pass-env": ["*"]}, {n: v for n, v in CALLER.items() if n != "VIRTUAL_ENV"} | ALWAYS),
        ({"pass-env": ["HOME", "PATH"]}, HARMLESS),
    ],
)  # fmt: skip
def test_a_stage_sees_the_harmless_few(policy: dict[str, Any], wanted: dict[str, str]) -> None:
    found = seen(CALLER, RunPolicy.model_validate(policy))
    assert found == wanted
    assert list(found) == sorted(found)


def test_what_lockproof_sets_for_a_stage_wins() -> None:
    found = seen(CALLER, RunPolicy(), DVC_STAGE="train", HOME="/elsewhere")
    assert found == HARMLESS | {"DVC_STAGE": "train", "HOME": "/elsewhere"}


def test_an_empty_caller_gives_a_usable_environment(tmp_path: Path) -> None:
    assert seen({}, RunPolicy()) == ALWAYS
    with contextlib.chdir("/"):
        assert run(tmp_path, "cd; pwd", env={**ALWAYS, "HOME": str(tmp_path)}).exit_code == 0
    assert text(tmp_path) == f"{tmp_path}\n"
