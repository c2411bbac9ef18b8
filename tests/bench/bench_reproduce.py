"""`lockproof reproduce` beside what people do without it: `dvc pull` and `dvc repro -f`."""

from pathlib import Path

import pytest

from tests.integration.pipelines import Project, new_project

from .timing import BIN, alternate, fresh, own_environment, seconds, show

BURN = """\
import hashlib
import sys

digest = b""
for _ in range(int(sys.argv[1])):
    digest = hashlib.sha256(digest).digest()
open(sys.argv[2], "w").write(digest.hex())
"""


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Eight equal CPU-bound stages in two branches of four."""
    project = new_project(tmp_path_factory.mktemp("bench"))
    stages = ["stages:"]
    for branch in ("a", "b"):
        before = "raw.txt"
        for number in range(4):
            out = f"{branch}{number}.txt"
            stages += [
                f"  {branch}{number}:",
                f"    cmd: python3 burn.py 6000000 {out}",
                f"    deps: [burn.py, {before}]",
                f"    outs: [{out}]",
            ]
            before = out
    policy = own_environment(project.root.parent / "environment")
    project.write({"lockproof.toml": policy})
    project.write({"burn.py": BURN, "raw.txt": "raw\n", "dvc.yaml": "\n".join(stages) + "\n"})
    project.dvc("remote", "modify", "-q", "store", "url", str(project.remote))  # For clones.
    project.dvc("add", "-q", "raw.txt")
    project.repro()
    return project


def by_hand(project: Project, base: Path) -> float:
    """A fresh clone (not timed), then `dvc pull` of everything and `dvc repro -f`."""
    clone = fresh(base / "clone")
    project.run("git", "clone", "-q", str(project.root), str(clone))
    pull = seconds([str(BIN / "dvc"), "pull", "-q"], clone)
    repro = seconds([str(BIN / "dvc"), "repro", "-q", "-f"], clone)
    return pull + repro


def ours(project: Project, base: Path, *options: str) -> float:
    """The command in a fresh clone, its cache empty but for the environment."""
    clone = fresh(base / "clone")
    project.run("git", "clone", "-q", str(project.root), str(clone))
    argv = [str(BIN / "lockproof"), "reproduce", "--no-reuse", *options]
    return seconds(argv, clone, LOCKPROOF_CACHE_DIR=str(base / "cache"))


def test_chain(pipeline: Project, tmp_path: Path) -> None:
    mine, peer = alternate(
        lambda: ours(pipeline, tmp_path / "mine", "--mode", "chain"),
        lambda: by_hand(pipeline, tmp_path / "hand"),
        runs=3,
    )
    show("chain", mine, peer, f"goal: at most {peer * 1.05 + 1:.3f} s, 5 % and 1 s over")


def test_isolated(pipeline: Project, tmp_path: Path) -> None:
    mine, peer = alternate(
        lambda: ours(pipeline, tmp_path / "mine", "--mode", "isolated", "--jobs", "2"),
        lambda: by_hand(pipeline, tmp_path / "hand"),
        runs=3,
    )
    print(f"\nisolated with two jobs is {peer / mine:.2f} times as fast (goal: 1.8)")
    show("isolated", mine, peer, "peer: dvc pull, dvc repro -f")
