"""Applying: what fails holds back what needs it, and nothing else; with a server in memory."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.kubernetes.answers import Refusal, Why
from lockproof.adapters.kubernetes.cluster import Cluster
from lockproof.adapters.kubernetes.connection import Connection
from lockproof.config import Policy
from lockproof.model.resource import GroupKind, Manifest
from lockproof.model.verdict import Verdict
from lockproof.steps.clock import Clock
from lockproof.steps.provision import apply as applying
from lockproof.steps.provision.apply import apply, wait_for_rest
from lockproof.steps.provision.assemble import Account, assemble
from lockproof.steps.provision.inventory import Inventory
from lockproof.steps.provision.needs import link
from lockproof.steps.provision.order import WAVE, batches
from lockproof.steps.provision.plan import all_items, plan
from lockproof.steps.provision.request import Request
from lockproof.steps.provision.session import Item, Session

Body = dict[str, Any]
KINDS = {
    "/api/v1": ["Namespace", "ConfigMap", "Secret", "Service", "ResourceQuota"],
    "/apis/apps/v1": ["Deployment"],
    "/apis/batch/v1": ["Job"],
    "/apis/networking.k8s.io/v1": ["NetworkPolicy"],
    "/apis/admissionregistration.k8s.io/v1": ["ValidatingWebhookConfiguration"],
    "/apis/cilium.io/v2": ["CiliumNetworkPolicy"],
    "/apis/pkg.crossplane.io/v1": ["Provider"],
    "/apis/s3.aws.m.upbound.io/v1beta1": ["Bucket", "BucketVersioning"],
}
_EVERYWHERE = ("Namespace", "Provider", "ValidatingWebhookConfiguration")
BAD = [{"type": "Synced", "status": "False", "message": "api error: 409 ResourceInUseException"}]
GOOD = [{"type": "Synced", "status": "True"}, {"type": "Ready", "status": "True"}]


class Stored:
    """An API server as far as applying asks it: kinds, objects, refusals, and a status for each."""

    def __init__(self) -> None:
        self.objects: dict[str, Body] = {}
        self.order: list[str] = []
        self.refused: set[str] = set()
        self.status: dict[str, Body] = {}
        """Name -> what its controller says; nothing for the others that need it."""
        self.kinds = {path: list(kinds) for path, kinds in KINDS.items()}

    def request(
        self, method: str, path: str, query: Mapping[str, str], body: Any = None, *_: str, **__: str
    ) -> Body:
        if method == "GET" and path in self.kinds:
            return {"resources": [_resource(kind) for kind in self.kinds[path]]}
        if method == "GET":
            if path not in self.objects:
                raise Refusal(Why.NOT_FOUND, path)
            found = self.objects[path]
            return found | {"status": self.status.get(found["metadata"]["name"], {})}
        assert method == "PATCH"
        name = body["metadata"]["name"]
        if query.get("dryRun"):
            return cast("Body", body)
        if name in self.refused:
            raise Refusal(Why.INVALID, f"admission webhook denied {name}")
        self.objects[path] = body
        self.order.append(name)
        return cast("Body", body)


def _resource(kind: str) -> Body:
    plural = f"{kind.lower()}s".replace("ys", "ies")
    return {"name": plural, "kind": kind, "namespaced": kind not in _EVERYWHERE}


class Heard:
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def show(self, name: str, line: str) -> None:
        pass

    def end(self, name: str) -> None:
        pass


def thing(kind: str, name: str, wave: int = 0, space: str = "n", **more: Any) -> Manifest:
    group_kind = GroupKind.parse(kind)
    path = next(p for p, kinds in KINDS.items() if group_kind.kind in kinds)
    metadata: Body = {"name": name, "annotations": {WAVE: str(wave)}}
    if _resource(group_kind.kind)["namespaced"]:
        metadata["namespace"] = space
    version = path.removeprefix("/apis/").removeprefix("/api/")
    body = {"apiVersion": version, "kind": group_kind.kind, "metadata": metadata, "spec": {}} | more
    return Manifest(body, "all.yaml", 1)


def web(name: str, wave: int = 1, settings: str | None = None) -> Manifest:
    container: Body = {"name": "web", "image": "example.org/web:1"}
    if settings:
        container["envFrom"] = [{"configMapRef": {"name": settings}}]
    template = {"spec": {"containers": [container]}}
    return thing("Deployment.apps", name, wave, spec={"template": template})


RUNS = {"observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1, "replicas": 1}


class Run:
    """One run over these manifests."""

    def __init__(
        self, server: Stored, *manifests: Manifest, seconds: float = 60, wait: bool = True
    ):
        self.heard = Heard()
        request = Request(Path(), wait=wait)
        cluster = Cluster(cast("Connection", server), "lockproof")
        self.session = Session(
            request=request,
            git=cast("GitRepository", None),
            policy=Policy(),
            overlay="test",
            manifests=manifests,
            cluster=cluster,
            inventory=Inventory("test", "default"),
            progress=self.heard,
            deadline=time.monotonic() + seconds,
            timeout=seconds,
            commit=None,
        )
        planned, refused = plan(self.session)
        assert not refused
        self.items = {item.key.name: item for item in all_items(planned)}
        self.findings = apply(self.session, planned)
        self.findings += wait_for_rest(self.session, planned)

    @property
    def held(self) -> dict[str, str]:
        return {name: item.held for name, item in self.items.items() if item.held}

    @property
    def rules(self) -> list[str]:
        return [finding.rule for finding in self.findings]

    def report(self) -> Any:
        account = Account(self.session, list(self.items.values()), self.findings, attempted=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Cluster, "server", "s")
            patch.setattr(Cluster, "context", "c")
            return assemble(account, Clock())


@pytest.fixture
def server() -> Stored:
    return Stored()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "_GRACE", 0.0)


def test_a_refused_object_holds_back_what_refers_to_it_alone(server: Stored) -> None:
    server.refused.add("settings")
    server.status["other"] = RUNS
    run = Run(
        server,
        thing("ConfigMap", "settings"),
        web("web", settings="settings"),
        thing("Service", "late", 3),
        web("other"),
    )
    assert server.order == ["other", "late"]
    assert run.rules == ["LP901"]
    assert run.held == {"web": "ConfigMap n/settings"}
    assert "Deployment.apps n/web is held back by ConfigMap n/settings" in run.heard.said
    report = run.report()
    assert report.verdict is Verdict.FAILED
    applied = next(check for check in report.checks if check.name == "applied")
    assert applied.not_checked == ("Deployment.apps n/web: held back by ConfigMap n/settings",)


def test_it_is_taken_up_where_it_was(server: Stored) -> None:
    server.refused.add("settings")
    manifests = (thing("ConfigMap", "settings"), web("web", settings="settings"), web("other"))
    server.status = {"other": RUNS, "web": RUNS}
    Run(server, *manifests)
    server.refused.clear()
    run = Run(server, *manifests)
    assert (run.findings, run.held) == ([], {})
    assert server.order == ["other", "settings", "web"], "what was there is left alone"
    assert run.report().verdict is Verdict.PASSED


def test_what_a_controller_says_is_wrong_does_not_stop_later_waves(server: Stored) -> None:
    """What refers to it waits until the time is up; the rest is there long before."""
    server.status = {"store": {"conditions": BAD}, "web": RUNS}
    run = Run(
        server,
        thing("Bucket.s3.aws.m.upbound.io", "store", spec={"forProvider": {}}),
        thing(
            "BucketVersioning.s3.aws.m.upbound.io",
            "versions",
            1,
            spec={"forProvider": {"bucketRef": {"name": "store"}}},
        ),
        web("web", 2),
        seconds=1.5,
    )
    assert server.order == ["store", "web"]
    assert not run.items["web"].unwaited
    assert run.rules == ["LP906"]
    assert "409 ResourceInUseException" in run.findings[0].message
    assert run.held == {"versions": "Bucket.s3.aws.m.upbound.io n/store"}
    assert run.report().verdict is Verdict.FAILED


def test_what_recovers_lets_go_of_what_it_held(server: Stored) -> None:
    server.status = {"store": {"conditions": BAD}, "versions": {"conditions": GOOD}, "web": RUNS}

    class Recovers(Stored):
        def request(self, method: str, path: str, *more: Any, **named: Any) -> Body:
            if path.endswith("/deployments/web") and method == "PATCH":
                self.status["store"] = {"conditions": GOOD}
            return super().request(method, path, *more, **named)

    recovers = Recovers()
    recovers.status = server.status
    named = {"forProvider": {"bucketRef": {"name": "store"}}}
    run = Run(
        recovers,
        thing("Bucket.s3.aws.m.upbound.io", "store", spec={"forProvider": {}}),
        thing("BucketVersioning.s3.aws.m.upbound.io", "versions", 1, spec=named),
        web("web", 2),
    )
    assert (run.findings, run.held) == ([], {})
    assert set(recovers.order) == {"store", "web", "versions"}
    assert run.report().verdict is Verdict.PASSED


def test_when_the_time_is_up_the_rest_is_applied_and_said_not_to_be_waited_for(
    server: Stored,
) -> None:
    """Nothing looks at the bucket: that is no error, nor is it a pass."""
    run = Run(
        server,
        thing("Bucket.s3.aws.m.upbound.io", "store", spec={"forProvider": {}}),
        web("web", 1),
        thing("ConfigMap", "settings", 2),
        seconds=0.5,
    )
    assert server.order == ["store", "web", "settings"]
    assert run.rules == ["LP907"]
    report = run.report()
    assert report.verdict is Verdict.INCONCLUSIVE
    ready = next(check for check in report.checks if check.name == "ready")
    assert "Deployment.apps n/web: applied when the time for waiting was up" in ready.not_checked


def test_what_guards_pods_comes_before_them_or_they_do_not_come(server: Stored) -> None:
    server.refused.add("walls")
    server.status["far"] = RUNS
    far = thing_elsewhere()
    run = Run(server, thing("NetworkPolicy.networking.k8s.io", "walls"), web("web"), far)
    assert server.order == ["far"]
    assert run.held == {"web": "NetworkPolicy.networking.k8s.io n/walls"}


@pytest.mark.parametrize(
    ("kind", "free"),
    [
        ("ValidatingWebhookConfiguration.admissionregistration.k8s.io", []),
        ("CiliumNetworkPolicy.cilium.io", ["far"]),
    ],
)
def test_policies_of_webhooks_and_custom_kinds_guard_as_well(
    server: Stored, kind: str, free: list[str]
) -> None:
    server.refused.add("walls")
    server.status |= {"far": RUNS, "web": RUNS}
    run = Run(server, thing(kind, "walls"), web("web"), thing_elsewhere())
    assert server.order == free
    assert run.held["web"].startswith(kind)


def test_a_policy_that_its_controller_has_not_seen_yet_does_not_hold_that_back(
    server: Stored,
) -> None:
    server.status |= {"walls": {"conditions": BAD}, "agent": RUNS}
    run = Run(server, thing("CiliumNetworkPolicy.cilium.io", "walls"), web("agent"), seconds=1.5)
    assert server.order == ["walls", "agent"]
    assert run.held == {}


def thing_elsewhere() -> Manifest:
    far = web("far")
    far.body["metadata"]["namespace"] = "elsewhere"
    return far


def test_a_job_that_failed_holds_back_the_waves_after_it(server: Stored) -> None:
    failed = {"conditions": [{"type": "Failed", "status": "True", "message": "BackoffLimit"}]}
    server.status = {"migrate": failed, "beside": RUNS}
    job = thing("Job.batch", "migrate", spec={"template": {"spec": {"containers": []}}})
    run = Run(server, job, web("web", 1), web("beside", 0))
    assert set(server.order) == {"migrate", "beside"}
    assert run.rules == ["LP906"]
    assert run.held == {"web": "Job.batch n/migrate"}


def test_a_kind_that_does_not_come_holds_back_what_is_of_it(server: Stored) -> None:
    """Its provider is refused: that is the reason, not the kind."""
    del server.kinds["/apis/s3.aws.m.upbound.io/v1beta1"]
    server.refused.add("provider-aws-s3")
    server.status["web"] = RUNS
    package = {"package": "xpkg.crossplane.io/c/provider-aws-s3:v2.6.0"}
    run = Run(
        server,
        thing("Provider.pkg.crossplane.io", "provider-aws-s3", spec=package),
        thing("Bucket.s3.aws.m.upbound.io", "store", spec={"forProvider": {}}),
        web("web", 1),
    )
    assert server.order == ["web"]
    assert run.rules == ["LP901"]
    assert run.held == {"store": "Provider.pkg.crossplane.io provider-aws-s3"}


def test_the_first_cause_is_named(server: Stored) -> None:
    server.refused.add("n")
    namespace = thing("Namespace", "n")
    run = Run(server, namespace, thing("ConfigMap", "settings"), web("web", settings="settings"))
    assert server.order == []
    assert run.held == {"settings": "Namespace n", "web": "Namespace n"}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ConfigMap", "Deployment.apps", "Job.batch", "Service"]),
            st.integers(-2, 2),
            st.sampled_from(["a", "b"]),
        ),
        unique_by=lambda one: (one[0], one[2]),
    )
)
def test_needs_go_back_only(declared: list[tuple[str, int, str]]) -> None:
    """So nothing waits in a circle."""
    spec = {"template": {"spec": {"containers": [{"envFrom": [{"configMapRef": {"name": "a"}}]}]}}}
    manifests = [thing(kind, name, wave, spec=spec) for kind, wave, name in declared]
    items = [[Item(one) for one in batch] for batch in batches(manifests)]
    link(items)
    for number, batch in enumerate(items):
        earlier = {id(one) for before in items[:number] for one in before}
        assert all(id(need) in earlier for item in batch for need in item.needs)
