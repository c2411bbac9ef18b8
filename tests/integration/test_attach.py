"""Runs in a cluster that are begun, left, and come back to. A stand-in for the API server keeps
objects, and fails where a test says so; repository and plan are real.
"""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integration.pipelines import SORT_AND_TRAIN, Project, new_project
from lockproof.adapters.kubernetes.cluster import Kind
from lockproof.errors import UnavailableError, UsageError
from lockproof.model.report import Report
from lockproof.model.resource import GroupKind
from lockproof.model.verdict import Verdict
from lockproof.steps.cluster import Request, attach, reproduce_on
from lockproof.steps.cluster import run as module
from lockproof.steps.cluster.begun import _Entry
from lockproof.steps.cluster.plan import Plan
from unit.cluster.test_watch import Silence, report_of

POLICY = """
[cluster]
image = "registry.example/lockproof@sha256:0"
repository = "https://git.example/repo.git"
"""


class StandIn:
    """In place of `Cluster`: what is applied is there, until it is deleted."""

    server = "https://stand-in"

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.fails: Callable[[str, str], BaseException | None] = lambda verb, kind: None
        """What is raised after a request was done, as where its answer is lost."""

    def kind(self, api_version: str, name: str) -> Kind:
        group = api_version.rpartition("/")[0]
        return Kind(GroupKind(group, name), "v1", f"{name.lower()}s", namespaced=True)

    def apply(self, kind: Kind, body: dict[str, Any], *, dry_run: bool) -> dict[str, Any]:
        live = {**body, "metadata": {**body["metadata"], "uid": "1"}}
        self.objects[kind.group_kind.kind, body["metadata"]["name"]] = live
        self._answer("apply", kind)
        return live

    def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
        self._answer("get", kind)
        return self.objects.get((kind.group_kind.kind, name))

    def listed(self, kind: Kind, namespace: str, selector: str) -> list[dict[str, Any]]:
        self._answer("list", kind)
        return []

    def delete(self, kind: Kind, live: dict[str, Any]) -> None:
        self._answer("delete", kind)
        self.objects.pop((kind.group_kind.kind, live["metadata"]["name"]), None)

    def _answer(self, verb: str, kind: Kind) -> None:
        failure = self.fails(verb, kind.group_kind.kind)
        if failure:
            raise failure


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("project"))
    project.write({"dvc.yaml": SORT_AND_TRAIN, "raw.csv": "b\na\n", "lockproof.toml": POLICY})
    project.commit("one")
    project.write({"notes.md": "x"})
    project.commit("two")
    return project


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    server = StandIn()
    monkeypatch.setattr(module, "_connect", lambda *_: server)
    return server


@pytest.fixture
def attached(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """The plans that were waited for; nothing is."""
    plans: list[Plan] = []

    def waited(asked: tuple[Plan, ...], *_: object) -> tuple[Report, ...]:
        plans.extend(asked)
        return tuple(report_of(plan, plan.tasks[0]) for plan in asked)

    monkeypatch.setattr(module, "_report", waited)
    return plans


def begin(project: Project, **more: Any) -> str:
    run = reproduce_on(Request(project.root, detach=True, **more), Silence())
    assert isinstance(run, str)
    return run


def test_what_is_attached_to_is_what_was_begun(
    project: Project, server: StandIn, attached: list[Plan]
) -> None:
    first = project.git("rev-parse", "HEAD~1").strip()
    run = begin(project, revision="HEAD~1", mode="chain", runs=3, stages=("prepare",), base="HEAD")
    (report,) = attach(Request(project.root), run, Silence())
    assert report.verdict is Verdict.PASSED
    (plan,) = attached
    assert (plan.commit, plan.mode, plan.runs, plan.selected) == (first, "chain", 3, ("prepare",))
    same = Request(project.root, revision=first, mode="chain", runs=3, stages=("prepare",),
                   base="HEAD")  # fmt: skip
    attach(same, run, Silence())
    assert attached[1].tasks == plan.tasks


@pytest.mark.parametrize("named", [("HEAD", "main"), ("HEAD", "HEAD"), ("HEAD~1", "HEAD")])
def test_one_commit_by_two_names_is_one_revision(
    named: tuple[str, ...], project: Project, server: StandIn, attached: list[Plan]
) -> None:
    commits = list(dict.fromkeys(project.git("rev-parse", *named).split()))
    run = begin(project, on="argo", revisions=named)
    for asked in (None, named):
        attached.clear()
        attach(Request(project.root, revisions=asked or ()), run, Silence())
        assert [plan.commit for plan in attached] == commits


def test_what_is_written_on_a_job_decides_nothing(
    project: Project, server: StandIn, attached: list[Plan]
) -> None:
    """Who edits it, and sees no key, once chose which stages a pass was about."""
    run = begin(project)
    before = json.dumps(server.objects["Job", run])
    assert attach(Request(project.root), run, Silence())
    said = {"commit": attached[0].commit, "since": None, "mode": "isolated", "runs": 1,
            "selected": ["prepare"], "engine": "kubernetes", "root": "",
            "base": attached[0].base}  # fmt: skip
    edited = json.loads(before)
    edited["metadata"]["annotations"] = {"lockproof.dev/plan": json.dumps(said)}
    server.objects["Job", run] = edited
    attach(Request(project.root), run, Silence())
    assert attached[1].selected == ()
    assert attached[1].tasks == attached[0].tasks


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ({"revision": "HEAD~1"}, "REV was"),
        ({"stages": ("train",)}, "--stage was not given"),
        ({"mode": "chain"}, "--mode was isolated"),
        ({"runs": 2}, "--runs was 1"),
        ({"jobs": 2}, "--jobs was not given"),
        ({"since": "HEAD~1"}, "--since was not given"),
        ({"base": "HEAD~1"}, "--base was"),
    ],
)
def test_an_option_that_says_otherwise_is_refused(
    project: Project, server: StandIn, attached: list[Plan], beside: dict[str, Any], said: str
) -> None:
    run = begin(project)
    with pytest.raises(UsageError, match=said):
        attach(Request(project.root, **beside), run, Silence())
    assert attached == []


def entry(server: StandIn, run: str, name: str, change: Callable[[Any], Any]) -> None:
    data = server.objects["Secret", run]["data"]
    value = change(json.loads(base64.b64decode(data[name])))
    data[name] = base64.b64encode(json.dumps(value).encode()).decode()


def entry_with(value: Any, **more: Any) -> Any:
    (one,) = value["revisions"]
    return {"revisions": [{**one, **more}]}


CHANGES: list[tuple[str, Callable[[Any], Any], str]] = [
    ("plan", lambda v: entry_with(v, selected=["prepare"]), "other tasks"),
    ("plan", lambda v: entry_with(v, root="sub"), "attach from there"),
    ("plan", lambda v: entry_with(v, more=1), "this version"),
    ("plan", lambda v: entry_with(v, runs="1"), "this version"),
    ("plan", lambda v: {"revisions": v["revisions"] * 2}, "a commit twice"),
    ("plan", lambda v: {"revisions": []}, "a commit twice, or none"),
    ("plan", lambda v: [], "this version"),
    ("all", lambda v: {**v, "stages": ["prepare"]}, "other tasks"),
    ("all", lambda v: {**v, "key": ""}, "64 hex digits"),
]


@pytest.mark.parametrize(("name", "change", "said"), CHANGES)
def test_a_secret_that_does_not_fit_is_refused(
    project: Project,
    server: StandIn,
    attached: list[Plan],
    name: str,
    change: Callable[[Any], Any],
    said: str,
) -> None:
    run = begin(project)
    entry(server, run, name, change)
    with pytest.raises(UsageError, match=said):
        attach(Request(project.root), run, Silence())
    assert attached == []


def test_the_version_that_began_a_run_attaches_to_it_where_another_does_not_know_it(
    project: Project, server: StandIn, attached: list[Plan]
) -> None:
    """As the refusal says; the other version keeps one thing more of what was asked for."""

    class Later(_Entry):
        more: int = 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lockproof.steps.cluster.begun._Entry", Later)
        run = begin(project)
        (report,) = attach(Request(project.root), run, Silence())
        assert report.verdict is Verdict.PASSED
    with pytest.raises(UsageError, match="attach with the one that began it"):
        attach(Request(project.root), run, Silence())


@pytest.mark.parametrize("gone", ["Job", "Secret"])
def test_a_run_that_is_gone_says_so(project: Project, server: StandIn, gone: str) -> None:
    run = begin(project)
    del server.objects[gone, run]
    with pytest.raises(UsageError, match="may have been removed"):
        attach(Request(project.root), run, Silence())


def test_without_the_plan_nothing_is_believed(project: Project, server: StandIn) -> None:
    run = begin(project)
    del server.objects["Secret", run]["data"]["plan"]
    with pytest.raises(UsageError, match="has no plan"):
        attach(Request(project.root), run, Silence())


def failing(times: dict[tuple[str, str], BaseException]) -> Callable[[str, str], Any]:
    """Fail once for each verb and kind."""
    return lambda verb, kind: times.pop((verb, kind), None)


@pytest.mark.parametrize("ending", [UnavailableError("no answer"), OSError(28, "disk full")])
def test_what_ends_the_wait_ends_no_run(
    project: Project,
    server: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ending: Exception,
) -> None:
    """An API server that was restarted once cost the run that the guide said would go on."""
    monkeypatch.setenv("LOCKPROOF_CACHE_DIR", str(tmp_path))
    server.fails = failing({("list", "Pod"): ending})
    progress = Silence()
    with pytest.raises(type(ending)):
        reproduce_on(Request(project.root), progress)
    assert {kind for kind, _ in server.objects} == {"Job", "Secret"}
    ((_, run), _) = server.objects
    assert progress.said[-1] == f"the run goes on: lockproof reproduce --attach {run}"


@pytest.mark.parametrize(
    ("verb", "kind", "ending"),
    [
        ("list", "Pod", KeyboardInterrupt()),
        ("apply", "Secret", UnavailableError("its answer is lost")),
        ("apply", "Secret", KeyboardInterrupt()),
        ("apply", "Job", UnavailableError("its answer is lost")),
        ("apply", "Job", KeyboardInterrupt()),
    ],
)
def test_what_is_interrupted_or_never_begun_leaves_nothing(
    project: Project,
    server: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
    kind: str,
    ending: BaseException,
) -> None:
    monkeypatch.setenv("LOCKPROOF_CACHE_DIR", str(tmp_path))
    server.fails = failing({(verb, kind): ending})
    progress = Silence()
    with pytest.raises(type(ending)):
        reproduce_on(Request(project.root), progress)
    assert server.objects == {}
    assert progress.said[0].startswith("run lockproof-"), "its ID comes before anything is made"
    assert not any("may be left" in said for said in progress.said)


@pytest.mark.parametrize("trouble", [UnavailableError("no answer"), KeyboardInterrupt()])
def test_what_cannot_be_removed_is_named(
    project: Project,
    server: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trouble: BaseException,
) -> None:
    monkeypatch.setenv("LOCKPROOF_CACHE_DIR", str(tmp_path))
    failures = {("list", "Pod"): KeyboardInterrupt(), ("delete", "Job"): trouble}
    server.fails = failing(failures)
    progress = Silence()
    with pytest.raises(KeyboardInterrupt):
        reproduce_on(Request(project.root), progress)
    run = progress.said[0].split()[1].rstrip(":")
    left = [said for said in progress.said if "may be left" in said]
    assert left[0] == f"it may be left: kubectl -n default delete jobs.batch {run}"
    # The others are tried all the same; not after a second Ctrl-C.
    assert (("Secret", run) in server.objects) is (len(left) == 2)
    assert len(left) == (2 if isinstance(trouble, KeyboardInterrupt) else 1)


def test_several_revisions_are_one_run_and_come_back_as_what_they_were(
    project: Project, server: StandIn, attached: list[Plan]
) -> None:
    run = begin(project, on="argo", revisions=("HEAD~1", "HEAD", "HEAD~1"), mode="isolated")
    assert set(server.objects) == {("Secret", run), ("Workflow", run)}
    reports = attach(Request(project.root), run, Silence())
    commits = [project.git("rev-parse", name).strip() for name in ("HEAD~1", "HEAD")]
    assert [report.subject.commit for report in reports] == commits
    assert [plan.commit for plan in attached] == commits
    names = [task.name for plan in attached for task in plan.tasks]
    assert len(set(names)) == len(names) == 2, "not locked, so one task tells of both stages"
    same = Request(project.root, revisions=("HEAD", "HEAD~1"))
    assert len(attach(same, run, Silence())) == 2
    with pytest.raises(UsageError, match="REV was"):
        attach(Request(project.root, revision="HEAD"), run, Silence())


def test_several_revisions_are_no_job(project: Project, server: StandIn) -> None:
    with pytest.raises(UsageError, match="--on argo"):
        begin(project, revisions=("HEAD~1", "HEAD"))
    assert server.objects == {}


def test_a_commit_taken_out_of_the_secret_is_missed(
    project: Project, server: StandIn, attached: list[Plan]
) -> None:
    """Its tasks are still there: a table with fewer revisions than were asked for is no answer."""
    run = begin(project, on="argo", revisions=("HEAD~1", "HEAD"))
    entry(server, run, "plan", lambda v: {"revisions": v["revisions"][:1]})
    with pytest.raises(UsageError, match="other tasks"):
        attach(Request(project.root), run, Silence())
    assert attached == []
