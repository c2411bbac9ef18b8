"""`lockproof record -- COMMAND`: a record of what ran, and a command that notices nothing."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from .pipelines import Project, causes, new_project, prove

YAML = """\
stages:
  one:
    cmd: echo "$SHELL $FLAVOUR" > one.txt
    outs: [one.txt]
  two:
    cmd: python3 two.py
    deps: [two.py, one.txt]
    outs: [two.txt]
"""


AUTHOR = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "OMP_NUM_THREADS": "3"}
"""Of whoever makes the lock; results can depend on each."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = new_project(tmp_path)
    project.write({"two.py": "open('two.txt', 'w').write('2')\n", "dvc.yaml": YAML})
    project.write({"lockproof.toml": '[run]\npass-env = ["FLAVOUR"]\n'})
    project.commit("first")
    return project


def record(project: Project, *command: str, code: int = 0) -> dict[str, object] | None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lockproof")), "record", "--no-mlflow", "--", *command],
        cwd=project.root,
        env={**project.environment(), **AUTHOR, "FLAVOUR": "s3cret-value"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    path = project.root / "experiments" / "pipeline.json"
    return dict(json.loads(path.read_text())) if path.exists() else None


def test_stages_that_ran_are_watched_and_values_are_not_kept(project: Project) -> None:
    found = record(project, "dvc", "repro", "-q")
    assert found is not None
    assert found["observed"] == "watched"
    assert found["watched"] == ["one", "two"]
    assert (project.root / "one.txt").read_text() == "/bin/sh s3cret-value\n"
    assert "s3cret-value" not in json.dumps(found)
    environment = dict(found["environment"])  # type: ignore[call-overload]
    assert list(environment["variables"]) == ["FLAVOUR"]
    assert environment["umask"] == "0022"
    assert environment["timezone"] == AUTHOR["TZ"]
    assert environment["locale"]["LC_ALL"] == AUTHOR["LC_ALL"]
    assert environment["threads"]["OMP_NUM_THREADS"] == AUTHOR["OMP_NUM_THREADS"]
    assert environment["user"] == ("ordinary" if os.geteuid() else "root")
    if sys.platform == "linux":
        kinds = Path("/proc/self/mountinfo").read_text()
        assert f" - {environment['filesystem']} " in kinds


def test_a_commit_of_outputs_is_no_run(project: Project) -> None:
    project.dvc("repro", "-q")
    (project.root / "two.txt").write_text("99")
    assert record(project, "dvc", "commit", "-q", "-f") is None


def test_a_failed_command_passes_its_code_and_leaves_nothing(project: Project) -> None:
    assert record(project, "sh", "-c", "exit 7", code=7) is None
    assert record(project, "sh", "-c", "kill -TERM $$", code=143) is None
    assert record(project, "no-such-program", code=2) is None


def test_ignored_files_that_stages_read_are_in_the_record_and_a_cause(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.write(
        {
            "dvc.yaml": "stages:\n  one:\n    cmd: cat here.txt extra/*.txt > one.txt || true;"
            " cat kept.txt >> kept.log; echo 1 > kept.txt; echo 1 > log.txt\n"
            "    outs: [one.txt]\n"
            "  two: {cmd: cp one.txt two.txt, deps: [one.txt], outs: [two.txt]}\n",
            ".gitignore": "here.txt\nidle.txt\nvenv\nextra\nkept.*\nlog.txt\n",
            "kept.txt": "0\n",
            "log.txt": "what is only written\n",
            "here.txt": "here\n",
            "idle.txt": "idle\n",
            "extra/deep.txt": "deep\n",
            "venv/pyvenv.cfg": "",
            "venv/lib/x.txt": "x\n",
        }
    )
    project.commit("first")
    found = record(project, "sh", "-c", "dvc repro -q && cat venv/lib/x.txt")
    assert found is not None
    if found["undeclared_reads"] is None:
        pytest.skip("the file system of the temporary folder keeps no access times (noatime)")
    assert found["undeclared_reads"] == ["extra/deep.txt", "here.txt", "kept.txt"]
    project.dvc("push", "-q")
    project.commit("made")
    # What is recorded afterwards, of the same lock, knows less and takes nothing away.
    again = subprocess.run(
        [str(Path(sys.executable).with_name("lockproof")), "record", "--no-mlflow"],
        cwd=project.root, env=project.environment(), capture_output=True, check=True, text=True,
    )  # fmt: skip
    assert "says this already" in again.stdout
    said = causes(prove(project, stages=("one",)), "one")
    names = ("extra/deep.txt", "here.txt", "kept.txt")
    read = [("undeclared input", name, "possible") for name in names]
    assert [cause for cause in said if cause[0] == "undeclared input"] == read
    assert ("unknown", "one.txt", "possible") in said


COUNTS = """\
import os, signal, sys
count = 0
def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())  # Within a print there is none.
def note(*_):
    global count
    count += 1
    say("signal", count)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, note)
say("ready", sys.stdin.isatty(), sys.stdout.isatty())
sys.stdin.readline()
sys.exit(40 + count)
"""
WATCHES = """\
import sys
from pathlib import Path
from lockproof.adapters.environment.watch import run_watched
folder = Path(sys.argv[1])
sys.exit(run_watched([sys.executable, "-c", sys.argv[2]], folder, folder / "watch").exit_code)
"""


def watching(folder: Path) -> list[str]:
    (folder / "watch").mkdir()
    return [sys.executable, "-c", WATCHES, str(folder), COUNTS]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_the_command_and_its_exit_code_comes_back(
    number: signal.Signals, tmp_path: Path
) -> None:
    with subprocess.Popen(
        watching(tmp_path), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "ready False False\n"
        process.send_signal(number)
        assert process.stdout.readline() == "signal 1\n"
        process.stdin.write("go\n")
        process.stdin.close()
        assert process.wait() == 41


def test_a_terminal_is_the_commands_and_its_interrupt_comes_once(tmp_path: Path) -> None:
    child, terminal = pty.fork()
    if child == 0:
        command = watching(tmp_path)
        os.execv(command[0], command)
    with open(terminal, "r+b", buffering=0) as shown:
        lines = iter(lambda: read_line(shown), "")
        assert next(line for line in lines if "ready" in line) == "ready True True"
        shown.write(b"\x03")
        assert next(line for line in lines if "signal" in line).endswith("signal 1")
        shown.write(b"go\n")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 41


def read_line(shown: IO[bytes]) -> str:
    line = b""
    while not line.endswith(b"\n"):
        line += shown.read(1)
    return line.decode().strip()
