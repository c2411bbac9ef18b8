"""Selectors of services, monitors, budgets and network policies: each must match something."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from lockproof.model.finding import Finding
from lockproof.model.manifest import At, Manifest, dig, items, mapping, sequence

from .pods import Pod, containers, may_make_pods, pods
from .shape import at_place

_ADDED = frozenset(
    {
        "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "pod-template-hash",
        "rollouts-pod-template-hash", "controller-revision-hash", "batch.kubernetes.io/job-name",
        "job-name", "batch.kubernetes.io/controller-uid", "controller-uid",
        "batch.kubernetes.io/job-completion-index",
    }
)  # fmt: skip
"""Labels that controllers give to pods."""


def _selects(selector: Any, labels: Mapping[str, Any]) -> bool:
    wanted = mapping(selector)
    for key, value in wanted.items():
        if labels.get(key) != value and key not in _ADDED:
            return False
    return bool(wanted)


def selector_findings(
    manifest: Manifest,
    objects: Mapping[str, Sequence[Manifest]],
    present: Callable[[str], Sequence[Pod]],
) -> Iterator[Finding | str]:
    """Selectors that match nothing, and ports that what they match does not have.

    Args:
        manifest: what selects.
        objects: the objects of its bundle, by kind.
        present: the pods of its bundle in a namespace: a selector reaches no other.

    Yields:
        What is wrong; as a text, what cannot be known, since pods may come from elsewhere.
    """
    key = (manifest.group, manifest.kind)
    if key == ("", "Service"):
        selector = manifest.spec.get("selector")
        if not selector or manifest.spec.get("type") == "ExternalName":
            return
        chosen = [p for p in present(manifest.namespace) if _selects(selector, p.labels)]
        if not chosen:
            yield _no_pod(manifest, ("spec", "selector"), objects, present)
        else:
            yield from _target_ports(manifest, chosen)
    elif key == ("monitoring.coreos.com", "ServiceMonitor"):
        yield from _monitored(manifest, objects, present)
    elif key in (("policy", "PodDisruptionBudget"), ("networking.k8s.io", "NetworkPolicy")):
        field = "selector" if manifest.kind == "PodDisruptionBudget" else "podSelector"
        selector = dig(manifest.spec, field, "matchLabels")
        here = present(manifest.namespace) if selector else ()
        if selector and not any(_selects(selector, pod.labels) for pod in here):
            yield _no_pod(manifest, ("spec", field, "matchLabels"), objects, present)


def _no_pod(
    manifest: Manifest,
    at: At,
    objects: Mapping[str, Sequence[Manifest]],
    present: Callable[[str], Sequence[Pod]],
) -> Finding | str:
    selector = dig(manifest.value, *(str(step) for step in at))
    strayed = any(_selects(selector, pod.labels) for pod in present(""))
    # Pods of another namespace alone that would match are a mistake, even if none are in its own.
    here = "" if strayed else manifest.namespace
    unsure = _maker([manifest.namespace], objects) or _empty([here], present)
    if unsure:
        return f"{manifest.label}: whether its selector matches a pod: {unsure}"
    return _unmatched(manifest, at, "pod")


def _empty(spaces: Sequence[str], present: Callable[[str], Sequence[Pod]]) -> str | None:
    """Which of these namespaces has no pods in the bundle: what is there comes from elsewhere."""
    for space in spaces:
        if not present(space):
            return f"nothing here runs in {f'namespace {space}' if space else 'any namespace'}"
    return None


def _maker(spaces: Sequence[str], objects: Mapping[str, Sequence[Manifest]]) -> str | None:
    """What in these namespaces may make pods, and services of them, that it does not show."""
    for manifests in objects.values():
        for one in manifests:
            near = not one.namespace or "" in spaces or one.namespace in spaces
            if near and may_make_pods(one):
                return f"{one.label} may make it"
    return None


def _monitored(
    manifest: Manifest,
    objects: Mapping[str, Sequence[Manifest]],
    present: Callable[[str], Sequence[Pod]],
) -> Iterator[Finding | str]:
    """A monitor's services, and the ports of them that it scrapes."""
    selector = dig(manifest.spec, "selector", "matchLabels")
    if not selector:
        return
    chosen = [
        service
        for service in objects.get("Service", ())
        if _selects(selector, mapping(service.metadata.get("labels")))
    ]
    if not chosen:
        if any(_selects(selector, one) for one in _flagger_labels(objects)):
            return
        among = mapping(manifest.spec.get("namespaceSelector"))
        spaces = [str(one) for one in sequence(among.get("matchNames"))] or [manifest.namespace]
        unsure = _maker(spaces, objects) or _empty(spaces, present)
        if among.get("any") is True:
            unsure = "it selects in every namespace of the cluster"
        if unsure:
            yield f"{manifest.label}: whether its selector matches a service: {unsure}"
        else:
            yield _unmatched(manifest, ("spec", "selector", "matchLabels"), "service")
        return
    names = {port.get("name") for one in chosen for _, port in items(one.spec.get("ports"), ())}
    for at, endpoint in items(manifest.spec.get("endpoints"), ("spec", "endpoints")):
        if endpoint.get("port") and endpoint["port"] not in names:
            known = ", ".join(sorted(str(name) for name in names if name)) or "none by name"
            yield at_place(
                "LP612",
                manifest,
                (*at, "port"),
                f"no service that it selects has a port {endpoint['port']}: they have {known}",
            )


def _flagger_labels(objects: Mapping[str, Sequence[Manifest]]) -> list[Mapping[str, Any]]:
    """The labels of the services that Flagger makes."""
    return [
        mapping(dig(canary.spec, "service", part, "labels"))
        for canary in objects.get("Canary", ())
        for part in ("apex", "primary", "canary")
    ]


def _unmatched(manifest: Manifest, at: At, what: str) -> Finding:
    return at_place(
        "LP613", manifest, at, f"its selector matches no {what} here: make the labels agree"
    )


def all_pods(manifest: Manifest) -> Iterator[Pod]:
    """The pods of a manifest, those that its experiments run included."""
    for pod in pods(manifest):
        yield pod
        for labels in _experiments(manifest):
            yield pod._replace(labels={**pod.labels, **labels})


def _experiments(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    """The labels of the pods that the experiments of a rollout run."""
    if manifest.kind == "Rollout":
        for step in sequence(dig(manifest.spec, "strategy", "canary", "steps")):
            for _, template in items(dig(step, "experiment", "templates"), ()):
                yield mapping(dig(template, "metadata", "labels"))


def _target_ports(manifest: Manifest, chosen: Sequence[Pod]) -> Iterator[Finding]:
    named = {
        port.get("name")
        for pod in chosen
        for container in containers(pod)
        for _, port in items(container.value.get("ports"), ())
    }
    for at, port in items(manifest.spec.get("ports"), ("spec", "ports")):
        wanted = port.get("targetPort")
        if isinstance(wanted, str) and not wanted.isdigit() and wanted not in named:
            yield at_place(
                "LP612",
                manifest,
                (*at, "targetPort"),
                f"no container of the pods it selects has a port named {wanted}",
            )
