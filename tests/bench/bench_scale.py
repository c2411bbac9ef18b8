"""What a stage costs beside its own work, and the simulation of `scale` beside a real run.

Local processes with N workers stand in for machines: 40 stages that wait for 2 s and copy a file,
one after the other, then side by side. From the first the second is foretold.
"""

import json
import os
from pathlib import Path

from tests.integration.pipelines import new_project

from .large_pipeline import copies
from .scale import Job, simulate
from .timing import BIN, cost, own_environment

STAGES, FEW = 40, 10
WORK = 2.0
"""Seconds of a stage, in which it uses no processor."""
WORKERS = (2, 4, 8)


def taken(root: Path, jobs: int) -> float:
    """Seconds of a whole reproduction with so many workers, which must pass."""
    argv = [str(BIN / "lockproof"), "reproduce", "--mode", "isolated", "--no-reuse"]
    return cost([*argv, "--jobs", str(jobs), "--format", "json"], root).wall


def test_a_real_run_is_as_foretold(tmp_path: Path) -> None:
    policy = own_environment(tmp_path / "environment")
    roots = {}
    for count in (FEW, STAGES):
        project = new_project(tmp_path, f"of-{count}")
        project.write({"lockproof.toml": policy})
        copies(project, count, f"sleep {WORK:g} && ")
        roots[count] = project.root
    taken(roots[FEW], 8)  # Builds what is built once.
    few, many = taken(roots[FEW], 1), taken(roots[STAGES], 1)
    each = (many - few) / (STAGES - FEW)
    start = few - FEW * each
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"\n{STAGES} stages of {WORK} s one by one: {many:.1f} s; start and end {start:.1f} s,")
    print(f"a stage {each - WORK:.2f} s beside its own work; load {load}")
    jobs = [Job(f"s{number}", each) for number in range(STAGES)]
    rows = {}
    for workers in WORKERS:
        foretold = start + simulate(jobs, workers).makespan
        real = taken(roots[STAGES], workers)
        rows[workers] = (foretold, real)
        print(f"{workers} workers: foretold {foretold:.1f} s, took {real:.1f} s")
    print(json.dumps(rows))
