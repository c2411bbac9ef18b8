"""What set-up code leaves behind must not keep its installer waiting, and honest work goes on."""

import os
import sys
from pathlib import Path

import anyio
import pytest

from integration.test_isolation import level_or_skip
from lockproof.adapters.environment.installers import Recipe
from lockproof.adapters.environment.installing import Pulse
from lockproof.adapters.environment.interpreters import Interpreter
from lockproof.adapters.environment.works import Works
from lockproof.adapters.environment.workshop import Workshop
from lockproof.adapters.sandbox.isolation import Isolated, Level
from lockproof.adapters.sandbox.job import Limits
from lockproof.adapters.sandbox.quota import Quota
from lockproof.adapters.sandbox.run import run_programs
from lockproof.adapters.sandbox.view import readable, system_view
from lockproof.errors import ConfigError

PYTHON = os.path.realpath(sys.executable)
INSTALLER = """
import os, subprocess, sys
clings = "import os, time; os.fork() and os._exit(0); os.setsid(); time.sleep(3000)"
serves = "import os, time; os.fork() and os._exit(0); os.setsid(); print(os.getpid(), flush=True);"
serves += "os.closerange(0, 9); time.sleep(3000)"
def said(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, text=True).stdout.strip()
server = int(said(sys.executable, "-I", "-S", "-c", serves))
nested = f"import subprocess; subprocess.run({[sys.executable, '-c', clings]}, stdout=-1)"
said(sys.executable, "-I", "-S", "-c", nested)
print(said("sh", "-c", "(sleep 2; echo slow) | cat"), bool(os.kill(server, 0) is None))
"""


@pytest.mark.parametrize("level", [Level.NONE, Level.NAMESPACES, Level.BUBBLEWRAP])
def test_what_clings_to_a_pipe_is_ended_and_nothing_else(level: Level, tmp_path: Path) -> None:
    if level is not Level.NONE:
        level_or_skip(level)
    view = system_view(network=False).showing([*readable([Path(sys.base_prefix)])])

    async def main() -> int | None:
        done = await run_programs(
            [[PYTHON, "-I", "-S", "-c", INSTALLER]],
            cwd=Path("/"),
            env={"PATH": "/usr/bin:/bin"},
            log=tmp_path / "log",
            limits=Limits(120, network=False, quota=Quota(clinging=1)),
            isolated=Isolated(level, view),
        )
        return done.exit_code

    assert anyio.run(main) == 0
    assert (tmp_path / "log").read_text() == "slow True\n"


@pytest.mark.parametrize(
    ("code", "patience", "reason"),
    [
        ("sleep 3000", 0.36, "did not end within 0.0001 h"),
        (
            "i=0; while [ $i -lt 40 ]; do sleep 3000 & i=$((i+1)); done; wait",
            300,
            r"had \d+ processes at one time, where 16 may be",
        ),
    ],
    ids=["time", "processes"],
)
def test_code_of_packages_is_bounded(
    code: str, patience: float, reason: str, tmp_path: Path
) -> None:
    python = Interpreter(Path(PYTHON), "3", "cpython", "linux", Path(PYTHON))
    lock = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    works = Works(
        *(Recipe("lock.txt", python, ""), lock, tmp_path / "log", tmp_path, tmp_path, Pulse(print)),
        *(patience, Quota(processes=16)),
    )
    where = Workshop({"PATH": "/usr/bin:/bin"}, None, runs_code=True)
    with pytest.raises(ConfigError, match=f"code of a package {reason}: publish a wheel of it"):
        anyio.run(works.run, where, [["/bin/sh", "-c", code]])
    os.close(lock)
