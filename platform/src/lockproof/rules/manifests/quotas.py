"""Quotas that what they are for does not fit: pods that never start, updates that never begin."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from lockproof.model.finding import Finding
from lockproof.model.manifest import Bundle, Manifest, dig, mapping
from lockproof.rules.formats import quantity

from .budget import ALWAYS_ON, cores, mebibytes, pod_requests, replicas_of
from .pods import pods
from .shape import at_place

_QUARTER = "25%"
"""Of replicas: what maxSurge (rounded up) and maxUnavailable (rounded down) are where they are not
given, in apps/v1 as in Argo Rollouts."""
_HARD = {"cpu": ("requests.cpu", "cpu"), "memory": ("requests.memory", "memory")}
_SHOWN = {"cpu": cores, "memory": mebibytes}


class Load(NamedTuple):
    """What one workload asks of a quota."""

    manifest: Manifest
    always: Mapping[str, float]
    """Cores and bytes of all its replicas."""
    extra: Mapping[str, float]
    """What it needs at once besides, or nothing changes: the first pods of an update, a job's."""


def quota_findings(bundle: Bundle) -> tuple[list[Finding], int]:
    """A finding for each resource of a quota that its namespace does not fit, and how many quotas.

    A Deployment that may have no pod less than it has begins an update with pods more; where the
    quota refuses these, nothing ends to make room for them, ever. Quotas of some pods alone
    (`scopes`) are left out, as are what autoscalers add and containers without requests.
    """
    loads: dict[str, list[Load]] = {}
    for manifest in bundle.manifests:
        if manifest.namespace:
            loads.setdefault(manifest.namespace, []).extend(_loads(manifest))
    found: list[Finding] = []
    count = 0
    for quota in bundle.manifests:
        scoped = quota.spec.get("scopes") or quota.spec.get("scopeSelector")
        if (quota.group, quota.kind) != ("", "ResourceQuota") or scoped:
            continue
        count += 1
        for name, fields in _HARD.items():
            hard = [(f, quantity(dig(quota.spec, "hard", f))) for f in fields]
            for field, room in hard:
                here = loads.get(quota.namespace, ())
                if room is not None and here:
                    found += _beyond(quota, name, field, room, here)
    return found, count


def _beyond(
    quota: Manifest, name: str, field: str, room: float, loads: Iterable[Load]
) -> Iterator[Finding]:
    loads = list(loads)
    always = sum(load.always[name] for load in loads)
    most = max(loads, key=lambda load: load.extra[name])
    if always + most.extra[name] <= room * (1 + 1e-9):
        return
    show = _SHOWN[name]
    if always > room * (1 + 1e-9):
        largest = max(loads, key=lambda load: load.always[name])
        what = f"pods request {show(always)}, the most {largest.manifest.label}"
    else:
        what = (
            f"pods request {show(always)} and {most.manifest.label} needs {show(most.extra[name])}"
            " more to begin, which would be refused for ever"
        )
    yield at_place(
        "LP628",
        quota,
        ("spec", "hard", field),
        f"it allows {show(room)} of {name} in {quota.namespace}, where {what}:"
        " raise it, or lower requests, replicas or maxSurge",
        subject=f"{quota.namespace} {quota.label} {name}",
    )


def _loads(manifest: Manifest) -> Iterator[Load]:
    key = (manifest.group, manifest.kind)
    is_job = key in (("batch", "Job"), ("batch", "CronJob"))
    if key not in ALWAYS_ON and not is_job:
        return
    for pod in pods(manifest):
        one = dict(zip(("cpu", "memory"), pod_requests(pod), strict=True))
        count = 0 if is_job else replicas_of(manifest)
        more = 1 if is_job else _surge(manifest, count)
        yield Load(manifest, _times(one, count), _times(one, more))


def _times(one: Mapping[str, float], count: int) -> Mapping[str, float]:
    return {name: value * count for name, value in one.items()}


def _surge(manifest: Manifest, replicas: int) -> int:
    """How many pods more an update needs to begin; none where it may begin with one less."""
    strategy = mapping(manifest.spec.get("strategy"))
    if manifest.kind == "Deployment":
        rolling = strategy.get("type", "RollingUpdate") == "RollingUpdate"
        return _first(mapping(strategy.get("rollingUpdate")), replicas) if rolling else 0
    if manifest.kind == "Rollout":
        if "blueGreen" in strategy:
            count = dig(strategy, "blueGreen", "previewReplicaCount")
            return count if isinstance(count, int) else replicas
        return _first(mapping(strategy.get("canary")), replicas)
    return 0


def _first(given: Mapping[str, Any], replicas: int) -> int:
    if not replicas or _share(given.get("maxUnavailable", _QUARTER), replicas, math.floor):
        return 0
    # Where both come to nothing, the API server refuses it or one pod is taken away.
    return min(_share(given.get("maxSurge", _QUARTER), replicas, math.ceil), 1)


def _share(value: object, replicas: int, rounded: Any) -> int:
    if isinstance(value, str) and value.endswith("%"):
        share = quantity(value[:-1])
        return 0 if share is None else int(rounded(share * replicas / 100))
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
