"""docs/guides/attest.md, followed to the letter on a fresh clone with nothing running."""

import re
import shlex
from pathlib import Path

from .pipelines import BIN, SORT_AND_TRAIN, TRAIN, new_project

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "attest.md"


def test_the_walk_through_of_the_guide_holds(tmp_path: Path) -> None:
    text = GUIDE.read_text("utf-8").partition("## Who signs")[0]
    (policy,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    keys, rest = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    project = new_project(tmp_path)
    # What the gate says beside proofs is no part of this guide.
    policy = policy.replace('"required"\n', '"required"\noff = ["git", "record"]\n', 1)
    files = {
        "raw.csv": "b\na\n",
        "train.py": TRAIN,
        "dvc.yaml": SORT_AND_TRAIN.replace("python ", "python3 "),
    }
    project.write({**files, "lockproof.toml": policy})
    project.dvc("add", "-q", "raw.csv")
    _follow(project.run, keys)
    project.repro()
    said = _follow(project.run, rest)
    assert "letters" in said
    assert said.count("PASSED: ") == 4  # reproduce, verify twice, gate


def _follow(run: object, block: str) -> str:
    assert callable(run)
    said = ""
    for line in block.splitlines():
        argv = shlex.split(line.removeprefix("$ "))
        if argv[0] == "lockproof":
            argv = [str(BIN / "lockproof"), *argv[1:]]
        said += run(*argv)
    return said
