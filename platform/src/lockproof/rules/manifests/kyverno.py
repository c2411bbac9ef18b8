"""Which objects a policy of Kyverno may look at, by the `match` and `exclude` of its rules.

After https://kyverno.io/docs/policy-types/cluster-policy/match-exclude/, and what it writes for the
makers of pods itself (https://kyverno.io/docs/policy-types/cluster-policy/autogen/). An answer is
True or False where that is certain, and else None: such as by who asks, which no manifest says.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from lockproof.model.manifest import dig, items, mapping

_Told = bool | None
POD_MAKERS = frozenset(
    {
        "DaemonSet", "Deployment", "Job", "ReplicaSet", "ReplicationController", "StatefulSet",
        "CronJob",
    }
)  # fmt: skip
"""Kinds for which it writes a rule on pods anew."""
_DECIDING = ("Namespace", "ResourceQuota", "LimitRange")
"""Kinds that decide over others: who changes them on their way changes what is taken of those."""
_BY_USER = ("roles", "clusterRoles", "subjects")
_APPLYING = frozenset({"CREATE", "UPDATE"})


class Seen(NamedTuple):
    """An object, as a policy may come to see it."""

    kind: str
    name: str | None
    """None where that is not known, such as one that the server makes up."""
    namespace: str | None
    """None where it is in none."""
    labels: Mapping[str, Any]
    annotations: Mapping[str, Any]
    whole: bool
    """Whether these are all, with what others added on its way."""


def may_look_at(policy: Mapping[str, Any], objects: Sequence[Seen]) -> bool:
    """Whether a (Cluster)Policy or PolicyException of kyverno.io may say something of an object.

    Args:
        policy: the policy.
        objects: the object, as it is and as it becomes: either is enough for a rule.
    """
    namespace = dig(policy, "metadata", "namespace")
    if policy.get("kind") == "PolicyException":
        return any(_applies(policy.get("spec"), one) for one in objects)
    if policy.get("kind") == "Policy" and namespace:
        objects = [one for one in objects if one.namespace == namespace]
    stated = dig(policy, "spec", "rules")
    rules = [rule for _, rule in items(stated, ())]
    if not isinstance(stated, list) or len(rules) < len(stated):
        return True
    return any(_reaches(rule) or any(_applies(rule, one) for one in objects) for rule in rules)


def _reaches(rule: Mapping[str, Any]) -> bool:
    """Whether a rule makes or changes what decides over objects that it does not match."""
    changes = rule.get("mutate")
    if rule.get("generate") or dig(changes, "targets"):
        return True
    made = (Seen(kind, None, None, {}, {}, whole=False) for kind in _DECIDING)
    return bool(changes) and any(_chosen(rule.get("match"), one) is not False for one in made)


def _applies(rule: Any, one: Seen) -> bool:
    """Whether a rule may apply to an object, or what is made of it for the makers of pods."""
    match, exclude = mapping(rule).get("match"), mapping(rule).get("exclude")
    if _chosen(match, one) is not False and not (exclude and _chosen(exclude, one) is True):
        return True
    if one.kind not in POD_MAKERS:
        return False
    # What it keeps of names and labels then is for pods, and nothing is known of those.
    pod = Seen("Pod", None, one.namespace, {}, {}, whole=False)
    return _chosen(match, pod) is not False and not (
        exclude and not _names_kinds(exclude) and _chosen(exclude, pod) is True
    )


def _names_kinds(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "kinds" in value or any(map(_names_kinds, value.values()))
    return isinstance(value, list) and any(map(_names_kinds, value))


def _chosen(stated: Any, one: Seen) -> _Told:
    """What a `match` or `exclude` says: any of some filters, all of some, or one by itself."""
    if not isinstance(stated, Mapping) or not stated:
        return None
    several = [name for name in ("any", "all") if name in stated]
    if not several:
        return _filter(stated, one)
    filters = stated[several[0]]
    if len(stated) > 1 or not isinstance(filters, list) or not filters:
        return None  # Which it refuses, or takes in a way of its own.
    told = [_filter(each, one) for each in filters]
    return _all(told) if several == ["all"] else _any(told)


def _filter(stated: Any, one: Seen) -> _Told:
    found = mapping(stated).get("resources")
    if not isinstance(found, Mapping) or not found:
        return None
    told = [_FIELDS.get(name, _unknown)(value, one) for name, value in found.items()]
    return _all([*told, *(None for name in mapping(stated) if name != "resources")])


def _unknown(_stated: Any, _one: Seen) -> _Told:
    return None


def _kinds(stated: Any, one: Seen) -> _Told:
    return _any(_kind(text, one.kind) for text in _texts(stated))


def _kind(text: str | None, kind: str) -> _Told:
    """Of `Kind`, `version/Kind`, `group/version/Kind`, each with a subresource behind it or not."""
    if text is None:
        return None
    parts = re.split("[/.]", text)
    # Groups, versions and subresources are in small letters.
    named = [part for part in parts if part != part.lower()] or parts
    if not any(_fits(part.lower(), kind.lower()) for part in named):
        return False
    return True if len(parts) == 1 and _fits(text, kind) else None


def _names(stated: Any, one: Seen) -> _Told:
    return _any(_like(text, one.name) for text in _texts(stated))


def _namespaces(stated: Any, one: Seen) -> _Told:
    within = one.name if one.kind == "Namespace" else one.namespace
    if within is None and one.whole and one.kind != "Namespace":
        within = ""  # As it takes those that are in none.
    return _any(_like(text, within) for text in _texts(stated))


def _operations(stated: Any, one: Seen) -> _Told:
    named = {str(text).upper() for text in _texts(stated)}
    if any(text is None or "{" in text or "*" in text for text in _texts(stated)):
        return None
    return True if named >= _APPLYING else None if named & _APPLYING else False


def _annotations(stated: Any, one: Seen) -> _Told:
    if not isinstance(stated, Mapping):
        return None
    return _all(_has(key, value, one.annotations, one.whole) for key, value in stated.items())


def _selector(stated: Any, one: Seen) -> _Told:
    if not isinstance(stated, Mapping) or not stated:
        return None
    labels = stated.get("matchLabels", {})
    if not isinstance(labels, Mapping) or stated.keys() - {"matchLabels", "matchExpressions"}:
        return None
    told = [_has(key, value, one.labels, one.whole) for key, value in labels.items()]
    wanted = stated.get("matchExpressions", [])
    if not isinstance(wanted, list):
        return None
    return _all([*told, *(_required(each, one) for each in wanted)])


def _required(stated: Any, one: Seen) -> _Told:
    key, sign = mapping(stated).get("key"), mapping(stated).get("operator")
    values = [str(text) for text in _texts(mapping(stated).get("values"))]
    if not isinstance(key, str) or any(map(_is_pattern, (key, *values))):
        return None
    there: _Told = key in one.labels or (False if one.whole else None)
    held = str(one.labels.get(key)) in values
    if sign == "In":
        return held if there else there
    if sign == "NotIn":
        return not held if there else None if there is None else True
    if sign == "Exists":
        return there
    return (None if there is None else not there) if sign == "DoesNotExist" else None


def _has(key: Any, value: Any, stated: Mapping[str, Any], whole: bool) -> _Told:
    if not isinstance(key, str) or not isinstance(value, str) or _is_pattern(key):
        return None
    if key in stated:
        return _like(value, str(stated[key]))
    return False if whole else None


def _like(pattern: str | None, text: str | None) -> _Told:
    if pattern is None or text is None or "{{" in pattern:
        return None
    return _fits(pattern, text)


def _fits(pattern: str, text: str) -> bool:
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?{")


def _texts(stated: Any) -> Iterator[str | None]:
    """The texts of a list, None for what is none; of anything else one None."""
    for one in stated if isinstance(stated, list) and stated else [None]:
        yield one if isinstance(one, str) else None


def _any(told: Iterable[_Told]) -> _Told:
    found = list(told)
    return True if True in found else None if None in found else False


def _all(told: Iterable[_Told]) -> _Told:
    found = list(told)
    return False if False in found else None if None in found else True


_FIELDS: Mapping[str, Callable[[Any, Seen], _Told]] = {
    "kinds": _kinds,
    "name": lambda stated, one: _names([stated], one),
    "names": _names,
    "namespaces": _namespaces,
    "operations": _operations,
    "annotations": _annotations,
    "selector": _selector,
}
