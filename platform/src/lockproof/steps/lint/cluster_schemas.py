"""The schemas of a cluster: what its API server says of the kinds that it serves."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from lockproof.adapters.kubernetes_connection import Connection
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
        self._connection = connection
        listed = self._get("/openapi/v3").get("paths")
        self._addresses: dict[str, str] = {
            path: str(entry["serverRelativeURL"])
            for path, entry in (listed if isinstance(listed, dict) else {}).items()
        }
        self._known: dict[str, dict[tuple[str, str, str], Schema]] = {}

    @classmethod
    def current(cls) -> "ClusterSchemas":
        """The cluster of the current kubeconfig context.

        Raises:
            ConfigError, MissingExtraError: as `Connection.open`.
        """
        return cls(Connection.open(None, None, patience=_PATIENCE, say=lambda _: None))

    def find(self, group: str, version: str, kind: str) -> Schema | None:
        """The schema of a kind; None where the cluster does not serve it.

        Raises:
            UnavailableError: the cluster does not answer.
        """
        path = f"apis/{group}/{version}" if group else f"api/{version}"
        if path not in self._addresses:
            return None
        if path not in self._known:
            self._known[path] = _kinds(self._get(self._addresses[path]))
        return self._known[path].get((group, version, kind))

    def _get(self, address: str) -> dict[str, Any]:
        parts = urlsplit(address)
        return self._connection.request("GET", parts.path, dict(parse_qsl(parts.query)))


def _kinds(document: Mapping[str, Any]) -> dict[tuple[str, str, str], Schema]:
    """The kinds of one API version's document."""
    components = document.get("components")
    schemas = components.get("schemas") if isinstance(components, Mapping) else None
    definitions: dict[str, int] = {}
    builder = TableBuilder(lambda target: target.removeprefix(_PREFIX))
    found: dict[tuple[str, str, str], str] = {}
    for name, schema in (schemas if isinstance(schemas, Mapping) else {}).items():
        node = builder.node(schema, structural=False)
        definitions[name] = builder.intern({"type": "quantity"} if name == _QUANTITY else node)
        for gvk in schema.get("x-kubernetes-group-version-kind") or ():
            found[(gvk["group"], gvk["version"], gvk["kind"])] = name
    own, custom = (
        Table(builder.nodes, definitions, null_is_absent=absent) for absent in (True, False)
    )
    return {
        key: Schema(own if name.startswith(_OWN) else custom, Kind(name))
        for key, name in found.items()
    }
