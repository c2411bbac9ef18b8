"""What a container costs: `dagger call` of reproduce and gate beside the command, on this pipeline.

Cold means that the engine's cache is emptied first, whatever else it holds: only where
LOCKPROOF_EMPTY_ENGINE=1 says so.
"""

import os
import subprocess
import time
from pathlib import Path

import pytest

from engine.conftest import clone_of_this, dagger, git
from integration.pipelines import BIN

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("words", [("reproduce", "--no-reuse"), ("gate",)], ids=" ".join)
def test_cold_warm_and_cached(tmp_path: Path, words: tuple[str, ...]) -> None:
    root = clone_of_this(tmp_path / "lockproof")
    call = ("call", *words)
    seconds = {}
    if os.environ.get("LOCKPROOF_EMPTY_ENGINE") == "1":
        dagger(root, "core", "engine", "local-cache", "prune").expect()
        seconds["cold: an empty engine"] = timed(root, *call)
    else:
        timed(root, *call)
    seconds["cached: the same call"] = timed(root, *call)
    git(root, "commit", "--quiet", "--allow-empty", "--message", "another commit")
    seconds["warm: another commit"] = timed(root, *call)
    scope = ("call", "--cache-scope", f"bench{os.getpid()}", *call[1:])
    seconds["warm: a pull request's first, in a cache scope of its own"] = timed(root, *scope)
    environment = {**os.environ, "LOCKPROOF_CACHE_DIR": str(tmp_path / "cache")}
    for name in ("the command, its environment not built yet", "the command"):
        began = time.perf_counter()
        argv = [BIN / "lockproof", *words]
        subprocess.run(argv, cwd=root, env=environment, check=True, capture_output=True)
        seconds[name] = time.perf_counter() - began
    peer = seconds["the command"]
    print(f"\n{' '.join(words)}: load {os.getloadavg()[0]:.0f} on {os.cpu_count()} CPUs")
    for name, value in seconds.items():
        print(f"{name:60} {value:8.1f} s  {value / peer:6.2f} x")


def timed(root: Path, *call: str) -> float:
    began = time.perf_counter()
    assert "\nPASSED: " in dagger(root, *call).expect().stdout
    return time.perf_counter() - began
