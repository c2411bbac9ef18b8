"""Manifests that decide whether a cluster takes others, and which they decide over."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lockproof.adapters.kubernetes.answers import Refusal
from lockproof.adapters.kubernetes.cluster import POD, Kind
from lockproof.model.manifest import Manifest, dig, items, mapping, sequence
from lockproof.model.resource import Body, GroupKind
from lockproof.rules.manifests.kyverno import POD_MAKERS, Seen, may_look_at

DENIED = re.compile(
    r"denied (?:the )?request|violates PodSecurity|exceeded quota|failed quota", re.IGNORECASE
)
"""How admission refuses an object: as forbidden, like what a user may not do."""
ADMITTING = {
    "ResourceQuota": "quota",
    "Namespace": "",  # `namespaces` says what chooses by its labels.
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
_BY_RULES = ("ClusterPolicy", "Policy", "PolicyException")
"""Kinds of kyverno.io that say of each rule what it is for."""
_BY_CONSTRAINTS = ("ValidatingPolicy", "ImageValidatingPolicy", "MutatingPolicy")
"""Kinds of policies.kyverno.io that say it as Kubernetes' own do."""
_DECIDING = tuple(
    Kind(GroupKind("", kind), "v1", plural, namespaced=kind != "Namespace")
    for kind, plural in (
        ("Namespace", "namespaces"), ("ResourceQuota", "resourcequotas"),
        ("LimitRange", "limitranges"),
    )
)  # fmt: skip
"""Who changes these on their way changes what is taken of others."""
BY_COUNT = frozenset(
    {
        "pods", "services", "replicationcontrollers", "resourcequotas", "secrets", "configmaps",
        "persistentvolumeclaims",
    }
)  # fmt: skip


def is_admitting(manifest: Manifest) -> bool:
    """Whether a manifest decides whether others are taken."""
    return manifest.kind in ADMITTING or is_of_engine(manifest.group)


def lifts(manifest: Manifest) -> bool:
    """Whether something may be refused for lack of a manifest."""
    return manifest.kind == "PolicyException" and is_of_engine(manifest.group)


class Asked(NamedTuple):
    """An object that the server is asked about."""

    kind: Kind
    namespace: str | None
    """None where it is in none."""
    bodies: tuple[Body, ...] = ()
    """It as it is stated or would become, and as it is in the cluster."""
    whole: bool = False
    """Whether the first is what the server makes of it."""

    @property
    def seen(self) -> list[Seen]:
        """It as policies may see it."""
        return [
            Seen(
                self.kind.group_kind.kind,
                dig(body, "metadata", "name"),
                self.namespace,
                mapping(dig(body, "metadata", "labels")),
                mapping(dig(body, "metadata", "annotations")),
                whole=self.whole or bool(number),
            )
            for number, body in enumerate(self.bodies)
        ]


def may_have_refused(admitting: Manifest, refusal: Refusal, namespace: str) -> bool:
    """Whether an object was refused by what is still another one in the cluster."""
    said, metadata = str(refusal), admitting.metadata
    by = "admission webhook" if is_of_engine(admitting.group) else ADMITTING[admitting.kind]
    if DENIED.search(said) is None or by not in said:
        return False
    inside = metadata.get("namespace")
    of = {"Namespace": metadata.get("name"), "ResourceQuota": inside, "LimitRange": inside}
    return of.get(admitting.kind) in (None, namespace)


def may_refuse(admitting: Manifest, beside: Sequence[Manifest], asked: Asked) -> bool:
    """Whether an object may be refused by what is not in the cluster yet as the manifests have it.

    Args:
        admitting: what decides over others.
        beside: the manifests, in which the policy of a binding is looked for.
        asked: the object.
    """
    kind, namespace = asked.kind, asked.namespace
    if admitting.group == POLICIES:
        return kind.group_kind.group != POLICIES and _is_chosen(admitting, beside, kind)
    if is_of_engine(admitting.group):
        # What they look at their own languages say; those that only tell of it refuse nothing.
        silent = admitting.spec.get("enforcementAction") in ("dryrun", "warn")
        other = not silent and not is_of_engine(kind.group_kind.group)
        return other and engine_looks_at(admitting, asked)
    if admitting.kind == "Namespace":
        return namespace == admitting.name
    if namespace is None or admitting.namespace not in ("", namespace):
        return False
    if admitting.kind == "LimitRange":
        return plural(kind) in (("", "pods"), ("", "persistentvolumeclaims"))
    return plural(kind) in map(counted, mapping(admitting.spec.get("hard")))


def engine_looks_at(policy: Manifest, asked: Asked) -> bool:
    """Whether another project's policy may look at an object; True where that is not read here."""
    if policy.group == "kyverno.io" and policy.kind in _BY_RULES:
        return may_look_at(policy.value, asked.seen)
    kind = policy.kind.removeprefix("Namespaced")
    rules = dig(policy.spec, "matchConstraints", "resourceRules")
    if policy.group != "policies.kyverno.io" or kind not in _BY_CONSTRAINTS or not rules:
        return True
    if policy.spec.get("targetMatchConstraints"):
        return True  # It changes others than those.
    looked = [asked.kind, *((POD,) if asked.kind.group_kind.kind in POD_MAKERS else ())]
    looked += _DECIDING if kind == "MutatingPolicy" else ()
    return any(chosen(policy.value, one) for one in looked)


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
    looked = (kind, *(_DECIDING if admitting.kind.startswith("Mutating") else ()))
    return any(chosen(admitting.value, one) for one in looked)


def chosen(admitting: Mapping[str, Any], kind: Kind) -> bool:
    """Whether a policy's or a webhook's rules choose objects of a kind."""
    return any(
        group in ("*", kind.group_kind.group) and _is_of(resource, kind.plural)
        for rule in _rules(admitting)
        for group in sequence(rule.get("apiGroups"))
        for resource in sequence(rule.get("resources"))
    )


def is_of_engine(group: str) -> bool:
    """Whether a group is of another project's policies."""
    return group in _ENGINES or group.endswith(tuple(f".{engine}" for engine in _ENGINES))


def _rules(admitting: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    stated = [dig(admitting, "spec", "matchConstraints", "resourceRules")]
    stated += [one.get("rules") for _, one in items(admitting.get("webhooks"), ())]
    for rules in stated:
        yield from (rule for _, rule in items(rules, ()))


def _is_of(stated: Any, plural: str) -> bool:
    """Whether a rule's resource is of a kind; `pods/*` is of pods as well."""
    name, _, part = str(stated).partition("/")
    return name in ("*", plural) and part in ("", "*")
