"""Manifests that decide whether a cluster takes others, and which they decide over."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lockproof.adapters.kubernetes.answers import Refusal
from lockproof.adapters.kubernetes.cluster import Kind
from lockproof.model.manifest import Manifest, dig, items, mapping, sequence

DENIED = re.compile(
    r"denied (?:the )?request|violates PodSecurity|exceeded quota|failed quota", re.IGNORECASE
)
"""How admission refuses an object: as forbidden, like what a user may not do."""
ADMITTING = {
    "ResourceQuota": "quota",
    "Namespace": "",  # By its labels policies and webhooks choose, and PodSecurity.
    "LimitRange": "usage per",
    "ValidatingAdmissionPolicy": "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding": "ValidatingAdmissionPolicy",
    "ValidatingWebhookConfiguration": "admission webhook",
    "MutatingAdmissionPolicy": "",
    "MutatingAdmissionPolicyBinding": "",
    "MutatingWebhookConfiguration": "",
}
"""Kinds that decide whether others are taken -> what the server says where they may have."""
POLICIES = "admissionregistration.k8s.io"
_ENGINES = ("kyverno.io", "gatekeeper.sh", "policy.sigstore.dev")
"""Groups, and groups that end so, of policies that webhooks of other projects judge by."""
BY_COUNT = frozenset(
    {
        "pods", "services", "replicationcontrollers", "resourcequotas", "secrets", "configmaps",
        "persistentvolumeclaims",
    }
)  # fmt: skip


def is_admitting(manifest: Manifest) -> bool:
    """Whether a manifest decides whether others are taken."""
    return manifest.kind in ADMITTING or _is_of_engine(manifest.group)


def lifts(manifest: Manifest) -> bool:
    """Whether something may be refused for lack of a manifest."""
    return manifest.kind == "PolicyException" and _is_of_engine(manifest.group)


def may_have_refused(admitting: Manifest, refusal: Refusal, namespace: str) -> bool:
    """Whether an object was refused by what is still another one in the cluster."""
    said, metadata = str(refusal), admitting.metadata
    by = "admission webhook" if _is_of_engine(admitting.group) else ADMITTING[admitting.kind]
    if DENIED.search(said) is None or by not in said:
        return False
    inside = metadata.get("namespace")
    of = {"Namespace": metadata.get("name"), "ResourceQuota": inside, "LimitRange": inside}
    return of.get(admitting.kind) in (None, namespace)


def may_refuse(
    admitting: Manifest, beside: Sequence[Manifest], kind: Kind, namespace: str | None
) -> bool:
    """Whether an object may be refused by what is not in the cluster yet as the manifests have it.

    Args:
        admitting: what decides over others.
        beside: the manifests, in which the policy of a binding is looked for.
        kind: of the object.
        namespace: of the object; None where it is in none.
    """
    if admitting.group == POLICIES:
        return kind.group_kind.group != POLICIES and _is_chosen(admitting, beside, kind)
    if _is_of_engine(admitting.group):
        # What they look at their own languages say; those that only tell of it refuse nothing.
        silent = admitting.spec.get("enforcementAction") in ("dryrun", "warn")
        return not silent and not _is_of_engine(kind.group_kind.group)
    if admitting.kind == "Namespace":
        return namespace == admitting.name
    if namespace is None or admitting.namespace not in ("", namespace):
        return False
    if admitting.kind == "LimitRange":
        return plural(kind) in (("", "pods"), ("", "persistentvolumeclaims"))
    return plural(kind) in map(counted, mapping(admitting.spec.get("hard")))


def plural(kind: Kind) -> tuple[str, str]:
    """Group and plural of a kind, as `counted` has them."""
    return kind.group_kind.group, kind.plural


def counted(resource: Any) -> tuple[str, str]:
    """Group and plural of what a line of a quota counts."""
    name = str(resource)
    if name.startswith("count/"):
        plural, _, group = name.removeprefix("count/").partition(".")
        return group, plural
    if ".deviceclass." in name:
        return "resource.k8s.io", "resourceclaims"
    if name == "requests.storage" or ".storageclass." in name:
        return "", "persistentvolumeclaims"
    first = name.partition(".")[0]
    return "", first if first in BY_COUNT else "pods"


def _is_chosen(admitting: Manifest, beside: Sequence[Manifest], kind: Kind) -> bool:
    """Whether a policy or a webhook may look at objects of a kind, wherever they are."""
    if admitting.kind.endswith("Binding"):
        actions = sequence(admitting.spec.get("validationActions"))
        if actions and "Deny" not in actions:
            return False
        named = (admitting.kind.removesuffix("Binding"), admitting.spec.get("policyName"))
        policy = next((one for one in beside if (one.kind, one.name) == named), None)
        return policy is None or _is_chosen(policy, beside, kind)
    return chosen(admitting.value, kind)


def chosen(admitting: Mapping[str, Any], kind: Kind) -> bool:
    """Whether a policy's or a webhook's rules choose objects of a kind."""
    return any(
        _is_of(group, kind.group_kind.group) and _is_of(resource, kind.plural)
        for rule in _rules(admitting)
        for group in sequence(rule.get("apiGroups"))
        for resource in sequence(rule.get("resources"))
    )


def _is_of_engine(group: str) -> bool:
    return group in _ENGINES or group.endswith(tuple(f".{engine}" for engine in _ENGINES))


def _rules(admitting: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    stated = [dig(admitting, "spec", "matchConstraints", "resourceRules")]
    stated += [one.get("rules") for _, one in items(admitting.get("webhooks"), ())]
    for rules in stated:
        yield from (rule for _, rule in items(rules, ()))


def _is_of(stated: Any, name: str) -> bool:
    return stated in ("*", "*/*", name)
