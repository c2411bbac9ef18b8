"""The order in which objects are applied: what others need comes first."""

from collections.abc import Iterable
from itertools import groupby

from lockproof.errors import ConfigError
from lockproof.model.resource import Body, GroupKind, Manifest, group_kind_of

WAVE = "argocd.argoproj.io/sync-wave"

_PACKAGES = "pkg.crossplane.io"
_CROSSPLANE = "apiextensions.crossplane.io"

FOUNDATIONS, PACKAGES, DEFINITIONS, CONFIGS, RESOURCES, WORKLOADS, DELIVERY = range(7)
PHASES = (
    "foundations",
    "packages",
    "definitions",
    "configs",
    "resources",
    "workloads",
    "delivery",
)
"""Names of the phases, for people; the constants index them."""

_ORDER: tuple[tuple[str, ...], ...] = (
    ("Namespace", "CustomResourceDefinition.apiextensions.k8s.io"),
    (
        f"DeploymentRuntimeConfig.{_PACKAGES}",
        f"ImageConfig.{_PACKAGES}",
        f"ManagedResourceActivationPolicy.{_CROSSPLANE}",
        f"Function.{_PACKAGES}",
        f"Provider.{_PACKAGES}",
        f"Configuration.{_PACKAGES}",
    ),
    (f"CompositeResourceDefinition.{_CROSSPLANE}", f"Composition.{_CROSSPLANE}"),
    (
        "PriorityClass.scheduling.k8s.io",
        "StorageClass.storage.k8s.io",
        "ResourceQuota",
        "LimitRange",
        "ServiceAccount",
        "ClusterRole.rbac.authorization.k8s.io",
        "ClusterRoleBinding.rbac.authorization.k8s.io",
        "Role.rbac.authorization.k8s.io",
        "RoleBinding.rbac.authorization.k8s.io",
        f"EnvironmentConfig.{_CROSSPLANE}",
        "Secret",
        "ConfigMap",
        "NetworkPolicy.networking.k8s.io",
        "AnalysisTemplate.argoproj.io",
        "ClusterAnalysisTemplate.argoproj.io",
        "PrometheusRule.monitoring.coreos.com",
        "AppProject.argoproj.io",
    ),
    ("PersistentVolume", "PersistentVolumeClaim", "Service"),
    (
        "PodDisruptionBudget.policy",
        "Deployment.apps",
        "StatefulSet.apps",
        "DaemonSet.apps",
        "ReplicaSet.apps",
        "Pod",
        "Rollout.argoproj.io",
        "Job.batch",
        "CronJob.batch",
        "HorizontalPodAutoscaler.autoscaling",
    ),
    (
        "Ingress.networking.k8s.io",
        "HTTPRoute.gateway.networking.k8s.io",
        "ServiceMonitor.monitoring.coreos.com",
        "PodMonitor.monitoring.coreos.com",
        "Canary.flagger.app",
        "GitRepository.source.toolkit.fluxcd.io",
        "Kustomization.kustomize.toolkit.fluxcd.io",
        "HelmRelease.helm.toolkit.fluxcd.io",
        "Application.argoproj.io",
        "ApplicationSet.argoproj.io",
    ),
)
_RANK = {
    GroupKind.parse(name): (phase, place)
    for phase, names in enumerate(_ORDER)
    for place, name in enumerate(names)
}
_RECONCILERS = {
    GroupKind.parse(name)
    for name in (
        "Kustomization.kustomize.toolkit.fluxcd.io",
        "HelmRelease.helm.toolkit.fluxcd.io",
        "ApplicationSet.argoproj.io",
        "Application.argoproj.io",
    )
}
_PROVIDER_CONFIGS = ("ProviderConfig", "ClusterProviderConfig")
_LAST = 1000

Rank = tuple[int, int, int]
"""Wave, phase and place in the phase; compared in this order."""


def phase_of(kind: GroupKind) -> int:
    """The phase of a kind; one that is not known is a resource."""
    return _place(kind)[0]


def rank(body: Body, where: str = "") -> Rank:
    """Where an object stands in the order.

    Argo CD's sync waves come first, as there, then the phase and the kind. Namespaces and
    definitions of kinds precede every wave: nothing that needs them can be applied before.

    Raises:
        ConfigError: the wave is not a whole number; the message begins with `where`.
    """
    phase, place = _place(group_kind_of(body))
    if phase == FOUNDATIONS:
        return (-(2**31), phase, place)
    annotations = body["metadata"].get("annotations") or {}
    text = str(annotations.get(WAVE, "0"))
    try:
        return (int(text), phase, place)
    except ValueError:
        raise ConfigError(
            f"{where}: the annotation {WAVE} must be a whole number, not {text!r}"
        ) from None


def removal_rank(body: Body, where: str = "") -> Rank:
    """Where an object stands in the order of removing, which is that of applying turned round.

    Except that GitOps applications go first: they would make again what is removed before them.

    Raises:
        ConfigError: as `rank`.
    """
    wave, phase, place = rank(body, where)
    if group_kind_of(body) in _RECONCILERS:
        return (-(2**31), 0, 0)
    return (-wave, -phase, -place)


def batches(manifests: Iterable[Manifest]) -> list[list[Manifest]]:
    """The objects in the order in which they are applied; those of one batch side by side.

    Raises:
        ConfigError: a sync wave is not a whole number.
    """
    ranked = sorted(
        ((rank(manifest.body, manifest.path), manifest) for manifest in manifests),
        key=lambda pair: (pair[0], pair[1].key.namespace or "", pair[1].key.name),
    )
    return [
        [manifest for _, manifest in group]
        for _, group in groupby(ranked, key=lambda pair: _batch(pair[0]))
    ]


def _batch(place: Rank) -> tuple[int, int, int]:
    wave, phase, within = place
    # A definition must be served before what uses it; a namespace must be there for the rest.
    return (wave, phase, within if phase in (FOUNDATIONS, DEFINITIONS, PACKAGES) else 0)


def _place(kind: GroupKind) -> tuple[int, int]:
    known = _RANK.get(kind)
    if known is not None:
        return known
    if kind.kind in _PROVIDER_CONFIGS and kind.group not in ("", "apps"):
        return (CONFIGS, _LAST)
    return (RESOURCES, _LAST)
