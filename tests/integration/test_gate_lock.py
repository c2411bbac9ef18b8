"""The gate's lock family: single mutations of a good repository, each caught by its rule alone."""

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from lockproof.model.report import Report
from lockproof.model.verdict import Verdict
from lockproof.steps.gate.interface import Request
from lockproof.steps.gate.run import gate
from lockproof.steps.lint import Request as LintRequest
from lockproof.steps.lint import lint
from tests.integration.pipelines import Project, Silence, copy_of, new_project

POLICY = """
[gate]
off = ["remote", "git", "record", "metrics", "manifests"]
"""
PIPELINE = """stages:
  prepare:
    cmd: python prepare.py
    deps: [raw.csv, prepare.py]
    outs: [clean.csv]
  train:
    cmd: python train.py
    deps: [clean.csv, train.py]
    params: [lr]
    outs: [model.txt]
    metrics: [metrics.json: {cache: false}]
"""
PREPARE = 'open("clean.csv", "w").write(open("raw.csv").read().upper())\n'
TRAIN = """import json
open("model.txt", "w").write(open("clean.csv").read() * 2)
json.dump({"accuracy": 0.9}, open("metrics.json", "w"))
"""
GHOST = """  ghost:
    cmd: python ghost.py
    outs:
    - path: ghost.txt
      hash: md5
      md5: 0123456789abcdef0123456789abcdef
      size: 3
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A good repository: made by DVC, locked and committed."""
    project = new_project(tmp_path_factory.mktemp("locks"))
    project.write(
        {
            "lockproof.toml": POLICY,
            "dvc.yaml": PIPELINE,
            "params.yaml": "lr: 0.1\n",
            "prepare.py": PREPARE,
            "train.py": TRAIN,
            "raw.csv": "a,b\n" * 20,
        }
    )
    project.dvc("add", "-q", "raw.csv")
    project.dvc("repro", "-q")
    project.commit("good")
    return project


def report_of(project: Project, **request: object) -> Report:
    """Run the gate in this process."""
    given = Request(directory=project.root, **request)  # type: ignore[arg-type]
    return anyio.run(gate, given, Silence()).report


def _swap(name: str, old: str, new: str) -> Callable[[Project], None]:
    def edit(project: Project) -> None:
        path = project.root / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return edit


def _add(name: str, text: str) -> Callable[[Project], None]:
    def edit(project: Project) -> None:
        path = project.root / name
        path.write_text(path.read_text() + text)

    return edit


def _digest(name: str, path: str) -> Callable[[Project], None]:
    """Replace the digest that `path` has in its last entry of a lock."""

    def edit(project: Project) -> None:
        file = project.root / name
        lines = file.read_text().splitlines()
        last = max(i for i, line in enumerate(lines) if line.strip() == f"- path: {path}")
        at = next(i for i in range(last, len(lines)) if "md5: " in lines[i])
        lines[at] = lines[at].partition("md5: ")[0] + "md5: " + "0123456789abcdef" * 2
        file.write_text("\n".join(lines) + "\n")

    return edit


def _without_lock(project: Project) -> None:
    project.git("rm", "-q", "dvc.lock")


def _untracked(project: Project) -> None:
    project.git("rm", "-q", "prepare.py")


def _other_data(project: Project) -> None:
    (project.root / "raw.csv").write_text("c,d\n" * 20)
    project.dvc("add", "-q", "raw.csv")


MUTATIONS: dict[str, tuple[Callable[[Project], None], str]] = {
    "no lock": (_without_lock, "LP101"),
    "a stage that is not locked": (
        _add("dvc.yaml", "  report:\n    cmd: python train.py\n    deps: [train.py]\n"),
        "LP101",
    ),
    "a changed command": (_swap("dvc.yaml", "python train.py", "python -O train.py"), "LP102"),
    "a changed parameter": (_swap("params.yaml", "0.1", "0.2"), "LP103"),
    "changed code": (_add("train.py", "# new\n"), "LP104"),
    "other data than the lock was made from": (_other_data, "LP105"),
    "a dependency that is not its producer's output": (_digest("dvc.lock", "clean.csv"), "LP105"),
    "another metric in Git": (_swap("metrics.json", "0.9", "0.99"), "LP106"),
    "a dependency that nothing tracks": (_untracked, "LP107"),
    "an output that the lock has not": (
        _swap("dvc.yaml", "outs: [model.txt]", "outs: [model.txt, more.txt]"),
        "LP108",
    ),
    "conflict markers": (
        _swap("dvc.lock", "stages:\n", "<<<<<<< ours\nstages:\n=======\n>>>>>>> theirs\n"),
        "LP110",
    ),
    "a duplicate key": (_add("dvc.yaml", "stages: {}\n"), "LP111"),
    "a pipeline that is no YAML": (_add("dvc.yaml", "  - [\n"), "LP111"),
}


def test_a_good_repository_passes_and_is_left_as_it_was(original: Project) -> None:
    before = original.state()
    report = report_of(original)
    assert report.findings == ()
    assert report.verdict is Verdict.PASSED
    assert original.state() == before


@pytest.mark.parametrize("name", MUTATIONS)
def test_each_mutation_is_caught_by_its_rule_alone(
    original: Project, tmp_path: Path, name: str
) -> None:
    change, rule = MUTATIONS[name]
    project = copy_of(original, tmp_path)
    change(project)
    project.git("add", "-A")
    project.commit("mutated")
    report = report_of(project)
    assert {f.rule for f in report.findings} == {rule}
    assert report.verdict is Verdict.FAILED


def test_an_orphan_entry_is_a_warning(original: Project, tmp_path: Path) -> None:
    project = copy_of(original, tmp_path)
    lock = project.root / "dvc.lock"
    lock.write_text(lock.read_text() + GHOST)
    project.commit("orphan")
    report = report_of(project)
    assert [(f.rule, f.severity.value) for f in report.findings] == [("LP109", "warning")]
    assert report.verdict is Verdict.PASSED


def test_only_what_is_staged_counts(original: Project, tmp_path: Path) -> None:
    project = copy_of(original, tmp_path)
    project.write({"train.py": f"{TRAIN}# new\n"})
    assert report_of(project, staged=True).verdict is Verdict.PASSED
    project.git("add", "train.py")
    assert [f.rule for f in report_of(project, staged=True).findings] == ["LP104"]


def test_a_pull_request_cannot_switch_a_rule_off(original: Project, tmp_path: Path) -> None:
    project = copy_of(original, tmp_path)
    project.git("branch", "base")
    project.write(
        {"train.py": f"{TRAIN}# new\n", "lockproof.toml": f"{POLICY}[rules.LP104]\noff = true\n"}
    )
    project.commit("sly")
    report = report_of(project, pull_request=True, base="base")
    assert {f.rule for f in report.findings} == {"LP104", "LP803"}
    assert report.verdict is Verdict.FAILED
    assert report_of(project).findings == ()


MISSPELT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndatta: {}\n"
WAIVER = """
[[waiver]]
rule = "LP104"
subject = "train*"
reason = "a comment only"
expires = {0}
"""


def test_a_waiver_holds_until_it_ends(original: Project, tmp_path: Path) -> None:
    project = copy_of(original, tmp_path)
    project.write(
        {"train.py": f"{TRAIN}# new\n", "lockproof.toml": POLICY + WAIVER.format("2999-01-01")}
    )
    project.commit("waived")
    report = report_of(project)
    assert [(f.rule, f.severity.value) for f in report.findings] == [("LP104", "note")]
    assert report.verdict is Verdict.PASSED
    project.write({"lockproof.toml": POLICY + WAIVER.format("2020-01-01")})
    project.commit("late")
    report = report_of(project)
    assert {f.rule for f in report.findings} == {"LP104", "LP801"}
    assert report.verdict is Verdict.FAILED


def test_a_baseline_lets_pass_what_was_there(original: Project, tmp_path: Path) -> None:
    project = copy_of(original, tmp_path)
    project.write({"train.py": f"{TRAIN}# new\n"})
    project.commit("old sins")
    report_of(project, write_baseline=True)
    project.commit("adopted")
    report = report_of(project)
    assert [(f.rule, f.severity.value) for f in report.findings] == [("LP104", "note")]
    assert report.verdict is Verdict.PASSED
    project.write({"params.yaml": "lr: 0.2\n"})
    project.commit("a new one")
    assert report_of(project).verdict is Verdict.FAILED


def test_with_every_family_off_nothing_passes(original: Project, tmp_path: Path) -> None:
    project = copy_of(original, tmp_path)
    project.write({"lockproof.toml": POLICY.replace('["remote"', '["lock", "remote"')})
    project.commit("all off")
    assert report_of(project).verdict is Verdict.INCONCLUSIVE


def test_manifests_of_the_commit_are_linted(original: Project, tmp_path: Path) -> None:
    project = copy_of(original, tmp_path)
    (project.root / "control-plane").mkdir()
    project.write(
        {
            "lockproof.toml": POLICY.replace(', "manifests"', ""),
            "control-plane/a.yaml": MISSPELT,
        }
    )
    project.commit("a manifest with a misspelt field")
    (project.root / "control-plane" / "a.yaml").unlink()  # The work tree is not looked at.
    report = report_of(project)
    assert {f.path for f in report.findings} == {"control-plane/a.yaml"}
    assert all(f.rule.startswith("LP6") for f in report.findings)
    assert report.verdict is Verdict.FAILED


def test_lint_and_the_gate_let_the_same_manifests_pass(original: Project, tmp_path: Path) -> None:
    project = copy_of(original, tmp_path)
    (project.root / "control-plane").mkdir()
    policy = POLICY.replace(', "manifests"', "") + (
        '[rules.LP621]\nseverity = "note"\n'
        '[[waiver]]\nrule = "LP604"\nsubject = "*"\nreason = "x"\nexpires = 2999-01-01\n'
        '[[waiver]]\nrule = "LP605"\nsubject = "*"\nreason = "x"\nexpires = 2000-01-01\n'
    )
    project.write({"lockproof.toml": policy, "control-plane/a.yaml": MISSPELT})
    project.commit("a policy on manifests")
    linted = lint(LintRequest(directory=project.root), Silence())
    assert len({found.severity for found in linted.findings}) > 1
    gated = report_of(project)
    assert {f for f in gated.findings if f.rule[:3] in ("LP6", "LP8")} == set(linted.findings)
