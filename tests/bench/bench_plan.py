"""Planning beside `dvc status`: which of 1,000 stages a change affects, nothing to do otherwise."""

import os
import statistics
from pathlib import Path

import pytest

from .large_pipeline import large_pipeline
from .timing import BIN, Cost, cost

STAGES = int(os.environ.get("LOCKPROOF_BENCH_STAGES", "1000"))
RUNS = 3


@pytest.mark.parametrize("stages", [STAGES // 10, STAGES])
def test_affected(stages: int, tmp_path: Path) -> None:
    project = large_pipeline(tmp_path, stages)
    site = str(project.remote.parent / "site")

    def ours() -> Cost:
        return cost([str(BIN / "lockproof"), "affected"], project.root)

    def help_text() -> Cost:
        return cost([str(BIN / "lockproof"), "affected", "--help"], project.root)

    def peer() -> Cost:
        return cost([str(BIN / "dvc"), "status"], project.root, DVC_SITE_CACHE_DIR=site)

    ours()
    peer()
    pairs = [(ours(), peer(), help_text()) for _ in range(RUNS)]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"\naffected beside dvc status: {stages:,} stages, load {load}")
    for name in Cost._fields:
        mine, theirs, start = (
            statistics.median(getattr(each[which], name) for each in pairs) for which in range(3)
        )
        print(
            f"{name}: affected {mine:.2f} s (of which {start:.2f} s for --help), dvc status"
            f" {theirs:.2f} s, {theirs / mine:.1f} times as fast (goal: under 2 s of cpu for 1,000"
            " stages)"
        )
