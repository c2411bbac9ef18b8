"""What an API server refuses of its own kinds beyond their schemas.

No published schema has these rules: they stand in the API conventions and in the documentation of
each field (https://kubernetes.io/docs/reference/kubernetes-api/). A test holds them against a real
API server with changed objects: what that one refuses is refused here, and nothing else.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lockproof.model.finding import Finding
from lockproof.model.manifest import At, Manifest
from lockproof.rules.manifests.schema import dotted
from lockproof.rules.manifests.shape import at_place

from .network import NETWORK
from .objects import OBJECTS
from .parts import Wrong, metadata
from .pods import pod_template
from .workloads import WORKLOADS

__all__ = ["with_validation"]


_WITH_SPEC = {
    *WORKLOADS, ("", "Pod"), ("", "Service"), ("", "PersistentVolumeClaim"),
    ("autoscaling", "HorizontalPodAutoscaler"), ("networking.k8s.io", "Ingress"),
}  # fmt: skip


def _wrong(manifest: Manifest) -> Iterator[Wrong]:
    yield from metadata(manifest.metadata, ("metadata",))
    key = (manifest.group, manifest.kind)
    if key in _WITH_SPEC and not isinstance(manifest.value.get("spec"), Mapping):
        yield Wrong(("spec",), "is missing")
        return
    look = OBJECTS.get(key) or NETWORK.get(key) or WORKLOADS.get(key)
    if look is not None:
        yield from look(manifest)
    elif key == ("", "Pod"):
        yield from pod_template(manifest.value, (), kind="Pod")


def with_validation(
    manifest: Manifest, found: Sequence[Finding], skipped: Sequence[str]
) -> tuple[list[Finding], list[str]]:
    """What a schema says of a manifest, and what is refused beyond it.

    Args:
        manifest: what is looked at.
        found: what its schema has against it: at one place one thing is said.
        skipped: what could not be held against its schema.

    Returns:
        All findings, and all that could not be checked.
    """
    told = {one.subject for one in found}
    lacking = tuple(f"{one.subject}." for one in found if one.rule in ("LP605", "LP606"))
    findings, unknown = [*found], [*skipped]
    for at, text in _wrong(manifest):
        one = at_place("LP607", manifest, at, f"{dotted(at)} {text}")
        if "${" in json.dumps(_at(manifest.value, at), default=str):
            unknown.append(f"{manifest.label}: {dotted(at)}, which is filled in later")
        elif one.subject not in told and not one.subject.startswith(lacking):
            findings.append(one)
    return findings, list(dict.fromkeys(unknown))


def _at(value: Any, at: At) -> Any:
    for key in at:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value
