"""From a plan to the objects that a cluster gets: pure, and the same for the same plan."""

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

from lockproof.config import ClusterPolicy
from lockproof.errors import ConfigError
from lockproof.model.order import Order

from .begun import ENTRY, Begun
from .plan import Plan
from .pod import Shape, labels, pod_spec, shape_of

_ENDINGS = (1, 2, 3, 5)
"""Exit codes that say that lockproof came to an end: trying again would be asking for another."""
_MOST_BYTES = 1_000_000
"""Of one object; etcd takes 1.5 MiB, and a Workflow's own status stands in it, too."""
_DAG = "tasks"
_TASK = "{{inputs.parameters.task}}"


def compile_plan(plan: Plan, orders: Mapping[str, Order] | None = None) -> list[dict[str, Any]]:
    """The run's Secret, and the Job or Workflow that reads it.

    Args:
        plan: what is to be done.
        orders: one for each task; None to show the manifests, without keys.

    Raises:
        ConfigError: the policy names no image, or there is more than objects may hold.
    """
    work = _workflow(plan) if plan.engine == "argo" else _job(plan)
    objects = [_orders(plan, orders), work]
    for each in objects:
        if len(json.dumps(each)) > _MOST_BYTES:
            raise ConfigError(
                f"{len(plan.tasks):,} tasks are more than one {each['kind']} holds: name some of"
                " the stages with --stage, or use --on kubernetes"
            )
    if plan.engine == "argo":
        _refuse_templates(work["spec"])
    return objects


def _orders(plan: Plan, orders: Mapping[str, Order] | None) -> dict[str, Any]:
    data = {ENTRY: base64.b64encode(Begun.of(plan).entry).decode()}
    data |= {
        task.name: base64.b64encode(orders[task.name].text.encode()).decode()
        if orders
        else base64.b64encode(b"made anew for each run").decode()
        for task in plan.tasks
    }
    metadata = _metadata(plan)
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
                "spec": pod_spec(plan, shape, task.name),
            },
        },
    }


def _workflow(plan: Plan) -> dict[str, Any]:
    shapes = {task.name: shape_of(plan, task) for task in plan.tasks}
    kinds = {
        shape: f"prove-{number}" for number, shape in enumerate(dict.fromkeys(shapes.values()))
    }
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
            {"name": _DAG, "dag": {"failFast": False, "tasks": list(_dag(shapes, kinds))}},
            *(_template(plan, shape, name) for shape, name in kinds.items()),
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


def _dag(shapes: Mapping[str, Shape], kinds: Mapping[Shape, str]) -> Iterable[dict[str, Any]]:
    for name, shape in shapes.items():
        yield {
            "name": name,
            "template": kinds[shape],
            "arguments": {"parameters": [{"name": "task", "value": name}]},
        }


def _template(plan: Plan, shape: Shape, name: str) -> dict[str, Any]:
    pod = pod_spec(plan, shape, _TASK)
    (container,) = pod.pop("containers")
    for key in ("restartPolicy", "serviceAccountName", "automountServiceAccountToken"):
        pod.pop(key)
    pod.pop("enableServiceLinks")
    template = {
        "name": name,
        "inputs": {"parameters": [{"name": "task"}]},
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
        if "{{" in value.replace(_TASK, ""):
            raise ConfigError(f"Argo takes {value[:100]!r} for a template: write it without '{{{{'")
    elif isinstance(value, Mapping):
        for key, each in value.items():
            _refuse_templates(key)
            _refuse_templates(each)
    elif isinstance(value, list):
        for each in value:
            _refuse_templates(each)
