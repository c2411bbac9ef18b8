"""A clone made with `--filter`: what it lacks of earlier commits is named, with what brings it."""

import subprocess
from pathlib import Path

import pytest

from lockproof.model.cause import Certainty
from lockproof.model.verdict import Verdict

from .pipelines import Project, prove, stage
from .test_gate_good import started

POLICY = '[gate]\noff = ["git", "record"]\n[reproduce]\nunaffected = "accept"\n'
CASES = {
    "declared": ("cat a/code.txt > out.txt", "deps: [a/code.txt], ", "a/code.txt", "2\n"),
    "folder": ("cat a/code.txt > out.txt", "deps: [a], ", "a/code.txt", "2\n"),
    "not declared": ("cat a/code.txt > out.txt", "", "a/code.txt", "2\n"),
    "a key": ("cat params.yaml > out.txt", "params: [lr], ", "params.yaml", "{lr: 1, other: 2}\n"),
}
WHICH = [(name, "blob:none") for name in CASES]
WHICH += [("declared", "tree:0"), ("not declared", "tree:0")]


@pytest.mark.parametrize(("name", "given"), WHICH)
def test_what_an_earlier_commit_had_is_named_and_brought(
    name: str, given: str, tmp_path: Path
) -> None:
    cmd, deps, path, changed = CASES[name]
    files = {"a/code.txt": "1\n", "params.yaml": "{lr: 1, other: 1}\n", "lockproof.toml": POLICY}
    pipeline = f"stages: {{first: {{cmd: {cmd}, {deps}outs: [out.txt]}}}}\n"
    made = started(tmp_path, {**files, "dvc.yaml": pipeline})
    made.repro()
    made.write({path: changed})
    made.commit("not run again")
    made.git("config", "uploadpack.allowFilter", "true")
    clone = Project(tmp_path / "clone", made.remote)
    made.git("clone", "-q", f"--filter={given}", f"file://{made.root}", str(clone.root))
    away = made.root.rename(tmp_path / "away")

    report = prove(clone)
    assert report.verdict is Verdict.FAILED
    cause = stage(report, "first").causes[0]
    assert cause.certainty is Certainty.POSSIBLE
    assert cause.subject.partition(":")[0] in (path, "a")
    lines = [line.text for line in report.host.stages["first"].evidence]
    advice = "git fetch --refetch --no-filter origin"
    assert any(line.endswith(f": {advice}") for line in lines), lines

    away.rename(made.root)
    subprocess.run(advice.split(), cwd=clone.root, env=clone.environment(), check=True)
    cause = stage(prove(clone), "first").causes[0]
    assert cause.certainty is Certainty.PROVEN


def test_a_lock_that_is_not_here_brings_no_false_commit(tmp_path: Path) -> None:
    files = {"code.txt": "1\n", "helper.txt": "1\n", "lockproof.toml": POLICY}
    pipeline = (
        "stages: {first: {cmd: cat helper.txt > out.txt, outs: [out.txt]},"
        " other: {cmd: cat code.txt > o.txt, deps: [code.txt], outs: [o.txt]}}\n"
    )
    made = started(tmp_path, {**files, "dvc.yaml": pipeline})
    made.repro()
    made.write({"helper.txt": "2\n", "code.txt": "2\n"})
    made.repro()  # Only `other` is run, so the entry of `first` is of the commit before.
    made.git("config", "uploadpack.allowFilter", "true")
    clone = Project(tmp_path / "clone", made.remote)
    made.git("clone", "-q", "--filter=blob:none", f"file://{made.root}", str(clone.root))
    made.root.rename(tmp_path / "away")
    report = prove(clone)
    assert report.verdict is Verdict.FAILED
    cause = stage(report, "first").causes[0]
    assert (cause.subject, cause.certainty) == ("helper.txt", Certainty.POSSIBLE)
    lines = [line.text for line in report.host.stages["first"].evidence]
    assert any("this clone was made with --filter, so what it was" in line for line in lines), lines
