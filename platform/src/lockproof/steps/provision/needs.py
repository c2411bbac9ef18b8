"""What an object needs of those that are applied before it: a failure holds back no other."""

from collections.abc import Sequence

from lockproof.model.manifest import Manifest as Declared
from lockproof.model.resource import GroupKind
from lockproof.rules.manifests.pods import pods
from lockproof.rules.manifests.targets import targets

from .order import rank
from .session import Item

_NAMESPACE = GroupKind("", "Namespace")
_JOB = GroupKind("batch", "Job")
_GUARDS = {
    GroupKind.parse(name)
    for name in (
        "LimitRange",
        "ResourceQuota",
        "NetworkPolicy.networking.k8s.io",
        "MutatingAdmissionPolicy.admissionregistration.k8s.io",
        "MutatingAdmissionPolicyBinding.admissionregistration.k8s.io",
        "ValidatingAdmissionPolicy.admissionregistration.k8s.io",
        "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io",
        "MutatingWebhookConfiguration.admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration.admissionregistration.k8s.io",
    )
}
"""What holds pods to something: without it they would run free of it."""
_GUARDIANS = {
    "kyverno.io", "policies.kyverno.io", "constraints.gatekeeper.sh", "templates.gatekeeper.sh",
    "mutations.gatekeeper.sh", "cilium.io", "crd.projectcalico.org", "projectcalico.org",
    "security.istio.io",
}  # fmt: skip
"""Groups of such policies of custom kinds. Their controllers, which make some of these kinds and
call them ready, may be among what is applied: these hold pods back only where they are refused."""


def link(batches: Sequence[Sequence[Item]]) -> None:
    """Write into each object which of the earlier batches it needs, as far as manifests say it.

    That are its namespace, what brings its kind, and what it refers to by name; for what has pods
    also what guards them in their namespace; and for all of later waves the jobs of earlier ones,
    since it is the end of a job that one waits for. Only earlier batches count, so there are no
    circles.
    """
    earlier: list[Item] = []
    for batch in batches:
        for item in batch:
            item.needs = _needs(item, earlier)
            item.guards = _guards(item, earlier)
        earlier += batch


def _needs(item: Item, earlier: Sequence[Item]) -> tuple[Item, ...]:
    body, here = item.manifest.body, _space(item)
    declared = Declared(body, lambda _: (item.manifest.path, item.manifest.line))
    wanted = {(one.kind, one.name, one.namespace or here) for one in targets(declared)}
    anywhere = {(kind, name) for kind, name, _ in wanted}
    has_pods = _has_pods(item)
    wave = rank(body)[0]
    found = []
    for other in earlier:
        kind, space, name = other.key.group_kind, _space(other), other.key.name
        if (
            (kind == _NAMESPACE and name == here)
            or str(other.manifest.key) == item.origin
            or (kind.kind, name, space) in wanted
            or (not space and (kind.kind, name) in anywhere)
            or (has_pods and kind in _GUARDS and space in ("", here))
            or (kind == _JOB and rank(other.manifest.body)[0] < wave)
        ):
            found.append(other)
    return tuple(found)


def _guards(item: Item, earlier: Sequence[Item]) -> tuple[Item, ...]:
    if not _has_pods(item):
        return ()
    return tuple(
        other
        for other in earlier
        if other.key.group_kind.group in _GUARDIANS and _space(other) in ("", _space(item))
    )


def _has_pods(item: Item) -> bool:
    declared = Declared(item.manifest.body, lambda _: (item.manifest.path, item.manifest.line))
    return any(True for _ in pods(declared))


def _space(item: Item) -> str:
    return item.key.namespace or ""
