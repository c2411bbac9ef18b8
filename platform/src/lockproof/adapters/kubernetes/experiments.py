"""Argo's Experiments: a baseline of the canary's size, started with it, and which pods it has.

What the fields mean is as in `pkg/apis/rollouts/v1alpha1` of Argo Rollouts 1.9.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lockproof.errors import UnavailableError, UsageError
from lockproof.model.manifest import dig, mapping, sequence
from lockproof.model.resource import Body

LABEL = "rollouts-pod-template-hash"
_TEMPLATE = "experiment.argoproj.io/template-name"


@dataclass(frozen=True)
class Compared:
    """The pods that an experiment compares."""

    experiment: str
    canary: str
    """Their pod-template hash."""
    baseline: str
    began: int
    """Unix seconds at which the last of its pods was there."""


def running(body: Body) -> str:
    """The name of the experiment at which a Rollout is; empty where it is at none."""
    return str(dig(body, "status", "canary", "currentExperiment") or "")


def compared(
    step: Mapping[str, Any], experiment: Body, sets: Iterable[Body], rollout: tuple[str, str]
) -> Compared:
    """The pods of an experiment that a step of a Rollout made.

    Args:
        step: of the Rollout.
        experiment: made by it.
        sets: the experiment's ReplicaSets; its status names hashes only where it has services.
        rollout: the hashes of the Rollout's own canary and stable pods.

    Raises:
        UsageError: it cannot be told which pods are which.
        UnavailableError: they are not all there yet.
    """
    name = str(experiment["metadata"]["name"])
    called = f"the Experiment {experiment['metadata'].get('namespace')}/{name}"
    templates = [mapping(one) for one in sequence(dig(step, "experiment", "templates"))]
    named = {
        arm: [str(one.get("name")) for one in templates if one.get("specRef") == arm]
        for arm in ("canary", "stable")
    }
    if len(named["stable"]) != 1 or len(named["canary"]) > 1:
        raise UsageError(
            f"{called} has {len(named['canary'])} templates of the canary and"
            f" {len(named['stable'])} of stable: one of stable is the baseline, and at most one is"
            " the canary's"
        )
    status = mapping(experiment.get("status"))
    hashes = {
        str(mapping(one["metadata"].get("annotations")).get(_TEMPLATE)): str(
            mapping(one["metadata"].get("labels")).get(LABEL) or ""
        )
        for one in sets
    }
    baseline = hashes.get(named["stable"][0], "")
    canary = hashes.get(named["canary"][0], "") if named["canary"] else rollout[0]
    try:
        began = int(datetime.fromisoformat(str(status.get("availableAt"))).timestamp())
    except ValueError:
        began = 0
    if not (began and canary and baseline):
        raise UnavailableError(f"{called}: its pods are not all there yet: look again")
    if baseline == rollout[1]:
        raise UsageError(
            f"{called}: its baseline has the hash of all stable pods, {baseline}: give its template"
            " a label of its own, metadata.labels"
        )
    return Compared(name, canary, baseline, began)
