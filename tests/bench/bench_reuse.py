"""A second `lockproof reproduce` of an unchanged pipeline, beside `dvc repro` of it."""

import os
import statistics
from pathlib import Path

from tests.integration.pipelines import new_project

from .large_pipeline import copies
from .timing import BIN, Cost, alternate, cost, own_environment, seconds, show

STAGES = int(os.environ.get("LOCKPROOF_BENCH_REUSE", "1000"))


def test_unchanged(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    project.write({"lockproof.toml": own_environment(tmp_path / "environment")})
    copies(project, STAGES)
    where = {
        "LOCKPROOF_CACHE_DIR": str(tmp_path / "cache"),
        "LOCKPROOF_STATE_DIR": str(tmp_path / "state"),
    }
    argv = [str(BIN / "lockproof"), "reproduce"]
    first = seconds(argv, project.root, **where)
    print(f"\n{STAGES:,} stages run for the first time in {first:.1f} s")
    costs: list[Cost] = []

    def ours() -> float:
        costs.append(cost(argv, project.root, **where))
        return costs[-1].wall

    mine, peer = alternate(
        ours,
        lambda: seconds([str(BIN / "dvc"), "repro", "-q"], project.root),
        runs=3,
    )
    show("unchanged", mine, peer, "goal: at most 3 s")
    # What a busy machine tells of it: others' work makes the wall's time longer, this hardly.
    print(f"of lockproof's, {statistics.median(c.cpu for c in costs[1:]):.3f} s on CPUs")
