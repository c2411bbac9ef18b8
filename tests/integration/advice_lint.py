"""What the rules of manifests advise: the words that lead from a mutation back to what is right."""

from typing import NamedTuple

from manifests.mutations import MUTATIONS, Mutation


class Told(NamedTuple):
    """A mutation, and the words of message or page that say what to write instead."""

    mutation: Mutation
    words: str
    instead: tuple[str, str] | None = None
    """What stands there, and what who reads that writes in its place; None: what was there."""


_BY_NAME = {mutation.name: mutation for mutation in MUTATIONS}


def _told(name: str, words: str, *instead: str) -> Told:
    return Told(_BY_NAME[name], words, (instead[0], instead[1]) if instead else None)


_BY_NAME_OF_A_SECRET = "              valueFrom: {secretKeyRef: {name: database, key: token}}\n"
TOLD = (
    _told("key twice", "Go to the line", "  name: other\n", ""),
    _told("resource file missing", "Go to the entry that is named", "  - serve.yaml\n", ""),
    _told("patch without effect", "Correct the target's", "name: serve}", "name: server}"),
    _told("limit misspelt", "inconclusiveLimit", "inconclusiveLimitt", "inconclusiveLimit"),
    _told("weight as text", "integer", 'setWeight: "100"', "setWeight: 100"),
    _told("interval missing", "interval"),
    _told("pull policy", "IfNotPresent", "ifNotPresent", "IfNotPresent"),
    _told("removed version", "policy/v1", "policy/v1beta1", "policy/v1"),
    _told("kind misspelt", "PodDisruptionBudget", "PodDisruptionBudgt", "PodDisruptionBudget"),
    _told("deprecated version", "storage.k8s.io/v1", "storage.k8s.io/v1beta1", "storage.k8s.io/v1"),
    _told("object in two versions", "Keep one of them"),
    _told(
        "service account", "server", "serviceAccountName: serve\n", "serviceAccountName: server\n"
    ),
    _told("port of a service", "80", "number: 81", "number: 80"),
    _told("selector of a monitor", "Make the labels", "app: serve\n", "app: server\n"),
    _told("argument of a template", "hash", "name: hsh", "name: hash"),
    _told("image by tag", "digest"),
    _told("branch followed by Flux", "commit", "branch: main", f"commit: {'a' * 40}"),
    _told("no memory limit", "resources.limits.memory"),
    _told("root", "runAsNonRoot: true"),
    _told("password in a variable", "by name", "              value: abc\n", _BY_NAME_OF_A_SECRET),
    _told(
        "group of Crossplane 1", "s3.aws.m.upbound.io", "s3.aws.upbound.io", "s3.aws.m.upbound.io"
    ),
    _told("deletion policy", "managementPolicies", "  deletionPolicy: Orphan\n", ""),
    _told("replicas over the budget", "replicas", "replicas: 40", "replicas: 3"),
    _told("failure limit", "below", "failureLimit: 5", "failureLimit: 4"),
    _told("success alone", "failureCondition"),
    _told(
        "no guard for NaN",
        "!isNaN",
        "failureCondition: len(result) > 0 &&",
        "failureCondition: len(result) > 0 && !isNaN(result[0]) &&",
    ),
    _told("steps end early", "setWeight: 100"),
    _told("nothing judges", "analysis"),
    _told("rule does not parse", "Correct the expression", "expr: sum((rate", "expr: sum(rate"),
    _told(
        "rule test expects another value",
        "correct the rule or the test",
        "value: 0.2",
        "value: 0.1",
    ),
)
