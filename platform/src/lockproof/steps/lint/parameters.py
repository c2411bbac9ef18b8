"""Policies in force that take parameters from an object: who changes it changes what they say."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from lockproof.adapters.kubernetes.answers import Refusal
from lockproof.adapters.kubernetes.cluster import Cluster, Kind
from lockproof.model.manifest import Manifest, dig, mapping, sequence
from lockproof.model.resource import Body, GroupKind

from .admitting import POLICIES, chosen

_KINDS = ("ValidatingAdmissionPolicy", "MutatingAdmissionPolicy")
_OF_THE_SERVER = frozenset({"metadata", "status", "apiVersion"})
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Reader(NamedTuple):
    """A policy in force, and where one of its bindings has it take its parameters from."""

    policy: Mapping[str, Any]
    ref: Mapping[str, Any]

    @property
    def label(self) -> str:
        """Kind and name of the policy."""
        return f"{self.policy['kind']}/{dig(self.policy, 'metadata', 'name')}"

    def reads(self, manifest: Manifest, namespace: str) -> bool:
        """Whether an object in this namespace may be what it takes its parameters from."""
        stated = mapping(dig(self.policy, "spec", "paramKind"))
        version, name = str(stated.get("apiVersion")), self.ref.get("name")
        group = version.rpartition("/")[0]
        if (group, stated.get("kind")) != (manifest.group, manifest.kind):
            return False
        if name and manifest.name and name != manifest.name:
            return False
        return self.ref.get("namespace") in (None, "", namespace)

    def judges(self, kind: Kind, namespace: str | None, by: str) -> bool:
        """Whether it may look at an object, by parameters that stand in the namespace `by`."""
        if kind.group_kind.group == POLICIES or not chosen(self.policy, kind):
            return False
        # Without a namespace of its own it takes those beside the object.
        return bool(self.ref.get("namespace")) or namespace is None or namespace == by

    def may_have_refused(self, refusal: Refusal) -> bool:
        """Whether a refusal is this policy's."""
        name = dig(self.policy, "metadata", "name")
        return f"{self.policy['kind']} '{name}'" in str(refusal)


def readers(cluster: Cluster) -> tuple[Reader, ...]:
    """All policies in force that take parameters and may refuse or change an object.

    Raises:
        Refusal: policies may not be read.
        UnavailableError: the server does not answer.
    """
    return tuple(reader for kind in _KINDS for reader in _readers(cluster, kind))


def _readers(cluster: Cluster, name: str) -> Iterator[Reader]:
    policies = {
        dig(policy, "metadata", "name"): policy
        for policy in members(cluster, name)
        if dig(policy, "spec", "paramKind")
    }
    for binding in members(cluster, f"{name}Binding") if policies else ():
        policy = policies.get(dig(binding, "spec", "policyName"))
        actions = sequence(dig(binding, "spec", "validationActions"))
        if policy is not None and (not actions or "Deny" in actions):
            yield Reader(policy, mapping(dig(binding, "spec", "paramRef")))


def members(cluster: Cluster, name: str) -> list[Body]:
    """All objects of a kind of admission; none where the cluster does not serve it."""
    kind = cluster.served(GroupKind(POLICIES, name))
    return [] if kind is None else cluster.members(kind)


def parameters(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of an object a policy may see that takes its parameters from it."""
    annotations = mapping(dig(body, "metadata", "annotations"))
    kept = {name: value for name, value in body.items() if name not in _OF_THE_SERVER}
    kept["annotations"] = {k: v for k, v in annotations.items() if k != _APPLIED}
    return kept | {"labels": mapping(dig(body, "metadata", "labels"))}
