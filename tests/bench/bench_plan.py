"""Planning beside `dvc status`: which of 1,000 stages a change affects, nothing to do otherwise.

And of 10,000, without DVC, which takes minutes for them: which a change affects, and what
`reproduce` takes to run one of them, which is planning but for that.
"""

import os
import statistics
from pathlib import Path

import pytest

from tests.integration.pipelines import new_project

from .large_pipeline import copies, large_pipeline
from .timing import BIN, Cost, cost

STAGES = int(os.environ.get("LOCKPROOF_BENCH_STAGES", "1000"))
LARGE = int(os.environ.get("LOCKPROOF_BENCH_LARGE", "10000"))
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


def test_ten_thousand(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    copies(project, LARGE)
    kept = {"LOCKPROOF_CACHE_DIR": str(tmp_path / "cache")}
    one = ["reproduce", "--stage", f"s{LARGE // 2}", "--no-reuse"]
    for argv in (["affected"], ["affected", "--since", "HEAD"], one):
        command = [str(BIN / "lockproof"), *argv]
        costs = [cost(command, project.root, **kept) for _ in range(RUNS)]
        wall, cpu = (statistics.median(c) for c in zip(*costs, strict=True))
        print(
            f"\n{' '.join(argv)}: {LARGE:,} stages, {wall:.2f} s, {cpu:.2f} s of cpu"
            " (goal: planned in under 20 s)"
        )
