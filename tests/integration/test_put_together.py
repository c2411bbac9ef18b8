"""Reports of single stages, sealed, sent through a log and put together: as one reproduction's.

No cluster: the same command line runs here as in a pod, one after the other.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from integration.pipelines import SORT_AND_TRAIN, TRAIN, Project, copy_of, new_project, prove
from lockproof.model.order import BadOrderError, Order, seal, unseal
from lockproof.model.report import Report, SkipReason
from lockproof.model.verdict import Verdict
from lockproof.steps.clock import Clock
from lockproof.steps.cluster import Request
from lockproof.steps.cluster.gather import Received, gather, handed_in, receive
from lockproof.steps.cluster.plan import Plan, Task, make_plan

POLICY = """
[environment]
interpreter = "python3"
[cluster]
image = "registry.example/lockproof@sha256:0"
repository = "https://git.example/repo.git"
"""
REPORT = """
  report:
    cmd: wc -l raw.csv > lines.txt
    deps: [raw.csv]
    outs: [lines.txt]
"""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("good"))
    files = {"dvc.yaml": SORT_AND_TRAIN + REPORT, "raw.csv": "b\na\n", "train.py": TRAIN}
    project.write({**files, "lockproof.toml": POLICY})
    project.dvc("add", "-q", "raw.csv")
    project.repro()
    return project


def plan_of(project: Project, **more: Any) -> Plan:
    return make_plan(Request(directory=project.root, on="argo", **more))


def part(project: Project, plan: Plan, task: Task) -> Received:
    """What a pod would report of a task."""
    order = plan.orders()[task.name]
    stages = tuple(f"={address}" for address in order.stages)
    report = prove(project, stages=stages, mode=plan.mode, apart=True)
    return receive(plan, task, unseal(order, seal(order, handed_in(report)).encode()))


def together(project: Project, plan: Plan, logs: Path, lost: Mapping[str, str] = {}) -> Report:
    """The report of all the pods, but for those that are lost."""
    received = {t.name: part(project, plan, t) for t in plan.tasks if t.name not in lost}
    return gather(plan, received, lost, logs, Clock())


def core_without_causes(report: Report) -> dict[str, Any]:
    core = json.loads(report.core())
    for stage in core["stages"]:
        stage.pop("causes")
    return core


def test_of_a_good_commit_the_core_is_that_of_the_host(good: Project, tmp_path: Path) -> None:
    plan = plan_of(good)
    assert [task.stages for task in plan.tasks] == [("prepare",), ("report",), ("train",)]
    found = together(good, plan, tmp_path)
    assert found.verdict is Verdict.PASSED
    assert found.core() == prove(good).core()
    assert {name for name, host in found.host.stages.items() if host.executed} == {
        *("prepare", "report", "train")
    }


@pytest.mark.parametrize("gone", [("prepare",), ("prepare", "report", "train")])
def test_what_did_not_report_was_not_checked(
    good: Project, tmp_path: Path, gone: tuple[str, ...]
) -> None:
    plan = plan_of(good)
    lost = {task.name: "its pod was evicted" for task in plan.tasks if task.stages[0] in gone}
    found = together(good, plan, tmp_path, lost)
    assert found.verdict is Verdict.INCONCLUSIVE
    skipped = {s.address for s in found.stages if s.skipped is SkipReason.NOT_REPORTED}
    assert skipped == set(gone)
    assert all(s.verdict is Verdict.INCONCLUSIVE for s in found.stages if s.address in gone)
    assert [f.rule for f in found.findings] == ["LP708"], "one reason, one finding"
    assert "its pod was evicted" in found.findings[0].message


def forged_output(project: Project) -> None:
    lock = (project.root / "dvc.lock").read_text()
    digest = lock.split("path: model.txt")[1].split("md5: ")[1][:32]
    project.edit_lock(digest, "a" * 32)
    project.commit("forged")


def lost_data(project: Project) -> None:
    """One object, which two stages read."""
    lock = (project.root / "raw.csv.dvc").read_text()
    digest = lock.split("md5: ")[1][:32]
    for store in (project.remote, project.root / ".dvc" / "cache"):
        (store / "files" / "md5" / digest[:2] / digest[2:]).unlink(missing_ok=True)


def not_locked_and_stale(project: Project) -> None:
    again = REPORT.replace("report", "again").replace("lines.txt", "again.txt")
    pipeline, train = (project.root / name for name in ("dvc.yaml", "train.py"))
    changed = {"dvc.yaml": pipeline.read_text() + again, "train.py": train.read_text() + "# x\n"}
    project.write(changed)
    project.commit("changed")


@pytest.mark.parametrize("change", [forged_output, lost_data, not_locked_and_stale])
def test_of_a_bad_commit_verdicts_and_findings_are_those_of_the_host(
    good: Project, tmp_path: Path, change: Callable[[Project], None]
) -> None:
    project = copy_of(good, tmp_path)
    change(project)
    found = together(project, plan_of(project), tmp_path)
    here = prove(project)
    assert found.verdict is Verdict.FAILED
    assert core_without_causes(found) == core_without_causes(here)


def test_a_report_of_something_else_is_not_taken(good: Project) -> None:
    plan = plan_of(good)
    task = next(t for t in plan.tasks if t.stages == ("report",))
    stages = ("=report",)
    value = json.loads(json.dumps(handed_in(prove(good, stages=stages, mode="isolated"))))
    assert receive(plan, task, value).report.verdict is Verdict.PASSED

    def changed(**parts: Any) -> dict[str, Any]:
        return {**value, "report": {**value["report"], **parts}}

    subject, stage = value["report"]["subject"], value["report"]["stages"][0]
    other = next(t for t in plan.tasks if t.stages == ("train",))
    with pytest.raises(BadOrderError, match="of train"):
        receive(plan, other, value)
    with pytest.raises(BadOrderError, match="use that one"):
        receive(plan, task, changed(tool="lockproof 0.0.1"))
    for what in ({"commit": "0" * 40}, {"lock_digest": "0" * 64}, {"mode": "chain"}, {"runs": 2}):
        with pytest.raises(BadOrderError, match="something else"):
            receive(plan, task, changed(subject={**subject, **what}))
    for said in ({"command": ["true"]}, {"outputs": []}, {"deps": []}):
        with pytest.raises(BadOrderError, match="does not state"):
            receive(plan, task, changed(stages=[{**stage, **said}]))
    for nonsense in ({}, {"report": 1}, {"report": value["report"]}, changed(verdict="fine")):
        with pytest.raises(BadOrderError):
            receive(plan, task, nonsense)


def test_the_command_of_a_pod_prints_nothing_but_the_receipt(good: Project, tmp_path: Path) -> None:
    plan = plan_of(good)
    order = Order("report-1", ("report",), bytes(32))
    (tmp_path / "order").write_text(order.text)
    argv = ["reproduce", plan.commit, "--base", plan.base, "--mode", "isolated", "--no-reuse"]
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lockproof")), *argv, "--order", tmp_path / "order"],
        cwd=good.root,
        env=good.environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert all(line.startswith("lockproof-receipt/1 ") for line in done.stdout.splitlines())
    task = Task("report-1", ("report",))
    got = receive(plan, task, unseal(order, (done.stderr + done.stdout).encode()))
    assert [s.address for s in got.report.stages] == ["report"]
    assert order.key.hex() not in done.stdout + done.stderr
