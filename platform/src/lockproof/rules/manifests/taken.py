"""Addresses and ports that two Services of one cluster cannot both have."""

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from lockproof.model.finding import Finding
from lockproof.model.manifest import At, Manifest, items, sequence
from lockproof.rules.manifests.schema import dotted

from .shape import at_place


class Claim(NamedTuple):
    """What an object takes for itself alone."""

    at: At
    what: str
    """A port of the nodes or an address, in one way of writing it."""


def claims(manifest: Manifest) -> Iterator[Claim]:
    """The ports of nodes and the addresses that a Service states; the server picks others."""
    spec = manifest.spec
    kind = spec.get("type", "ClusterIP")
    if (manifest.group, manifest.kind) != ("", "Service") or kind == "ExternalName":
        return
    addresses: list[tuple[At, Any]] = [(("spec", "clusterIP"), spec.get("clusterIP"))]
    stated = sequence(spec.get("clusterIPs"))
    addresses += [(("spec", "clusterIPs", n), one) for n, one in enumerate(stated)]
    for at, address in addresses:
        if isinstance(address, str) and (one := _address(address)):
            yield Claim(at, one)
    if kind not in ("NodePort", "LoadBalancer"):
        return
    ports: list[tuple[At, Any]] = [
        ((*at, "nodePort"), one.get("nodePort"))
        for at, one in items(spec.get("ports"), ("spec", "ports"))
    ]
    ports.append((("spec", "healthCheckNodePort"), spec.get("healthCheckNodePort")))
    for at, number in ports:
        if isinstance(number, int) and not isinstance(number, bool) and number:
            yield Claim(at, f"port {number} of every node")


def taken_findings(manifests: Iterable[Manifest]) -> Iterator[Finding]:
    """What two objects claim that are applied together: the API server refuses the second one."""
    first: dict[str, Manifest] = {}
    for manifest in manifests:
        for claim in claims(manifest):
            other = first.setdefault(claim.what, manifest)
            if _identity(other) != _identity(manifest):
                path, line = other.locate(())
                text = f"{dotted(claim.at)} takes {claim.what}, as {other.label} does"
                yield at_place("LP607", manifest, claim.at, f"{text} ({path}:{line})")


def rivals(manifests: Iterable[Manifest]) -> Iterator[tuple[Manifest, Manifest, str]]:
    """Every object with another one that claims the same, and what that is."""
    by: dict[str, list[Manifest]] = {}
    for manifest in manifests:
        for claim in claims(manifest):
            by.setdefault(claim.what, []).append(manifest)
    for what, those in by.items():
        for one in those:
            beside = (other for other in those if _identity(other) != _identity(one))
            if (other := next(beside, None)) is not None:
                yield one, other, what


def _identity(manifest: Manifest) -> tuple[str, str]:
    return manifest.namespace, manifest.name


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
