"""What grows with the number of stages: the gate and `affected` on a lock of 10,000 beside `dvc
status`, and the Workflow of 1,000.

`LOCKPROOF_BENCH_PEER=0` leaves DVC out, which takes minutes for ten thousand. Wall-clock seconds
depend on what else the machine does, so the processor time stands beside them.
"""

import os
import statistics
from pathlib import Path

import pytest

from tests.integration.pipelines import Project

from .large_pipeline import long_lock
from .timing import BIN, Cost, cost

STAGES = int(os.environ.get("LOCKPROOF_BENCH_STAGES", "10000"))
TASKS = 1000
RUNS = 3


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return long_lock(tmp_path_factory.mktemp("long"), STAGES)


def show(title: str, costs: list[Cost], goal: str) -> None:
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    for name in Cost._fields:
        values = [getattr(each, name) for each in costs]
        print(
            f"\n{title}, {name}: {statistics.median(values):.2f} s (least {min(values):.2f}), load"
            f" {load} (goal: {goal})"
        )


def test_gate(project: Project) -> None:
    argv = [str(BIN / "lockproof"), "gate"]
    cost(argv, project.root)
    found = [cost(argv, project.root) for _ in range(RUNS)]
    show(f"gate, lock of {STAGES:,} stages", found, "under 3 s")


def test_affected(project: Project) -> None:
    """By a commit that changes one script, of which one stage is affected."""
    project.write({"run/s00003.py": "# another\n"})
    project.commit("a script")
    argv = [str(BIN / "lockproof"), "affected", "--since", "HEAD~1", "--format", "json"]
    cost(argv, project.root)
    found = [cost(argv, project.root) for _ in range(RUNS)]
    show(f"affected, lock of {STAGES:,} stages", found, "under 2 s")


@pytest.mark.skipif(os.environ.get("LOCKPROOF_BENCH_PEER") == "0", reason="left out by request")
def test_dvc_status(project: Project) -> None:
    site = str(project.remote.parent / "site")
    argv = [str(BIN / "dvc"), "status", "-q"]
    project.git("checkout", "-q", "--", ".")
    cost(argv, project.root, DVC_SITE_CACHE_DIR=site)
    show(f"dvc status, {STAGES:,} stages", [cost(argv, project.root, DVC_SITE_CACHE_DIR=site)], "-")


def test_a_workflow(tmp_path: Path) -> None:
    few = long_lock(tmp_path, TASKS)
    argv = [str(BIN / "lockproof"), "reproduce", "--on", "argo", "--dry-run"]
    cost(argv, few.root)
    found = [cost(argv, few.root) for _ in range(RUNS)]
    show(f"planning and compiling a Workflow of {TASKS:,} stages", found, "under 2 s")
