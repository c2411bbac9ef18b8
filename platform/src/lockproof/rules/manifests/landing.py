"""Objects in the namespace that Flux or a kustomization puts all of them into.

As kustomize's `namespace` does it: what is of a namespace gets the new one, a Namespace its name,
and what names an account or a service of theirs goes with it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from lockproof.model.manifest import Manifest, mapping

_BINDINGS = ("RoleBinding", "ClusterRoleBinding")
_SERVED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "ValidatingWebhookConfiguration": (("webhooks", "*", "clientConfig", "service"),),
    "MutatingWebhookConfiguration": (("webhooks", "*", "clientConfig", "service"),),
    "APIService": (("spec", "service"),),
    "CustomResourceDefinition": (("spec", "conversion", "webhook", "clientConfig", "service"),),
}
"""Kinds -> where they name a service with its namespace."""


def in_namespace(
    manifests: Sequence[Manifest], namespace: str, is_wide: Callable[[Manifest], bool]
) -> Iterator[Manifest]:
    """What is applied together, in one namespace.

    Args:
        manifests: as they are written.
        namespace: where they land.
        is_wide: whether objects of a manifest's kind are in no namespace.
    """
    accounts, services = (_places(manifests, kind) for kind in ("ServiceAccount", "Service"))
    for manifest in manifests:
        value = dict(manifest.value)
        if manifest.group == "" and manifest.kind == "Namespace":
            value["metadata"] = {**manifest.metadata, "name": namespace}
        elif not is_wide(manifest):
            value["metadata"] = {**manifest.metadata, "namespace": namespace}
        if manifest.kind in _BINDINGS and isinstance(value.get("subjects"), list):
            value["subjects"] = [
                {**one, "namespace": namespace} if _is_account(one, accounts) else one
                for one in value["subjects"]
            ]
        for at in _SERVED.get(manifest.kind, ()):
            value = _moved(value, at, services, namespace)
        yield Manifest(value, manifest.locate)


def _places(manifests: Iterable[Manifest], kind: str) -> set[tuple[str, str]]:
    return {(one.name, one.namespace) for one in manifests if (one.group, one.kind) == ("", kind)}


def _is_account(subject: Any, accounts: set[tuple[str, str]]) -> bool:
    """Whether a subject gets the namespace: a user who is called like an account does as well."""
    stated = mapping(subject)
    default = (stated.get("kind"), stated.get("name")) == ("ServiceAccount", "default")
    return default or _is_one(stated, accounts)


def _is_one(stated: Mapping[str, Any], places: set[tuple[str, str]]) -> bool:
    name, space = stated.get("name"), stated.get("namespace") or ""
    return any(name == one and (space == within or "" in (space, within)) for one, within in places)


def _moved(value: Any, at: Sequence[str], services: set[tuple[str, str]], namespace: str) -> Any:
    """A value in which the service at a place has another namespace, if it is one of these."""
    if not at:
        return {**value, "namespace": namespace} if _is_one(mapping(value), services) else value
    if at[0] == "*":
        inner = value if isinstance(value, list) else []
        return [_moved(one, at[1:], services, namespace) for one in inner]
    if not isinstance(value, Mapping) or at[0] not in value:
        return value
    return {**value, at[0]: _moved(value[at[0]], at[1:], services, namespace)}
