"""Services, ingresses and network policies."""

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from lockproof.model.manifest import At, Manifest, dig, items, mapping, sequence

from .parts import (
    Wrong,
    choice,
    is_label,
    is_subdomain,
    labels,
    one_of,
    port,
    repeated,
    selector,
    subdomain,
)

_SPEC: At = ("spec",)


def _service(manifest: Manifest) -> Iterator[Wrong]:
    spec, kind = manifest.spec, manifest.spec.get("type", "ClusterIP")
    name = manifest.metadata.get("name")
    if isinstance(name, str) and "$" not in name and not (is_label(name) and name[:1].isalpha()):
        yield Wrong(
            ("metadata", "name"), "of a Service has a-z, 0-9 and '-', at most 63, a letter first"
        )
    yield from choice(spec, _SPEC, "type", "ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
    yield from choice(spec, _SPEC, "sessionAffinity", "None", "ClientIP")
    for field in ("externalTrafficPolicy", "internalTrafficPolicy"):
        yield from choice(spec, _SPEC, field, "Cluster", "Local")
    yield from labels(spec.get("selector"), (*_SPEC, "selector"))
    address = spec.get("clusterIP")
    if kind == "ExternalName":
        if not is_subdomain(str(spec.get("externalName") or "").removesuffix(".")):
            yield Wrong((*_SPEC, "externalName"), "must be a DNS name for type ExternalName")
        if address not in (None, "", "None"):
            yield Wrong((*_SPEC, "clusterIP"), "must be left out for type ExternalName")
    elif not spec.get("ports") and address != "None":
        yield Wrong((*_SPEC, "ports"), "is missing: a Service has a port, unless clusterIP is None")
    if address == "None" and kind in ("NodePort", "LoadBalancer"):
        yield Wrong((*_SPEC, "clusterIP"), f"must not be None for type {kind}")
    elif isinstance(address, str) and address not in ("", "None") and not _is_address(address):
        yield Wrong((*_SPEC, "clusterIP"), f"is {address[:40]!r}, no address")
    if (
        spec.get("externalTrafficPolicy")
        and kind not in ("NodePort", "LoadBalancer")
        and not spec.get("externalIPs")
    ):
        yield Wrong((*_SPEC, "externalTrafficPolicy"), f"is not for type {kind}")
    yield from _service_ports(spec, kind)


def _service_ports(spec: Mapping[str, Any], kind: Any) -> Iterator[Wrong]:
    ports = list(items(spec.get("ports"), (*_SPEC, "ports")))
    names: list[tuple[At, Any]] = []
    nodes: list[tuple[At, Any]] = []
    for where, one in ports:
        name = one.get("name")
        if name:
            if not is_label(name):
                yield Wrong(
                    (*where, "name"), f"is {str(name)[:70]!r}: of a-z, 0-9 and '-', at most 63"
                )
            names.append(((*where, "name"), name))
        elif len(ports) > 1:
            yield Wrong(where, "has no name: where there are several ports, each has one")
        yield from port(one.get("port"), (*where, "port"))
        yield from port(one.get("targetPort") or None, (*where, "targetPort"))
        yield from choice(one, where, "protocol", "TCP", "UDP", "SCTP")
        node = one.get("nodePort")
        if node:
            if kind not in ("NodePort", "LoadBalancer"):
                yield Wrong((*where, "nodePort"), f"is not for type {kind}")
            elif isinstance(node, int) and not 30000 <= node <= 32767:
                yield Wrong((*where, "nodePort"), f"is {node}, by default from 30000 to 32767")
            nodes.append(((*where, "nodePort"), (node, one.get("protocol", "TCP"))))
    yield from repeated(names)
    yield from repeated(nodes)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _ingress(manifest: Manifest) -> Iterator[Wrong]:
    spec = manifest.spec
    if not spec.get("rules") and not spec.get("defaultBackend"):
        yield Wrong(_SPEC, "needs rules or a defaultBackend")
    yield from subdomain(spec, _SPEC, "ingressClassName")
    if spec.get("ingressClassName") == "":
        yield Wrong((*_SPEC, "ingressClassName"), "is empty: leave it out, or name a class")
    if isinstance(spec.get("defaultBackend"), Mapping):
        yield from _backend(spec["defaultBackend"], (*_SPEC, "defaultBackend"))
    for where, rule in items(spec.get("rules"), (*_SPEC, "rules")):
        yield from _route(rule, where)
    for where, one in items(spec.get("tls"), (*_SPEC, "tls")):
        yield from subdomain(one, where, "secretName")
        for number, host in enumerate(sequence(one.get("hosts"))):
            if isinstance(host, str) and not is_subdomain(host.removeprefix("*.")):
                yield Wrong((*where, "hosts", number), f"is {host[:70]!r}, no DNS name")


def _route(rule: Mapping[str, Any], where: At) -> Iterator[Wrong]:
    host = rule.get("host")
    if isinstance(host, str) and host:
        plain = host.removeprefix("*.")
        if not is_subdomain(plain) or _is_address(host):
            yield Wrong((*where, "host"), f"is {host[:70]!r}, no DNS name")
    if isinstance(rule.get("http"), Mapping) and not dig(rule, "http", "paths"):
        yield Wrong((*where, "http", "paths"), "is empty")
    for spot, one in items(dig(rule, "http", "paths"), (*where, "http", "paths")):
        yield from choice(one, spot, "pathType", "Exact", "Prefix", "ImplementationSpecific")
        path = one.get("path") or ""
        if one.get("pathType") in ("Exact", "Prefix") and isinstance(path, str):
            if not path.startswith("/"):
                yield Wrong((*spot, "path"), f"is {path[:60]!r}, must begin with '/'")
            elif any(part in path for part in ("//", "/./", "/../", "%2f", "%2F")) or path.endswith(
                ("/..", "/.")
            ):
                yield Wrong(
                    (*spot, "path"), f"is {path[:60]!r}, must not have '//', '/./' or '/../'"
                )
        yield from _backend(mapping(one.get("backend")), (*spot, "backend"))


def _backend(value: Mapping[str, Any], at: At) -> Iterator[Wrong]:
    yield from one_of(value, at, ("service", "resource"), "backend")
    service = value.get("service")
    if isinstance(service, Mapping):
        if not is_label(service.get("name")):
            yield Wrong((*at, "service", "name"), "must be a Service's name")
        stated = mapping(service.get("port"))
        yield from one_of(_set(stated), (*at, "service", "port"), ("name", "number"), "port")
        for name in ("name", "number"):
            yield from port(stated.get(name) or None, (*at, "service", "port", name))


def _set(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without what is empty or 0, which counts as left out."""
    return {key: one for key, one in value.items() if one}


def _policy(manifest: Manifest) -> Iterator[Wrong]:
    spec = manifest.spec
    yield from selector(spec.get("podSelector"), (*_SPEC, "podSelector"))
    if len(sequence(spec.get("policyTypes"))) > 2:
        yield Wrong((*_SPEC, "policyTypes"), "has more than Ingress and Egress")
    for number, kind in enumerate(sequence(spec.get("policyTypes"))):
        if kind not in ("Ingress", "Egress"):
            yield Wrong((*_SPEC, "policyTypes", number), f"is {kind!r}, must be Ingress or Egress")
    for field, peers in (("ingress", "from"), ("egress", "to")):
        for where, rule in items(spec.get(field), (*_SPEC, field)):
            for spot, one in items(rule.get("ports"), (*where, "ports")):
                yield from choice(one, spot, "protocol", "TCP", "UDP", "SCTP")
                yield from port(one.get("port"), (*spot, "port"))
                first, last = one.get("port"), one.get("endPort")
                if last is not None and not (
                    isinstance(first, int) and isinstance(last, int) and first <= last <= 65535
                ):
                    yield Wrong((*spot, "endPort"), f"is {last}, must be a number from port up")
            for spot, one in items(rule.get(peers), (*where, peers)):
                yield from _peer(one, spot)


def _peer(one: Mapping[str, Any], at: At) -> Iterator[Wrong]:
    stated = [
        name
        for name in ("podSelector", "namespaceSelector", "ipBlock")
        if one.get(name) is not None
    ]
    if not stated:
        yield Wrong(at, "names nobody: state podSelector, namespaceSelector or ipBlock")
    if "ipBlock" in stated and len(stated) > 1:
        yield Wrong((*at, "ipBlock"), "cannot stand beside a selector")
    for name in stated[: len(stated)]:
        if name != "ipBlock":
            yield from selector(one[name], (*at, name))
    block = mapping(one.get("ipBlock"))
    if block:
        network = _network(block.get("cidr"))
        if network is None:
            yield Wrong((*at, "ipBlock", "cidr"), f"is {str(block.get('cidr'))[:50]!r}, no network")
        for number, text in enumerate(sequence(block.get("except"))):
            inner = _network(text)
            if inner is None or (network is not None and not _inside(inner, network)):
                yield Wrong(
                    (*at, "ipBlock", "except", number), f"is {str(text)[:50]!r}, no part of cidr"
                )


def _network(text: Any) -> "ipaddress.IPv4Network | ipaddress.IPv6Network | None":
    try:
        return (
            ipaddress.ip_network(text, strict=False)
            if isinstance(text, str) and "/" in text
            else None
        )
    except ValueError:
        return None


def _inside(inner: Any, outer: Any) -> bool:
    return bool(inner.version == outer.version and inner != outer and inner.subnet_of(outer))


NETWORK: Final[Mapping[tuple[str, str], Callable[[Manifest], Iterator[Wrong]]]] = {
    ("", "Service"): _service,
    ("networking.k8s.io", "Ingress"): _ingress,
    ("networking.k8s.io", "NetworkPolicy"): _policy,
}
