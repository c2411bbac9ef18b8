"""Workloads: what runs pods."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from lockproof.model.manifest import At, Manifest, dig, items, mapping

from .objects import claim_spec
from .parts import Wrong, choice, is_label, labels, natural, percent, selector, selects, share
from .pods import pod_template
from .schedules import schedule_problem, zone_problem

_SPEC: At = ("spec",)
_LONGEST_LABEL = 63
_LONGEST_CRON = 52
"""Characters: a Job's name has eleven more, and 63 in all."""


def _selected(manifest: Manifest) -> Iterator[Wrong]:
    """A selector, the template whose pods it must take, and how many there shall be."""
    spec = manifest.spec
    yield from natural(spec, _SPEC, "replicas", "minReadySeconds", "revisionHistoryLimit")
    stated, template = spec.get("selector"), mapping(spec.get("template"))
    if isinstance(stated, Mapping):
        yield from selector(stated, (*_SPEC, "selector"), needed=True)
        given = dig(template, "metadata", "labels")
        asks = stated.get("matchLabels") or stated.get("matchExpressions")
        if asks and (template or not spec.get("workloadRef")) and not selects(stated, given):
            where = (*_SPEC, "template", "metadata", "labels")
            yield Wrong(where, "must have the labels that spec.selector asks for")
    if spec.get("workloadRef") and not template:
        return  # A Rollout that takes the pods of another workload.
    yield from pod_template(template, (*_SPEC, "template"))


def _deployment(manifest: Manifest) -> Iterator[Wrong]:
    yield from _selected(manifest)
    spec = manifest.spec
    strategy, at = mapping(spec.get("strategy")), (*_SPEC, "strategy")
    yield from choice(strategy, at, "type", "Recreate", "RollingUpdate")
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "Recreate" and isinstance(rolling, Mapping):
        yield Wrong((*at, "rollingUpdate"), "must be left out for Recreate")
    elif isinstance(rolling, Mapping):
        yield from _rolling(rolling, (*at, "rollingUpdate"))
    yield from natural(spec, _SPEC, "progressDeadlineSeconds")
    patient, ready = spec.get("progressDeadlineSeconds", 600), spec.get("minReadySeconds", 0)
    if isinstance(patient, int) and isinstance(ready, int) and patient <= ready:
        text = f"is {patient}, must be above minReadySeconds {ready}"
        yield Wrong((*_SPEC, "progressDeadlineSeconds"), text)


def _rolling(value: Mapping[str, Any], at: At, *, extra: str = "25%") -> Iterator[Wrong]:
    for name in ("maxSurge", "maxUnavailable"):
        yield from share(value.get(name), (*at, name))
        stated = percent(value.get(name))
        if name == "maxUnavailable" and stated is not None and stated > 100:
            yield Wrong((*at, name), f"is {value[name]}, must be at most 100%")
    if _is_zero(value.get("maxSurge", extra)) and _is_zero(value.get("maxUnavailable", "25%")):
        yield Wrong((*at, "maxUnavailable"), "must not be 0 where maxSurge is 0")


def _is_zero(value: Any) -> bool:
    return (value == 0 and not isinstance(value, bool)) or percent(value) == 0


def _stateful(manifest: Manifest) -> Iterator[Wrong]:
    yield from _selected(manifest)
    spec = manifest.spec
    yield from choice(spec, _SPEC, "podManagementPolicy", "OrderedReady", "Parallel")
    strategy, at = mapping(spec.get("updateStrategy")), (*_SPEC, "updateStrategy")
    yield from choice(strategy, at, "type", "RollingUpdate", "OnDelete")
    rolling = strategy.get("rollingUpdate")
    if isinstance(rolling, Mapping):
        if strategy.get("type") == "OnDelete":
            yield Wrong((*at, "rollingUpdate"), "must be left out for OnDelete")
        yield from natural(rolling, (*at, "rollingUpdate"), "partition")
        where = (*at, "rollingUpdate", "maxUnavailable")
        if _is_zero(rolling.get("maxUnavailable", 1)):
            yield Wrong(where, "must not be 0")
    retention = mapping(spec.get("persistentVolumeClaimRetentionPolicy"))
    for name in ("whenDeleted", "whenScaled"):
        where = (*_SPEC, "persistentVolumeClaimRetentionPolicy")
        yield from choice(retention, where, name, "Retain", "Delete")
    yield from natural(mapping(spec.get("ordinals")), (*_SPEC, "ordinals"), "start")
    yield from _label_name(manifest)
    service = spec.get("serviceName")
    if service and not is_label(service):
        yield Wrong((*_SPEC, "serviceName"), "must be a Service's name")
    at = (*_SPEC, "volumeClaimTemplates")
    for where, claim in items(spec.get("volumeClaimTemplates"), at):
        if not is_label(dig(claim, "metadata", "name")):
            yield Wrong((*where, "metadata", "name"), "must be the name of a volume")
        yield from claim_spec(mapping(claim.get("spec")), (*where, "spec"))


def _daemon(manifest: Manifest) -> Iterator[Wrong]:
    yield from _selected(manifest)
    strategy, at = mapping(manifest.spec.get("updateStrategy")), (*_SPEC, "updateStrategy")
    yield from choice(strategy, at, "type", "RollingUpdate", "OnDelete")
    rolling = strategy.get("rollingUpdate")
    if isinstance(rolling, Mapping) and strategy.get("type") != "OnDelete":
        where = (*at, "rollingUpdate")
        for name in ("maxSurge", "maxUnavailable"):
            yield from share(rolling.get(name), (*where, name))
        surge, lost = (rolling.get("maxSurge", 0), rolling.get("maxUnavailable", 1))
        if _is_zero(surge) and _is_zero(lost):
            yield Wrong((*where, "maxUnavailable"), "must not be 0 where maxSurge is 0")
        if not _is_zero(surge) and not _is_zero(lost):
            yield Wrong((*where, "maxSurge"), "must be 0 unless maxUnavailable is 0")


def _label_name(manifest: Manifest) -> Iterator[Wrong]:
    """A name that pods get a part of theirs from."""
    name = manifest.metadata.get("name")
    if isinstance(name, str) and "$" not in name and not is_label(name):
        text = f"of a {manifest.kind} has no dots and at most 63 characters: its pods are named so"
        yield Wrong(("metadata", "name"), text)


def _job(manifest: Manifest) -> Iterator[Wrong]:
    if manifest.spec.get("completionMode") == "Indexed" or len(manifest.name) > _LONGEST_LABEL:
        yield from _label_name(manifest)
    yield from _job_spec(manifest.spec, _SPEC)


def _job_spec(spec: Mapping[str, Any], at: At) -> Iterator[Wrong]:
    yield from natural(
        spec, at, "parallelism", "completions", "backoffLimit", "ttlSecondsAfterFinished"
    )
    yield from natural(
        spec, at, "activeDeadlineSeconds", "backoffLimitPerIndex", "maxFailedIndexes"
    )
    yield from choice(spec, at, "completionMode", "NonIndexed", "Indexed")
    if spec.get("completionMode") == "Indexed" and spec.get("completions") is None:
        yield Wrong((*at, "completions"), "is missing: Indexed counts to it")
    for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
        if spec.get(name) is not None and spec.get("completionMode") != "Indexed":
            yield Wrong((*at, name), "is for completionMode Indexed only")
    if spec.get("selector") is not None and spec.get("manualSelector") is not True:
        yield Wrong((*at, "selector"), "is given to a Job by the server: leave it out")
    template = mapping(spec.get("template"))
    yield from pod_template(template, (*at, "template"), kind="Job")
    rules = items(dig(spec, "podFailurePolicy", "rules"), (*at, "podFailurePolicy", "rules"))
    for where, rule in rules:
        yield from choice(rule, where, "action", "FailJob", "FailIndex", "Ignore", "Count")
    if spec.get("podFailurePolicy") and dig(template, "spec", "restartPolicy") != "Never":
        where = (*at, "template", "spec", "restartPolicy")
        yield Wrong(where, "must be Never with podFailurePolicy")


def _cron_job(manifest: Manifest) -> Iterator[Wrong]:
    spec = manifest.spec
    if len(manifest.name) > _LONGEST_CRON:
        yield Wrong(
            ("metadata", "name"), f"has {len(manifest.name)} characters, at most {_LONGEST_CRON}"
        )
    problem = schedule_problem(spec.get("schedule"))
    if problem:
        yield Wrong((*_SPEC, "schedule"), problem)
    zone = zone_problem(spec.get("timeZone"))
    if zone:
        yield Wrong((*_SPEC, "timeZone"), zone)
    yield from choice(spec, _SPEC, "concurrencyPolicy", "Allow", "Forbid", "Replace")
    fields = ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
    yield from natural(spec, _SPEC, *fields)
    at = (*_SPEC, "jobTemplate")
    template = mapping(spec.get("jobTemplate"))
    yield from labels(dig(template, "metadata", "labels"), (*at, "metadata", "labels"))
    job = mapping(template.get("spec"))
    if job.get("manualSelector"):
        yield Wrong((*at, "spec", "manualSelector"), "cannot be set for a CronJob")
    yield from _job_spec(job, (*at, "spec"))


WORKLOADS: Final[Mapping[tuple[str, str], Callable[[Manifest], Iterator[Wrong]]]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _selected,
    ("apps", "StatefulSet"): _stateful,
    ("apps", "DaemonSet"): _daemon,
    ("argoproj.io", "Rollout"): _selected,
    ("batch", "Job"): _job,
    ("batch", "CronJob"): _cron_job,
}
"""Those whose pods the API server looks at; of a Rollout its controller does so."""
