"""The gate's lock rules beside `dvc status`: 1,000 stages, 10,000 tracked files, nothing to do.

Wall-clock seconds depend on what else the machine does, so the processor time stands beside them.
"""

import os
import statistics

import pytest

from tests.integration.pipelines import Project

from .large_pipeline import FILES, large_pipeline
from .timing import BIN, Cost, cost

STAGES = int(os.environ.get("LOCKPROOF_BENCH_STAGES", "1000"))
RUNS = 5


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return large_pipeline(tmp_path_factory.mktemp("bench"), STAGES)


def test_whole_process(project: Project) -> None:
    site = str(project.remote.parent / "site")  # DVC keeps there what it hashed.

    def ours() -> Cost:
        return cost([str(BIN / "lockproof"), "gate"], project.root)

    def peer() -> Cost:
        return cost([str(BIN / "dvc"), "status"], project.root, DVC_SITE_CACHE_DIR=site)

    assert "up to date" in project.run(str(BIN / "dvc"), "status")
    ours()
    peer()
    pairs = [(ours(), peer()) for _ in range(RUNS)]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"\ngate, lock rules: {STAGES:,} stages, {STAGES * FILES:,} tracked files, load {load}")
    for name in Cost._fields:
        mine = [getattr(a, name) for a, _ in pairs]
        theirs = [getattr(b, name) for _, b in pairs]
        gate, status = statistics.median(mine), statistics.median(theirs)
        print(
            f"{name}: gate {gate:.2f} s (least {min(mine):.2f}), dvc status {status:.2f} s"
            f" (least {min(theirs):.2f}), {status / gate:.1f} times as fast"
            " (goal: under 0.5 s, 5 times)"
        )
