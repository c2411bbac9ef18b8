"""What provision owns in a cluster: an ApplySet, so that other tools can read it.

The labels and annotations are those of Kubernetes' ApplySet specification (KEP-3659, "kubectl apply
--prune" with an applyset): a parent object lists the kinds, a label on every member names the set.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lockproof.model.resource import Body, GroupKind

MANAGER = "lockproof"
PART_OF = "applyset.kubernetes.io/part-of"
CREATED = "lockproof.dev/created"
"""On objects that provision made: what was there before is never removed."""

_ID = "applyset.kubernetes.io/id"
_TOOLING = "applyset.kubernetes.io/tooling"
_KINDS = "applyset.kubernetes.io/contains-group-kinds"
_NAMESPACES = "applyset.kubernetes.io/additional-namespaces"


@dataclass(frozen=True)
class Inventory:
    """One set of objects: those of an overlay."""

    overlay: str
    namespace: str
    """Where its parent, a ConfigMap, is kept."""

    @property
    def name(self) -> str:
        """The parent's name."""
        return f"lockproof-{self.overlay}"

    @property
    def id(self) -> str:
        """The set's id: SHA-256 of the parent's name, namespace, kind and group, as specified."""
        parent = f"{self.name}.{self.namespace}.ConfigMap."
        digest = hashlib.sha256(parent.encode()).digest()
        return f"applyset-{base64.urlsafe_b64encode(digest).decode().rstrip('=')}-v1"

    @property
    def selector(self) -> str:
        """The label selector of its members."""
        return f"{PART_OF}={self.id}"

    def parent(self, kinds: Iterable[GroupKind], namespaces: Iterable[str]) -> dict[str, Any]:
        """The ConfigMap that says which kinds to look through, and in which namespaces."""
        listed = ",".join(sorted({str(kind) for kind in kinds}))
        others = ",".join(sorted({*namespaces} - {self.namespace}))
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": {_ID: self.id},
                "annotations": {_TOOLING: f"{MANAGER}/v1", _KINDS: listed, _NAMESPACES: others},
            },
            "data": {"overlay": self.overlay},
        }

    def is_parent(self, body: Body) -> bool:
        """Whether a ConfigMap of the parent's name is the parent."""
        metadata = body["metadata"]
        tooling = (metadata.get("annotations") or {}).get(_TOOLING, "")
        named = (metadata.get("labels") or {}).get(_ID)
        return named == self.id and str(tooling).startswith(f"{MANAGER}/")

    def member(self, body: Body, live: Body | None) -> dict[str, Any]:
        """An object as it is applied: declared, and marked as a member.

        Args:
            body: the object as declared.
            live: the object as it is; None where provision makes it.
        """
        metadata = dict(body["metadata"])
        metadata["labels"] = {**(metadata.get("labels") or {}), PART_OF: self.id}
        if live is None or is_created(live):
            metadata["annotations"] = {**(metadata.get("annotations") or {}), CREATED: "true"}
        return {k: v for k, v in body.items() if k != "status"} | {"metadata": metadata}

    def owner(self, live: Body) -> str | None:
        """The id of another set that an object belongs to."""
        found = set_of(live)
        return found if found and found != self.id else None


def set_of(live: Body) -> str | None:
    """The id of the set that an object belongs to."""
    found = (live["metadata"].get("labels") or {}).get(PART_OF)
    return None if found is None else str(found)


def is_created(live: Body) -> bool:
    """Whether provision made an object, rather than found it there."""
    return (live["metadata"].get("annotations") or {}).get(CREATED) == "true"


def listed_kinds(parent: Body | None) -> set[GroupKind]:
    """The kinds that a parent lists."""
    return {GroupKind.parse(name) for name in _listed(parent, _KINDS)}


def listed_namespaces(parent: Body | None) -> set[str]:
    """The namespaces that a parent lists besides its own."""
    return set(_listed(parent, _NAMESPACES))


def _listed(parent: Body | None, annotation: str) -> list[str]:
    annotations: Mapping[str, str] = (parent or {"metadata": {}})["metadata"].get(
        "annotations"
    ) or {}
    return [name for name in annotations.get(annotation, "").split(",") if name]
