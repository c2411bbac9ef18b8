"""Which objects a quota, a policy or a webhook that is not in force yet may come to refuse."""

from typing import Any

import pytest

from lockproof.adapters.kubernetes.cluster import Kind
from lockproof.model.manifest import Manifest
from lockproof.model.resource import GroupKind
from lockproof.steps.lint.admitting import Asked, is_admitting, may_refuse

POD, CLAIM, SECRET, DEPLOYMENT, NAMESPACE, POLICY = (
    Kind(GroupKind(group, kind), "v1", plural, namespaced=within)
    for group, kind, plural, within in (
        ("", "Pod", "pods", True),
        ("", "PersistentVolumeClaim", "persistentvolumeclaims", True),
        ("", "Secret", "secrets", True),
        ("apps", "Deployment", "deployments", True),
        ("", "Namespace", "namespaces", False),
        ("admissionregistration.k8s.io", "V", "validatingadmissionpolicies", False),
    )
)
EVERY = (POD, CLAIM, SECRET, DEPLOYMENT, NAMESPACE, POLICY)
IN_X = {"name": "a", "namespace": "x"}
RULES = "admissionregistration.k8s.io/v1"


def manifest(version: str, kind: str, metadata: dict[str, Any], **more: Any) -> Manifest:
    value = {"apiVersion": version, "kind": kind, "metadata": metadata, **more}
    return Manifest(value, lambda at: ("a.yaml", 1))


def quota(resource: str) -> Manifest:
    return manifest("v1", "ResourceQuota", IN_X, spec={"hard": {resource: "1"}})


def rule(group: str, resource: str) -> dict[str, Any]:
    return {
        "apiGroups": [group],
        "apiVersions": ["*"],
        "operations": ["*"],
        "resources": [resource],
    }


def policy(group: str, resource: str) -> Manifest:
    spec = {"matchConstraints": {"resourceRules": [rule(group, resource)]}}
    return manifest(RULES, "ValidatingAdmissionPolicy", {"name": "p"}, spec=spec)


def binding(name: str, *actions: str) -> Manifest:
    spec = {"policyName": name, "validationActions": list(actions)}
    return manifest(RULES, "ValidatingAdmissionPolicyBinding", {"name": "b"}, spec=spec)


def webhook(kind: str, *rules: dict[str, Any]) -> Manifest:
    return manifest(RULES, kind, {"name": "w"}, webhooks=[{"name": "w", "rules": list(rules)}])


def constraint(action: str) -> Manifest:
    spec = {"enforcementAction": action}
    return manifest("constraints.gatekeeper.sh/v1beta1", "Labels", {"name": "p"}, spec=spec)


def asked(kind: Kind) -> Asked:
    body = {"kind": kind.group_kind.kind, "metadata": {"name": "x"}}
    return Asked(kind, "x" if kind.namespaced else None, (body,), whole=True)


def kyverno(kind: str, *rules: dict[str, Any], version: str = "policies.kyverno.io/v1") -> Manifest:
    spec = {"matchConstraints": {"resourceRules": list(rules)}}
    return manifest(version, kind, {"name": "p"}, spec=spec)


@pytest.mark.parametrize(
    ("admitting", "refused"),
    [
        (manifest("v1", "Namespace", {"name": "x"}), (POD, CLAIM, SECRET, DEPLOYMENT)),
        (manifest("v1", "Namespace", {"name": "other"}), ()),
        (quota("requests.cpu"), (POD,)),
        (quota("requests.nvidia.com/gpu"), (POD,)),
        (quota("pods"), (POD,)),
        (quota("requests.storage"), (CLAIM,)),
        (quota("gold.storageclass.storage.k8s.io/requests.storage"), (CLAIM,)),
        (quota("count/deployments.apps"), (DEPLOYMENT,)),
        (quota("count/secrets"), (SECRET,)),
        (quota("services.nodeports"), ()),
        (manifest("v1", "LimitRange", IN_X), (POD, CLAIM)),
        (manifest("v1", "LimitRange", {"name": "a", "namespace": "y"}), ()),
        (policy("*", "*"), (POD, CLAIM, SECRET, DEPLOYMENT, NAMESPACE)),
        (policy("apps", "deployments"), (DEPLOYMENT,)),
        (policy("apps", "pods"), ()),
        (binding("p", "Deny", "Audit"), (SECRET,)),
        (binding("p", "Warn"), ()),
        (binding("not-here"), (POD, CLAIM, SECRET, DEPLOYMENT, NAMESPACE)),
        (webhook("ValidatingWebhookConfiguration", rule("", "pods")), (POD,)),
        (webhook("MutatingWebhookConfiguration", rule("", "*/*"), rule("apps", "deployments")),
         (POD, CLAIM, SECRET, DEPLOYMENT, NAMESPACE)),
        (webhook("ValidatingWebhookConfiguration"), ()),
        (webhook("ValidatingWebhookConfiguration", rule("apps", "deployments/*")), (DEPLOYMENT,)),
        (webhook("ValidatingWebhookConfiguration", rule("apps", "deployments/scale")), ()),
        # What changes namespaces on their way changes what is taken in there.
        (webhook("MutatingWebhookConfiguration", rule("", "namespaces")),
         (POD, CLAIM, SECRET, DEPLOYMENT, NAMESPACE)),
        (manifest("kyverno.io/v1", "ClusterPolicy", {"name": "p"}), EVERY),
        (manifest("policies.kyverno.io/v1", "ValidatingPolicy", {"name": "p"}), EVERY),
        (kyverno("ValidatingPolicy", rule("", "secrets")), (SECRET,)),
        (kyverno("NamespacedValidatingPolicy", rule("", "pods")), (POD, DEPLOYMENT)),
        (kyverno("MutatingPolicy", rule("", "namespaces")), EVERY),
        (kyverno("GeneratingPolicy", rule("", "secrets")), EVERY),
        (kyverno("ValidatingPolicy", rule("", "secrets"), version="kyverno.io/v1"), EVERY),
        (manifest("templates.gatekeeper.sh/v1", "ConstraintTemplate", {"name": "p"}), EVERY),
        (constraint("deny"), EVERY),
        (constraint("dryrun"), ()),
    ],
)  # fmt: skip
def test_what_is_not_in_force_yet_may_refuse_what_it_is_for(
    admitting: Manifest, refused: tuple[Kind, ...]
) -> None:
    assert is_admitting(admitting)
    beside = [admitting, policy("", "secrets")]
    found = tuple(kind for kind in EVERY if may_refuse(admitting, beside, asked(kind)))
    assert found == refused
