"""Kustomization trees that use what kustomize can do."""

# ruff: noqa: E501

from pathlib import Path

TREES: dict[str, dict[str, str]] = {
    "everything": {
        "base/app.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  replicas: 1
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      serviceAccountName: sa
      containers:
      - name: a
        image: ghcr.io/x/a:1.0
        env:
        - {name: Q, value: "1"}
        - {name: R, valueFrom: {configMapKeyRef: {name: conf, key: A}}}
        envFrom: [{secretRef: {name: sec}}]
        ports: [{containerPort: 80, name: http}]
      - {name: b, image: "busybox:1"}
      volumes:
      - {name: v, configMap: {name: conf}}
---
apiVersion: v1
kind: Service
metadata: {name: svc}
spec: {selector: {app: a}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ing}
spec:
  rules:
  - host: x.example
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: svc, port: {number: 80}}}}]}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: ro}
spec:
  replicas: 2
  selector: {matchLabels: {app: r}}
  template:
    metadata: {labels: {app: r}}
    spec:
      containers: [{name: a, image: "ghcr.io/x/a:1.0", env: [{name: A, value: x}, {name: B, value: y}]}]
""",
        "base/data.txt": """\
hello
world
""",
        "base/e.env": """\
X=1
# c
Y=a=b
""",
        "base/kustomization.yaml": """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [app.yaml, rbac.yaml]
configMapGenerator:
- name: conf
  literals: [A=1, "B=<x> & y"]
  files: [data.txt, other=data.txt]
secretGenerator:
- name: sec
  envs: [e.env]
  type: Opaque
generatorOptions:
  labels: {gen: "yes"}
labels:
- pairs: {app.kubernetes.io/part-of: p}
  includeSelectors: true
""",
        "base/rbac.yaml": """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: sa}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: cr}
rules: [{apiGroups: [""], resources: [configmaps], resourceNames: [conf], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: crb}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cr}
subjects: [{kind: ServiceAccount, name: sa, namespace: default}, {kind: ServiceAccount, name: default, namespace: x}]
""",
        "over/kustomization.yaml": """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: prod
namePrefix: p-
nameSuffix: -s
resources: [../base, ns.yaml, pdb.yaml]
components: [../comp]
commonAnnotations: {owner: me}
images:
- {name: ghcr.io/x/a, newName: ghcr.io/y/a, digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000"}
- {name: busybox, newTag: "2"}
replicas: [{name: app, count: 3}]
configMapGenerator:
- name: conf
  behavior: merge
  literals: [C=3]
patches:
- path: sm.yaml
- target: {kind: Rollout, name: r.*}
  patch: |-
    - op: replace
      path: /spec/replicas
      value: 5
    - op: add
      path: /metadata/annotations
      value: {a~1b: c}
- target: {kind: Deployment}
  patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: whatever}
    spec: {template: {spec: {containers: [{name: b, $patch: delete}, {name: c, image: "z:1"}]}}}
replacements:
- source: {kind: Service, name: svc, fieldPath: metadata.name}
  targets:
  - select: {kind: Deployment}
    fieldPaths: ["spec.template.spec.containers.[name=a].env.[name=Q].value"]
  - select: {kind: Ingress}
    fieldPaths: [spec.rules.0.host]
    options: {delimiter: ".", index: 0}
""",
        "over/ns.yaml": """\
apiVersion: v1
kind: Namespace
metadata: {name: old}
""",
        "over/pdb.yaml": """\
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: pdb}
spec: {minAvailable: 1, selector: {matchLabels: {app: a}}}
""",
        "over/sm.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  template:
    spec:
      containers:
      - name: a
        env: [{name: NEW, value: n}, {name: Q, value: "2"}]
        ports: [{containerPort: 80, name: web}]
      volumes: [{name: w, emptyDir: {}}]
      serviceAccountName: sa
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: ro}
spec: {template: {spec: {containers: [{name: a, env: [{name: B, value: z}]}]}}, selector: null}
""",
        "comp/cm.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: extra}
data: {k: v}
""",
        "comp/kustomization.yaml": """\
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources: [cm.yaml]
patches:
- patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: app}
    spec: {template: {metadata: {annotations: {x: "y"}}, spec: {containers: [{name: a, envFrom: [{configMapRef: {name: extra}}]}]}}}
""",
    },
    "older spellings": {
        "base/kustomization.yaml": """\
resources: [a.yaml]
commonLabels: {tier: web}
namePrefix: b-
""",
        "base/a.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: x}
data: {k: v}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: job, namespace: x}
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: c
              image: localhost:5000/tool:1
              envFrom: [{configMapRef: {name: a}}]
""",
        "over/kustomization.yaml": """\
bases: [../base]
patchesStrategicMerge:
  - |-
    apiVersion: batch/v1
    kind: CronJob
    metadata: {name: job, namespace: x}
    spec:
      suspend: true
      jobTemplate: {spec: {template: {spec: {containers: [{name: c, args: [x]}, {name: d, image: e}]}}}}
patchesJson6902:
  - target: {version: v1, kind: ConfigMap, name: a}
    patch: |-
      - {op: add, path: /data/n, value: w}
      - {op: test, path: /data/k, value: v}
      - {op: copy, from: /data/k, path: /data/l}
      - {op: move, from: /data/l, path: /data/m}
      - {op: remove, path: /data/k}
images: [{name: "localhost:5000/tool", newTag: "2"}]
""",
    },
    "names of a kind that kustomize does not know": {
        "over/kustomization.yaml": """\
resources: [r.yaml]
configurations: [names.yaml]
configMapGenerator:
  - {name: a, literals: [x=1], options: {annotations: {p: q}}}
  - {name: b, literals: [x=1], options: {disableNameSuffixHash: true, immutable: true}}
labels:
  - pairs: {team: ml}
  - pairs: {part: p}
    includeTemplates: true
    fields: [{kind: Rollout, path: spec/template/metadata/labels, create: true}]
""",
        "over/names.yaml": """\
nameReference:
  - kind: ConfigMap
    fieldSpecs: [{kind: Rollout, path: spec/template/spec/volumes/configMap/name}]
""",
        "over/r.yaml": """\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: r}
spec:
  template:
    spec:
      volumes: [{name: a, configMap: {name: a}}, {name: b, configMap: {name: b}}]
""",
    },
    "what a renderer of our own once made otherwise": {
        "base/kustomization.yaml": """\
resources: [state.yaml, rights.yaml, hook.yaml]
configMapGenerator:
- {name: conf, literals: [A=OFF, B=NO, "C=0777", D=1e3, E=~]}
labels: [{pairs: {tier: data}, includeSelectors: true, includeTemplates: true}]
""",
        "base/state.yaml": """\
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: state, annotations: {first: "yes"}}
spec:
  serviceName: state
  selector: {matchLabels: {app: s}}
  template:
    metadata: {labels: {app: s}}
    spec:
      containers: [{name: a, image: "a:1", env: [{name: X, value: "OFF"}, {name: Y, value: "NO"}], envFrom: [{configMapRef: {name: conf}}]}]
  volumeClaimTemplates:
  - metadata: {name: data, labels: {own: "yes"}}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
""",
        "base/rights.yaml": """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: sa}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: r}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: rb}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}
subjects:
- {kind: ServiceAccount, name: sa}
- {kind: ServiceAccount, name: sa, namespace: default}
- {kind: ServiceAccount, name: default, namespace: other}
- {kind: ServiceAccount, name: elsewhere, namespace: other}
""",
        "base/hook.yaml": """\
apiVersion: v1
kind: Service
metadata: {name: hook}
spec: {ports: [{port: 443}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: hooks}
webhooks:
- name: a.example.org
  admissionReviewVersions: [v1]
  sideEffects: None
  clientConfig: {service: {name: hook, namespace: default, path: /a}}
- name: b.example.org
  admissionReviewVersions: [v1]
  sideEffects: None
  clientConfig: {service: {name: outside, namespace: other}}
""",
        "over/kustomization.yaml": """\
namespace: prod
nameSuffix: -x
resources: [../base]
configMapGenerator:
- {name: conf, behavior: replace, literals: [A=ON, F=yes], options: {disableNameSuffixHash: true}}
patches:
- target: {kind: StatefulSet}
  patch: |-
    - {op: add, path: /spec/template/spec/containers/-, value: {name: b, image: "b:1"}}
    - {op: add, path: /spec/template/spec/containers/0, value: {name: z, image: "z:1"}}
    - {op: replace, path: /spec/volumeClaimTemplates/0/spec/resources/requests/storage, value: 2Gi}
    - {op: add, path: /metadata/annotations/note, value: "NO"}
    - {op: add, path: /metadata/labels/a~1b, value: "0777"}
""",
    },
}


def write(name: str, folder: Path) -> None:
    """Write a tree below a folder."""
    for path, text in TREES[name].items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
