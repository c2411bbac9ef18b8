"""One mistake each in the sample platform, and the rule that must catch it, alone."""

# ruff: noqa: E501

import shutil
from pathlib import Path
from typing import NamedTuple

PLATFORM = Path(__file__).parent / "platform"
POLICY = """\
[lint]
external = ["Secret/database"]
not-checked = "accept"

[lint.budget]
cpu = "500m"
memory = "2Gi"
"""


class Mutation(NamedTuple):
    """A single change of one file."""

    name: str
    file: str
    old: str
    new: str
    rule: str
    count: int = 1
    """Which occurrence of `old`, from 1."""


_POD = """
    spec:
      restartPolicy: {ending}
      securityContext: {{runAsNonRoot: true, seccompProfile: {{type: RuntimeDefault}}}}
      containers:
        - name: main
          image: tool:1@sha256:2222222222222222222222222222222222222222222222222222222222222222
          resources: {{requests: {{cpu: 10m, memory: 64Mi}}, limits: {{memory: 64Mi}}}}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {{drop: [ALL]}}
"""
_NEXT = "---\napiVersion: policy/v1\n"
_HEAD = (
    "---\napiVersion: batch/v1\nkind: {}\nmetadata:\n  name: extra\n  namespace: models\nspec:\n"
)
_JOB = _HEAD.format("Job") + "  template:" + _POD.format(ending="Always") + _NEXT
_CRON = (
    _HEAD.format("CronJob")
    + '  schedule: "0 25 * * *"\n  jobTemplate:\n    spec:\n      template:'
    + _POD.format(ending="Never").replace("\n    ", "\n        ")
    + _NEXT
)


_CANARY = (PLATFORM / "canary.yaml").read_text("utf-8")
_SERVICES = _CANARY.index("---\napiVersion: v1\nkind: Service\n")


def _meshed(route: str) -> str:
    """The rollout with its traffic shifted by Istio, on a route that knows the stable side alone."""
    routing = f"trafficRouting: {{istio: {{virtualService: {{name: digits, routes: [{route}]}}}}}}"
    return (
        _CANARY[:_SERVICES].replace("      steps:\n", f"      {routing}\n      steps:\n")
        + "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\n"
        "metadata: {name: digits, namespace: models}\nspec:\n  hosts: [digits-stable]\n  http:\n"
        "    - {name: main, route: [{destination: {host: digits-stable.models.svc.cluster.local}}]}\n"
    )


_JUDGED = _CANARY[_CANARY.index("        - analysis:") : _CANARY.index("      interval: 30s")]
_JUDGED_LATE = (
    _JUDGED.replace(
        """        - analysis:
            templates:
              - templateName: errors
            args:
              - name: hash
                valueFrom:
                  podTemplateHashValue: Latest
        - setWeight: 100
""",
        """        - setWeight: 100
      analysis:
        templates: [{templateName: errors}]
        args: [{name: hash, valueFrom: {podTemplateHashValue: Latest}}]
""",
    )
    + "      initialDelay: 2m\n"
)


def _m(name: str, file: str, old: str, new: str, rule: str, count: int = 1) -> Mutation:
    return Mutation(name, f"{file}.yaml", old, new, rule, count)


MUTATIONS = (
    # What does not read or build.
    _m("key twice", "storage", "  name: models\n", "  name: models\n  name: other\n", "LP601"),
    _m("tab for spaces", "storage", "  accessModes", "\taccessModes", "LP601"),
    _m(
        "resource file missing",
        "kustomization",
        "  - server.yaml",
        "  - serve.yaml\n  - server.yaml",
        "LP602",
    ),
    _m("field of kustomization", "kustomization", "images:", "imagess: []\nimages:", "LP602"),
    _m("JSON patch leads nowhere", "kustomization", "/spec/replicas", "/spec/replica/x", "LP602"),
    _m("patch without effect", "kustomization", "name: server}", "name: serve}", "LP603"),
    # Fields and values.
    _m(
        "metadata misspelt",
        "server",
        "    app: server\nspec:",
        "    app: server\n  label: {}\nspec:",
        "LP604",
    ),
    _m("probe misspelt", "server", "periodSeconds", "periodSecond", "LP604"),
    _m("limit misspelt", "canary", "inconclusiveLimit", "inconclusiveLimitt", "LP604"),
    _m(
        "bucket misspelt",
        "storage",
        "    region: eu-central-1\n  provider",
        "    region: eu-central-1\n    acll: private\n  provider",
        "LP604",
    ),
    _m(
        "flux field misspelt", "delivery", "  prune: true", "  prunes: true\n  prune: true", "LP604"
    ),
    _m("rule field misspelt", "monitoring", "          for: 5m", "          fro: 5m", "LP604"),
    _m(
        "namespace on a cluster kind",
        "storage",
        "  name: provider-aws-s3\n",
        "  name: provider-aws-s3\n  namespace: x\n",
        "LP604",
    ),
    _m(
        "list for a text",
        "server",
        "minAvailable: 1",
        "minAvailable: 1\n  unhealthyPodEvictionPolicy: [x]",
        "LP605",
    ),
    _m("port as text", "server", "containerPort: 8080", 'containerPort: "8080"', "LP605"),
    _m("weight as text", "canary", "setWeight: 100", 'setWeight: "100"', "LP605"),
    _m("boolean as text", "delivery", "prune: true", 'prune: "true"', "LP605"),
    _m("quantity is none", "server", "cpu: 100m", "cpu: 100mc", "LP605"),
    _m(
        "port missing",
        "server",
        "            - name: http\n              containerPort: 8080",
        "            - name: http",
        "LP606",
    ),
    _m(
        "scale target's kind missing",
        "server",
        "    kind: Deployment\n    name: server\n",
        "    name: server\n",
        "LP606",
    ),
    _m(
        "needed parameter missing",
        "storage",
        "    versioningConfiguration:\n      status: Enabled\n",
        "",
        "LP606",
    ),
    _m("interval missing", "delivery", "  interval: 5m\n", "", "LP606"),
    _m("pull policy", "server", "IfNotPresent", "ifNotPresent", "LP607"),
    _m("management policy", "storage", "LateInitialize", "LateInitialise", "LP607"),
    _m("duration is none", "monitoring", "for: 5m", "for: five", "LP607"),
    _m(
        "name is none",
        "server",
        "kind: HorizontalPodAutoscaler\nmetadata:\n  name: server",
        "kind: HorizontalPodAutoscaler\nmetadata:\n  name: Server_1",
        "LP607",
    ),
    _m("access mode", "storage", "ReadWriteOnce", "ReadWriteOnes", "LP607"),
    _m(
        "two ports of one number",
        "server",
        "      targetPort: http",
        "      targetPort: http\n    - name: two\n      port: 80",
        "LP607",
    ),
    # What a server refuses beyond schemas.
    _m("request above its limit", "server", "memory: 512Mi", "memory: 128Mi", "LP607"),
    _m(
        "GPU without a limit",
        "server",
        "cpu: 100m",
        "cpu: 100m\n              nvidia.com/gpu: 1",
        "LP607",
    ),
    _m(
        "half a GPU",
        "server",
        "memory: 512Mi",
        "memory: 512Mi\n              nvidia.com/gpu: 0.5",
        "LP607",
    ),
    _m(
        "bounds of a scaler",
        "server",
        "minReplicas: 1",
        "minReplicas: 5",
        "LP607",
    ),
    _m(
        "both bounds of a budget",
        "server",
        "minAvailable: 1",
        "minAvailable: 1\n  maxUnavailable: 1",
        "LP607",
    ),
    _m(
        "a port's name twice",
        "server",
        "containerPort: 8080",
        "containerPort: 8080\n            - name: http\n              containerPort: 8081",
        "LP607",
    ),
    _m(
        "label is none",
        "server",
        "  labels:\n    app: server\n",
        "  labels:\n    app: server\n    owner: the team\n",
        "LP607",
    ),
    _m(
        "toleration with a value",
        "server",
        "      serviceAccountName: server",
        "      tolerations: [{key: a, operator: Exists, value: b}]\n      serviceAccountName: server",
        "LP607",
    ),
    _m(
        "job that restarts",
        "server",
        "---\napiVersion: policy/v1\n",
        _JOB,
        "LP607",
    ),
    _m(
        "schedule is none",
        "server",
        "---\napiVersion: policy/v1\n",
        _CRON,
        "LP607",
    ),
    # Kinds and versions.
    _m("removed version", "server", "policy/v1\n", "policy/v1beta1\n", "LP608"),
    _m("kind misspelt", "server", "kind: PodDisruptionBudget", "kind: PodDisruptionBudgt", "LP608"),
    _m(
        "custom kind misspelt", "monitoring", "kind: ServiceMonitor", "kind: ServiceMonitr", "LP608"
    ),
    _m(
        "deprecated version",
        "storage",
        "apiVersion: storage.k8s.io/v1\n",
        "apiVersion: storage.k8s.io/v1beta1\n",
        "LP609",
    ),
    _m(
        "object in two versions",
        "server",
        "---\napiVersion: autoscaling/v2\n",
        "---\napiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: server\n"
        "  namespace: models\nspec:\n  maxReplicas: 3\n  scaleTargetRef:\n    apiVersion: apps/v1\n"
        "    kind: Deployment\n    name: server\n---\napiVersion: autoscaling/v2\n",
        "LP610",
    ),
    _m(
        "object twice",
        "canary",
        "name: digits-canary\n  namespace",
        "name: digits-stable\n  namespace",
        "LP602",
    ),
    # References.
    _m("config map", "server", "name: server-config", "name: server-confg", "LP611"),
    _m("secret", "server", "name: database", "name: databases", "LP611"),
    _m(
        "service account",
        "server",
        "serviceAccountName: server",
        "serviceAccountName: serve",
        "LP611",
    ),
    _m("claim", "server", "claimName: models", "claimName: model", "LP611"),
    _m("volume", "server", "            - name: tmp", "            - name: temp", "LP611"),
    _m(
        "service of an ingress",
        "server",
        "                name: server",
        "                name: serve",
        "LP611",
    ),
    _m(
        "canary's service",
        "canary",
        "canaryService: digits-canary",
        "canaryService: digits-canry",
        "LP611",
    ),
    _m("template", "canary", "templateName: errors", "templateName: error", "LP611"),
    _m("provider config", "storage", "    name: aws", "    name: aws2", "LP611"),
    _m("bucket", "storage", "      name: store", "      name: stores", "LP611"),
    _m("project", "delivery", "  project: platform", "  project: platforms", "LP611"),
    _m(
        "source of Flux",
        "delivery",
        "    kind: GitRepository\n    name: platform",
        "    kind: GitRepository\n    name: platfrom",
        "LP611",
    ),
    _m("metric template", "flagger", "          name: errors", "          name: error", "LP611"),
    _m("key of a config map", "server", "key: PORT", "key: PROT", "LP612"),
    _m("port of a service", "server", "number: 80", "number: 81", "LP612"),
    _m("target port", "canary", "targetPort: http", "targetPort: htpp", "LP612"),
    _m(
        "port of a probe",
        "server",
        "port: http\n            period",
        "port: web\n            period",
        "LP612",
    ),
    _m(
        "selector of a service",
        "canary",
        "    app: digits\n  ports",
        "    app: digit\n  ports",
        "LP613",
    ),
    _m(
        "selector of a budget",
        "server",
        "  minAvailable: 1\n  selector:\n    matchLabels:\n      app: server",
        "  minAvailable: 1\n  selector:\n    matchLabels:\n      app: serve",
        "LP613",
    ),
    _m("selector of a monitor", "monitoring", "app: server", "app: serve", "LP613"),
    _m(
        "argument of a template",
        "canary",
        "              - name: hash\n",
        "              - name: hsh\n",
        "LP614",
    ),
    # Policies.
    _m(
        "image by tag",
        "kustomization",
        "digest: sha256:1111111111111111111111111111111111111111111111111111111111111111",
        'newTag: "1"',
        "LP621",
    ),
    _m(
        "package by tag",
        "storage",
        "@sha256:2222222222222222222222222222222222222222222222222222222222222222",
        "",
        "LP621",
    ),
    _m(
        "branch followed by Argo CD",
        "delivery",
        "targetRevision: 3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f",
        "targetRevision: main",
        "LP622",
    ),
    _m(
        "branch followed by Flux",
        "delivery",
        "commit: 3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f",
        "branch: main",
        "LP622",
    ),
    _m(
        "no memory limit",
        "server",
        "            limits:\n              memory: 512Mi\n",
        "",
        "LP623",
    ),
    _m(
        "no requests",
        "canary",
        "            requests:\n              cpu: 50m\n              memory: 128Mi\n",
        "",
        "LP623",
    ),
    _m("root", "server", "        runAsNonRoot: true\n", "", "LP624"),
    _m("writable image", "server", "            readOnlyRootFilesystem: true\n", "", "LP624"),
    _m(
        "privilege escalation",
        "canary",
        "allowPrivilegeEscalation: false",
        "allowPrivilegeEscalation: true",
        "LP624",
    ),
    _m(
        "host network",
        "server",
        "      serviceAccountName: server",
        "      hostNetwork: true\n      serviceAccountName: server",
        "LP624",
    ),
    _m(
        "password in a variable",
        "server",
        "            - name: DB_PASSWORD",
        "            - name: API_TOKEN\n              value: abc\n            - name: DB_PASSWORD",
        "LP625",
    ),
    _m(
        "password in an address",
        "kustomization",
        "LOG_LEVEL=info",
        '"DSN=postgresql://mlflow:hunter2@db/mlflow"',
        "LP625",
    ),
    _m(
        "secret in Git",
        "kustomization",
        "patches:",
        "secretGenerator:\n  - {name: x, literals: [a=b]}\npatches:",
        "LP625",
    ),
    _m(
        "group of Crossplane 1",
        "storage",
        "apiVersion: s3.aws.m.upbound.io/v1beta1\nkind: BucketVersioning",
        "apiVersion: s3.aws.upbound.io/v1beta1\nkind: BucketVersioning",
        "LP626",
    ),
    _m(
        "deletion policy",
        "storage",
        "  managementPolicies:",
        "  deletionPolicy: Orphan\n  managementPolicies:",
        "LP627",
    ),
    _m("replicas over the budget", "canary", "replicas: 4", "replicas: 40", "LP628"),
    # Canaries.
    _m("failure limit", "canary", "failureLimit: 1", "failureLimit: 5", "LP631"),
    _m("inconclusive limit", "canary", "inconclusiveLimit: 2", "inconclusiveLimit: 5", "LP631"),
    _m(
        "success alone",
        "canary",
        "      failureCondition: len(result) > 0 && !isNaN(result[0]) && result[0] > {{args.limit}}\n",
        "",
        "LP632",
    ),
    _m(
        "Flagger without bounds",
        "flagger",
        "        thresholdRange:\n          max: 1\n",
        "",
        "LP632",
    ),
    _m(
        "no guard for emptiness",
        "canary",
        "successCondition: len(result) > 0 &&",
        "successCondition: result[0] >= 0 &&",
        "LP633",
    ),
    _m(
        "no guard for NaN",
        "canary",
        "!isNaN(result[0]) && result[0] <= {{args.limit}}\n",
        "!(result[0] > {{args.limit}})\n",
        "LP633",
    ),
    _m(
        "an empty answer passes",
        "canary",
        "successCondition: len(result) > 0 &&",
        "successCondition: len(result) == 0 ||",
        "LP633",
    ),
    _m(
        "default for an empty answer",
        "canary",
        "successCondition: len(result) > 0 && !isNaN(result[0]) && result[0] <= {{args.limit}}",
        "successCondition: default(result[0], 0) <= {{args.limit}}",
        "LP661",
    ),
    _m(
        "weights fall",
        "canary",
        "        - setWeight: 100\n",
        "        - setWeight: 10\n        - setWeight: 100\n",
        "LP634",
    ),
    _m(
        "nothing judges",
        "canary",
        "        - analysis:\n            templates:\n              - templateName: errors\n            args:\n              - name: hash\n                valueFrom:\n                  podTemplateHashValue: Latest\n",
        "",
        "LP635",
    ),
    _m(
        "Flagger skips its analysis",
        "flagger",
        "  analysis:\n",
        "  skipAnalysis: true\n  analysis:\n",
        "LP635",
    ),
    # Delivery, and places for pods.
    _m(
        "Flux waits for itself",
        "delivery",
        "  prune: true",
        "  prune: true\n  dependsOn: [{name: platform}]",
        "LP663",
    ),
    _m(
        "source outside the project",
        "delivery",
        "    repoURL: https://git.example.org/platform.git",
        "    repoURL: https://git.example.org/other.git",
        "LP663",
    ),
    _m(
        "namespace outside the project",
        "delivery",
        "    server: https://kubernetes.default.svc\n    namespace: models\n  syncPolicy",
        "    server: https://kubernetes.default.svc\n    namespace: model\n  syncPolicy",
        "LP663",
    ),
    _m(
        "waves the wrong way round",
        "server",
        "kind: ServiceAccount\nmetadata:\n",
        'kind: ServiceAccount\nmetadata:\n  annotations: {argocd.argoproj.io/sync-wave: "1"}\n',
        "LP663",
    ),
    _m(
        "many nodes for one disk",
        "storage",
        "  accessModes: [ReadWriteOnce]\n  resources:\n    requests:\n      storage: 10Gi\n",
        "  accessModes: [ReadWriteMany]\n  storageClassName: disk\n  resources:\n    requests:\n"
        "      storage: 10Gi\n---\napiVersion: storage.k8s.io/v1\nkind: StorageClass\n"
        "metadata:\n  name: disk\nprovisioner: ebs.csi.aws.com\n",
        "LP664",
    ),
    _m("port of a monitor", "monitoring", "    - port: http", "    - port: metrics", "LP612"),
    _m(
        "password in a config map",
        "kustomization",
        "LOG_LEVEL=info",
        "DB_PASSWORD=hunter2",
        "LP625",
    ),
    # Conditions as Argo evaluates them.
    _m("no failure limit", "canary", "failureLimit: 1", "failureLimit: -1", "LP631"),
    _m(
        "all is a dry run",
        "canary",
        "  metrics:\n",
        '  dryRun:\n    - metricName: ".*"\n  metrics:\n',
        "LP631",
    ),
    _m(
        "a failure that never is",
        "canary",
        "result[0] > {{args.limit}}\n",
        "result[0] > {{args.limit}} && false\n",
        "LP631",
    ),
    _m(
        "a success that never is",
        "canary",
        "result[0] <= {{args.limit}}\n",
        "result[0] <= {{args.limit}} && result[0] > 1 + {{args.limit}}\n",
        "LP661",
    ),
    _m(
        "a vector compared",
        "canary",
        "!isNaN(result[0]) && result[0] <= {{args.limit}}",
        "result <= {{args.limit}}",
        "LP661",
    ),
    _m("a sign that is none", "canary", "result[0] <= {{", "result[0] <== {{", "LP661"),
    _m("a name that is none", "canary", "&& result[0] <= {{", "&& results[0] <= {{", "LP661"),
    _m(
        "a negated length",
        "canary",
        "successCondition: len(result) > 0",
        "successCondition: (!len(result) == 0)",
        "LP661",
    ),
    # What the controller of rollouts refuses, or never judges.
    _m(
        "one service",
        "canary",
        "canaryService: digits-canary",
        "canaryService: digits-stable",
        "LP662",
    ),
    _m("weight of 120", "canary", "setWeight: 100", "setWeight: 120", "LP662"),
    _m("pause is none", "canary", "duration: 2m", "duration: 2 minutes", "LP662"),
    _m("two things in a step", "canary", "        - pause:", "          pause:", "LP662"),
    _m(
        "no pod to spare",
        "canary",
        "      steps:",
        "      maxSurge: 0\n      maxUnavailable: 0\n      steps:",
        "LP662",
    ),
    _m("count without interval", "canary", "      interval: 30s\n", "", "LP662"),
    _m("judged when all is done", "canary", "setWeight: 25", "setWeight: 100", "LP635"),
    _m(
        "analysis after the last step",
        "canary",
        """        - analysis:
            templates:
              - templateName: errors
            args:
              - name: hash
                valueFrom:
                  podTemplateHashValue: Latest
        - setWeight: 100
""",
        """        - setWeight: 100
      analysis:
        startingStep: 3
        templates:
          - templateName: errors
        args:
          - name: hash
            valueFrom:
              podTemplateHashValue: Latest
""",
        "LP635",
    ),
    _m(
        "argument that none declares",
        "canary",
        "result[0] <= {{args.limit}}",
        "result[0] <= {{args.limt}}",
        "LP614",
    ),
    _m("measured after the end", "canary", _JUDGED, _JUDGED_LATE, "LP635"),
    _m(
        "route without the stable service",
        "canary",
        "      steps:\n",
        "      trafficRouting:\n        nginx:\n          stableIngress: server\n      steps:\n",
        "LP662",
    ),
    _m("measured for ever", "canary", "      count: 5\n", "", "LP662"),
    _m("mesh without the canary service", "canary", _CANARY[:_SERVICES], _meshed("main"), "LP662"),
    _m("route of the mesh that is none", "canary", _CANARY[:_SERVICES], _meshed("mian"), "LP662"),
    _m(
        "service of the mesh that is not there",
        "canary",
        "      steps:\n",
        "      trafficRouting:\n        istio:\n          virtualService: {name: digits}\n"
        "      steps:\n",
        "LP611",
    ),
    # Crossplane's compositions, and what says that things are well.
    _m(
        "path of a composite",
        "composition",
        "fromFieldPath: spec.region",
        "fromFieldPath: spec.regoin",
        "LP666",
    ),
    _m(
        "path of a composed resource",
        "composition",
        "forProvider.region",
        "forProvider.regoin",
        "LP666",
    ),
    _m(
        "path of a status",
        "composition",
        "toFieldPath: status.arn",
        "toFieldPath: status.bucketArn",
        "LP666",
    ),
    _m(
        "patch set that is none",
        "composition",
        "patchSetName: labels",
        "patchSetName: label",
        "LP666",
    ),
    _m(
        "readiness of an unknown condition",
        "composition",
        'status: "True"',
        "status: Unknown",
        "LP667",
    ),
    _m(
        "health that is always healthy",
        "composition",
        """    hs = {status = "Progressing", message = "no condition yet"}
    for _, c in ipairs((obj.status or {}).conditions or {}) do
      if c.type == "Ready" and c.status == "True" then
        hs = {status = "Healthy", message = c.message}
      end
    end
    return hs
""",
        """    hs = {}
    hs.status = "Healthy" -- not "Progressing" for now
    return hs
""",
        "LP667",
    ),
    # What a canary is held to by lockproof.
    _m("shares above one", "canary-checks", "share: 0.8", "share: 0.9", "LP636"),
    _m("key of checks misspelt", "canary-checks", "limit: 0.05", "limits: 0.05", "LP636"),
    _m("horizon too short for a pass", "canary-checks", "14400", "7200", "LP636"),
    _m("nothing is better than the limit", "canary-checks", "limit: 0.05", "limit: 0", "LP636"),
    _m(
        "one arm without its hash",
        "canary-checks",
        'stable: rollouts_pod_template_hash="$hash"',
        'stable: version="stable"',
        "LP636",
    ),
    # Prometheus.
    _m("rule does not parse", "monitoring", "expr: sum(rate", "expr: sum((rate", "LP641"),
    _m(
        "function of a rule",
        "monitoring",
        "expr: model:errors:ratio2m > 0.05",
        "expr: rates(model:errors:ratio2m[1m])",
        "LP641",
    ),
    _m("query does not parse", "canary", "[2m]))\n            /", "2m]))\n            /", "LP641"),
    _m("query of checks does not parse", "canary-checks", "sum(increase", "sum((increase", "LP641"),
    _m(
        "metric template does not parse",
        "flagger",
        "[{{ interval }}]))\n    /",
        "[{{ interval }}])\n    /",
        "LP641",
    ),
    _m(
        "dashboard does not parse",
        "monitoring",
        "[$__rate_interval]))",
        "[$__rate_interval])",
        "LP641",
    ),
    _m("rule test expects another value", "models.test", "value: 0.1", "value: 0.2", "LP642"),
    _m("rule changed under its test", "monitoring", 'code=~"5.."', 'code=~"4.."', "LP642"),
)


def platform(target: Path) -> Path:
    """A copy of the sample platform in a folder that counts as a repository."""
    (target / ".git").mkdir(parents=True)
    shutil.copytree(PLATFORM, target / "control-plane")
    (target / "lockproof.toml").write_text(POLICY)
    return target


def mutate(root: Path, mutation: Mutation) -> None:
    """Make one change; the text that is changed must be there."""
    path = root / "control-plane" / mutation.file
    text = path.read_text("utf-8")
    parts = text.split(mutation.old)
    assert len(parts) > mutation.count, f"{mutation.name}: {mutation.old!r} is not in {path.name}"
    before = mutation.old.join(parts[: mutation.count])
    after = mutation.old.join(parts[mutation.count :])
    path.write_text(before + mutation.new + after, "utf-8")
