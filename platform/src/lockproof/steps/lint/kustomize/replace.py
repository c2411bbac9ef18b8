"""Replacements: a value of one object copied into fields of others."""

import re
from collections.abc import Sequence
from typing import Any

from .marks import Map, Mark, Seq, copied
from .resource import Resource


class ReplacementError(Exception):
    """A replacement finds no source or no target field; the text says which."""


def replace(resources: Sequence[Resource], entry: Map, mark: Mark) -> None:
    """Carry one replacement out.

    Raises:
        ReplacementError: it does not say what it must, or its source or field is not there.
    """
    targets = entry.get("targets")
    if not isinstance(targets, Seq) or not (entry.get("source") or "sourceValue" in entry):
        raise ReplacementError("needs a source and targets")
    value = _source(resources, entry)
    for target in targets:
        select = target.get("select") if isinstance(target, Map) else None
        if not isinstance(select, Map):
            raise ReplacementError("has a target that selects nothing")
        rejected = target.get("reject") or ()
        for resource in resources:
            if _selected(resource, select) and not any(
                isinstance(one, Map) and one and _selected(resource, one) for one in rejected
            ):
                for path in target.get("fieldPaths") or ("metadata.name",):
                    _set(resource, str(path), value, target.get("options"), mark)


def _source(resources: Sequence[Resource], entry: Map) -> Any:
    if "sourceValue" in entry:
        return entry["sourceValue"]
    source = entry["source"]
    if not isinstance(source, Map):
        raise ReplacementError("has a source that is no mapping")
    found = [r for r in resources if _is(r, source)]
    described = f"{source.get('kind', 'any kind')} {source.get('name', '')}".strip()
    if len(found) != 1:
        raise ReplacementError(f"has {len(found) or 'no'} sources for {described}, needs one")
    path = str(source.get("fieldPath") or "metadata.name")
    value: Any = found[0].value
    for step in split_path(path):
        hits = _step(value, step)
        if len(hits) != 1 or hits[0][0] is None:
            raise ReplacementError(f"reads {path} of {described}, which is not there")
        value = _get(*hits[0])
    if value is None:
        raise ReplacementError(f"reads {path} of {described}, which is not there")
    options = source.get("options") or {}
    if options.get("delimiter"):
        parts = str(value).split(options["delimiter"])
        index = options.get("index", 0)
        if not 0 <= index < len(parts):
            raise ReplacementError(f"takes part {index} of '{value}', which has {len(parts)}")
        return parts[index]
    return copied(value)


def _is(resource: Resource, wanted: Map) -> bool:
    return (
        wanted.get("group") in (None, resource.group)
        and wanted.get("version") in (None, resource.version)
        and resource.answers(wanted.get("kind"), wanted.get("name"), wanted.get("namespace"))
    )


def _selected(resource: Resource, wanted: Map) -> bool:
    """Whether a selector of targets, whose parts are patterns, means a resource."""
    pairs = {
        "group": [resource.group],
        "version": [resource.version],
        "kind": [resource.kind],
        "name": [resource.name, *resource.names],
        "namespace": [resource.namespace or "default", *resource.namespaces],
    }
    for key, texts in pairs.items():
        pattern = wanted.get(key)
        if pattern and not any(_matches(str(pattern), text) for text in texts):
            return False
    labels, annotations = wanted.get("labelSelector"), wanted.get("annotationSelector")
    return selects(labels, resource.metadata.get("labels")) and selects(
        annotations, resource.metadata.get("annotations")
    )


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:
        raise ReplacementError(f"has a pattern that is none: {pattern}") from None


def selects(selector: Any, labels: Any) -> bool:
    """Whether a label selector in text form, such as `app=web,tier!=db`, is met."""
    if not selector:
        return True
    known = labels if isinstance(labels, dict) else {}
    for part in re.split(r",(?![^(]*\))", str(selector)):
        match = re.fullmatch(
            r"\s*(?:(!?)([^\s=!()]+)|([^\s=!()]+)\s*(==?|!=)\s*([^\s()]*)"
            r"|([^\s=!()]+)\s+(in|notin)\s*\(([^)]*)\))\s*",
            part,
        )
        if match is None:
            raise ReplacementError(f"has a selector that is none: {selector}")
        if match[2]:
            met = (match[2] in known) is (match[1] == "")
        elif match[3]:
            met = (known.get(match[3]) == match[5]) is (match[4] != "!=")
        else:
            values = [value.strip() for value in match[8].split(",")]
            met = (known.get(match[6]) in values) is (match[7] == "in")
        if not met:
            return False
    return True


def split_path(path: str) -> list[str]:
    r"""`spec.containers.[name=a.b].env` into steps; dots in brackets and `\\.` do not part."""
    steps = re.findall(r"(?:\[[^\]]*\]|\\.|[^.\[])+|\[[^\]]*\]", path)
    return [re.sub(r"\\(.)", r"\1", step) for step in steps if step]


def _step(value: Any, step: str) -> list[tuple[Any, Any]]:
    """The places one step leads to, as container and key."""
    chosen = re.fullmatch(r"\[([^=\]]+)=(.*)\]", step)
    if isinstance(value, Seq):
        if step == "*":
            return [(value, n) for n in range(len(value))]
        if chosen:
            return [
                (value, n)
                for n, item in enumerate(value)
                if (item.get(chosen[1]) if isinstance(item, Map) else item) == chosen[2]
            ]
        if step.isdigit() and int(step) < len(value):
            return [(value, int(step))]
        return []
    if isinstance(value, Map):
        name = re.sub(r"^\[(.*)\]$", r"\1", step)
        if name == "*":
            return [(value, key) for key in value]
        return [(value, name)]
    return []


def _get(holder: Any, key: Any) -> Any:
    return holder.get(key) if isinstance(holder, Map) else holder[key]


def _set(resource: Resource, path: str, value: Any, options: Any, mark: Mark) -> None:
    steps = split_path(path)
    create = isinstance(options, Map) and options.get("create") is True
    places: list[tuple[Any, Any]] = [(None, None)]
    current: list[Any] = [resource.value]
    for number, step in enumerate(steps):
        places = [place for holder in current for place in _step(holder, step)]
        current = []
        for holder, key in places:
            inner = _get(holder, key)
            if inner is None and create and number < len(steps) - 1:
                inner = Map()
                holder.put(key, inner, mark)
            current.append(inner)
    found = [(holder, key) for holder, key in places if create or _get(holder, key) is not None]
    if not found:
        raise ReplacementError(
            f"sets {path} of {resource.kind} {resource.name}, which is not there"
        )
    for holder, key in found:
        _put(holder, key, _joined(_get(holder, key), value, options), mark)


def _joined(old: Any, value: Any, options: Any) -> Any:
    if isinstance(options, Map) and options.get("delimiter"):
        parts = str(old).split(options["delimiter"])
        index = options.get("index", 0)
        if index < 0:
            parts.insert(0, str(value))
        elif index >= len(parts):
            parts.append(str(value))
        else:
            parts[index] = str(value)
        return options["delimiter"].join(parts)
    if isinstance(old, str) and not isinstance(value, Map | Seq | str):
        return str(value)
    return copied(value)


def _put(holder: Any, key: Any, value: Any, mark: Mark) -> None:
    if isinstance(holder, Map):
        holder.put(key, value, mark)
    else:
        holder[key], holder.marks[key] = value, mark
