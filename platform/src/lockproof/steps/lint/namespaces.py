"""What chooses objects by the labels of their namespace, and may refuse them by other ones."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from lockproof.adapters.kubernetes.cluster import Cluster, Kind
from lockproof.model.manifest import dig, items, mapping, sequence
from lockproof.model.resource import Body, GroupKind
from lockproof.rules.manifests.validation.parts import selects

from .admitting import chosen, plural
from .parameters import members, parameters

_POLICIES = ("ValidatingAdmissionPolicy", "MutatingAdmissionPolicy")
_WEBHOOKS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
_POD_SECURITY = "pod-security.kubernetes.io"
_MAKE_PODS = frozenset(
    {
        ("", "pods"), ("", "podtemplates"), ("", "replicationcontrollers"), ("apps", "daemonsets"),
        ("apps", "deployments"), ("apps", "replicasets"), ("apps", "statefulsets"),
        ("batch", "cronjobs"), ("batch", "jobs"),
    }
)  # fmt: skip
"""What PodSecurity looks at; what makes pods it takes, and refuses the pods."""
_ENFORCED = (f"{_POD_SECURITY}/enforce", f"{_POD_SECURITY}/enforce-version")
_OF_DEVICES = ("resource.kubernetes.io", "resource.k8s.io")
_OF_PODS = "scheduler.alpha.kubernetes.io"
_FOR_PEOPLE = "app.kubernetes.io"
_OF_SERVERS = ("kubernetes.io", "k8s.io", "openshift.io")
"""Domains whose labels and annotations a server may heed by itself."""
_COUNTS_BY_LABEL = GroupKind("quota.openshift.io", "ClusterResourceQuota")


class Chooser(NamedTuple):
    """What is in force, and looks at namespaces."""

    rules: Mapping[str, Any]
    """A policy, or a webhook, by the kinds that it is for."""
    selectors: tuple[Any, ...]
    """It is for objects whose namespace all of these select."""
    reads: bool
    """Whether it may also look at the namespace of an object itself."""

    def minds(self, change: "Change", kind: Kind) -> bool:
        """Whether it may say another thing of objects of a kind after a change."""
        if not chosen(self.rules, kind):
            return False
        before, after = (
            all(selects(one, mapping(metadata.get("labels"))) for one in self.selectors)
            for metadata in (change.before, change.after)
        )
        return before != after or (self.reads and after)


class Change(NamedTuple):
    """What the manifests change of a namespace that is there."""

    before: Body
    """Its metadata."""
    after: Body
    choosers: tuple[Chooser, ...] | None
    """None where they are not known."""

    def may_touch(self, kind: Kind) -> bool:
        """Whether other things may be refused of a kind in there than before."""
        names = set(_changed(self.before, self.after))
        if not names:
            return False
        if self.choosers is None or any(_is_heeded(name, kind) for name in names):
            return True
        return any(chooser.minds(self, kind) for chooser in self.choosers)


def _changed(before: Body, after: Body) -> Iterator[str]:
    """The labels and annotations that are other ones, but for what clients keep there."""
    one, other = (parameters({"metadata": metadata}) for metadata in (before, after))
    for part in ("labels", "annotations"):
        for name in one[part].keys() | other[part].keys():
            if one[part].get(name) != other[part].get(name):
                yield str(name)


def _is_heeded(name: str, kind: Kind) -> bool:
    """Whether a server itself may mind a label or annotation of a namespace for a kind."""
    domain = name.rpartition("/")[0]
    if domain == _POD_SECURITY:
        return name in _ENFORCED and plural(kind) in _MAKE_PODS
    if domain in _OF_DEVICES:
        return kind.group_kind.group == "resource.k8s.io"
    if domain == _OF_PODS:
        return plural(kind) in _MAKE_PODS
    return domain != _FOR_PEOPLE and any(
        domain == one or domain.endswith(f".{one}") for one in _OF_SERVERS
    )


def choosers(cluster: Cluster) -> tuple[Chooser, ...] | None:
    """All in force that may say other things of objects by what their namespace says.

    Returns:
        None where the cluster has what chooses by rules that are not read here.

    Raises:
        Refusal: they may not be read.
        UnavailableError: the server does not answer.
    """
    if cluster.served(_COUNTS_BY_LABEL) is not None:
        return None
    found = [one for kind in _WEBHOOKS for one in _webhooks(members(cluster, kind))]
    for kind in _POLICIES:
        policies = {dig(one, "metadata", "name"): one for one in members(cluster, kind)}
        bindings = members(cluster, f"{kind}Binding") if policies else ()
        found += _policies(policies, bindings)
    return tuple(found)


def _webhooks(configurations: Iterable[Body]) -> Iterator[Chooser]:
    for configuration in configurations:
        for _, hook in items(configuration.get("webhooks"), ()):
            # What a webhook asks of the server to judge is its own affair.
            yield Chooser({"webhooks": [hook]}, (hook.get("namespaceSelector"),), reads=True)


def _policies(policies: Mapping[Any, Body], bindings: Iterable[Body]) -> Iterator[Chooser]:
    for binding in bindings:
        policy = policies.get(dig(binding, "spec", "policyName"))
        actions = sequence(dig(binding, "spec", "validationActions"))
        if policy is not None and (not actions or "Deny" in actions):
            selectors = (
                dig(policy, "spec", "matchConstraints", "namespaceSelector"),
                dig(binding, "spec", "matchResources", "namespaceSelector"),
            )
            reads = "namespaceObject" in json.dumps(policy.get("spec"))
            yield Chooser(policy, selectors, reads)
