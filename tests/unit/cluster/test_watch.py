"""What pods, Jobs and Workflows tell, and what becomes of it: no report is never a pass."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lockproof import __version__
from lockproof.adapters.kubernetes.answers import Refusal, Why
from lockproof.adapters.kubernetes.cluster import Kind
from lockproof.errors import UnavailableError
from lockproof.model.environment import Environment
from lockproof.model.order import Order, seal
from lockproof.model.report import Host, Report, StageReport, Subject, Timing
from lockproof.model.resource import GroupKind
from lockproof.model.verdict import OutputVerdict, Verdict
from lockproof.steps.clock import Clock
from lockproof.steps.cluster import watch as module
from lockproof.steps.cluster.gather import _claimed, gather, handed_in
from lockproof.steps.cluster.plan import Plan, Task
from lockproof.steps.cluster.pod import RUN, TASK
from lockproof.steps.cluster.pods import has_ended, is_over, line_of, why_lost, why_over
from lockproof.steps.cluster.watch import Watch
from unit.cluster.plans import make_plan

JOB = Kind(GroupKind("batch", "Job"), "v1", "jobs", namespaced=True)


class Silence:
    """A progress that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def show(self, name: str, line: str) -> None:
        self.said.append(f"{name}: {line}")

    def end(self, name: str) -> None:
        """Nothing."""

    def detail(self, text: str) -> None:
        """Nothing."""


class StandIn:
    """A stand-in for the API server, in place of `Cluster`: what it answers is set by the test."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.work: dict[str, Any] | None = {"kind": "Workflow", "status": {"phase": "Running"}}
        self.pods: list[dict[str, Any]] = []
        self.logs: dict[str, Callable[[], bytes]] = {}
        self.asked: list[str] = []
        self.said: list[str] = []

    def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
        return self.work

    def listed(self, kind: Kind, namespace: str, selector: str) -> list[dict[str, Any]]:
        assert selector == f"{RUN}={self.plan.run}"
        return self.pods

    def events(self, namespace: str, name: str, reason: str) -> list[str]:
        assert (name, reason) == (self.plan.run, "FailedCreate")
        return self.said

    def log(self, namespace: str, pod: str, container: str, *, lines: int, most: int) -> bytes:
        self.asked.append(f"{pod}/{container}")
        return self.logs[pod]()


def report_of(plan: Plan, task: Task, verdict: OutputVerdict = OutputVerdict.IDENTICAL) -> Report:
    stages: list[StageReport] = []
    for address in task.stages:
        claimed = _claimed(plan, plan.pipeline.by_address[address])
        outputs = tuple(o.model_copy(update={"verdict": verdict}) for o in claimed.outputs)
        update = {"verdict": verdict.verdict, "skipped": None, "outputs": outputs}
        stages.append(claimed.model_copy(update=update))
    return Report(
        tool=f"lockproof {__version__}",
        subject=Subject(
            commit=plan.commit, lock_digest=plan.lock_digest, mode=plan.mode, selected=("=x",)
        ),
        verdict=verdict.verdict,
        stages=tuple(stages),
        findings=(),
        host=Host(),
        timing=Timing(started="2026-11-30T00:00:00Z", seconds=1.0),
    )


def pod(task: Task, number: int = 1, **status: Any) -> dict[str, Any]:
    name = f"{task.name}-{number}"
    return {
        "metadata": {"name": name, "uid": name, "labels": {TASK: task.name}},
        "status": {"phase": "Succeeded", **status},
    }


def ended(code: int, name: str = "main", reason: str = "Error") -> dict[str, Any]:
    state = {"terminated": {"exitCode": code, "reason": reason}}
    return {"name": name, "state": state}


@pytest.fixture
def plan() -> Plan:
    return make_plan()


@pytest.fixture
def orders(plan: Plan) -> dict[str, Order]:
    return plan.orders()


@pytest.fixture
def watch(
    plan: Plan, orders: dict[str, Order], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Watch:
    monkeypatch.setattr(module, "_PAUSE", 0.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(sleep=lambda _: None, monotonic=_Ticks()))
    server: Any = StandIn(plan)
    return Watch((plan,), server, orders, (tmp_path,), Silence())


class _Ticks:
    """A clock that goes on by itself: a wait that would never end does."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 60.0
        return self.now


def report(watch: Watch, task: Task, verdict: OutputVerdict = OutputVerdict.IDENTICAL) -> bytes:
    said = handed_in(report_of(watch.plan, task, verdict))
    return b"some progress\n" + seal(watch.orders[task.name], said).encode()


def everyone_reports(watch: Watch) -> Any:
    server: Any = watch.cluster
    for task in watch.plan.tasks:
        server.pods.append(pod(task))
        server.logs[f"{task.name}-1"] = lambda task=task: report(watch, task)
    return server


def verdict_of(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> Verdict:
    monkeypatch.setattr("lockproof.steps.cluster.gather.origin_of", lambda *_: None)
    return gather(watch.plan, watch.received, watch.lost, watch.logs[0], Clock()).verdict


def test_when_all_have_reported_nothing_is_waited_for(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    everyone_reports(watch)
    watch.wait(JOB, watch.plan.run)
    assert watch.lost == {}
    assert verdict_of(watch, monkeypatch) is Verdict.PASSED


def test_a_pod_on_other_hardware_is_told_apart(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate holds each tolerance against the hardware on which its own stage ran."""
    everyone_reports(watch)
    watch.wait(JOB, watch.plan.run)
    monkeypatch.setattr("lockproof.steps.cluster.gather.origin_of", lambda *_: None)
    with_gpu, without = (
        Environment(kind="unpinned", name="PATH", gpus=gpus) for gpus in (("NVIDIA L4",), ())
    )
    for task in watch.plan.tasks:
        there = with_gpu if "train" in task.stages else without
        got = watch.received[task.name]
        told = got.report.model_copy(update={"host": Host(environment=there)})
        watch.received[task.name] = replace(got, report=told)
    host = gather(watch.plan, watch.received, watch.lost, watch.logs[0], Clock()).host
    for address, one in host.stages.items():
        assert (one.environment or host.environment) == (
            with_gpu if address == "train" else without
        )


FATES: list[tuple[str, Callable[[Watch, dict[str, Any], Task], bytes | None], str]] = [
    ("evicted", lambda w, p, t: p["status"].update(
        phase="Failed", reason="Evicted", message="the node was low on memory") or b"",
     "Evicted: the node was low on memory"),
    ("killed", lambda w, p, t: p["status"].update(
        phase="Failed", containerStatuses=[ended(137, reason="OOMKilled")]) or b"[1.0s] running\n",
     "exit code 137, OOMKilled"),
    ("cut", lambda w, p, t: report(w, t)[:-80], "cut off"),
    ("silent", lambda w, p, t: b"", "holds no report"),
    ("of another task", lambda w, p, t: seal(
        w.orders[next(o.name for o in w.plan.tasks if o != t)],
        handed_in(report_of(w.plan, t))).encode(), "not sealed with the key of this pod"),
    ("of another stage", lambda w, p, t: seal(
        w.orders[t.name],
        handed_in(report_of(w.plan, next(o for o in w.plan.tasks if o != t)))).encode(),
     "does not state"),
    ("forged", lambda w, p, t: seal(
        Order(t.name, t.stages, bytes(32)), handed_in(report_of(w.plan, t))).encode(),
     "not sealed with the key of this pod"),
    ("without its commit", lambda w, p, t: p["status"].update(
        phase="Failed", initContainerStatuses=[ended(128, "fetch")])
        or b"fatal: could not read from remote repository\n",
     "could not be fetched (exit code 128); fatal: could not read"),
    ("refusing", lambda w, p, t: p["status"].update(
        phase="Failed", containerStatuses=[ended(2)])
        or b"lockproof: run.isolation is required and cannot be had here\n",
     "run.isolation is required"),
    ("gone", lambda w, p, t: None, "its log cannot be read"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fate", "reason"), FATES, ids=[f[0] for f in FATES])
def test_a_pod_without_its_report_passes_nothing(
    watch: Watch,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    fate: Callable[[Watch, dict[str, Any], Task], bytes | None],
    reason: str,
) -> None:
    server = everyone_reports(watch)
    server.work = {"kind": "Workflow", "status": {"phase": "Failed", "message": "a child failed"}}
    victim = watch.plan.tasks[0]
    content = fate(watch, server.pods[0], victim)

    def log() -> bytes:
        if content is None:
            raise UnavailableError("no node")
        return content

    server.logs[f"{victim.name}-1"] = log
    watch.wait(JOB, watch.plan.run)
    assert set(watch.received) == {task.name for task in watch.plan.tasks[1:]}
    assert reason in watch.lost[victim.name]
    assert verdict_of(watch, monkeypatch) is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_verdicts_on_one_task_the_worse_one_counts(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, order: tuple[int, int]
) -> None:
    server = everyone_reports(watch)
    task = watch.plan.tasks[0]
    said = [report(watch, task), report(watch, task, OutputVerdict.DIFFERENT)]
    server.pods = [pod(task, 1), pod(task, 2), *server.pods[1:]]
    for number, which in enumerate(order, 1):
        server.logs[f"{task.name}-{number}"] = lambda which=which: said[which]
    watch.wait(JOB, watch.plan.run)
    assert verdict_of(watch, monkeypatch) is Verdict.FAILED


def test_a_pod_that_is_tried_again_may_bring_the_verdict(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = everyone_reports(watch)
    task = watch.plan.tasks[0]
    server.pods.insert(0, pod(task, 0, phase="Failed", reason="Evicted"))
    server.logs[f"{task.name}-0"] = lambda: b""
    watch.wait(JOB, watch.plan.run)
    assert "Evicted" in watch.lost[task.name]
    assert verdict_of(watch, monkeypatch) is Verdict.PASSED


def test_a_log_is_asked_for_again_where_a_node_does_not_answer(watch: Watch) -> None:
    server = everyone_reports(watch)
    server.work = {"kind": "Workflow", "status": {"phase": "Succeeded"}}
    task = watch.plan.tasks[0]
    answers = iter([UnavailableError("no"), Refusal(Why.NOT_FOUND, "no"), report(watch, task)])

    def log() -> bytes:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    server.logs[f"{task.name}-1"] = log
    watch.wait(JOB, watch.plan.run)
    assert set(watch.received) == {task.name for task in watch.plan.tasks}
    assert server.asked.count(f"{watch.plan.tasks[1].name}-1/main") == 1


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        (None, "its run was deleted"),
        ({"kind": "Workflow", "status": {"phase": "Error", "message": "quota"}}, "quota"),
        (
            {
                "kind": "Job",
                "status": {
                    "conditions": [
                        {"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}
                    ]
                },
            },
            "DeadlineExceeded",
        ),
        ({"kind": "Workflow"}, "the deadline of the run has passed"),
        ({"kind": "Job", "status": {"active": 1}}, "the deadline of the run has passed"),
    ],
)
def test_without_pods_nothing_is_passed_and_the_wait_ends(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, work: dict[str, Any] | None, reason: str
) -> None:
    server: Any = watch.cluster
    server.work = work
    watch.wait(JOB, watch.plan.run)
    assert all(reason in why and "no pod" in why for why in watch.lost.values())
    assert len(watch.lost) == 3
    assert verdict_of(watch, monkeypatch) is Verdict.INCONCLUSIVE


def test_what_keeps_pods_from_being_made_is_said(watch: Watch) -> None:
    server: Any = watch.cluster
    server.work = None
    server.said = ["first", 'pods "x" is forbidden:\n exceeded quota: none, used: pods=0']
    watch.wait(JOB, watch.plan.run)
    wanted = 'no pod was made for it: pods "x" is forbidden: exceeded quota: none, used: pods=0'
    assert all(why.startswith(wanted) for why in watch.lost.values())
    assert len(watch.lost) == 3


def test_a_pod_that_never_starts_says_why(watch: Watch) -> None:
    server: Any = watch.cluster
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
    image = {"name": "fetch", "state": {"waiting": waiting}}
    server.pods = [
        pod(watch.plan.tasks[0], phase="Pending", initContainerStatuses=[image]),
        pod(
            watch.plan.tasks[1],
            phase="Pending",
            conditions=[
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "reason": "Unschedulable",
                    "message": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
                }
            ],
        ),
    ]
    watch.wait(JOB, watch.plan.run)
    first, second, _ = (watch.lost[task.name] for task in watch.plan.tasks)
    assert "ImagePullBackOff: Back-off pulling image" in first
    assert "Insufficient nvidia.com/gpu" in second


def test_what_waits_in_a_queue_until_the_end_is_named_and_no_verdict(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kueue keeps a Job suspended, without a pod, until there is quota for it."""
    server: Any = watch.cluster
    server.work = {"kind": "Job", "metadata": {"uid": "j"}, "spec": {"suspend": True}}
    line = "waits in queue ml: no quota yet"
    waits = [(task.name, line) for task in watch.plan.tasks]
    monkeypatch.setattr(module.Queue, "waiting", lambda *_: iter(waits))
    watch.wait(JOB, watch.plan.run)
    assert set(watch.lost.values()) == {f"{line} (the deadline of the run has passed)"}
    assert f"the run goes on: lockproof reproduce --attach {watch.plan.run}" in said_of(watch)
    assert verdict_of(watch, monkeypatch) is Verdict.INCONCLUSIVE


def said_of(watch: Watch) -> list[str]:
    progress: Any = watch.progress
    return list(progress.said)


@pytest.mark.parametrize("work", [None, {"kind": "Workflow", "status": {"phase": "Failed"}}])
def test_a_run_that_is_over_or_gone_is_not_said_to_go_on(
    watch: Watch, work: dict[str, Any] | None
) -> None:
    server: Any = watch.cluster
    server.work = work
    watch.wait(JOB, watch.plan.run)
    assert not [one for one in said_of(watch) if "goes on" in one]


def test_what_a_pod_did_last_is_said_also_where_its_engine_deleted_it(watch: Watch) -> None:
    """Seen of a Job whose deadline came: its pods are gone, and why they never ran with them."""
    server: Any = watch.cluster
    waiting = {"reason": "ErrImagePull", "message": "not found"}
    image = {"name": "fetch", "state": {"waiting": waiting}}
    watch.look([pod(watch.plan.tasks[0], phase="Pending", initContainerStatuses=[image])])
    server.work = None
    watch.wait(JOB, watch.plan.run)
    assert "ErrImagePull: not found (its run was deleted)" in watch.lost[watch.plan.tasks[0].name]


@pytest.mark.parametrize("gone", [False, True])
def test_it_is_said_also_where_it_was_seen_being_deleted(watch: Watch, gone: bool) -> None:
    """Seen on a node: between the deadline of a Job and the end of its pods."""
    server: Any = watch.cluster
    waiting = {"reason": "ErrImagePull", "message": "not found"}
    image = {"name": "fetch", "state": {"waiting": waiting}}
    one = pod(watch.plan.tasks[0], phase="Pending", initContainerStatuses=[image])
    watch.look([one])
    one["metadata"]["deletionTimestamp"] = "2026-12-01T00:00:00Z"
    watch.look([one])
    server.work = None
    server.pods = [] if gone else [one]
    watch.wait(JOB, watch.plan.run)
    said = watch.lost[watch.plan.tasks[0].name]
    what = "its pod was deleted before it was seen to end" if gone else "its pod was deleted"
    assert said == f"{what}; before that: waits: ErrImagePull: not found (its run was deleted)"


def running(task: Task, number: int = 1, *, deleted: bool = False) -> dict[str, Any]:
    """A pod at work, on a node."""
    main = {"name": "main", "state": {"running": {}}}
    one = pod(task, number, phase="Running", containerStatuses=[main])
    one["spec"] = {"nodeName": "node-7"}
    if deleted:
        one["metadata"]["deletionTimestamp"] = "2026-11-30T00:00:00Z"
    return one


def test_a_pod_that_was_deleted_while_its_node_is_away_is_no_running_one(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By force, too: a Job's pods stay until somebody has seen how they ended."""
    server: Any = watch.cluster
    server.work = {"kind": "Job", "status": {"active": 1}}
    server.pods = [running(task, deleted=True) for task in watch.plan.tasks]
    watch.wait(JOB, watch.plan.run)
    wanted = "its pod was deleted, and its node node-7 has not said that it ended (the deadline"
    assert all(why.startswith(wanted) for why in watch.lost.values())
    assert len(watch.lost) == 3
    assert verdict_of(watch, monkeypatch) is Verdict.INCONCLUSIVE


def test_a_pod_that_is_gone_before_it_ended_was_deleted(watch: Watch) -> None:
    server: Any = watch.cluster
    first, second, third = watch.plan.tasks
    watch.look([running(task) for task in watch.plan.tasks])
    watch.look([running(third)])
    server.work = {"kind": "Job", "status": {"active": 1}}
    server.pods = [running(second, 2), running(third)]
    watch.wait(JOB, watch.plan.run)
    gone = "its pod was deleted before it was seen to end; before that: running"
    assert watch.lost[first.name].startswith(gone)
    for task in (second, third):  # Another was made of one; the other goes on.
        assert watch.lost[task.name].startswith("running (")


def test_of_a_pod_that_was_tried_again_both_are_told(watch: Watch) -> None:
    server: Any = watch.cluster
    server.work = {"kind": "Job", "status": {"active": 1}}
    task = watch.plan.tasks[0]
    server.pods = [running(task, 2, deleted=True), pod(task, 1, phase="Failed", reason="Evicted")]
    server.logs[f"{task.name}-1"] = lambda: b""
    watch.wait(JOB, watch.plan.run)
    assert "its pod ended: Evicted" in watch.lost[task.name]
    assert "; the next one: its pod was deleted, and its node" in watch.lost[task.name]


def test_pods_of_nobody_are_not_asked(watch: Watch) -> None:
    server = everyone_reports(watch)
    stranger = pod(watch.plan.tasks[0], 7)
    stranger["metadata"]["labels"] = {TASK: "no-task-of-this"}
    server.pods.insert(0, stranger)
    watch.wait(JOB, watch.plan.run)
    assert f"{watch.plan.tasks[0].name}-7/main" not in server.asked


def test_logs_are_kept_without_the_receipt(watch: Watch) -> None:
    everyone_reports(watch)
    watch.wait(JOB, watch.plan.run)
    texts = [path.read_text() for path in sorted(watch.logs[0].iterdir())]
    assert texts == ["some progress\n"] * 3


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ({}, "starting"),
        ({"initContainerStatuses": [{"name": "fetch", "state": {"running": {}}}]}, "fetching"),
        ({"containerStatuses": [{"name": "main", "state": {"running": {}}}]}, "running"),
    ],
)
def test_a_line_says_what_a_pod_does(status: dict[str, Any], line: str) -> None:
    one = {"metadata": {}, "status": {"phase": "Running", **status}}
    assert line_of(one).startswith(line)
    assert not has_ended(one)


def test_a_pod_whose_other_container_goes_on_has_ended() -> None:
    """Argo's own container lives a little longer."""
    one = {"metadata": {}, "status": {"phase": "Running", "containerStatuses": [ended(0)]}}
    assert has_ended(one)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("DisruptionTarget", "PreemptionByScheduler"), ("TerminationTarget", "WorkloadEvicted")],
)
def test_a_pod_that_is_taken_away_says_so(kind: str, reason: str) -> None:
    """The second is Kueue's, of a pod that was preempted."""
    condition = {"type": kind, "status": "True", "reason": reason, "message": "for another"}
    status = {"phase": "Failed", "conditions": [condition], "containerStatuses": [ended(130)]}
    one = {"metadata": {"deletionTimestamp": "2026-12-01T00:00:00Z"}, "status": status}
    assert why_lost(one) == f"its pod was taken away: {reason}: for another"


def test_a_pod_that_ended_and_was_deleted_says_both() -> None:
    status = {"phase": "Failed", "containerStatuses": [ended(130)]}
    one = {"metadata": {"deletionTimestamp": "2026-12-01T00:00:00Z"}, "status": status}
    assert why_lost(one) == "lockproof ended (exit code 130); its pod was deleted"


@pytest.mark.parametrize(
    ("work", "over"),
    [
        ({"kind": "Workflow", "status": {"phase": "Succeeded"}}, True),
        ({"kind": "Workflow", "status": {"phase": "Pending"}}, False),
        ({"kind": "Workflow"}, False),
        ({"kind": "Job", "status": {"conditions": [{"type": "Complete", "status": "True"}]}}, True),
        ({"kind": "Job", "status": {"conditions": [{"type": "Failed", "status": "False"}]}}, False),
        (
            {"kind": "Job", "status": {"conditions": [{"type": "Suspended", "status": "True"}]}},
            False,
        ),
    ],
)
def test_when_a_run_is_over(work: dict[str, Any], over: bool) -> None:
    assert is_over(work) is over
    assert why_over(work) == ""


def test_text_of_a_pod_is_kept_short() -> None:
    one = {"metadata": {}, "status": {"phase": "Failed", "reason": "x", "message": "y\n" * 9999}}
    assert len(why_lost(one)) < 400
    assert json.dumps(why_lost(one)).count("\\n") == 0
