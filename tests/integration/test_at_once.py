"""Commands at one time on one repository and cache: each is right, and leaves nothing."""

import json
import subprocess
import sys
from pathlib import Path

from .pipelines import BIN, SORT_AND_TRAIN, TRAIN, Project, listing, new_project

POLICY = f"""\
[environment]
interpreter = "{sys.executable}"
[reproduce]
explain = false
[gate]
off = ["git", "record"]
"""


def started(project: Project, temporary: Path, *asked: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [BIN / "lockproof", *asked],
        cwd=project.root,
        env={**project.environment(), "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_each_is_right_and_nothing_is_left(tmp_path: Path, keeps_verdicts: None) -> None:
    project = new_project(tmp_path)
    project.write({"raw.csv": "b\na\n", "train.py": TRAIN, "dvc.yaml": SORT_AND_TRAIN})
    project.write({"lockproof.toml": POLICY, ".gitignore": "/experiments/\n"})
    honest = project.repro()
    (project.root / "metrics.json").write_text('{"rows": 3}')
    project.dvc("commit", "-q", "-f", "train")
    forged = project.commit("forged")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    before = project.state()
    both = {"honest": honest, "forged": forged}
    reports = {name: tmp_path / f"{name}.json" for name in both}
    asked: dict[str, tuple[str, ...]] = {
        name: ("reproduce", commit, "--format", "json", "--output", str(reports[name]))
        for name, commit in both.items()
    }
    asked |= {"gate": ("gate", forged), "record": ("record", "--no-mlflow")}
    at_work = {name: started(project, temporary, *words) for name, words in asked.items()}
    said = {name: process.communicate(timeout=300)[0] for name, process in at_work.items()}
    ended = {name: process.returncode for name, process in at_work.items()}
    assert ended == {"honest": 0, "forged": 1, "gate": 0, "record": 0}, said
    verdicts = {name: json.loads(reports[name].read_text())["verdict"] for name in both}
    assert verdicts == {"honest": "passed", "forged": "failed"}
    recorded = json.loads((project.root / "experiments" / "pipeline.json").read_text())
    assert recorded["metrics"] == {"metrics.json": {"rows": 3}}
    (project.root / "experiments" / "pipeline.json").unlink()
    (project.root / "experiments").rmdir()
    assert project.state() == before
    assert listing(temporary) == "{}"
