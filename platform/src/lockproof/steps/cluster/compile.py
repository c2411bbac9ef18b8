"""From a plan to the objects that a cluster gets: pure, and the same for the same plan."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple
from typing import Any

from lockproof.config import ClusterPolicy
from lockproof.errors import ConfigError
from lockproof.model.order import Order

from .begun import ENTRY, entry_of
from .plan import Plan, Task
from .pod import Shape, Told, labels, pod_spec, shape_of, told

_ENDINGS = (1, 2, 3, 5)
"""Exit codes that say that lockproof came to an end: trying again would be asking for another."""
_MOST_BYTES = 1_000_000
"""Of one object; etcd takes 1.5 MiB, and a Workflow's own status stands in it, too."""
_DAG = "tasks"
_TASK = "{{inputs.parameters.task}}"
_FANNED = Told(
    _TASK,
    *(f"{{{{inputs.parameters.{name}}}}}" for name in ("commit", "mode", "runs")),
)
"""What templates say of pods that prove different commits."""
_PARAMETERS = ("task", "commit", "mode", "runs")
_PLACEHOLDERS = (*astuple(_FANNED), *(f"{{{{item.{name}}}}}" for name in _PARAMETERS))


def compile_plan(*plans: Plan, orders: Mapping[str, Order] | None = None) -> list[dict[str, Any]]:
    """The run's Secret, and the Job or Workflow that reads it.

    Args:
        plans: what is to be done; of several revisions one each, in one Workflow.
        orders: one for each task; None to show the manifests, without keys.

    Raises:
        ConfigError: the policy names no image, or there is more than objects may hold.
    """
    plan = plans[0]
    work = _workflow(plans) if plan.engine == "argo" else _job(plan)
    objects = [_orders(plans, orders), work]
    for each in objects:
        if len(json.dumps(each)) > _MOST_BYTES:
            raise ConfigError(
                f"{len(plan.tasks):,} tasks are more than one {each['kind']} holds: name some of"
                " the stages with --stage, or use --on kubernetes"
            )
    if plan.engine == "argo":
        _refuse_templates(work["spec"])
    return objects


def _orders(plans: Sequence[Plan], orders: Mapping[str, Order] | None) -> dict[str, Any]:
    data = {ENTRY: base64.b64encode(entry_of(plans)).decode()}
    data |= {
        task.name: base64.b64encode(orders[task.name].text.encode()).decode()
        if orders
        else base64.b64encode(b"made anew for each run").decode()
        for plan in plans
        for task in plan.tasks
    }
    metadata = _metadata(plans[0])
    metadata["labels"].pop("kueue.x-k8s.io/queue-name", None)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "immutable": True,
        "type": "Opaque",
        "data": data,
    }


def _metadata(plan: Plan) -> dict[str, Any]:
    return {"name": plan.run, "namespace": plan.cluster.namespace, "labels": labels(plan)}


def _job(plan: Plan) -> dict[str, Any]:
    (task,) = plan.tasks
    shape = shape_of(plan, task)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _metadata(plan),
        "spec": {
            "backoffLimit": plan.cluster.retries,
            "activeDeadlineSeconds": int(min(shape.timeout, plan.cluster.deadline)) or 1,
            "ttlSecondsAfterFinished": int(plan.cluster.keep),
            "podFailurePolicy": {
                "rules": [
                    {
                        "action": "FailJob",
                        "onExitCodes": {
                            "containerName": "main",
                            "operator": "In",
                            "values": list(_ENDINGS),
                        },
                    },
                    {
                        "action": "Ignore",
                        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                    },
                ]
            },
            "template": {
                "metadata": {"labels": labels(plan, task.name)},
                "spec": pod_spec(plan, shape, told(plan, task.name)),
            },
        },
    }


def _workflow(plans: Sequence[Plan]) -> dict[str, Any]:
    plan = plans[0]
    shapes = [(each, task, shape_of(each, task)) for each in plans for task in each.tasks]
    kinds = {
        shape: f"prove-{number}"
        for number, shape in enumerate(dict.fromkeys(shape for _, _, shape in shapes))
    }
    fanned = len(plans) > 1
    cluster = plan.cluster
    spec: dict[str, Any] = {
        "entrypoint": _DAG,
        "serviceAccountName": cluster.service_account,
        # Argo's own container reports to the API server; the one that runs stages has no token.
        "automountServiceAccountToken": False,
        "executor": {"serviceAccountName": cluster.service_account},
        "activeDeadlineSeconds": int(cluster.deadline) or 1,
        "ttlStrategy": {"secondsAfterCompletion": int(cluster.keep)},
        "templates": [
            {
                "name": _DAG,
                "dag": {
                    "failFast": False,
                    "tasks": list((_fan if fanned else _dag)(shapes, kinds)),
                },
            },
            *(_template(plan, shape, name, fanned=fanned) for shape, name in kinds.items()),
        ],
    }
    if cluster.parallel:
        spec["parallelism"] = cluster.parallel
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": _metadata(plan),
        "spec": spec,
    }


_Shaped = Iterable[tuple[Plan, Task, Shape]]


def _dag(shapes: _Shaped, kinds: Mapping[Shape, str]) -> Iterable[dict[str, Any]]:
    for _, task, shape in shapes:
        yield {
            "name": task.name,
            "template": kinds[shape],
            "arguments": {"parameters": [{"name": "task", "value": task.name}]},
        }


def _fan(shapes: _Shaped, kinds: Mapping[Shape, str]) -> Iterable[dict[str, Any]]:
    """A task for each kind of pod, and an item for each pod of that kind."""
    items: dict[Shape, list[dict[str, str]]] = {shape: [] for shape in kinds}
    for plan, task, shape in shapes:
        items[shape].append(dict(zip(_PARAMETERS, astuple(told(plan, task.name)), strict=True)))
    for shape, kind in kinds.items():
        yield {
            "name": kind,
            "template": kind,
            "arguments": {
                "parameters": [
                    {"name": name, "value": f"{{{{item.{name}}}}}"} for name in _PARAMETERS
                ]
            },
            "withItems": items[shape],
        }


def _template(plan: Plan, shape: Shape, name: str, *, fanned: bool) -> dict[str, Any]:
    pod = pod_spec(plan, shape, _FANNED if fanned else told(plan, _TASK))
    (container,) = pod.pop("containers")
    for key in ("restartPolicy", "serviceAccountName", "automountServiceAccountToken"):
        pod.pop(key)
    pod.pop("enableServiceLinks")
    template = {
        "name": name,
        "inputs": {"parameters": [{"name": n} for n in (_PARAMETERS if fanned else ("task",))]},
        "metadata": {"labels": labels(plan, _TASK)},
        "activeDeadlineSeconds": int(shape.timeout) or 1,
        "container": container,
        **pod,
    }
    retries = _retries(plan.cluster)
    return {**template, "retryStrategy": retries} if retries else template


def _retries(cluster: ClusterPolicy) -> dict[str, Any] | None:
    if not cluster.retries:
        return None
    codes = ", ".join(f"'{code}'" for code in _ENDINGS)
    return {
        "limit": cluster.retries,
        "retryPolicy": "Always",
        "expression": f"lastRetry.exitCode not in [{codes}]",
        "backoff": {"duration": "10s", "factor": 2, "maxDuration": "10m"},
    }


def _refuse_templates(value: Any) -> None:
    """See that nothing but our own placeholder is one: Argo would put something in its place."""
    if isinstance(value, str):
        if value not in _PLACEHOLDERS and "{{" in value:
            raise ConfigError(f"Argo takes {value[:100]!r} for a template: write it without '{{{{'")
    elif isinstance(value, Mapping):
        for key, each in value.items():
            _refuse_templates(key)
            _refuse_templates(each)
    elif isinstance(value, list):
        for each in value:
            _refuse_templates(each)
