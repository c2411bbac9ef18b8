"""What the rules of manifests advise: the words that lead from a mutation back to what is right."""

from typing import NamedTuple

from manifests.mutations import MUTATIONS, Mutation


class Told(NamedTuple):
    """A mutation, and the words of message or page that say what to write instead."""

    mutation: Mutation
    words: str
    instead: tuple[str, str]
    """What stands there, and what who reads that writes in its place."""


_BY_NAME = {mutation.name: mutation for mutation in MUTATIONS}


def _told(name: str, words: str, there: str, instead: str) -> Told:
    return Told(_BY_NAME[name], words, (there, instead))


_NEWER = """\
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: server
  namespace: models
spec:
  minReplicas: 1
  maxReplicas: 2
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: server
"""
_BY_NAME_OF_A_SECRET = "              valueFrom: {secretKeyRef: {name: database, key: token}}\n"
TOLD = (
    _told("key twice", "Go to the line", "  name: other\n", ""),
    _told("resource file missing", "Go to the entry that is named", "  - serve.yaml\n", ""),
    _told("patch without effect", "Correct the target's", "name: serve}", "name: server}"),
    _told("limit misspelt", "inconclusiveLimit", "inconclusiveLimitt", "inconclusiveLimit"),
    _told("weight as text", "integer", 'setWeight: "100"', "setWeight: 100"),
    _told(
        "interval missing",
        "lacks the required field 'interval'",
        "  url: https://git.example.org/platform.git\n",
        "  url: https://git.example.org/platform.git\n  interval: 7m\n",
    ),
    _told("pull policy", "IfNotPresent", "ifNotPresent", "IfNotPresent"),
    _told("removed version", "policy/v1", "policy/v1beta1", "policy/v1"),
    _told("kind misspelt", "PodDisruptionBudget", "PodDisruptionBudgt", "PodDisruptionBudget"),
    _told("deprecated version", "storage.k8s.io/v1", "storage.k8s.io/v1beta1", "storage.k8s.io/v1"),
    _told("object in two versions", "Keep one of them", _NEWER, ""),
    _told(
        "service account", "server", "serviceAccountName: serve\n", "serviceAccountName: server\n"
    ),
    _told("port of a service", "80", "number: 81", "number: 80"),
    _told("selector of a monitor", "Make the labels", "app: serve\n", "app: server\n"),
    _told("argument of a template", "hash", "name: hsh", "name: hash"),
    _told("image by tag", "`images` with `digest`", 'newTag: "1"', f"digest: sha256:{'3' * 64}"),
    _told("branch followed by Flux", "commit", "branch: main", f"commit: {'a' * 40}"),
    _told(
        "no memory limit",
        "resources.limits.memory",
        "              memory: 256Mi\n",
        "              memory: 256Mi\n            limits: {memory: 400Mi}\n",
    ),
    _told(
        "root",
        "runAsNonRoot: true",
        "            readOnlyRootFilesystem: true\n",
        "            readOnlyRootFilesystem: true\n            runAsNonRoot: true\n",
    ),
    _told("password in a variable", "by name", "              value: abc\n", _BY_NAME_OF_A_SECRET),
    _told(
        "group of Crossplane 1", "s3.aws.m.upbound.io", "s3.aws.upbound.io", "s3.aws.m.upbound.io"
    ),
    _told("deletion policy", "managementPolicies", "  deletionPolicy: Orphan\n", ""),
    _told("replicas over the budget", "replicas", "replicas: 40", "replicas: 3"),
    _told("failure limit", "below", "failureLimit: 5", "failureLimit: 4"),
    _told(
        "success alone",
        "has no failureCondition",
        "      provider:\n",
        "      failureCondition: len(result) > 0 && !isNaN(result[0]) && result[0] > 0.1\n"
        "      provider:\n",
    ),
    _told(
        "no guard for NaN",
        "!isNaN",
        "!(result[0] > {{args.limit}})",
        "!isNaN(result[0]) && result[0] <= {{args.limit}}",
    ),
    _told(
        "weights fall",
        "let the steps rise",
        "        - setWeight: 10\n",
        "",
    ),
    _told(
        "Flux waits for itself", "take one dependsOn away", "  dependsOn: [{name: platform}]\n", ""
    ),
    _told("many nodes for one disk", "use ReadWriteOnce", "[ReadWriteMany]", "[ReadWriteOnce]"),
    _told("request above its limit", "above its limit", "memory: 128Mi", "memory: 300Mi"),
    _told("a vector compared", "write result[0]", "&& result <=", "&& result[0] <="),
    _told(
        "one service",
        "they must be two services",
        "canaryService: digits-stable",
        "canaryService: digits-canary",
    ),
    _told(
        "nothing judges",
        "or a background analysis",
        "      steps:\n",
        "      analysis:\n        templates: [{templateName: errors}]\n        args:\n"
        "          - {name: hash, valueFrom: {podTemplateHashValue: Latest}}\n      steps:\n",
    ),
    _told("path of a composite", "did you mean 'region'", "spec.regoin", "spec.region"),
    _told(
        "readiness of an unknown condition",
        "such as its condition `Ready`",
        "status: Unknown",
        'status: "True"',
    ),
    _told("horizon too short for a pass", "make `horizon` so long", "7200", "14400"),
    _told("shares above one", "must be at most 1", "share: 0.9", "share: 0.8"),
    _told("rule does not parse", "Correct the expression", "expr: sum((rate", "expr: sum(rate"),
    _told(
        "rule test expects another value",
        "correct the rule or the test",
        "value: 0.2",
        "value: 0.1",
    ),
)
