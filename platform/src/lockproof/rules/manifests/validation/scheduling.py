"""Where pods may run: tolerations, affinities, and how they are spread."""

from collections.abc import Iterator, Mapping
from typing import Any

from lockproof.model.manifest import At, dig, items, mapping

from .parts import Wrong, choice, is_qualified, is_value, labels, natural, requirement, selector


def scheduling(spec: Mapping[str, Any], at: At) -> Iterator[Wrong]:
    """What a pod's specification says of nodes."""
    yield from labels(spec.get("nodeSelector"), (*at, "nodeSelector"))
    for where, one in items(spec.get("tolerations"), (*at, "tolerations")):
        yield from _toleration(one, where)
    yield from _affinity(mapping(spec.get("affinity")), (*at, "affinity"))
    yield from _spread(spec, at)


def _toleration(one: Mapping[str, Any], at: At) -> Iterator[Wrong]:
    sign, key = one.get("operator") or "Equal", one.get("key")
    yield from choice({"operator": sign}, at, "operator", "Equal", "Exists")
    yield from choice(
        {"effect": one.get("effect") or "NoSchedule"},
        at,
        "effect",
        "NoSchedule",
        "PreferNoSchedule",
        "NoExecute",
    )
    if key and not is_qualified(key):
        yield Wrong((*at, "key"), f"is {str(key)[:70]!r}, no label's name")
    if not key and sign != "Exists":
        yield Wrong((*at, "operator"), "must be Exists without a key")
    if sign == "Exists" and one.get("value"):
        yield Wrong((*at, "value"), "must be left out for Exists")
    if sign == "Equal" and isinstance(one.get("value"), str) and not is_value(one["value"]):
        yield Wrong((*at, "value"), f"is {one['value'][:70]!r}, no label's value")
    if one.get("tolerationSeconds") is not None and one.get("effect") != "NoExecute":
        yield Wrong((*at, "effect"), "must be NoExecute with tolerationSeconds")


def _affinity(value: Mapping[str, Any], at: At) -> Iterator[Wrong]:
    hard, soft = (
        "requiredDuringSchedulingIgnoredDuringExecution",
        "preferredDuringSchedulingIgnoredDuringExecution",
    )
    node, where = mapping(value.get("nodeAffinity")), (*at, "nodeAffinity")
    terms = list(items(dig(node, hard, "nodeSelectorTerms"), (*where, hard, "nodeSelectorTerms")))
    if isinstance(node.get(hard), Mapping) and not terms:
        yield Wrong((*where, hard, "nodeSelectorTerms"), "is empty: name a term")
    for spot, one in items(node.get(soft), (*where, soft)):
        yield from _weight(one, spot)
        if isinstance(one.get("preference"), Mapping):
            terms.append(((*spot, "preference"), one["preference"]))
    for spot, term in terms:
        for there, one in items(term.get("matchExpressions"), (*spot, "matchExpressions")):
            yield from requirement(one, there, node=True)
    for name in ("podAffinity", "podAntiAffinity"):
        held, where = mapping(value.get(name)), (*at, name)
        chosen = list(items(held.get(hard), (*where, hard)))
        for spot, one in items(held.get(soft), (*where, soft)):
            yield from _weight(one, spot)
            if isinstance(one.get("podAffinityTerm"), Mapping):
                chosen.append(((*spot, "podAffinityTerm"), one["podAffinityTerm"]))
        for spot, one in chosen:
            yield from selector(one.get("labelSelector"), (*spot, "labelSelector"))
            if not is_qualified(one.get("topologyKey") or ""):
                yield Wrong((*spot, "topologyKey"), "must be a label's name")


def _weight(one: Mapping[str, Any], at: At) -> Iterator[Wrong]:
    weight = one.get("weight")
    if isinstance(weight, int) and not 1 <= weight <= 100:
        yield Wrong((*at, "weight"), f"is {weight}, must be from 1 to 100")


def _spread(spec: Mapping[str, Any], at: At) -> Iterator[Wrong]:
    where = (*at, "topologySpreadConstraints")
    for spot, one in items(spec.get("topologySpreadConstraints"), where):
        yield from natural(one, spot, "maxSkew", "minDomains", least=1)
        yield from choice(one, spot, "whenUnsatisfiable", "DoNotSchedule", "ScheduleAnyway")
        yield from selector(one.get("labelSelector"), (*spot, "labelSelector"))
        if not one.get("topologyKey"):
            yield Wrong((*spot, "topologyKey"), "must be a label's name")
