"""A Kubernetes cluster, by its API: server-side apply, reading, deleting, and patience.

The client library finds the cluster, its certificates and the user's credentials; requests are
plain HTTP on its connection pool. Needs Kubernetes 1.27 or newer.
"""

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lockproof.model.resource import Body, GroupKind

from .answers import Refusal, Why
from .connection import Connection, Say

_PAGE = 500
_API_VERSION = re.compile(r"(?:[a-z0-9][-.a-z0-9]*/)?[a-z0-9][-a-z0-9]*")
_DISCOVERY = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={v};as=APIGroupDiscoveryList"
    for v in ("v2", "v2beta1")
)
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@dataclass(frozen=True)
class Kind:
    """A kind that the cluster serves, and where."""

    group_kind: GroupKind
    version: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """The path of an object, or of the list of them; in all namespaces where it names none."""
        group = self.group_kind.group
        parts = ["apis", group, self.version] if group else ["api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts += [self.plural, *([name] if name else [])]
        return "/" + "/".join(quote(part, safe="") for part in parts)


POD = Kind(GroupKind("", "Pod"), "v1", "pods", namespaced=True)
_EVENT = Kind(GroupKind("", "Event"), "v1", "events", namespaced=True)


@dataclass
class Cluster:
    """One cluster, as one user."""

    connection: Connection
    manager: str
    """The field manager that applies."""
    _known: dict[tuple[str, str], Kind] = field(default_factory=dict, repr=False)
    _asked: set[str] = field(default_factory=set, repr=False)
    _served: list[Kind] | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def connect(
        cls,
        kubeconfig: Path | None,
        context: str | None,
        *,
        manager: str,
        patience: float,
        say: Say,
        only_asks: bool = False,
    ) -> "Cluster":
        """Find the cluster; nothing is contacted yet.

        Raises:
            ConfigError, MissingExtraError: as `Connection.open`, which has the other arguments.
        """
        connection = Connection.open(
            kubeconfig, context, patience=patience, say=say, only_asks=only_asks
        )
        return cls(connection, manager)

    @property
    def server(self) -> str:
        """Scheme, host and port of its API server."""
        return self.connection.server

    @property
    def context(self) -> str:
        """The context of the kubeconfig, for people."""
        return self.connection.context

    def version(self) -> str:
        """The server's version, such as `v1.34.4`.

        Raises:
            UnavailableError: it does not answer.
        """
        return str(self._get("/version").get("gitVersion", "unknown"))

    def kind(self, api_version: str, kind: str, *, fresh: bool = False) -> Kind | None:
        """The kind as the cluster serves it in just this version; None where it does not.

        Args:
            api_version: such as `apps/v1`.
            kind: such as `Deployment`.
            fresh: whether to ask again where the answer was no before.
        """
        if not _API_VERSION.fullmatch(api_version):
            return None  # Such as `../..`, which would be the path of something else.
        with self._lock:
            if (api_version, kind) not in self._known and (fresh or api_version not in self._asked):
                self._discover(api_version)
            return self._known.get((api_version, kind))

    def served(self, group_kind: GroupKind) -> Kind | None:
        """The kind in the version that the cluster prefers; None where it serves none."""
        return next((kind for kind in self.kinds() if kind.group_kind == group_kind), None)

    def kinds(self, *, fresh: bool = False) -> list[Kind]:
        """Every kind that the cluster serves, each in the version that it prefers."""
        if self._served is None or fresh:
            self._served = [kind for path in ("/api", "/apis") for kind in self._aggregated(path)]
        return self._served

    def get(self, kind: Kind, namespace: str | None, name: str) -> Body | None:
        """An object; None where there is none.

        Raises:
            Refusal: it may not be read.
            UnavailableError: the server does not answer.
        """
        try:
            return self._get(kind.path(namespace, name))
        except Refusal as refusal:
            if refusal.why is Why.NOT_FOUND:
                return None
            raise

    def members(self, kind: Kind, selector: str = "", *, whole: bool = True) -> list[Body]:
        """The objects of a kind in all namespaces that a label selector picks.

        Args:
            kind: the kind.
            selector: a label selector; empty for all of them.
            whole: False for their metadata alone.
        """
        return list(self._pages(kind, None, selector, whole=whole))

    def listed(self, kind: Kind, namespace: str, selector: str = "") -> list[Body]:
        """The objects of a kind in one namespace that a label selector picks."""
        return list(self._pages(kind, namespace, selector, whole=True))

    def names_in(self, kind: Kind, namespace: str) -> list[Body]:
        """The metadata of the objects of a kind in one namespace."""
        return list(self._pages(kind, namespace, "", whole=False))

    def events(self, namespace: str, name: str, reason: str) -> list[str]:
        """What events of one reason say of objects of this name; none where they may not be read.

        Raises:
            UnavailableError: the server does not answer.
        """
        query = {
            "fieldSelector": f"involvedObject.name={name},reason={reason}",
            "limit": str(_PAGE),
        }
        try:
            page = self._get(_EVENT.path(namespace), query, "application/json")
        except Refusal:
            return []
        return [str(event.get("message") or "") for event in page.get("items") or ()]

    def log(self, namespace: str, pod: str, container: str, *, lines: int, most: int) -> bytes:
        """The end of what a container of a pod wrote.

        Args:
            namespace: of the pod.
            pod: its name.
            container: the container's name.
            lines: how many lines at most.
            most: how many bytes at most.

        Raises:
            Refusal: it may not be read, or there is no such pod or log.
            UnavailableError: the server, or the pod's node, does not answer, or it is longer.
        """
        path = f"{POD.path(namespace, pod)}/log"
        query = {"container": container, "tailLines": str(lines)}
        return self.connection.text(path, query, most)

    def apply(self, kind: Kind, body: Body, *, dry_run: bool, force: bool = False) -> Body:
        """Apply an object on the server's side and return what it becomes.

        Args:
            kind: its kind.
            body: the object; only the fields in it are set.
            dry_run: whether the server only says what would be.
            force: whether to take fields from other managers.

        Raises:
            Refusal: a conflict, an invalid object, not allowed, or a namespace that is not there.
            UnavailableError: the server did not answer for as long as the patience lasts.
        """
        query = {"fieldManager": self.manager, "fieldValidation": "Strict"}
        query |= {"dryRun": "All"} if dry_run else {}
        query |= {"force": "true"} if force else {}
        metadata = body["metadata"]
        path = kind.path(metadata.get("namespace"), metadata["name"])
        return self.connection.request("PATCH", path, query, body, "application/apply-patch+yaml")

    def delete(self, kind: Kind, live: Body, *, dry_run: bool = False) -> None:
        """Delete just this object; one that has gone already is no error.

        Raises:
            Refusal: it may not be deleted, or is another one by now.
            UnavailableError: as `apply`.
        """
        metadata = live["metadata"]
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": metadata["uid"]},
        }
        options |= {"dryRun": ["All"]} if dry_run else {}
        path = kind.path(metadata.get("namespace"), metadata["name"])
        try:
            self.connection.request("DELETE", path, {}, options)
        except Refusal as refusal:
            if refusal.why is not Why.NOT_FOUND:
                raise

    def unlabel(self, kind: Kind, live: Body, label: str) -> None:
        """Take a label off just this object.

        Raises:
            Refusal, UnavailableError: as `delete`.
        """
        metadata = live["metadata"]
        path = kind.path(metadata.get("namespace"), metadata["name"])
        patch = {"metadata": {"uid": metadata["uid"], "labels": {label: None}}}
        query = {"fieldManager": self.manager}
        self.connection.request("PATCH", path, query, patch, "application/merge-patch+json")

    def change(self, kind: Kind, live: Body, patch: Body, *, status: bool = False) -> Body:
        """Change some fields of an object that is still just as it was read.

        Args:
            kind: its kind.
            live: it, or at least its `metadata`.
            patch: a JSON merge patch.
            status: whether the patch is of its status, which nothing else can change.

        Raises:
            Refusal: it has changed, or may not be changed.
            UnavailableError: as `apply`.
        """
        metadata = live["metadata"]
        path = kind.path(metadata.get("namespace"), metadata["name"])
        same = {name: metadata[name] for name in ("uid", "resourceVersion")}
        return self.connection.request(
            "PATCH",
            path + ("/status" if status else ""),
            {"fieldManager": self.manager},
            {**patch, "metadata": same},
            "application/merge-patch+json",
        )

    def _pages(
        self, kind: Kind, namespace: str | None, selector: str, *, whole: bool
    ) -> Iterator[Body]:
        query = {"limit": str(_PAGE)} | ({"labelSelector": selector} if selector else {})
        group = kind.group_kind.group
        own = {
            "apiVersion": f"{group}/{kind.version}" if group else kind.version,
            "kind": kind.group_kind.kind,
        }
        accept = "application/json" if whole else _METADATA
        while True:
            page = self._get(kind.path(namespace), query, accept)
            for item in page.get("items") or ():
                yield {**item, **own}  # The items of a list do not say what they are.
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            query = query | {"continue": token}

    def _discover(self, api_version: str) -> None:
        self._asked.add(api_version)
        group, _, version = api_version.rpartition("/")
        base = f"/apis/{quote(group)}/{quote(version)}" if group else f"/api/{quote(version)}"
        try:
            listed = self._get(base)
        except Refusal as refusal:
            if refusal.why is Why.NOT_FOUND:
                return
            raise
        for one in listed.get("resources") or ():
            if "/" not in one["name"]:
                self._known[api_version, one["kind"]] = Kind(
                    GroupKind(group, one["kind"]),
                    version,
                    one["name"],
                    bool(one["namespaced"]),
                    frozenset(one.get("verbs") or ()),
                )

    def _aggregated(self, path: str) -> Iterator[Kind]:
        for group in self._get(path, accept=_DISCOVERY).get("items") or ():
            name = group["metadata"].get("name", "")
            seen = set()
            for version in group.get("versions") or ():
                for one in version.get("resources") or ():
                    kind = (one.get("responseKind") or {}).get("kind")
                    if not kind or one["resource"] in seen:
                        continue
                    seen.add(one["resource"])
                    yield Kind(
                        GroupKind(name, kind),
                        version["version"],
                        one["resource"],
                        one.get("scope") == "Namespaced",
                        frozenset(one.get("verbs") or ()),
                    )

    def _get(
        self, path: str, query: Mapping[str, str] | None = None, accept: str = "application/json"
    ) -> dict[str, Any]:
        return self.connection.request("GET", path, query or {}, accept=accept)
