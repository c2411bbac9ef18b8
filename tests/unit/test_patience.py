"""Work in threads that is called off: real threads, real files, DVC's own hashing."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from lockproof.adapters.dvc.odd import OddError
from lockproof.adapters.dvc.project import Hasher
from lockproof.adapters.patience import CalledOff, in_thread, patience
from lockproof.adapters.sandbox.trace import Trace
from lockproof.steps.reproduce.place import lead_home

ENDLESS = """
import threading
import anyio
from lockproof.adapters.patience import in_thread, patience

def work():
    asked = patience()
    print("begun", flush=True)
    while True:
        asked.check()

try:
    anyio.run(in_thread, work)
finally:
    print(sum(t.is_alive() and t.daemon is False for t in threading.enumerate()), flush=True)
"""


def endless() -> None:
    asked = patience()
    while True:
        asked.check()


def test_what_is_asked_for_comes_back() -> None:
    assert anyio.run(in_thread, divmod, 7, 2) == (3, 1)


def test_time_ends_it() -> None:
    async def main() -> None:
        await in_thread(endless, seconds=0.01)

    with pytest.raises(CalledOff, match="longer than"):
        anyio.run(main)


def test_a_cancelled_task_comes_back_when_the_work_has_ended() -> None:
    begun, ended = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        try:
            endless()
        finally:
            ended.set()

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(in_thread, work)
            while not begun.is_set():
                await anyio.sleep(0.01)
            group.cancel_scope.cancel()
        assert ended.is_set()

    anyio.run(main)


def test_ctrl_c_ends_work_in_a_thread() -> None:
    with subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode != 0


@pytest.mark.parametrize("algorithm", ["md5", "md5-dos2unix"])
@pytest.mark.parametrize("name", ["file", "folder"])
def test_hashing_ends_with_patience(name: str, algorithm: str, tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "folder").mkdir()
    for file in ("file", "folder/a", "folder/b", "folder/c"):
        (tmp_path / file).write_bytes(os.urandom(3 << 20))
    hasher = Hasher(tmp_path)

    async def main(seconds: float) -> object:
        return await in_thread(hasher.digest, name, algorithm, seconds=seconds)

    with pytest.raises(OddError, match=f"reading {name} was given up: it took longer"):
        anyio.run(main, 0.0)
    assert anyio.run(main, 600.0) == hasher.digest(name, algorithm)
    if (name, algorithm) == ("file", "md5"):
        expected = hashlib.md5((tmp_path / name).read_bytes(), usedforsecurity=False).hexdigest()
        assert str(expected) in str(hasher.digest(name))


@pytest.mark.parametrize("work", ["mark", "trace", "links"])
def test_looking_at_what_a_stage_left_asks_for_patience(work: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "link").symlink_to("/workspace/out")
    calls: dict[str, Callable[[], object]] = {
        "mark": lambda: Trace(tmp_path),
        "trace": Trace(tmp_path).stop,
        "links": lambda: lead_home(tmp_path, Path("/workspace"), ["out"]),
    }

    async def main(seconds: float) -> None:
        await in_thread(calls[work], seconds=seconds)

    with pytest.raises(CalledOff):
        anyio.run(main, 0.0)
    anyio.run(main, 600.0)
