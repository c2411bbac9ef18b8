"""The pod that proves a task: pure, as plain objects of the Kubernetes API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lockproof.config import ClusterPolicy, PodPolicy, matches_any
from lockproof.errors import ConfigError
from lockproof.model.pipeline import Stage

from .plan import Plan, Task

RUN, TASK = "lockproof.dev/run", "lockproof.dev/task"
"""Labels that name the run and the task of a pod."""
QUEUE = "kueue.x-k8s.io/queue-name"
MAIN, FETCH = "main", "fetch"
"""Its containers. Argo's executor wants the first to be called so."""

_CLONE, _ORDER, _WORK, _GIT = "/clone", "/order", "/work", "/git"
_FETCH_SCRIPT = """\
set -eu
if [ -f /git/credentials ]; then
  git config --global credential.helper 'store --file /git/credentials'
fi
if [ -f /git/ssh-privatekey ]; then
  (umask 077 && cat /git/ssh-privatekey > /tmp/key)
  export GIT_SSH_COMMAND='ssh -i /tmp/key -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=/git/known_hosts'
fi
rm -rf /clone/repository
git init --quiet /clone/repository
cd /clone/repository
git remote add origin "$REPOSITORY"
git fetch --quiet --no-tags ${DEPTH:+--depth "$DEPTH"} origin "$COMMIT" "$BASE"
git checkout --quiet --detach "$COMMIT"
test "$(git rev-parse HEAD)" = "$COMMIT"
"""  # noqa: E501
"""The one that gets Git's credentials runs nothing of the commit, and this one text for all."""
_TIMEOUT, _CPU, _MEMORY, _GPUS, _FETCH = 7200.0, "1", "2Gi", "nvidia.com/gpu", "128Mi"


@dataclass(frozen=True)
class Shape:
    """What pods of one kind get; tasks of the same shape share a template."""

    image: str
    cpu: str
    memory: str
    gpus: int
    gpu_resource: str
    node_selector: tuple[tuple[str, str], ...]
    tolerations: tuple[tuple[tuple[str, str], ...], ...]
    timeout: float
    """Seconds."""


def shape_of(plan: Plan, task: Task) -> Shape:
    """What the pod of a task gets: of several stages the most that one of them asks for.

    Raises:
        ConfigError: no image is named, or the stages of one pod ask for different ones.
    """
    known = plan.pipeline.by_address
    shapes = {_shape(plan.cluster, known[stage]): stage for stage in task.stages}
    if len(shapes) == 1:
        return next(iter(shapes))
    places = {(s.image, s.gpu_resource, s.node_selector, s.tolerations) for s in shapes}
    if len(places) > 1:
        names = ", ".join(list(shapes.values())[:3])
        raise ConfigError(
            f"{names} run in one pod, and [[cluster.stage]] gives them different images, nodes,"
            " tolerations or kinds of GPU: give them the same, or use --on argo --mode isolated"
        )
    first = next(iter(shapes))
    return Shape(
        first.image,
        max((s.cpu for s in shapes), key=amount),
        max((s.memory for s in shapes), key=amount),
        max(s.gpus for s in shapes),
        first.gpu_resource,
        first.node_selector,
        first.tolerations,
        sum(s.timeout for s in shapes),
    )


def _shape(cluster: ClusterPolicy, stage: Stage) -> Shape:
    fitting = (rule for rule in cluster.stage if matches_any(stage.address, rule.stages))
    own: PodPolicy = next(fitting, cluster)

    def said(key: str) -> Any:
        value = getattr(own, key)
        return getattr(cluster, key) if value is None else value

    image, gpus = said("image"), said("gpus")
    if not image:
        raise ConfigError(
            "which image do pods run? Write [cluster] image into lockproof.toml of the base, by"
            " digest: one with lockproof, Git and what the stages need"
        )
    return Shape(
        image,
        said("cpu") or _CPU,
        said("memory") or _MEMORY,
        stage.gpus if gpus is None else gpus,
        said("gpu_resource") or _GPUS,
        tuple(sorted((said("node_selector") or {}).items())),
        tuple(_toleration(t.model_dump(exclude_none=True)) for t in said("tolerations") or ()),
        said("timeout") or _TIMEOUT,
    )


def _toleration(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(values.items()))


_FACTORS = {"": 1.0, "m": 1e-3, "k": 1e3, "Ki": 2.0**10}
_FACTORS |= {f"{s}": 10.0 ** (3 * n) for n, s in enumerate("MGTPE", 2)}
_FACTORS |= {f"{s}i": 2.0 ** (10 * n) for n, s in enumerate("MGTPE", 2)}


def amount(quantity: str) -> float:
    """A quantity such as `500m` or `8Gi` as a number."""
    number = quantity.rstrip("mkKMGTPEi")
    return float(number) * _FACTORS[quantity[len(number) :]]


@dataclass(frozen=True)
class Told:
    """What a pod is told of what it proves, or Argo's placeholders for that."""

    order: str
    """The key of its order in the run's Secret."""
    commit: str
    mode: str
    runs: str


def told(plan: Plan, task: str) -> Told:
    """What the pod of a task is told."""
    return Told(task, plan.commit, plan.mode, str(plan.runs))


def pod_spec(plan: Plan, shape: Shape, said: Told) -> dict[str, Any]:
    """The pod as a Job's template has it.

    Args:
        plan: what is to be done.
        shape: what it gets.
        said: what it is told beside that.
    """
    cluster = plan.cluster
    volumes: list[dict[str, Any]] = [
        {"name": "clone", "emptyDir": {}},
        {"name": "work", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
        # Not the other's: Git leaves there what it logs in with.
        {"name": "fetch", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
        {"name": "order", "secret": _secret(plan.run, [{"key": said.order, "path": "order"}])},
    ]
    fetch_mounts = [_mount("clone", _CLONE), _mount("fetch", "/tmp")]  # noqa: S108
    if cluster.git_secret:
        volumes.append({"name": "git", "secret": _secret(cluster.git_secret)})
        fetch_mounts.append(_mount("git", _GIT, read_only=True))
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "serviceAccountName": cluster.service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "fsGroup": 65532,
            "seccompProfile": {"type": cluster.seccomp},
        },
        "initContainers": [
            {
                "name": FETCH,
                "image": shape.image,
                "command": ["/bin/sh", "-c", _FETCH_SCRIPT],
                "env": _variables(
                    HOME="/tmp",  # noqa: S108
                    GIT_TERMINAL_PROMPT="0",
                    GIT_ALLOW_PROTOCOL="https:http:ssh:git:file",
                    REPOSITORY=plan.repository,
                    COMMIT=said.commit,
                    BASE=plan.base,
                    DEPTH=str(cluster.depth or ""),
                ),
                "resources": {
                    "requests": {"cpu": "100m", "memory": min(_FETCH, shape.memory, key=amount)},
                    "limits": {"memory": shape.memory},
                },
                "securityContext": _confined(),
                "volumeMounts": fetch_mounts,
            }
        ],
        "containers": [main_container(plan, shape, said)],
        "volumes": volumes,
    }
    if shape.node_selector:
        spec["nodeSelector"] = dict(shape.node_selector)
    if shape.tolerations:
        spec["tolerations"] = [dict(values) for values in shape.tolerations]
    return spec


def main_container(plan: Plan, shape: Shape, said: Told) -> dict[str, Any]:
    """The container that runs lockproof, and in it, apart from it, the stages."""
    limits = {"memory": shape.memory}
    if shape.gpus:
        limits[shape.gpu_resource] = str(shape.gpus)
    container: dict[str, Any] = {
        "name": MAIN,
        "image": shape.image,
        "command": ["lockproof", *map(_literal, arguments(plan, said))],
        # Nothing in it outlives it, so that Landlock is enough to keep stages apart in there.
        "env": _variables(
            LOCKPROOF_DISPOSABLE="1",
            LOCKPROOF_CACHE_DIR=_WORK,
            HOME="/tmp",  # noqa: S108
        ),
        "resources": {"requests": {"cpu": shape.cpu, "memory": shape.memory}, "limits": limits},
        "securityContext": _confined(),
        "volumeMounts": [
            _mount("clone", _CLONE, read_only=True),
            _mount("work", _WORK),
            _mount("tmp", "/tmp"),  # noqa: S108
            _mount("order", _ORDER, read_only=True),
        ],
    }
    if plan.cluster.secrets:
        named = plan.cluster.secrets
        container["envFrom"] = [{"secretRef": {"name": name}} for name in named]
    return container


def arguments(plan: Plan, said: Told) -> list[str]:
    """The command line of lockproof in a pod; which stages, its order says."""
    place = f"{_CLONE}/repository" + (f"/{plan.root}" if plan.root else "")
    argv = ["-C", place, "reproduce", said.commit, "--base", plan.base, "--mode", said.mode]
    argv += ["--runs", said.runs, "--isolation", "required", "--no-reuse"]
    argv += ["--since", plan.since] if plan.since else []
    argv += ["--jobs", str(plan.jobs)] if plan.jobs else []
    return [*argv, "--order", f"{_ORDER}/order"]


def labels(plan: Plan, task: str | None = None) -> dict[str, str]:
    """Those of the objects of a run, or of the pods of a task."""
    found = {"app.kubernetes.io/managed-by": "lockproof", RUN: plan.run}
    found |= {TASK: task} if task else {}
    return found | ({QUEUE: plan.cluster.queue} if plan.cluster.queue else {})


def _literal(text: str) -> str:
    """Text that Kubernetes puts no variable into."""
    return text.replace("$(", "$$(")


def _variables(**values: str) -> list[dict[str, str]]:
    return [{"name": name, "value": _literal(value)} for name, value in values.items()]


def _secret(name: str, items: list[dict[str, str]] | None = None) -> dict[str, Any]:
    return {"secretName": name} | ({"items": items} if items else {})


def _mount(name: str, path: str, *, read_only: bool = False) -> dict[str, Any]:
    return {"name": name, "mountPath": path} | ({"readOnly": True} if read_only else {})


def _confined() -> dict[str, Any]:
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
