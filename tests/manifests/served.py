"""Sound objects of Kubernetes' own kinds, and changes of them by rote: one field each."""

# ruff: noqa: E501

import copy
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from lockproof.adapters.kubernetes.field_tables import BundledSchemas
from lockproof.model.manifest import Bundle, Manifest
from lockproof.rules.manifests.decoded import decoded
from lockproof.rules.manifests.references import reference_findings
from lockproof.rules.manifests.shape import shape_findings
from lockproof.rules.manifests.validation import with_validation

OBJECTS = """\
apiVersion: v1
kind: Pod
metadata: {name: pod, namespace: x, labels: {app: a, example.org/part: web}, annotations: {note: a}}
spec:
  restartPolicy: OnFailure
  terminationGracePeriodSeconds: 30
  serviceAccountName: reader
  nodeSelector: {kubernetes.io/os: linux}
  securityContext: {runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000, seccompProfile: {type: RuntimeDefault}}
  tolerations:
  - {key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}
  - {key: team, operator: Equal, value: ml, effect: NoExecute, tolerationSeconds: 60}
  affinity:
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [a, b]}]}]
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 50
        podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: a}}}
  topologySpreadConstraints:
  - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: a}}}
  volumes:
  - {name: conf, configMap: {name: conf, items: [{key: a, path: b/a}], defaultMode: 420}}
  - {name: tmp, emptyDir: {}}
  - {name: data, persistentVolumeClaim: {claimName: data}}
  initContainers:
  - {name: init, image: "tool:1", command: [sh], volumeMounts: [{name: tmp, mountPath: /tmp}]}
  containers:
  - name: main
    image: server:1
    imagePullPolicy: IfNotPresent
    ports: [{name: http, containerPort: 8080, protocol: TCP}, {name: metrics, containerPort: 9090}]
    env:
    - {name: A, value: b}
    - {name: B, valueFrom: {secretKeyRef: {name: s, key: k}}}
    envFrom: [{configMapRef: {name: conf}}]
    resources:
      requests: {cpu: 100m, memory: 128Mi, nvidia.com/gpu: 1}
      limits: {cpu: 200m, memory: 256Mi, nvidia.com/gpu: 1}
    volumeMounts: [{name: conf, mountPath: /conf}, {name: tmp, mountPath: /tmp, subPath: a}, {name: data, mountPath: /data}]
    livenessProbe: {httpGet: {path: /, port: http}, periodSeconds: 10, failureThreshold: 3, successThreshold: 1}
    readinessProbe: {tcpSocket: {port: 8080}, initialDelaySeconds: 5, timeoutSeconds: 1}
    lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}
    securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: deploy, namespace: x}
spec:
  replicas: 2
  minReadySeconds: 5
  progressDeadlineSeconds: 600
  revisionHistoryLimit: 3
  selector: {matchLabels: {app: a}, matchExpressions: [{key: tier, operator: In, values: [web]}]}
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 25%}}
  template:
    metadata: {labels: {app: a, tier: web}}
    spec:
      containers:
      - {name: main, image: "server:1", resources: {requests: {memory: 1Gi}, limits: {memory: 1Gi}}}
      - {name: side, image: "proxy:1", ports: [{containerPort: 8081}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: state, namespace: x}
spec:
  serviceName: state
  replicas: 1
  podManagementPolicy: Parallel
  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}
  persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain, whenScaled: Delete}
  selector: {matchLabels: {app: s}}
  template:
    metadata: {labels: {app: s}}
    spec:
      containers: [{name: main, image: "server:1", volumeMounts: [{name: data, mountPath: /data}]}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: daemon, namespace: x}
spec:
  updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 1, maxSurge: 0}}
  selector: {matchLabels: {app: d}}
  template:
    metadata: {labels: {app: d}}
    spec:
      hostNetwork: true
      containers: [{name: main, image: "server:1", ports: [{containerPort: 9100, hostPort: 9100, name: metrics}]}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: job, namespace: x}
spec:
  parallelism: 1
  completions: 1
  backoffLimit: 2
  activeDeadlineSeconds: 600
  ttlSecondsAfterFinished: 60
  completionMode: Indexed
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: "tool:1", resources: {limits: {nvidia.com/gpu: 1}}}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: cron, namespace: x}
spec:
  schedule: "*/5 1-3 * jan,feb mon-fri"
  timeZone: Europe/Berlin
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 60
  successfulJobsHistoryLimit: 1
  jobTemplate:
    metadata: {labels: {app: c}}
    spec:
      backoffLimit: 0
      template:
        spec:
          restartPolicy: OnFailure
          containers: [{name: main, image: "tool:1", args: [a]}]
---
apiVersion: v1
kind: Service
metadata: {name: svc, namespace: x}
spec:
  type: ClusterIP
  selector: {app: a}
  sessionAffinity: None
  ports: [{name: http, port: 80, targetPort: http, protocol: TCP}, {name: grpc, port: 81, targetPort: 9000}]
---
apiVersion: v1
kind: Service
metadata: {name: node, namespace: x}
spec:
  type: NodePort
  externalTrafficPolicy: Local
  selector: {app: a}
  ports: [{port: 80, nodePort: 30080}]
---
apiVersion: v1
kind: Service
metadata: {name: headless, namespace: x}
spec: {clusterIP: None, selector: {app: a}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: x}
spec: {type: ExternalName, externalName: db.example.org}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ing, namespace: x}
spec:
  ingressClassName: nginx
  tls: [{hosts: [a.example.org], secretName: tls}]
  rules:
  - host: a.example.org
    http:
      paths:
      - {path: /a, pathType: Prefix, backend: {service: {name: svc, port: {number: 80}}}}
      - {path: /b, pathType: Exact, backend: {service: {name: svc, port: {name: http}}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: net, namespace: x}
spec:
  podSelector: {matchLabels: {app: a}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from: [{podSelector: {matchLabels: {app: b}}, namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: x}}}]
    ports: [{port: 80, protocol: TCP}, {port: 1000, endPort: 2000, protocol: TCP}]
  egress:
  - to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: hpa, namespace: x}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: deploy}
  minReplicas: 2
  maxReplicas: 5
  metrics:
  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}
  - {type: Pods, pods: {metric: {name: rps}, target: {type: AverageValue, averageValue: "10"}}}
  behavior: {scaleDown: {stabilizationWindowSeconds: 300, policies: [{type: Percent, value: 10, periodSeconds: 60}]}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: pdb, namespace: x}
spec: {minAvailable: 50%, selector: {matchLabels: {app: a}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: conf, namespace: x}
data: {a: b, app.conf: c}
---
apiVersion: v1
kind: Secret
metadata: {name: tls, namespace: x}
type: kubernetes.io/tls
data: {tls.crt: YQ==, tls.key: YQ==}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: x}
spec: {accessModes: [ReadWriteOnce], storageClassName: fast, volumeMode: Filesystem, resources: {requests: {storage: 1Gi}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: role, namespace: x}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules: [{nonResourceURLs: [/metrics], verbs: [get]}, {apiGroups: [apps], resources: [deployments], resourceNames: [a], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: bind, namespace: x}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: role}
subjects: [{kind: ServiceAccount, name: reader, namespace: x}, {kind: Group, name: g, apiGroup: rbac.authorization.k8s.io}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: bind}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects: [{kind: User, name: u, apiGroup: rbac.authorization.k8s.io}]
---
apiVersion: v1
kind: Namespace
metadata: {name: fresh, labels: {team: ml}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: quota, namespace: x}
spec: {hard: {cpu: "4", memory: 8Gi, pods: "10"}}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: ebs.csi.aws.com
reclaimPolicy: Retain
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
value: 1000
preemptionPolicy: Never
"""
_TEXTS = (
    "",
    "Not_A-Name!",
    "a" * 70,
    "-1",
    "0.5",
    "512Gi",
    "150%",
    "Always",
    "None",
    "/../x",
    "a..b",
    "300.0.0.0/99",
)
_NUMBERS = (-1, 0, 1, 40000, 70000)
_ABSENT = object()


class Change(NamedTuple):
    """One object with one thing changed."""

    name: str
    value: dict[str, Any]


def objects() -> list[dict[str, Any]]:
    """The sound objects."""
    return list(yaml.safe_load_all(OBJECTS))


def every_change() -> list[Change]:
    """Every change by rote, in the order in which the recorded answers of a server stand."""
    return [change for one in objects() for change in _changes(one)]


def chosen(count: int, seed: int = 0) -> list[int]:
    """Positions of so many of them, the same each time."""
    return sorted(random.Random(seed).sample(range(len(every_change())), count))


def every_null() -> Iterator[Change]:
    """A null in each list of the sound objects: beside its items, and alone."""
    for one in objects():
        for at, old in _places(one, ()):
            if isinstance(old, list):
                for name, items in (("with", [*old, None]), ("of", [None])):
                    value = copy.deepcopy(one)
                    inner = value
                    for key in at[:-1]:
                        inner = inner[key]
                    inner[at[-1]] = items
                    yield Change(f"{one['kind']}/{one['metadata']['name']} {at} {name} null", value)


def every_finalizer() -> Iterator[Change]:
    """Names of finalizers, right and wrong, of an object and of a template."""
    for name in (None, "", "a b", "-a", "foregroundDeletion", "example.org/a", "A.org/a", "a/b/c"):
        for at in (("metadata",), ("spec", "template", "metadata")):
            value = next(one for one in objects() if one["kind"] == "Deployment")
            inner = value
            for key in at:
                inner = inner[key]
            inner["finalizers"] = [name]
            yield Change(f"{at} {name}", value)


def asked_for_more(change: Change) -> bool:
    """Whether lint may refuse what a server takes in a dry run: with its reason."""
    return change.name.endswith("is ''") or any(one in change.name for one in _MORE)


_MORE = (
    "env doubled",  # Server-side apply, which provision does, refuses it.
    "ports doubled",  # The same.
    "jobTemplate.metadata.labels",  # Each Job of it is refused.
    "nodePort is",  # A dry run takes none of the range.
    "roleRef.apiGroup gone",  # The published schema says that it is needed.
    "PriorityClass/high value gone",  # The same.
)
"""An empty text counts as left out to a server; lint asks to leave it out."""


def _changes(value: dict[str, Any]) -> Iterator[Change]:
    for at, old in _places(value, ()):
        if at[:1] in (("apiVersion",), ("kind",)) or at in (
            (),
            ("metadata",),
            ("metadata", "namespace"),
        ):
            continue
        for word, new in _others(old):
            changed = copy.deepcopy(value)
            holder: Any = changed
            for key in at[:-1]:
                holder = holder[key]
            if new is _ABSENT:
                del holder[at[-1]]
            else:
                holder[at[-1]] = new
            name = f"{value['kind']}/{value['metadata']['name']} {'.'.join(map(str, at))} {word}"
            yield Change(name, changed)


def _places(value: Any, at: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    yield at, value
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, one in inner:
        yield from _places(one, (*at, key))


def _others(old: Any) -> Iterator[tuple[str, Any]]:
    yield "gone", _ABSENT
    if isinstance(old, bool):
        yield "turned", not old
    elif isinstance(old, str):
        yield from ((f"is {text[:12]!r}", text) for text in _TEXTS if text != old)
    elif isinstance(old, int):
        yield from ((f"is {number}", number) for number in _NUMBERS if number != old)
    elif isinstance(old, list):
        yield "empty", []
        if old:
            yield "doubled", [*old, copy.deepcopy(old[0])]
    elif isinstance(old, dict):
        yield "empty", {}
        yield "with a bad key", {**old, "bad key!": "x"}


def as_manifest(value: dict[str, Any]) -> Manifest:
    """A manifest that stands nowhere."""
    return Manifest(value, lambda at: ("a.yaml", 1))


def told(manifest: Manifest, schemas: BundledSchemas) -> list[str]:
    """What lint says of a manifest, what it could not check included."""
    schema = schemas.find(manifest.group, manifest.version, manifest.kind)
    assert schema is not None
    manifest = decoded(manifest, schema)
    found, skipped = with_validation(manifest, *shape_findings(manifest, schema))
    # Of volumes that are not there, the family of references tells.
    mounts = reference_findings(Bundle("", (manifest,)), [], ["*"])[0]
    missing = [one for one in mounts if "the pod has no volume" in one.message]
    return [*(one.message for one in (*found, *missing)), *skipped]
