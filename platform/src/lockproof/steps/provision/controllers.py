"""Which fields of declared objects are controllers' to set, and what others added to them.

Who has a field is what the server says: `metadata.managedFields`, in the form of "FieldsV1" of
Kubernetes' API reference (`f:NAME` for a key, `k:{…}` for the item of a list with these keys).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lockproof.model.resource import Body, GroupKind, Manifest, ResourceKey

from .inventory import MANAGER

Path = tuple[str, ...]

_SERVICE = GroupKind("", "Service")
_ROLLOUT = GroupKind("argoproj.io", "Rollout")
_SELECTOR: Path = ("spec", "selector")
_REPLICAS: Path = ("spec", "replicas")
_HASH = "rollouts-pod-template-hash"
_AUTOSCALERS = (
    GroupKind("autoscaling", "HorizontalPodAutoscaler"),
    GroupKind("keda.sh", "ScaledObject"),
)
_SERVICES = ("stableService", "canaryService", "activeService", "previewService")


def left_to_others(
    key: ResourceKey,
    body: Body,
    live: Body | None,
    declared: Sequence[Manifest],
    more: Sequence[str],
) -> dict[str, str]:
    """The declared fields that are not applied, since a controller has them by now.

    They are the selector of a Service that Argo Rollouts points at one version (as long as it is
    the declared one beside the hash), the replicas of what an autoscaler scales, and those that
    the policy names. A field that nobody else has is applied as declared.

    Args:
        key: the object's key, with its namespace.
        body: the object as declared.
        live: the object as it is; None where there is none.
        declared: all that is declared.
        more: further fields, such as `Deployment.apps spec.paused`.

    Returns:
        Dotted field -> the manager that has it.
    """
    if live is None:
        return {}
    paths: list[Path] = []
    if key.group_kind == _SERVICE and _is_of_rollout(key, declared):
        now = dict((live.get("spec") or {}).get("selector") or {})
        if now.pop(_HASH, None) is not None and now == (body.get("spec") or {}).get("selector"):
            paths.append(_SELECTOR)
    if _is_scaled(key, declared):
        paths.append(_REPLICAS)
    for entry in more:
        kind, _, field = entry.partition(" ")
        if GroupKind.parse(kind) == key.group_kind:
            paths.append(tuple(field.split(".")))
    there = {".".join(path): path for path in paths if _at(body, path) is not None}
    held = ((field, _other_manager(live, path)) for field, path in there.items())
    return {field: manager for field, manager in held if manager is not None}


def without(body: Body, fields: Iterable[str]) -> Body:
    """A copy of an object that lacks these dotted fields."""
    for field in fields:
        *way, last = field.split(".")
        body = dict(body)
        at = body
        for step in way:
            at[step] = dict(at[step])
            at = at[step]
        del at[last]
    return body


def additions(live: Body) -> dict[str, str]:
    """What others added inside of what lockproof applied, such as a container in a pod's template.

    Items of lists that hold applied items too, and fields of a pod's template; not metadata, where
    controllers keep their notes, nor what is empty, as the defaults that they write, nor what came
    through a subresource such as `status`.

    Returns:
        Field -> the manager that added it.
    """
    entries = live["metadata"].get("managedFields") or ()
    ours = _merged(e["fieldsV1"] for e in entries if _is_ours(e))
    found: dict[str, str] = {}
    for entry in entries:
        if _is_ours(entry) or entry.get("subresource"):
            continue
        theirs = (entry.get("fieldsV1") or {}).get("f:spec")
        if isinstance(theirs, Mapping):
            mine, spec = ours.get("f:spec") or {}, live.get("spec")
            for field in _added(theirs, mine, spec, ("spec",), in_template=False):
                found.setdefault(field, str(entry.get("manager") or "someone"))
    return found


def _added(
    theirs: Mapping[str, Any], ours: Mapping[str, Any], value: Any, at: Path, *, in_template: bool
) -> Iterator[str]:
    has_items = any(step.startswith("k:") for step in ours)
    for step, below in theirs.items():
        if step == "f:metadata" or not step.startswith(("f:", "k:")):
            continue
        path, inner = (*at, _told(step)), _within(value, step)
        if step in ours:
            inside = in_template or step == "f:template"
            if isinstance(below, Mapping) and isinstance(ours[step], Mapping):
                yield from _added(below, ours[step], inner, path, in_template=inside)
        elif inner not in (None, "", [], {}) and (in_template or (step[0] == "k" and has_items)):
            yield "".join(part if part.startswith("[") else f".{part}" for part in path)[1:]


def _within(value: Any, step: str) -> Any:
    kind, _, name = step.partition(":")
    if kind == "f":
        return value.get(name) if isinstance(value, Mapping) else None
    keys = json.loads(name).items()
    items = value if isinstance(value, list) else ()
    found = (i for i in items if isinstance(i, Mapping) and all(i.get(k) == v for k, v in keys))
    return next(found, None)


def _told(step: str) -> str:
    kind, _, name = step.partition(":")
    if kind == "f":
        return name
    keys = json.loads(name)
    return "[" + ",".join(f"{k}={v}" for k, v in sorted(keys.items())) + "]"


def _is_ours(entry: Mapping[str, Any]) -> bool:
    return entry.get("manager") == MANAGER and entry.get("operation") == "Apply"


def _merged(trees: Iterator[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for tree in trees:
        for step, below in tree.items():
            there = merged.get(step)
            merged[step] = _merged(iter((there, below))) if isinstance(there, Mapping) else below
    return merged


def _other_manager(live: Body, path: Path) -> str | None:
    """Who has a field or something in it, besides lockproof."""
    for entry in live["metadata"].get("managedFields") or ():
        at: Any = entry.get("fieldsV1") or {}
        for step in path:
            at = at.get(f"f:{step}") if isinstance(at, Mapping) else None
        if at is not None and not _is_ours(entry):
            return str(entry.get("manager") or "someone")
    return None


def _is_of_rollout(key: ResourceKey, declared: Sequence[Manifest]) -> bool:
    for manifest in declared:
        if manifest.key.group_kind == _ROLLOUT and manifest.key.namespace == key.namespace:
            strategy = (manifest.body.get("spec") or {}).get("strategy") or {}
            for way in strategy.values():
                ping = way.get("pingPong") or {}
                if key.name in [*(way.get(one) for one in _SERVICES), *ping.values()]:
                    return True
    return False


def _is_scaled(key: ResourceKey, declared: Sequence[Manifest]) -> bool:
    for manifest in declared:
        if manifest.key.group_kind in _AUTOSCALERS and manifest.key.namespace == key.namespace:
            target = (manifest.body.get("spec") or {}).get("scaleTargetRef") or {}
            kind = str(target.get("kind") or "Deployment")  # KEDA's default.
            if (kind, target.get("name")) == (key.group_kind.kind, key.name):
                return True
    return False


def _at(body: Any, path: Path) -> Any:
    for step in path:
        body = body.get(step) if isinstance(body, Mapping) else None
    return body
