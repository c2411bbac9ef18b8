"""A stand-in for controllers that no test can run: Crossplane, its providers, Argo CD, volumes.

It does what lockproof relies on and nothing else: it installs a provider's kinds when the provider
is declared, makes a declared bucket on a real S3 server before it says Ready, binds volumes, gives
names where AWS does and is refused what is there already, and writes the conditions that the real
controllers write.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from cluster.lab import LIMIT, Api, Lab

_PKG = "/apis/pkg.crossplane.io/v1"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_POLICIES = "/apis/apiextensions.crossplane.io/v1alpha1/managedresourceactivationpolicies"
_EXTERNAL_NAME = "crossplane.io/external-name"
_PERIOD = 0.2

Definition = dict[str, Any]


def open_definition(group: str, version: str, kind: str, scope: str = "Namespaced") -> Definition:
    """A definition that takes any fields, of a kind whose real one is not among those at hand."""
    singular = kind.lower()
    plural = f"{singular}s"
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": anything}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "plural": plural, "singular": singular},
            "versions": [{"name": version, "served": True, "storage": True, "schema": schema}],
        },
    }


RUNTIME_CONFIGS = open_definition(
    "pkg.crossplane.io", "v1beta1", "DeploymentRuntimeConfig", "Cluster"
)


@dataclass
class StandIn:
    """What it looks after; a test may change how it behaves."""

    lab: Lab
    definitions: list[Definition]
    """All CustomResourceDefinitions; a provider's are installed when it is declared."""
    s3: Any = None
    """A boto3 client; None where no bucket is made."""
    trouble: dict[str, str] = field(default_factory=dict)
    """Name of a managed resource -> the error of its last operation."""
    stuck: set[str] = field(default_factory=set)
    """Names of managed resources that are never looked at."""
    buckets: list[str] = field(default_factory=list)
    """The buckets made, in order."""
    associations: dict[tuple[str, str], str] = field(default_factory=dict)
    """Namespace and service account -> the id that AWS gave: it outlives the objects here."""
    installed: list[str] = field(default_factory=list)
    """Names of the definitions that came with providers."""
    errors: list[BaseException] = field(default_factory=list)

    @property
    def api(self) -> Api:
        return self.lab.api

    def forget(self) -> None:
        """Delete providers, and with them their kinds: the next test declares its own."""
        for path in (f"{_PKG}/providers", _POLICIES):
            self.api.call("DELETE", path)
        for name in self.installed:
            self.api.call("DELETE", f"{_DEFINITIONS}/{name}")
        deadline = time.monotonic() + 60
        while any(self.api.get(f"{_DEFINITIONS}/{name}") for name in self.installed):
            assert time.monotonic() < deadline, f"still there: {self.installed}"
            time.sleep(0.1)

    def step(self) -> None:
        """Look at everything once."""
        for kind in ("providers", "functions", "configurations"):
            for one in self.api.items(f"{_PKG}/{kind}"):
                self._package(f"{_PKG}/{kind}/{one['metadata']['name']}", one)
        for one in self.api.items(_POLICIES):
            self._set(f"{_POLICIES}/{one['metadata']['name']}", one, {"Healthy": "True"})
        for definition in self.definitions:
            if _is_managed(definition):
                self._resources(definition)
        self._claims()
        self._applications()
        self._rollouts()

    def _package(self, path: str, one: dict[str, Any]) -> None:
        words = one["spec"]["package"].split("/")[-1].split(":")[0].removeprefix("provider-")
        wanted = set(words.split("-")) - {"family"}
        mine = [d for d in self.definitions if _labels(d) == wanted]
        names = {d["metadata"]["name"] for d in mine}
        missing = [name for name in names if self.api.get(f"{_DEFINITIONS}/{name}") is None]
        if missing:
            self.lab.install([d for d in mine if d["metadata"]["name"] in missing])
            self.installed += missing
        self._set(path, one, {"Installed": "True", "Healthy": "True"})

    def _resources(self, definition: Definition) -> None:
        spec = definition["spec"]
        version = spec["versions"][0]["name"]
        plural = spec["names"]["plural"]
        for one in self.api.items(f"/apis/{spec['group']}/{version}/{plural}"):
            metadata = one["metadata"]
            namespace = metadata.get("namespace")
            where = f"namespaces/{namespace}/" if namespace else ""
            path = f"/apis/{spec['group']}/{version}/{where}{plural}/{metadata['name']}"
            if metadata["name"] in self.stuck:
                continue
            if metadata["name"] in self.trouble:
                error = self.trouble[metadata["name"]]
                self._set(path, one, {"Synced": "True", "Ready": "False"})
                self._set(path, one, {"LastAsyncOperation": "False"}, error)
                continue
            if spec["names"]["kind"] == "Bucket":
                self._bucket(metadata)
            if spec["names"]["kind"] == "PodIdentityAssociation":
                if not self._associate(path, one):
                    continue
            elif _EXTERNAL_NAME not in (metadata.get("annotations") or {}):
                self._name(path, metadata["name"])
            good = {"Synced": "True", "Ready": "True", "LastAsyncOperation": "True"}
            self._set(path, one, good)

    def _associate(self, path: str, one: dict[str, Any]) -> bool:
        """As upjet does with what AWS names: without its name it makes it, again if need be."""
        given, metadata = one["spec"]["forProvider"], one["metadata"]
        what = (given["namespace"], given["serviceAccount"])
        name = (metadata.get("annotations") or {}).get(_EXTERNAL_NAME)
        if name is None and what not in self.associations:
            name = self.associations[what] = f"a-{len(self.associations) + 1:017x}"
            self._name(path, name)
        if name == self.associations.get(what):
            return True
        error = "create failed: api error ResourceInUseException: Association already exists"
        self._set(path, one, {"Synced": "False"}, error)
        return False

    def _name(self, path: str, name: str) -> None:
        """As a provider does; an object that has just gone is no error."""
        body = {"metadata": {"annotations": {_EXTERNAL_NAME: name}}}
        where = f"{path}?fieldManager=provider"
        self.api.call("PATCH", where, body, "application/merge-patch+json")

    def _bucket(self, metadata: dict[str, Any]) -> None:
        annotations = metadata.get("annotations") or {}
        name = annotations.get(_EXTERNAL_NAME, metadata["name"])
        if self.s3 is not None and name not in self.buckets:
            there = {one["Name"] for one in self.s3.list_buckets()["Buckets"]}
            if name not in there:
                self.s3.create_bucket(Bucket=name)
            self.buckets.append(name)

    def _set(self, path: str, one: Any, wanted: dict[str, str], message: str = "") -> None:
        status = one.setdefault("status", {})
        listed = {c["type"]: c for c in status.get("conditions") or ()}
        if all(listed.get(name, {}).get("status") == value for name, value in wanted.items()):
            return
        for name, value in wanted.items():
            listed[name] = {
                "type": name,
                "status": value,
                "reason": "AsStoodInFor",
                "message": message,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        status["conditions"] = list(listed.values())
        self.api.set_status(path, {"conditions": status["conditions"]})

    def _claims(self) -> None:
        for one in self.api.items("/api/v1/persistentvolumeclaims"):
            if one["status"].get("phase") != "Pending":
                continue
            metadata, spec = one["metadata"], one["spec"]
            volume = {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": f"pv-{metadata['uid']}"},
                "spec": {
                    "capacity": spec["resources"]["requests"],
                    "accessModes": spec["accessModes"],
                    "storageClassName": spec.get("storageClassName", ""),
                    "hostPath": {"path": "/nowhere"},
                    "claimRef": {"namespace": metadata["namespace"], "name": metadata["name"]},
                },
            }
            self.api.create("/api/v1/persistentvolumes", volume)

    def _applications(self) -> None:
        base = "/apis/argoproj.io/v1alpha1"
        for one in self.api.items(f"{base}/applications"):
            if "health" not in one.get("status", {}):
                path = f"{base}/namespaces/{one['metadata']['namespace']}/applications"
                body = {"status": {"health": {"status": "Healthy"}, "sync": {"status": "Synced"}}}
                # Argo CD's Application has no status subresource.
                self.api.call(
                    "PATCH",
                    f"{path}/{one['metadata']['name']}",
                    body,
                    "application/merge-patch+json",
                )

    def _rollouts(self) -> None:
        base = "/apis/argoproj.io/v1alpha1"
        for one in self.api.items(f"{base}/rollouts"):
            generation = str(one["metadata"]["generation"])
            status = one.get("status", {})
            if status.get("observedGeneration") != generation or status.get("phase") != "Healthy":
                path = f"{base}/namespaces/{one['metadata']['namespace']}/rollouts"
                new = {"observedGeneration": generation, "phase": "Healthy"}
                self.api.set_status(f"{path}/{one['metadata']['name']}", new)


def _labels(definition: Definition) -> set[str]:
    return set(definition["spec"]["group"].split(".")[:-2]) - {"m"}


def _is_managed(definition: Definition) -> bool:
    group = definition["spec"]["group"]
    kind = definition["spec"]["names"]["kind"]
    cloud = group.endswith((".m.upbound.io", ".m.crossplane.io"))
    return cloud and not kind.startswith(("ProviderConfig", "ClusterProviderConfig"))


@contextmanager
def at_work(stand_in: StandIn) -> Iterator[StandIn]:
    """Run it beside a test; what went wrong in it fails the test."""
    stop = threading.Event()
    worker = threading.Thread(target=_run, args=(stand_in, stop.wait), daemon=True)
    worker.start()
    try:
        yield stand_in
    finally:
        stop.set()
        worker.join(timeout=LIMIT)
    assert not stand_in.errors, stand_in.errors


def _run(stand_in: StandIn, wait: Callable[[float], bool]) -> None:
    while not wait(_PERIOD):
        try:
            stand_in.step()
        except (OSError, HTTPException):
            pass  # The API server is being restarted, or busy.
        except Exception as error:  # noqa: BLE001 - told by `at_work`
            stand_in.errors.append(error)
            return
