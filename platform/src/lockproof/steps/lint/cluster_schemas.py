"""The schemas of a cluster: what its API server says of the kinds that it serves."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lockproof.adapters.kubernetes.connection import Connection
from lockproof.model.schema import Kind, Schema, Table
from lockproof.parse.json_schema import TableBuilder

_PATIENCE = 10.0
"""Seconds."""
_PREFIX = "#/components/schemas/"
_OWN = "io.k8s."
"""How the names of Kubernetes' own definitions start."""
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"


class ClusterSchemas:
    """The kinds that a cluster serves; it is only read."""

    def __init__(self, connection: Connection) -> None:
        """Ask for the list of its API versions.

        Raises:
            UsageError: the cluster refuses to tell.
            UnavailableError: it does not answer.
        """
        self.connection = connection
        """To the API server, only to ask."""
        stated = self._get("/version")
        number = re.match(r"(\d+)\.(\d+)", f"{stated.get('major')}.{stated.get('minor')}")
        self.version = number[0] if number else None
        """Such as `1.34`; None where it does not say."""
        listed = self._get("/openapi/v3").get("paths")
        self._addresses: dict[str, str] = {
            path: str(entry["serverRelativeURL"])
            for path, entry in (listed if isinstance(listed, dict) else {}).items()
        }
        self._known: dict[str, dict[tuple[str, str, str], Schema]] = {}

    @classmethod
    def open(cls, kubeconfig: Path | None, context: str | None) -> "ClusterSchemas":
        """The cluster of a kubeconfig's context; None: the usual one.

        Raises:
            ConfigError, MissingExtraError: as `Connection.open`.
            UsageError, UnavailableError: as the class.
        """
        connection = Connection.open(
            kubeconfig, context, patience=_PATIENCE, say=lambda _: None, only_asks=True
        )
        return cls(connection)

    def find(self, group: str, version: str, kind: str) -> Schema | None:
        """The schema of a kind; None where the cluster does not serve it.

        Raises:
            UnavailableError: the cluster does not answer.
        """
        path = f"apis/{group}/{version}" if group else f"api/{version}"
        return self._served(path).get((group, version, kind))

    def kinds(self, group: str) -> tuple[str, ...]:
        """`version/Kind` of the kinds of a group that the cluster serves.

        Raises:
            UnavailableError: the cluster does not answer.
        """
        start = f"apis/{group}/" if group else "api/"
        paths = [path for path in self._addresses if path.startswith(start)]
        return tuple(
            f"{version}/{kind}"
            for path in paths
            for served, version, kind in self._served(path)
            if served == group
        )

    def _served(self, path: str) -> dict[tuple[str, str, str], Schema]:
        if path not in self._addresses:
            return {}
        if path not in self._known:
            self._known[path] = document_kinds(self._get(self._addresses[path]))
        return self._known[path]

    def _get(self, address: str) -> dict[str, Any]:
        # Without its hash: with that of a document that has changed since, the server redirects.
        return self.connection.request("GET", urlsplit(address).path, {})


def document_kinds(document: Mapping[str, Any]) -> dict[tuple[str, str, str], Schema]:
    """Group, version and kind -> schema, for what can be created by one OpenAPI v3 document."""
    components = document.get("components")
    schemas = components.get("schemas") if isinstance(components, Mapping) else None
    definitions: dict[str, int] = {}
    builder = TableBuilder(lambda target: target.removeprefix(_PREFIX), said=True)
    named: dict[tuple[str, str, str], str] = {}
    for name, schema in (schemas if isinstance(schemas, Mapping) else {}).items():
        node = builder.node(schema, structural=not name.startswith(_OWN))
        definitions[name] = builder.intern({"type": "quantity"} if name == _QUANTITY else node)
        for gvk in schema.get("x-kubernetes-group-version-kind") or ():
            named[_key(gvk)] = name
    own, custom = (
        Table(builder.nodes, definitions, null_is_absent=absent) for absent in (True, False)
    )
    return {
        key: Schema(own if named[key].startswith(_OWN) else custom, Kind(named[key], namespaced))
        for key, namespaced in _created(document)
        if key in named
    }


def _created(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str, str], bool]]:
    """What can be created, and whether it stands in a namespace."""
    paths = document.get("paths")
    for path, operations in (paths if isinstance(paths, Mapping) else {}).items():
        action = operations.get("post") or {}
        gvk = action.get("x-kubernetes-group-version-kind")
        above = path.split("/")[-2]
        if action.get("x-kubernetes-action") != "post" or not gvk:
            continue
        if above == "{namespace}" or not above.startswith("{"):  # Else pods/binding and such.
            yield _key(gvk), "{namespace}" in path


def _key(gvk: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(gvk["group"]), str(gvk["version"]), str(gvk["kind"])
