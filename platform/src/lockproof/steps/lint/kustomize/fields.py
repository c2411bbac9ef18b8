"""Which fields kustomize's transformations touch, and the walk to them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from .marks import Map, Mark, Seq
from .resource import Resource


class Field(NamedTuple):
    """A path in the objects of one kind; `*` is any kind."""

    kind: str
    path: str
    """Keys joined by `/`; lists on the way are entered."""
    create: bool = False
    group: str = ""
    """Empty: any group."""

    def covers(self, resource: Resource) -> bool:
        """Whether it is about a resource's kind."""
        return self.kind in ("*", resource.kind) and self.group in ("", resource.group)


_TEMPLATED = ("Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "Job")
_CRON = "spec/jobTemplate/spec/template"
POD_SPECS = {
    "Pod": "spec",
    "PodTemplate": "template/spec",
    "ReplicationController": "spec/template/spec",
    **dict.fromkeys(_TEMPLATED, "spec/template/spec"),
    "CronJob": f"{_CRON}/spec",
}
"""Where the kinds that kustomize knows keep a pod's specification."""

TEMPLATE_LABELS = (
    *(Field(kind, "spec/template/metadata/labels", create=True) for kind in _TEMPLATED),
    Field("ReplicationController", "spec/template/metadata/labels", create=True),
    Field("StatefulSet", "spec/volumeClaimTemplates/metadata/labels", create=True),
    Field("CronJob", "spec/jobTemplate/metadata/labels", create=True),
    Field("CronJob", f"{_CRON}/metadata/labels", create=True),
)
_TERMS = (
    "preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm",
    "requiredDuringSchedulingIgnoredDuringExecution",
)
SELECTORS = (
    Field("Service", "spec/selector", create=True),
    Field("ReplicationController", "spec/selector", create=True),
    *(
        Field(kind, "spec/selector/matchLabels", create=True)
        for kind in ("Deployment", "ReplicaSet", "DaemonSet", "StatefulSet")
    ),
    *(
        Field(kind, f"spec/template/spec/affinity/{affinity}/{term}/labelSelector/matchLabels")
        for kind in ("Deployment", "StatefulSet")
        for affinity in ("podAffinity", "podAntiAffinity")
        for term in _TERMS
    ),
    *(
        Field(kind, "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels")
        for kind in ("Deployment", "StatefulSet")
    ),
    Field("Job", "spec/selector/matchLabels"),
    Field("CronJob", "spec/jobTemplate/spec/selector/matchLabels"),
    Field("PodDisruptionBudget", "spec/selector/matchLabels"),
    Field("NetworkPolicy", "spec/podSelector/matchLabels"),
    Field("NetworkPolicy", "spec/ingress/from/podSelector/matchLabels"),
    Field("NetworkPolicy", "spec/egress/to/podSelector/matchLabels"),
)
ANNOTATIONS = (
    Field("*", "metadata/annotations", create=True),
    *(Field(kind, "spec/template/metadata/annotations", create=True) for kind in _TEMPLATED),
    Field("ReplicationController", "spec/template/metadata/annotations", create=True),
    Field("CronJob", "spec/jobTemplate/metadata/annotations", create=True),
    Field("CronJob", f"{_CRON}/metadata/annotations", create=True),
)
METADATA_LABELS = (Field("*", "metadata/labels", create=True),)
REPLICAS = tuple(
    Field(kind, "spec/replicas", create=True)
    for kind in ("Deployment", "ReplicationController", "ReplicaSet", "StatefulSet")
)

_IN_PODS = {
    "ConfigMap": (
        "volumes/configMap/name",
        "volumes/projected/sources/configMap/name",
        "containers/env/valueFrom/configMapKeyRef/name",
        "initContainers/env/valueFrom/configMapKeyRef/name",
        "containers/envFrom/configMapRef/name",
        "initContainers/envFrom/configMapRef/name",
    ),
    "Secret": (
        "volumes/secret/secretName",
        "volumes/projected/sources/secret/name",
        "containers/env/valueFrom/secretKeyRef/name",
        "initContainers/env/valueFrom/secretKeyRef/name",
        "containers/envFrom/secretRef/name",
        "initContainers/envFrom/secretRef/name",
        "imagePullSecrets/name",
    ),
    "ServiceAccount": ("serviceAccountName",),
    "PersistentVolumeClaim": ("volumes/persistentVolumeClaim/claimName",),
    "PriorityClass": ("priorityClassName",),
}
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")
NAMES: dict[str, tuple[Field, ...]] = {
    **{
        target: tuple(
            Field(kind, f"{spec}/{path}") for kind, spec in POD_SPECS.items() for path in paths
        )
        for target, paths in _IN_PODS.items()
    },
    **{
        kind: (Field("HorizontalPodAutoscaler", "spec/scaleTargetRef/name"),)
        for kind in ("Deployment", "ReplicationController", "ReplicaSet")
    },
    "StatefulSet": (Field("HorizontalPodAutoscaler", "spec/scaleTargetRef/name"),),
    "Service": (
        Field("StatefulSet", "spec/serviceName"),
        Field("Ingress", "spec/rules/http/paths/backend/service/name"),
        Field("Ingress", "spec/defaultBackend/service/name"),
        Field("APIService", "spec/service/name"),
        Field("ValidatingWebhookConfiguration", "webhooks/clientConfig/service/name"),
        Field("MutatingWebhookConfiguration", "webhooks/clientConfig/service/name"),
    ),
    "Role": (Field("RoleBinding", "roleRef/name"),),
    "ClusterRole": tuple(Field(kind, "roleRef/name") for kind in _BINDINGS),
    "PersistentVolume": (Field("PersistentVolumeClaim", "spec/volumeName"),),
    "StorageClass": (
        Field("PersistentVolume", "spec/storageClassName"),
        Field("PersistentVolumeClaim", "spec/storageClassName"),
        Field("StatefulSet", "spec/volumeClaimTemplates/spec/storageClassName"),
    ),
    "IngressClass": (Field("Ingress", "spec/ingressClassName"),),
}
NAMES["Secret"] += (
    Field("Ingress", "spec/tls/secretName"),
    Field("ServiceAccount", "imagePullSecrets/name"),
)
NAMES["ServiceAccount"] += tuple(Field(kind, "subjects/name") for kind in _BINDINGS)
for _target in ("ConfigMap", "Secret"):
    NAMES[_target] += tuple(Field(kind, "rules/resourceNames") for kind in ("Role", "ClusterRole"))

CLUSTER_KINDS = frozenset(
    {
        "APIService", "CSIDriver", "CSINode", "CertificateSigningRequest", "ClusterRole",
        "ClusterRoleBinding", "ComponentStatus", "CustomResourceDefinition", "FlowSchema",
        "IngressClass", "MutatingWebhookConfiguration", "Namespace", "Node", "PersistentVolume",
        "PriorityClass", "PriorityLevelConfiguration", "RuntimeClass", "StorageClass",
        "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration", "VolumeAttachment", "ClusterTrustBundle",
    }
)  # fmt: skip
"""Kubernetes' own kinds that stand in no namespace; kustomize puts all others into one."""

NOT_RENAMED = frozenset({"CustomResourceDefinition", "APIService", "Namespace"})


def spots(value: Any, path: str, mark: Mark | None = None) -> Iterator[tuple[Any, Any]]:
    """The places that a path leads to, as container and key.

    With a mark, missing mappings on the way are made. The last key need not be there.
    """
    steps = [step.removesuffix("[]") for step in path.replace("\\/", "\0").split("/")]
    yield from _walk(value, [step.replace("\0", "/") for step in steps], mark)


def _walk(value: Any, steps: list[str], mark: Mark | None) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, Seq):
        for item in value:
            yield from _walk(item, steps, mark)
        return
    if not isinstance(value, Map):
        return
    first, *rest = steps
    if not rest:
        inner = value.get(first)
        if isinstance(inner, Seq) and not any(isinstance(item, Map | Seq) for item in inner):
            for number in range(len(inner)):
                yield inner, number
        else:
            yield value, first
        return
    if value.get(first) is None:
        if mark is None:
            return
        value.put(first, Map(), mark)
    yield from _walk(value[first], rest, mark)
