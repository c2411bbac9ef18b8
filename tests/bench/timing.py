"""Time whole processes in turn, A B A B, and print medians and their ratio."""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

BIN = Path(sys.executable).parent


def seconds(argv: Sequence[str], cwd: Path, **variables: str) -> float:
    """Wall-clock seconds of one process, which must succeed."""
    return cost(argv, cwd, **variables).wall


class Cost(NamedTuple):
    """What one process and its children took, in seconds."""

    wall: float
    cpu: float
    """User and system."""


def cost(argv: Sequence[str], cwd: Path, **variables: str) -> Cost:
    """Run one process, which must succeed."""
    environment = {
        # Compiled modules are kept, as after every ordinary installation.
        **{k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "DVC_NO_ANALYTICS": "1",
        "CI": "true",
        "SHELL": "/bin/sh",
        **variables,
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, check=False)
    taken = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, f"{argv}: {done.stdout.decode()}{done.stderr.decode()}"
    return Cost(taken, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def own_environment(folder: Path) -> str:
    """A policy whose stages run in an environment of the benchmark's own, made in `folder`.

    Not in the tests' own one: its 300 packages are no part of what is measured.
    """
    venv.create(folder, symlinks=True, with_pip=False)
    return f'[environment]\ninterpreter = "{folder / "bin" / "python"}"\n'


def alternate(
    ours: Callable[[], float], peer: Callable[[], float], runs: int
) -> tuple[float, float]:
    """Median seconds of ours and of the peer, run in turn after one warm-up each."""
    ours()
    peer()
    pairs = [(ours(), peer()) for _ in range(runs)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def show(title: str, ours: float, peer: float, goal: str) -> None:
    """One line that a person can compare with the goal."""
    print(f"\n{title}: lockproof {ours:.3f} s, peer {peer:.3f} s, ratio {ours / peer:.2f} ({goal})")


def fresh(folder: Path) -> Path:
    """An empty folder at this path."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
