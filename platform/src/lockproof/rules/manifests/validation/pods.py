"""Pods: containers, their resources and ports, volumes, probes, tolerations."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from lockproof.model.manifest import At, dig, items, mapping, sequence
from lockproof.rules.formats import quantity

from .parts import (
    Wrong,
    choice,
    is_key,
    is_label,
    is_qualified,
    is_subdomain,
    metadata,
    natural,
    one_of,
    port,
    repeated,
    subdomain,
)
from .scheduling import scheduling

_STANDARD = ("cpu", "memory", "ephemeral-storage")
_NO_VOLUME = ("name",)
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef")
_ENDINGS = {
    "Job": ("OnFailure", "Never"),
    "Pod": ("Always", "OnFailure", "Never"),
}


def pod_template(
    value: Mapping[str, Any], at: At, *, kind: Literal["Pod", "Job", "always"] = "always"
) -> Iterator[Wrong]:
    """A pod, or the template of one."""
    if at:
        yield from metadata(value.get("metadata"), (*at, "metadata"))
    spec, where = mapping(value.get("spec")), (*at, "spec")
    if not spec:
        yield Wrong(where, "is missing")
        return
    ending = spec.get("restartPolicy") or "Always"
    allowed = _ENDINGS.get(kind, ("Always",))
    if isinstance(ending, str) and ending not in allowed:
        yield Wrong((*where, "restartPolicy"), f"is {ending}, must be {' or '.join(allowed)}")
    if kind == "always" and spec.get("activeDeadlineSeconds") is not None:
        yield Wrong((*where, "activeDeadlineSeconds"), "cannot be set for pods that always run")
    yield from natural(spec, where, "activeDeadlineSeconds", least=1)
    yield from choice(
        spec, where, "dnsPolicy", "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"
    )
    if spec.get("dnsPolicy") == "None" and not dig(spec, "dnsConfig", "nameservers"):
        yield Wrong((*where, "dnsConfig"), "must name nameservers where dnsPolicy is None")
    for name, fits in (
        ("serviceAccountName", is_subdomain),
        ("hostname", is_label),
        ("subdomain", is_label),
    ):
        text = spec.get(name)
        if isinstance(text, str) and text and not fits(text):
            yield Wrong((*where, name), f"is {text[:70]!r}, no DNS name")
    yield from _user(mapping(spec.get("securityContext")), (*where, "securityContext"))
    yield from scheduling(spec, where)
    yield from _volumes(spec, where)
    yield from _containers(spec, where)


def _containers(spec: Mapping[str, Any], at: At) -> Iterator[Wrong]:
    if isinstance(spec.get("containers"), list) and not spec["containers"]:
        yield Wrong((*at, "containers"), "is empty: a pod needs a container")
    names: list[tuple[At, Any]] = []
    host: list[tuple[At, Any]] = []
    for field in ("containers", "initContainers"):
        own: list[Any] = []
        for where, one in items(spec.get(field), (*at, field)):
            name = one.get("name")
            if isinstance(name, str) and not is_label(name):
                yield Wrong((*where, "name"), f"is {name[:70]!r}: of a-z, 0-9 and '-', at most 63")
            if name not in own:  # Twice in one list is a matter of the schema.
                names.append(((*where, "name"), name))
            own.append(name)
            yield from _container(one, where, init=field == "initContainers", spec=spec)
            if field == "containers":
                for spot, held in items(one.get("ports"), (*where, "ports")):
                    number = held.get("hostPort")
                    if number and not spec.get("hostNetwork"):
                        key = (number, held.get("protocol", "TCP"), held.get("hostIP", ""))
                        host.append(((*spot, "hostPort"), key))
    yield from repeated(names)
    yield from repeated(host)


def _container(
    one: Mapping[str, Any], at: At, *, init: bool, spec: Mapping[str, Any]
) -> Iterator[Wrong]:
    image = one.get("image")
    if image is None or image == "":
        yield Wrong((*at, "image"), "is missing: a container has an image")
    elif isinstance(image, str) and image != image.strip():
        yield Wrong((*at, "image"), "begins or ends with a space")
    yield from _resources(mapping(one.get("resources")), (*at, "resources"))
    yield from _ports(one, at, host=spec.get("hostNetwork") is True)
    yield from _environment(one, at)
    yield from _mounts(one, at)
    yield from choice(one, at, "imagePullPolicy", "Always", "IfNotPresent", "Never")
    yield from choice(one, at, "terminationMessagePolicy", "File", "FallbackToLogsOnError")
    always = one.get("restartPolicy") == "Always"
    if "restartPolicy" in one and not (init and always):
        yield Wrong((*at, "restartPolicy"), "is for init containers only, and Always")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(one.get(name), Mapping):
            if init and not always:
                yield Wrong((*at, name), "cannot be set for an init container that ends")
            yield from _probe(one[name], (*at, name), name)
    for name, handler in mapping(one.get("lifecycle")).items():
        if name in ("postStart", "preStop") and isinstance(handler, Mapping):
            where = (*at, "lifecycle", name)
            yield from one_of(handler, where, ("exec", "httpGet", "tcpSocket", "sleep"), "handler")
            yield from _handler(handler, where)
    context = mapping(one.get("securityContext"))
    yield from _user(context, (*at, "securityContext"))
    if context.get("allowPrivilegeEscalation") is False:
        added = sequence(dig(context, "capabilities", "add"))
        if context.get("privileged") is True or "SYS_ADMIN" in added or "CAP_SYS_ADMIN" in added:
            where = (*at, "securityContext", "allowPrivilegeEscalation")
            yield Wrong(where, "is false, and a privileged container cannot have that")


def _user(context: Mapping[str, Any], at: At) -> Iterator[Wrong]:
    yield from natural(context, at, "runAsUser", "runAsGroup", "fsGroup")
    profile = mapping(context.get("seccompProfile"))
    if profile:
        where = (*at, "seccompProfile")
        yield from choice(profile, where, "type", "RuntimeDefault", "Unconfined", "Localhost")
        if (profile.get("type") == "Localhost") != bool(profile.get("localhostProfile")):
            yield Wrong(
                (*where, "localhostProfile"), "must be set for type Localhost, and no other"
            )


def _resources(value: Mapping[str, Any], at: At) -> Iterator[Wrong]:
    limits, requests = mapping(value.get("limits")), mapping(value.get("requests"))
    for field, stated in (("limits", limits), ("requests", requests)):
        for name, text in stated.items():
            where = (*at, field, str(name))
            amount = quantity(text)
            standard = name in _STANDARD or str(name).startswith("hugepages-")
            if not standard and ("/" not in str(name) or not is_qualified(name)):
                yield Wrong(where, f"is no resource: {', '.join(_STANDARD)}, or example.org/name")
            if amount is None:
                continue
            if amount < 0:
                yield Wrong(where, f"is {text}, must not be negative")
            if not standard and "/" in str(name) and amount != int(amount):
                yield Wrong(where, f"is {text}: of {name} there are whole ones only")
    for name, text in requests.items():
        wanted, most = quantity(text), quantity(limits.get(name))
        shared = name in _STANDARD
        if not shared and name not in limits:
            yield Wrong((*at, "limits"), f"lacks {name}, which is requested: set both to the same")
        elif wanted is not None and most is not None:
            if shared and wanted > most * (1 + 1e-12):
                yield Wrong(
                    (*at, "requests", str(name)), f"is {text}, above its limit {limits[name]}"
                )
            elif not shared and abs(wanted - most) > most * 1e-12:
                text = f"is {text}, must be its limit {limits[name]}"
                yield Wrong((*at, "requests", str(name)), text)


def _ports(one: Mapping[str, Any], at: At, *, host: bool) -> Iterator[Wrong]:
    names: list[tuple[At, Any]] = []
    for where, held in items(one.get("ports"), (*at, "ports")):
        yield from port(held.get("containerPort"), (*where, "containerPort"))
        number = held.get("hostPort")
        if number:
            yield from port(number, (*where, "hostPort"))
            if host and number != held.get("containerPort"):
                yield Wrong((*where, "hostPort"), "must be containerPort with hostNetwork")
        if held.get("name"):
            yield from port(held["name"], (*where, "name"))
            names.append(((*where, "name"), held["name"]))
        yield from choice(held, where, "protocol", "TCP", "UDP", "SCTP")
    yield from repeated(names)


def _environment(one: Mapping[str, Any], at: At) -> Iterator[Wrong]:
    for where, held in items(one.get("env"), (*at, "env")):
        name = held.get("name")
        if name == "" or (isinstance(name, str) and ("=" in name or not name.isprintable())):
            yield Wrong((*where, "name"), f"is {name[:40]!r}, no variable's name")
        source = held.get("valueFrom")
        if isinstance(source, Mapping):
            if held.get("value"):
                yield Wrong((*where, "valueFrom"), "cannot stand beside value")
            yield from one_of(source, (*where, "valueFrom"), _SOURCES, "source")
            for kind in ("configMapKeyRef", "secretKeyRef"):
                named = source.get(kind)
                if isinstance(named, Mapping):
                    yield from _reference(named, (*where, "valueFrom", kind))
                    if not is_key(named.get("key")):
                        yield Wrong((*where, "valueFrom", kind, "key"), "is no key")
    for where, held in items(one.get("envFrom"), (*at, "envFrom")):
        yield from one_of(held, where, ("configMapRef", "secretRef"), "source")
        for kind in ("configMapRef", "secretRef"):
            if isinstance(held.get(kind), Mapping):
                yield from _reference(held[kind], (*where, kind))


def _reference(held: Mapping[str, Any], at: At) -> Iterator[Wrong]:
    if not held.get("name"):
        yield Wrong((*at, "name"), "is missing")
    yield from subdomain(held, at, "name")


def _mounts(one: Mapping[str, Any], at: At) -> Iterator[Wrong]:
    paths: list[tuple[At, Any]] = []
    for where, held in items(one.get("volumeMounts"), (*at, "volumeMounts")):
        path = held.get("mountPath")
        if path == "":
            yield Wrong((*where, "mountPath"), "is empty")
        paths.append(((*where, "mountPath"), path))
        for name in ("subPath", "subPathExpr"):
            text = held.get(name)
            if isinstance(text, str) and (text.startswith("/") or ".." in text.split("/")):
                yield Wrong((*where, name), f"is {text[:60]!r}, must lead into the volume")
    # The schema says so of some versions alone; those that it tells of are not told of twice.
    yield from repeated(paths)


def _probe(value: Mapping[str, Any], at: At, name: str) -> Iterator[Wrong]:
    yield from one_of(value, at, _HANDLERS, "probe")
    yield from _handler(value, at)
    fields = (
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    )
    yield from natural(value, at, *fields)
    if name != "readinessProbe" and value.get("successThreshold", 1) not in (0, 1):
        yield Wrong((*at, "successThreshold"), f"must be 1 for a {name}")
    grace = value.get("terminationGracePeriodSeconds")
    if grace is not None:
        if name == "readinessProbe":
            yield Wrong(
                (*at, "terminationGracePeriodSeconds"), "cannot be set for a readinessProbe"
            )
        yield from natural(value, at, "terminationGracePeriodSeconds", least=1)


def _handler(value: Mapping[str, Any], at: At) -> Iterator[Wrong]:
    for name in ("httpGet", "tcpSocket", "grpc"):
        held = value.get(name)
        if isinstance(held, Mapping):
            yield from port(held.get("port"), (*at, name, "port"))
            if name == "httpGet":
                yield from choice(held, (*at, name), "scheme", "HTTP", "HTTPS")
    command = dig(value, "exec", "command")
    if isinstance(value.get("exec"), Mapping) and not command:
        yield Wrong((*at, "exec", "command"), "is missing")


def _volumes(spec: Mapping[str, Any], at: At) -> Iterator[Wrong]:
    for where, held in items(spec.get("volumes"), (*at, "volumes")):
        name = held.get("name")
        if isinstance(name, str) and not is_label(name):
            yield Wrong((*where, "name"), f"is {name[:70]!r}: of a-z, 0-9 and '-', at most 63")
        sources = [key for key, source in held.items() if key != "name" and source is not None]
        if len(sources) > 1:
            yield Wrong(where, f"is {' and '.join(sources)}: a volume is one of them")
        claim = held.get("persistentVolumeClaim")
        if isinstance(claim, Mapping) and not claim.get("claimName"):
            yield Wrong((*where, "persistentVolumeClaim", "claimName"), "is missing")
        for key, named in (("configMap", "name"), ("secret", "secretName")):
            source = mapping(held.get(key))
            if isinstance(held.get(key), Mapping) and not source.get(named):
                yield Wrong((*where, key, named), "is missing")
            for spot, item in items(source.get("items"), (*where, key, "items")):
                path = item.get("path")
                if not item.get("key"):
                    yield Wrong((*spot, "key"), "is missing")
                if isinstance(path, str) and (
                    path.startswith("/") or ".." in path.split("/") or not path
                ):
                    yield Wrong((*spot, "path"), f"is {path[:60]!r}, must lead into the volume")
            mode = source.get("defaultMode")
            if isinstance(mode, int) and not 0 <= mode <= 0o777:
                yield Wrong(
                    (*where, key, "defaultMode"), f"is {mode}, must be from 0 to 511 (0777)"
                )
