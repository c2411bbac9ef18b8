"""The lean budget: what runs always must fit the small node."""

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from lockproof.model.finding import Finding
from lockproof.model.manifest import Bundle, Manifest, dig, mapping
from lockproof.rules.catalog import finding
from lockproof.rules.formats import quantity

from .pods import Pod, containers, pods

ALWAYS_ON = frozenset(
    {
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("apps", "DaemonSet"),
        ("argoproj.io", "Rollout"),
    }
)
CPU, MEMORY = "lockproof.dev/budget-cpu", "lockproof.dev/budget-memory"
"""Annotations by which a manifest, such as a node group, declares what pods may request."""


class Budget(NamedTuple):
    """What the small node can give to pods."""

    cpu: float
    """Cores."""
    memory: float
    """Bytes."""
    reserved_cpu: float = 0.0
    """Cores for what the manifests do not show, such as controllers from charts."""
    reserved_memory: float = 0.0
    ignore: tuple[str, ...] = ()
    """Globs on `Kind/name` of what runs elsewhere."""


def declared_budget(manifests: Iterable[Manifest]) -> Budget | None:
    """The budget that a manifest's annotations declare."""
    for manifest in manifests:
        cpu, memory = (quantity(manifest.annotation(name)) for name in (CPU, MEMORY))
        if cpu is not None and memory is not None:
            return Budget(cpu, memory)
    return None


class Demand(NamedTuple):
    """The requests of one workload, over all its replicas."""

    manifest: Manifest
    cpu: float
    memory: float


def demands(bundle: Bundle, budget: Budget) -> Iterator[Demand]:
    """What each always-running workload requests; those that need a GPU run elsewhere."""
    for manifest in bundle.manifests:
        if (manifest.group, manifest.kind) not in ALWAYS_ON:
            continue
        if any(fnmatchcase(manifest.label, glob) for glob in budget.ignore):
            continue
        for pod in pods(manifest):
            if _needs_gpu(pod):
                continue
            cpu, memory = pod_requests(pod)
            replicas = replicas_of(manifest)
            yield Demand(manifest, cpu * replicas, memory * replicas)


_MOST_REPLICAS = 2**31 - 1
"""Of which the field's type takes no more."""


def replicas_of(manifest: Manifest) -> int:
    """How many pods a workload has; one where it has one on each node."""
    count = manifest.spec.get("replicas", 1)
    replicas = count if isinstance(count, int) and not isinstance(count, bool) else 1
    return 1 if manifest.kind == "DaemonSet" else min(replicas, _MOST_REPLICAS)


class Use(NamedTuple):
    """How much of a budget a bundle uses."""

    share: float
    """Of the resource of which the largest part is used: 1 is all of it."""
    text: str


def budget_findings(bundle: Bundle, budget: Budget) -> tuple[list[Finding], Use]:
    """A finding for each resource that is overdrawn, and how much is used."""
    needed = list(demands(bundle, budget))
    cpu = sum(demand.cpu for demand in needed) + budget.reserved_cpu
    memory = sum(demand.memory for demand in needed) + budget.reserved_memory
    found = []
    for name, total, room, show in (
        ("cpu", cpu, budget.cpu, cores),
        ("memory", memory, budget.memory, mebibytes),
    ):
        if total > room * (1 + 1e-9):
            largest = max(needed, key=lambda demand: getattr(demand, name), default=None)
            path, line = largest.manifest.locate(("spec",)) if largest else (None, None)
            most = f"; the most is {largest.manifest.label}'s" if largest else ""
            found.append(
                finding(
                    "LP628",
                    f"{bundle.name or 'files'} {name}",
                    f"{bundle.name or 'the files'}: pods request {show(total)} of {name}, the node"
                    f" offers {show(room)}: lower requests or replicas{most}",
                    path=path,
                    line=line,
                )
            )
    text = (
        f"{cores(cpu)} of {cores(budget.cpu)} CPU,"
        f" {mebibytes(memory)} of {mebibytes(budget.memory)} memory in {bundle.name or 'the files'}"
    )
    shares = [used / room for used, room in ((cpu, budget.cpu), (memory, budget.memory)) if room]
    return found, Use(max(shares, default=0.0), text)


def _needs_gpu(pod: Pod) -> bool:
    for container in containers(pod):
        for kind in ("requests", "limits"):
            names = mapping(dig(container.value, "resources", kind))
            if any(str(name).endswith("/gpu") for name in names):
                return True
    return False


def pod_requests(pod: Pod) -> tuple[float, float]:
    """Cores and bytes that the scheduler reserves for a pod.

    The sum of its containers, or the largest init container where that is more; an init container
    that restarts always counts as a container.
    """
    totals = []
    for name in ("cpu", "memory"):
        always, once = 0.0, 0.0
        for container in containers(pod):
            wanted = _request(container.value, name)
            if container.init and container.value.get("restartPolicy") != "Always":
                once = max(once, wanted + always)
            else:
                always += wanted
        overhead = quantity(dig(pod.spec, "overhead", name)) or 0.0
        totals.append(max(always, once) + overhead)
    return totals[0], totals[1]


def _request(container: Mapping[str, Any], name: str) -> float:
    for kind in ("requests", "limits"):
        wanted = quantity(dig(container, "resources", kind, name))
        if wanted is not None:
            return wanted
    return 0.0


def cores(value: float) -> str:
    """`1930m`."""
    return f"{round(value * 1000)}m"


def mebibytes(value: float) -> str:
    """`512Mi`."""
    return f"{value / 2**20:.0f}Mi"
