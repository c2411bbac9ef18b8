"""Autoscalers, budgets, claims, rights, and the other kinds that run no pods and route nothing."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from lockproof.model.manifest import At, Manifest, dig, items, mapping, sequence
from lockproof.rules.formats import quantity

from .parts import (
    Wrong,
    choice,
    is_key,
    is_label,
    is_qualified,
    is_segment,
    is_subdomain,
    natural,
    one_of,
    repeated,
    selector,
    share,
)

_SPEC: At = ("spec",)
_TARGETS = ("Utilization", "AverageValue", "Value")
_LARGEST = 1 << 20
"""Bytes of a ConfigMap's or a Secret's data."""


def _scaler(manifest: Manifest) -> Iterator[Wrong]:
    spec = manifest.spec
    low, high = spec.get("minReplicas", 1), spec.get("maxReplicas")
    yield from natural(spec, _SPEC, "minReplicas", "maxReplicas", least=1)
    if isinstance(low, int) and isinstance(high, int) and low > high:
        yield Wrong((*_SPEC, "maxReplicas"), f"is {high}, below minReplicas {low}")
    yield from _scaled(mapping(spec.get("scaleTargetRef")), (*_SPEC, "scaleTargetRef"))
    if manifest.version == "v1":
        yield from natural(spec, _SPEC, "targetCPUUtilizationPercentage", least=1)
        return
    sources = {"Resource": "resource", "Pods": "pods", "Object": "object", "External": "external"}
    sources["ContainerResource"] = "containerResource"
    for where, metric in items(spec.get("metrics"), (*_SPEC, "metrics")):
        yield from choice(metric, where, "type", *sources, needed=True)
        stated = [field for field in sources.values() if metric.get(field) is not None]
        wanted = sources.get(str(metric.get("type")))
        if wanted and stated != [wanted]:
            yield Wrong(where, f"must have {wanted}, and nothing else, for type {metric['type']}")
        elif wanted:
            yield from _target(mapping(metric[wanted]), (*where, wanted), wanted)
    for name in ("scaleUp", "scaleDown"):
        held = mapping(dig(spec, "behavior", name))
        yield from _behavior(held, (*_SPEC, "behavior", name))


def _scaled(value: Mapping[str, Any], at: At) -> Iterator[Wrong]:
    for field in ("kind", "name"):
        if not value.get(field) or not is_segment(value[field]):
            yield Wrong((*at, field), "must be a name")
    group, slash, version = str(value.get("apiVersion") or "").partition("/")
    core = value.get("kind") == "ReplicationController"
    if not (core or (group and slash and version and "/" not in version)):
        yield Wrong((*at, "apiVersion"), "must be a group and a version, such as apps/v1")


def _behavior(held: Mapping[str, Any], at: At) -> Iterator[Wrong]:
    yield from natural(held, at, "stabilizationWindowSeconds")
    window = held.get("stabilizationWindowSeconds")
    if isinstance(window, int) and window > 3600:
        yield Wrong((*at, "stabilizationWindowSeconds"), f"is {window}, must be at most 3600")
    yield from choice(held, at, "selectPolicy", "Max", "Min", "Disabled")
    if "policies" in held and not held["policies"]:
        yield Wrong((*at, "policies"), "is empty: leave it out, or name one")
    for where, one in items(held.get("policies"), (*at, "policies")):
        yield from choice(one, where, "type", "Pods", "Percent", needed=True)
        yield from natural(one, where, "value", "periodSeconds", least=1)
        if isinstance(one.get("periodSeconds"), int) and one["periodSeconds"] > 1800:
            yield Wrong(
                (*where, "periodSeconds"), f"is {one['periodSeconds']}, must be at most 1800"
            )


def _target(value: Mapping[str, Any], at: At, kind: str) -> Iterator[Wrong]:
    target, where = mapping(value.get("target")), (*at, "target")
    if kind not in ("resource", "containerResource"):
        if not is_segment(dig(value, "metric", "name") or "/"):
            yield Wrong((*at, "metric", "name"), "must be a name")
    elif not value.get("name"):
        yield Wrong((*at, "name"), "is missing")
    yield from choice(target, where, "type", *_TARGETS, needed=True)
    share_of = ("averageUtilization", "averageValue")
    if kind in ("resource", "containerResource"):
        yield from one_of(target, where, share_of, "target")
    elif kind == "pods":
        if target.get("averageValue") is None:
            yield Wrong(where, "needs an averageValue")
    else:
        yield from one_of(target, where, ("value", "averageValue"), "target")
    yield from natural(target, where, "averageUtilization", least=1)
    for name in ("value", "averageValue"):
        amount = quantity(target.get(name))
        if amount is not None and amount <= 0:
            yield Wrong((*where, name), f"is {target[name]}, must be above 0")


def _disruption(manifest: Manifest) -> Iterator[Wrong]:
    spec = manifest.spec
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        yield Wrong(_SPEC, "has minAvailable and maxUnavailable: state one of them")
    for name in ("minAvailable", "maxUnavailable"):
        yield from share(spec.get(name), (*_SPEC, name))
        text = spec.get(name)
        if (
            isinstance(text, str)
            and text.removesuffix("%").isdecimal()
            and int(text.removesuffix("%")[:9]) > 100
        ):
            yield Wrong((*_SPEC, name), f"is {text}, must be at most 100%")
    yield from selector(spec.get("selector"), (*_SPEC, "selector"))


def _data(manifest: Manifest) -> Iterator[Wrong]:
    size, names = 0, []
    for field in ("data", "binaryData", "stringData"):
        for key, text in mapping(manifest.value.get(field)).items():
            if not is_key(key):
                yield Wrong((field, str(key)), "is no key: of letters, digits, '-', '_' and '.'")
            size += len(str(text).encode("utf-8", "replace"))
            if field != "stringData":
                names.append(((field, str(key)), key))
    if manifest.kind == "ConfigMap":
        yield from repeated(names)
        if size > _LARGEST:
            yield Wrong((), f"has {size} bytes of data, may have {_LARGEST}")
        return
    have = {
        str(key) for field in ("data", "stringData") for key in mapping(manifest.value.get(field))
    }
    needed = {
        "kubernetes.io/tls": ("tls.crt", "tls.key"),
        "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
        "kubernetes.io/dockercfg": (".dockercfg",),
        "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    }
    for key in needed.get(str(manifest.value.get("type")), ()):
        if key not in have:
            yield Wrong(("data",), f"lacks {key}, which type {manifest.value['type']} has")
    text = mapping(manifest.value.get("stringData")).get(".dockerconfigjson")
    if isinstance(text, str) and "dockerconfigjson" in str(manifest.value.get("type")):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            yield Wrong(("stringData", ".dockerconfigjson"), "is no JSON")


def _claim(manifest: Manifest) -> Iterator[Wrong]:
    yield from claim_spec(manifest.spec, _SPEC)


def claim_spec(spec: Mapping[str, Any], at: At) -> Iterator[Wrong]:
    """What a claim, or the template of one, asks for."""
    modes = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")
    chosen = sequence(spec.get("accessModes"))
    if not chosen:
        yield Wrong((*at, "accessModes"), f"is missing: state one of {', '.join(modes)}")
    for number, mode in enumerate(chosen):
        if mode not in modes:
            yield Wrong(
                (*at, "accessModes", number), f"is {mode!r}, must be one of {', '.join(modes)}"
            )
    if "ReadWriteOncePod" in chosen and len(chosen) > 1:
        yield Wrong((*at, "accessModes"), "must be ReadWriteOncePod alone, or others")
    size = dig(spec, "resources", "requests", "storage")
    amount = quantity(size)
    if size is None:
        yield Wrong((*at, "resources", "requests"), "lacks storage: state how much")
    elif amount is not None and amount <= 0:
        yield Wrong((*at, "resources", "requests", "storage"), f"is {size}, must be above 0")
    yield from choice(spec, at, "volumeMode", "Filesystem", "Block")
    name = spec.get("storageClassName")
    if isinstance(name, str) and name and not is_subdomain(name):
        yield Wrong((*at, "storageClassName"), f"is {name[:70]!r}, no name of an object")
    yield from selector(spec.get("selector"), (*at, "selector"))


def _role(manifest: Manifest) -> Iterator[Wrong]:
    for where, rule in items(manifest.value.get("rules"), ("rules",)):
        if not rule.get("verbs"):
            yield Wrong((*where, "verbs"), "is empty: name verbs")
        urls = rule.get("nonResourceURLs")
        if urls:
            if manifest.kind == "Role":
                yield Wrong((*where, "nonResourceURLs"), "cannot stand in a Role")
            if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
                yield Wrong(where, "has resources and nonResourceURLs: make them two rules")
        else:
            for name in ("apiGroups", "resources"):
                if not rule.get(name):
                    yield Wrong((*where, name), "is empty")


def _binding(manifest: Manifest) -> Iterator[Wrong]:
    role = mapping(manifest.value.get("roleRef"))
    kinds = ("ClusterRole",) if manifest.kind == "ClusterRoleBinding" else ("ClusterRole", "Role")
    if role.get("kind") not in kinds:
        yield Wrong(("roleRef", "kind"), f"is {role.get('kind')!r}, must be {' or '.join(kinds)}")
    if role.get("apiGroup") not in (None, "", "rbac.authorization.k8s.io"):
        yield Wrong(("roleRef", "apiGroup"), "must be rbac.authorization.k8s.io")
    if not role.get("name") or not is_segment(role["name"]):
        yield Wrong(("roleRef", "name"), "must be the name of a role")
    for where, one in items(manifest.value.get("subjects"), ("subjects",)):
        kind, group = one.get("kind"), one.get("apiGroup")
        if kind not in ("ServiceAccount", "User", "Group"):
            yield Wrong((*where, "kind"), f"is {kind!r}, must be ServiceAccount, User or Group")
        elif kind == "ServiceAccount":
            if not one.get("namespace") and manifest.kind == "ClusterRoleBinding":
                yield Wrong(where, "lacks the namespace of the ServiceAccount")
            if group:
                yield Wrong((*where, "apiGroup"), "must be left out for a ServiceAccount")
            if not is_subdomain(one.get("name")):
                yield Wrong((*where, "name"), "must be a ServiceAccount's name")
        elif group not in (None, "", "rbac.authorization.k8s.io"):
            yield Wrong((*where, "apiGroup"), "must be rbac.authorization.k8s.io")
        if not one.get("name") and kind != "ServiceAccount":
            yield Wrong((*where, "name"), "is missing")


def _namespace(manifest: Manifest) -> Iterator[Wrong]:
    name = manifest.metadata.get("name")
    if isinstance(name, str) and "$" not in name and not is_label(name):
        yield Wrong(("metadata", "name"), "of a Namespace has a-z, 0-9 and '-', at most 63")


_COUNTED = frozenset(
    {
        "pods", "services", "services.nodeports", "services.loadbalancers", "secrets", "configmaps",
        "persistentvolumeclaims", "replicationcontrollers", "resourcequotas",
    }
)  # fmt: skip


def _quota(manifest: Manifest) -> Iterator[Wrong]:
    for name, text in mapping(manifest.spec.get("hard")).items():
        amount = quantity(text)
        if amount is not None and amount < 0:
            yield Wrong((*_SPEC, "hard", str(name)), f"is {text}, must not be negative")
        counted = name in _COUNTED or str(name).startswith("count/")
        if amount is not None and counted and amount != int(amount):
            yield Wrong((*_SPEC, "hard", str(name)), f"is {text}, must be a whole number")


def _class(manifest: Manifest) -> Iterator[Wrong]:
    yield from choice(manifest.value, (), "reclaimPolicy", "Delete", "Retain")
    yield from choice(manifest.value, (), "volumeBindingMode", "Immediate", "WaitForFirstConsumer")
    if not is_qualified(str(manifest.value.get("provisioner") or "").lower()):
        yield Wrong(("provisioner",), "must be the name of one, such as ebs.csi.aws.com")


def _priority(manifest: Manifest) -> Iterator[Wrong]:
    value = manifest.value.get("value", 0)
    if isinstance(value, int) and value > 10**9 and not manifest.name.startswith("system-"):
        yield Wrong(("value",), f"is {value}, must be at most 1000000000")
    yield from choice(manifest.value, (), "preemptionPolicy", "Never", "PreemptLowerPriority")


OBJECTS: Final[Mapping[tuple[str, str], Callable[[Manifest], Iterator[Wrong]]]] = {
    ("", "ConfigMap"): _data,
    ("", "Secret"): _data,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Namespace"): _namespace,
    ("", "ResourceQuota"): _quota,
    ("autoscaling", "HorizontalPodAutoscaler"): _scaler,
    ("policy", "PodDisruptionBudget"): _disruption,
    ("rbac.authorization.k8s.io", "Role"): _role,
    ("rbac.authorization.k8s.io", "ClusterRole"): _role,
    ("rbac.authorization.k8s.io", "RoleBinding"): _binding,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _binding,
    ("storage.k8s.io", "StorageClass"): _class,
    ("scheduling.k8s.io", "PriorityClass"): _priority,
}
