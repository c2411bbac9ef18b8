"""Two runs at one time on one repository and cache: each is right, and leaves nothing."""

import json
import subprocess
import sys
from pathlib import Path

import anyio

from lockproof.adapters.sandbox.detect import find_isolation

from .pipelines import BIN, SORT_AND_TRAIN, TRAIN, Project, listing, new_project


def started(project: Project, base: Path, name: str, revision: str) -> subprocess.Popen[str]:
    asked = (revision, "--format", "json", "--output", str(base / f"{name}.json"))
    return subprocess.Popen(
        [BIN / "lockproof", "reproduce", *asked],
        cwd=project.root,
        env={**project.environment(), "TMPDIR": str(base / "temporary")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_each_is_right_and_nothing_is_left(tmp_path: Path, keeps_verdicts: None) -> None:
    project = new_project(tmp_path)
    policy = f'[environment]\ninterpreter = "{sys.executable}"\n[reproduce]\nexplain = false\n'
    project.write({"raw.csv": "b\na\n", "train.py": TRAIN, "dvc.yaml": SORT_AND_TRAIN})
    project.write({"lockproof.toml": policy})
    honest = project.repro()
    (project.root / "metrics.json").write_text('{"rows": 3}')
    project.dvc("commit", "-q", "-f", "train")
    forged = project.commit("forged")
    (tmp_path / "temporary").mkdir()
    before = project.state()
    for again in (False, True):
        both = {
            name: started(project, tmp_path, name, revision)
            for name, revision in (("honest", honest), ("forged", forged))
        }
        said = {name: process.communicate()[0] for name, process in both.items()}
        assert {n: p.returncode for n, p in both.items()} == {"honest": 0, "forged": 1}, said
        reports = {n: json.loads((tmp_path / f"{n}.json").read_text()) for n in both}
        assert {n: r["verdict"] for n, r in reports.items()} == {
            "honest": "passed",
            "forged": "failed",
        }
        reused = {
            n: {s for s, host in r["host"]["stages"].items() if host["reused"]}
            for n, r in reports.items()
        }
        assert "train" not in reused["forged"]
        if again and anyio.run(find_isolation).level.own_root:
            assert reused["honest"] == {"prepare", "train"}
    assert project.state() == before
    assert listing(tmp_path / "temporary") == "{}"
