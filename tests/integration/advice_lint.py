"""What the rules of manifests advise: the words that lead from a mutation back to what is right."""

from typing import NamedTuple

from manifests.mutations import MUTATIONS, Mutation


class Told(NamedTuple):
    """A mutation, and the words of message or page that say what to write instead."""

    mutation: Mutation
    words: str


_BY_NAME = {mutation.name: mutation for mutation in MUTATIONS}


def _told(name: str, words: str) -> Told:
    return Told(_BY_NAME[name], words)


TOLD = (
    _told("key twice", "Go to the line"),
    _told("resource file missing", "Go to the entry that is named"),
    _told("patch without effect", "Correct the target's"),
    _told("limit misspelt", "inconclusiveLimit"),
    _told("weight as text", "integer"),
    _told("interval missing", "interval"),
    _told("pull policy", "IfNotPresent"),
    _told("removed version", "policy/v1"),
    _told("kind misspelt", "PodDisruptionBudget"),
    _told("deprecated version", "storage.k8s.io/v1"),
    _told("object in two versions", "Keep one of them"),
    _told("service account", "server"),
    _told("port of a service", "80"),
    _told("selector of a monitor", "Make the labels"),
    _told("argument of a template", "hash"),
    _told("image by tag", "digest"),
    _told("branch followed by Flux", "commit"),
    _told("no memory limit", "resources.limits.memory"),
    _told("root", "runAsNonRoot: true"),
    _told("password in a variable", "by name"),
    _told("group of Crossplane 1", "s3.aws.m.upbound.io"),
    _told("deletion policy", "managementPolicies"),
    _told("replicas over the budget", "replicas"),
    _told("failure limit", "below"),
    _told("success alone", "failureCondition"),
    _told("no guard for NaN", "!isNaN"),
    _told("steps end early", "setWeight: 100"),
    _told("nothing judges", "analysis"),
    _told("rule does not parse", "Correct the expression"),
    _told("rule test expects another value", "correct the rule or the test"),
)
