"""The course of a reproduction in a cluster: submit, wait, put together, clean up."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lockproof.adapters.kubernetes.answers import Refusal
from lockproof.adapters.kubernetes.cluster import Cluster, Kind
from lockproof.adapters.scratch import run_folder
from lockproof.errors import ConfigError, LockproofError, UsageError
from lockproof.model.order import Order
from lockproof.model.report import Report
from lockproof.model.resource import Body
from lockproof.steps.clock import Clock
from lockproof.steps.progress import Progress

from .begun import plans_again, read
from .compile import compile_plan
from .gather import gather
from .plan import Plan, make_plan, make_plans
from .request import Request
from .watch import Watch

_MANAGER = "lockproof-reproduce"
_PATIENCE = 120.0
"""Seconds for an API server that was reached before, such as while it is restarted."""
_KINDS = {"kubernetes": ("batch/v1", "Job"), "argo": ("argoproj.io/v1alpha1", "Workflow")}
_SHOWN = "lockproof-0000000-00000000"


def manifests(request: Request) -> str:
    """The objects that a run would be, as YAML; the same text for the same commit and policy.

    Raises:
        UsageError: the repository, a revision or the policy is not usable.
    """
    return as_yaml(compile_plan(*make_plans(request, _SHOWN)))


if TYPE_CHECKING:
    _Fast = yaml.SafeDumper
else:
    _Fast = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # For a thousand tasks, a second less.


class _Dumper(_Fast):
    """Writes scripts as people do."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def as_yaml(objects: Iterable[Body]) -> str:
    """Objects as `kubectl apply` reads them."""
    text: str = yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, width=1000)
    return text


def reproduce_on(request: Request, progress: Progress) -> tuple[Report, ...] | str:
    """Reproduce in a cluster.

    Returns:
        The report on each revision; the ID of the run where nobody is to wait for it.

    Raises:
        UsageError: the repository, the policy or the cluster is not usable as it is.
        UnavailableError: the API server does not answer; a run that was begun goes on.
    """
    clock = Clock()
    plans = make_plans(request)
    plan = plans[0]
    orders = {name: order for each in plans for name, order in each.orders().items()}
    secret, work = compile_plan(*plans, orders=orders)
    cluster = _connect(request, progress)
    kind, secrets = _kind(cluster, plan.engine), _secrets(cluster)
    named = request.revisions or (request.revision,)
    if (None in named or "HEAD" in named) and plan.git.is_dirty():
        progress.say("the work tree has changes that are not committed: they are not looked at")
    count = len(orders)
    progress.say(f"run {plan.run}: {count:,} task{'' if count == 1 else 's'}, {plan.mode} mode")
    made: list[tuple[Kind, Body]] = []
    begun = False
    try:
        _put(cluster, secrets, secret, made)
        live = _put(cluster, kind, work, made)
        # Whatever removes the run then removes its keys.
        cluster.apply(secrets, _owned(secret, live), dry_run=False)
        begun = True
        if request.detach:
            return plan.run
        progress.say(f"if this ends early: lockproof reproduce --attach {plan.run}")
        return _report(plans, cluster, orders, kind, progress, clock)
    except BaseException as error:
        if begun and not isinstance(error, KeyboardInterrupt):
            progress.say(plan.goes_on)
        else:
            _remove(cluster, made, progress)
        raise


def _put(cluster: Cluster, kind: Kind, body: Body, made: list[tuple[Kind, Body]]) -> Body:
    """Apply an object; where its answer is lost, too, it is among those that may be there."""
    made.insert(0, (kind, body))
    try:
        return cluster.apply(kind, body, dry_run=False)
    except Refusal:
        made.pop(0)
        raise


def _remove(cluster: Cluster, made: Iterable[tuple[Kind, Body]], progress: Progress) -> None:
    """Delete what may be there of a run, and say what may be left."""
    left = {kind.path(None): (kind, body["metadata"]) for kind, body in made}
    try:
        for path, (kind, metadata) in list(left.items()):
            name, namespace = metadata["name"], metadata["namespace"]
            progress.say(f"removing {kind.group_kind.kind} {name}")
            try:
                live = cluster.get(kind, namespace, name)
                if live is not None:
                    cluster.delete(kind, live)
            except LockproofError as error:
                progress.say(f"it cannot be removed: {error}")
            else:
                del left[path]
    finally:  # A second Ctrl-C ends it.
        for kind, metadata in left.values():
            what = ".".join(part for part in (kind.plural, kind.group_kind.group) if part)
            progress.say(
                f"it may be left: kubectl -n {metadata['namespace']} delete {what}"
                f" {metadata['name']}"
            )


def attach(request: Request, run: str, progress: Progress) -> tuple[Report, ...]:
    """Wait for a run that was begun before, here or elsewhere, and report; it is left as it is.

    Raises:
        UsageError: there is no such run, it is not one of this repository, or it was begun with
            other options than the request has.
        UnavailableError: the API server does not answer.
    """
    clock = Clock()
    cluster = _connect(request, progress)
    here = make_plan(_here(request), run)
    namespace = here.cluster.namespace
    secret = cluster.get(_secrets(cluster), namespace, run)
    if secret is None:  # Its keys: without them no report of it can be believed.
        raise _gone(namespace, run)
    begun, orders = read(secret)
    plans = plans_again(request, here, begun, orders)
    kind = _kind(cluster, plans[0].engine)
    if cluster.get(kind, namespace, run) is None:
        raise _gone(namespace, run)
    return _report(plans, cluster, orders, kind, progress, clock)


def _here(request: Request) -> Request:
    revision = next(iter(request.revisions), request.revision)
    return replace(request, stages=(), revision=revision, revisions=())


def _gone(namespace: str, run: str) -> UsageError:
    return UsageError(
        f"there is no run {run} in namespace {namespace}: it may have been removed, which is done"
        " when [cluster] keep has passed since its end; --base names whose policy says which"
        " namespace it is"
    )


def _connect(request: Request, progress: Progress) -> Cluster:
    return Cluster.connect(
        request.kubeconfig,
        request.context,
        manager=_MANAGER,
        patience=_PATIENCE,
        say=progress.say,
    )


def _kind(cluster: Cluster, engine: str) -> Kind:
    kind = cluster.kind(*_KINDS[engine])
    if kind is None:
        what = "Argo Workflows" if engine == "argo" else "batch/v1 Job"
        raise ConfigError(
            f"the cluster {cluster.server} does not serve {what}: install it, or use"
            " --on kubernetes"
        )
    return kind


def _secrets(cluster: Cluster) -> Kind:
    kind = cluster.kind("v1", "Secret")
    assert kind is not None
    return kind


def _owned(secret: Mapping[str, Any], live: Body) -> dict[str, Any]:
    owner = {
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        "name": live["metadata"]["name"],
        "uid": live["metadata"]["uid"],
    }
    return {**secret, "metadata": {**secret["metadata"], "ownerReferences": [owner]}}


def _report(
    plans: tuple[Plan, ...],
    cluster: Cluster,
    orders: Mapping[str, Order],
    kind: Kind,
    progress: Progress,
    clock: Clock,
) -> tuple[Report, ...]:
    folders = tuple(map(_folder, plans))
    watch = Watch(plans, cluster, orders, folders, progress)
    watch.wait(kind, plans[0].run)
    return tuple(
        gather(plan, watch.received, watch.lost, logs, clock)
        for plan, logs in zip(plans, folders, strict=True)
    )


def _folder(plan: Plan) -> Path:
    logs = run_folder(f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{plan.commit[:7]}") / "logs"
    logs.mkdir()
    return logs
