"""Waits for the pods of a run, and takes what they report."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from lockproof.adapters.files import write_whole
from lockproof.adapters.kubernetes.answers import Refusal
from lockproof.adapters.kubernetes.cluster import POD, Cluster, Kind
from lockproof.errors import UnavailableError
from lockproof.model.order import BadOrderError, Order, is_of_receipt, unseal
from lockproof.model.resource import Body
from lockproof.model.verdict import worst
from lockproof.steps.progress import Progress

from .gather import Received, receive
from .plan import Plan
from .pod import MAIN, RUN
from .pods import (
    failed_container,
    has_ended,
    is_being_deleted,
    is_over,
    line_of,
    task_of,
    why_lost,
    why_over,
)
from .queue import Queue

_NONE: Mapping[str, str] = {}
_PAUSE = 2.0
_LINES, _BYTES = 12_000, 16 << 20
"""Of a log: a receipt has up to 8,000 lines of 800 characters."""
_ASKED = 5
"""How often a log that cannot be read is asked for."""
_SHOWN = 8
_GRACE = 120.0
"""Seconds that engines may take, beyond the deadline, to say that it is over."""


@dataclass
class Watch:
    """What is known of a run so far."""

    plans: tuple[Plan, ...]
    """Of one run: one for each revision."""
    cluster: Cluster
    orders: Mapping[str, Order]
    logs: tuple[Path, ...]
    """The folder of each plan's logs."""
    progress: Progress
    received: dict[str, Received] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    _seen: dict[str, str] = field(default_factory=dict)
    """task -> what is known of it."""
    _did: dict[str, str] = field(default_factory=dict)
    """uid of a pod -> what it did before it was deleted, as an engine does at its deadline."""
    _live: dict[str, str] = field(default_factory=dict)
    """task -> uid of the pod that had not ended when it was seen last."""
    _read: dict[str, int] = field(default_factory=dict)
    """uid of a pod -> how often its log was asked for; `_ASKED` where it needs not be any more."""

    def __post_init__(self) -> None:
        """Know whose each task is."""
        self._tasks = {
            task.name: (plan, task, logs)
            for plan, logs in zip(self.plans, self.logs, strict=True)
            for task in plan.tasks
        }

    @property
    def plan(self) -> Plan:
        """One of them: run, namespace and deadline are the same for all."""
        return self.plans[0]

    def wait(self, kind: Kind, name: str) -> None:
        """Wait until every task has reported, or until nothing more will come.

        Raises:
            UnavailableError: the API server does not answer.
            Refusal: pods may not be listed.
        """
        end = time.monotonic() + self.plan.cluster.deadline + _GRACE
        namespace = self.plan.cluster.namespace
        while True:
            work = self.cluster.get(kind, namespace, name)  # Before its pods: no later one is lost.
            pods = self.cluster.listed(POD, namespace, f"{RUN}={self.plan.run}")
            began = time.monotonic()
            waiting = dict(Queue(self.plan, self.cluster).waiting(work, pods))
            pending = self.look(pods, waiting)
            if len(self.received) == len(self._tasks):
                return
            over = work is None or is_over(work)
            if over and not pending:
                self._conclude(pods, "its run was deleted" if work is None else why_over(work))
                return
            if time.monotonic() > end:
                if not over:  # Such as a Job in a queue, whose own deadline begins later.
                    self.progress.say(self.plan.goes_on)
                self._conclude(pods, "the deadline of the run has passed")
                return
            time.sleep(max(_PAUSE, time.monotonic() - began))

    def look(self, pods: list[Body], waiting: Mapping[str, str] = _NONE) -> bool:
        """Take in how pods are, and the reports of those that ended.

        Args:
            pods: all of the run.
            waiting: task -> what it waits for before it has a pod that may start.

        Returns:
            Whether a log could not be read that may be, later.
        """
        pending = False
        for task, line in waiting.items():
            if task in self._tasks and task not in self.received:
                self._seen[task] = line
                self.progress.show(task, line)
        for pod in sorted(pods, key=_newest_last):
            task, uid = task_of(pod), str(pod["metadata"]["uid"])
            if task not in self._tasks or (task in self.received and not has_ended(pod)):
                continue
            if not has_ended(pod):
                self._live[task] = uid
                if task not in waiting:
                    self._seen[task] = self._line(pod, uid)
                    self.progress.show(task, self._seen[task])
                continue
            if self._live.get(task) == uid:
                del self._live[task]
            if self._read.get(uid, 0) < _ASKED:
                pending = self._take(pod, uid) or pending
        self._miss({str(pod["metadata"]["uid"]) for pod in pods}, waiting)
        return pending

    def _miss(self, there: set[str], waiting: Mapping[str, str]) -> None:
        """Note which pods are gone that were never seen to end."""
        for task in [one for one, uid in self._live.items() if uid not in there]:
            uid = self._live.pop(task)
            if task not in waiting:
                gone = "its pod was deleted before it was seen to end"
                self._seen[task] = self._after(uid, gone)

    def _line(self, pod: Body, uid: str) -> str:
        """What a pod does; of one that is being deleted also what it did before."""
        line = line_of(pod)
        if is_being_deleted(pod):
            return self._after(uid, line)
        self._did[uid] = line
        return line

    def _after(self, uid: str, what: str) -> str:
        did = self._did.get(uid)
        return f"{what}; before that: {did}" if did else what

    def _take(self, pod: Body, uid: str) -> bool:
        """Read the report of a pod that ended; whether to try again."""
        task, name = task_of(pod), str(pod["metadata"]["name"])
        self._seen.pop(task, None)
        container = failed_container(pod)
        namespace = self.plan.cluster.namespace
        try:
            log = self.cluster.log(namespace, name, container, lines=_LINES, most=_BYTES)
        except (Refusal, UnavailableError) as error:
            self._read[uid] = self._read.get(uid, 0) + 1
            self.lost[task] = f"{why_lost(pod)}, and its log cannot be read: {error}"
            return self._read[uid] < _ASKED
        self._read[uid] = _ASKED
        self._keep(task, name, log)
        if container == MAIN:
            try:
                self._accept(task, unseal(self.orders[task], log))
                return False
            except BadOrderError as error:
                why = str(error)
        else:
            why = ""
        # What its own pod says comes first: a receipt is missing for that reason.
        said = _last_line(log)
        self.lost[task] = "; ".join(p for p in (why_lost(pod), why, said) if p)
        self.progress.say(f"{task}: {self.lost[task]}")
        self.progress.end(task)
        return False

    def _accept(self, task: str, value: Mapping[str, object]) -> None:
        plan, planned, _ = self._tasks[task]
        got = receive(plan, planned, value)
        before = self.received.get(task)
        # A verdict is never asked for twice; where two came all the same, the worse one counts.
        if before and worst([before.report.verdict, got.report.verdict]) is before.report.verdict:
            return
        self.received[task] = got
        self.progress.end(task)
        count = f"{len(self.received):,} of {len(self._tasks):,}"
        self.progress.say(f"{task}: {got.report.verdict.value} ({count} have reported)")

    def _keep(self, task: str, pod: str, log: bytes) -> None:
        """Leave the log here, without the receipt."""
        lines = log.decode("utf-8", "replace").split("\n")
        text = "\n".join(line for line in lines if not is_of_receipt(line))
        write_whole(self._tasks[task][2] / f"{task}.{pod[-8:]}.log", text)

    def _conclude(self, pods: list[Body], why: str) -> None:
        """Say of every task without a report why it has none."""
        last = {task_of(pod): pod for pod in pods}
        for task in self._tasks:
            if task in self.received:
                continue
            pod = last.get(task)
            seen = self._seen.get(task)
            if task in self.lost:
                self.lost[task] += f"; the next one: {seen}" if seen else ""
            else:
                ended = pod is not None and has_ended(pod)
                self.lost[task] = why_lost(pod) if pod and ended else seen or self._why_no_pod
            if why:
                self.lost[task] += f" ({why})"

    @cached_property
    def _why_no_pod(self) -> str:
        """Asked once for all tasks, and only where one has none."""
        said = self.cluster.events(self.plan.cluster.namespace, self.plan.run, "FailedCreate")
        more = f": {' '.join(said[-1].split())[:300]}" if said else ""  # Such as a quota.
        return f"no pod was made for it{more}"


def _newest_last(pod: Body) -> tuple[bool, bool]:
    """What comes later says what is so now."""
    return not has_ended(pod), not is_being_deleted(pod)


def _last_line(log: bytes) -> str:
    lines = [line for line in log.decode("utf-8", "replace").split("\n") if line.strip()]
    last = next((line for line in reversed(lines) if not is_of_receipt(line)), "")
    return " ".join(last.split())[:300]
