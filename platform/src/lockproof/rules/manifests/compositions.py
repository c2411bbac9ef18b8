"""Crossplane compositions: the paths they read and write, held against the schemas."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from lockproof.model.finding import Finding
from lockproof.model.manifest import At, Manifest, Schemas, dig, items, mapping
from lockproof.model.schema import Schema

from .shape import at_place

_GROUP = "apiextensions.crossplane.io"
_PATCHING = "pt.fn.crossplane.io"
"""Group of the input of function-patch-and-transform, the one whose patches are known."""
_WITHOUT_PATHS = ("sequencer.fn.crossplane.io",)
"""Groups of inputs that name resources, and no field of any."""
_ADDED = frozenset(
    {
        "claimRef", "compositionRef", "compositionRevisionRef", "compositionRevisionSelector",
        "compositionSelector", "compositionUpdatePolicy", "environmentConfigRefs",
        "publishConnectionDetailsTo", "resourceRefs", "writeConnectionSecretToRef",
        "connectionDetails", "claimConditionTypes", "crossplane",
    }
)  # fmt: skip
"""Fields of spec and status that Crossplane 1 and 2 add to composite resources."""
_SEGMENT = re.compile(r"\[([^\[\]]+)\]|([^.\[\]]+)")


class _End(NamedTuple):
    """What a path leads through: one side of a patch."""

    name: str
    schema: Schema | None
    composite: bool


class _Patch(NamedTuple):
    """One path of a patch, of a readiness check or of a connection detail."""

    at: At
    path: Any
    end: str
    """composite, composed or environment."""
    reads: bool
    then: str = "it is never set"
    """What becomes of a path that reads what is never there."""


def is_composition(manifest: Manifest) -> bool:
    """Whether a manifest says how Crossplane composes resources."""
    return manifest.group == _GROUP and manifest.kind == "Composition"


def composition_findings(
    manifest: Manifest, schemas: Schemas
) -> tuple[list[Finding], int, list[str]]:
    """Paths that lead to no field, how many were looked at, and what could not be."""
    found: list[Finding] = []
    skipped: dict[str, None] = {}
    count = 0
    composite = _end(manifest.spec.get("compositeTypeRef"), schemas, composite=True)
    patching: list[tuple[At, Mapping[str, Any]]] = []
    if manifest.spec.get("mode") != "Pipeline":
        patching.append((("spec",), manifest.spec))  # As Crossplane 1 patches without functions.
    for at, step in items(manifest.spec.get("pipeline"), ("spec", "pipeline")):
        stated = step.get("input")
        if not isinstance(stated, Mapping):
            continue
        group = str(stated.get("apiVersion", "")).rpartition("/")[0]
        if group == _PATCHING:
            patching.append(((*at, "input"), stated))
        elif group not in _WITHOUT_PATHS:
            what = f"what the {stated.get('kind') or 'input'} of its step {step.get('step')} says"
            skipped[f"{manifest.label}: {what}"] = None
    for at, stated in patching:
        for one, composed in _patches(manifest, at, stated, schemas):
            if isinstance(one, Finding):
                found.append(one)
                continue
            end = composed if one.end == "composed" else composite
            if one.end == "environment":
                continue
            if end.schema is None:
                skipped[f"{manifest.label}: paths of {end.name}, whose schema is not known"] = None
                continue
            count += 1
            found += _led(manifest, one, end)
    return found, count, list(skipped)


def _end(reference: Any, schemas: Schemas, *, composite: bool) -> _End:
    stated = mapping(reference)
    api_version, kind = str(stated.get("apiVersion", "")), str(stated.get("kind", ""))
    group, _, version = api_version.rpartition("/")
    schema = schemas.find(group, version, kind) if kind else None
    return _End(f"{api_version} {kind}".strip() or "a base without a kind", schema, composite)


def _patches(
    manifest: Manifest, at: At, stated: Mapping[str, Any], schemas: Schemas
) -> Iterator[tuple[_Patch | Finding, _End]]:
    """Every path of the input's patches, with the resource that is composed."""
    nothing = _End("", None, composite=False)
    environment = mapping(stated.get("environment"))
    for where, patch in items(environment.get("patches"), (*at, "environment", "patches")):
        for one in _paths(where, patch):
            if one.end == "composite":
                # Its other side is the environment, which has no schema.
                yield one, nothing
    sets: dict[str, tuple[At, Mapping[str, Any]]] = {
        str(one.get("name")): (where, one)
        for where, one in items(stated.get("patchSets"), (*at, "patchSets"))
    }
    for where, resource in items(stated.get("resources"), (*at, "resources")):
        base = resource.get("base")
        composed = _end(base, schemas, composite=False)
        for place, patch in items(resource.get("patches"), (*where, "patches")):
            if patch.get("type") != "PatchSet":
                yield from ((one, composed) for one in _paths(place, patch))
                continue
            name = str(patch.get("patchSetName"))
            if name not in sets:
                text = f"there is no patch set {name}: it is refused"
                yield at_place("LP666", manifest, place, text), composed
                continue
            of_set, one_set = sets[name]
            for inner, part in items(one_set.get("patches"), (*of_set, "patches")):
                yield from ((one, composed) for one in _paths(inner, part))
        yield from ((one, composed) for one in _looked_up(where, resource))


def _looked_up(at: At, resource: Mapping[str, Any]) -> Iterator[_Patch]:
    """What is read of a resource beside its patches: for its readiness and its connection."""
    for where, check in items(resource.get("readinessChecks"), (*at, "readinessChecks")):
        if check.get("type") in _READY_BY_FIELD and check.get("fieldPath"):
            then = "it is never ready"
            if check.get("type") == "MatchString" and check.get("matchString") == "":
                then = "it is ready from the beginning"
            yield _Patch((*where, "fieldPath"), check["fieldPath"], "composed", True, then)
    for where, detail in items(resource.get("connectionDetails"), (*at, "connectionDetails")):
        if detail.get("type") == "FromFieldPath" and detail.get("fromFieldPath"):
            path = detail["fromFieldPath"]
            yield _Patch((*where, "fromFieldPath"), path, "composed", reads=True)


def _paths(at: At, patch: Mapping[str, Any]) -> Iterator[_Patch]:
    """The paths of one patch: what it reads, and what it writes."""
    kind = str(patch.get("type") or "FromCompositeFieldPath")
    ends = _ENDS.get(kind)
    if ends is None:
        return
    source, target = ends
    if kind.startswith("Combine"):
        variables = items(dig(patch, "combine", "variables"), (*at, "combine", "variables"))
        for where, one in variables:
            yield _Patch((*where, "fromFieldPath"), one.get("fromFieldPath"), source, reads=True)
    else:
        yield _Patch((*at, "fromFieldPath"), patch.get("fromFieldPath"), source, reads=True)
    to = "toFieldPath" if patch.get("toFieldPath") else "fromFieldPath"
    if patch.get(to):
        yield _Patch((*at, to), patch[to], target, reads=False)


_READY_BY_FIELD = frozenset({"NonEmpty", "MatchString", "MatchInteger", "MatchTrue", "MatchFalse"})
"""Types of readiness checks that read a field; the others read conditions, or nothing."""
_ENDS: Mapping[str, tuple[str, str]] = {
    "FromCompositeFieldPath": ("composite", "composed"),
    "CombineFromComposite": ("composite", "composed"),
    "ToCompositeFieldPath": ("composed", "composite"),
    "CombineToComposite": ("composed", "composite"),
    "FromEnvironmentFieldPath": ("environment", "composed"),
    "CombineFromEnvironment": ("environment", "composed"),
    "ToEnvironmentFieldPath": ("composed", "environment"),
    "CombineToEnvironment": ("composed", "environment"),
}


def _led(manifest: Manifest, one: _Patch, end: _End) -> Iterator[Finding]:
    """A finding where a path leaves what the schema has."""
    if not isinstance(one.path, str) or end.schema is None:
        return  # The schema family says what is wrong with it.
    steps = [inner.strip("'\"") or name for inner, name in _SEGMENT.findall(one.path)]
    wrong = _leaves(steps, end)
    if wrong is None:
        return
    number, known = wrong
    above = ".".join(steps[:number]) or "it"
    close = get_close_matches(steps[number][:60], known, n=1, cutoff=0.75)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    does = "reads" if one.reads else "writes"
    then = one.then if one.reads else "it is dropped or refused"
    text = (
        f"it {does} {one.path} of {end.name}, where {above} has no field '{steps[number]}': {then}"
        f"{hint}"
    )
    yield at_place("LP666", manifest, one.at, text, subject=f"{manifest.label} {one.path}")


def _leaves(steps: list[str], end: _End) -> tuple[int, list[str]] | None:
    """Where a path leaves the schema, and the fields that there are; None where it does not.

    Also None where the schema leaves open what there may be.
    """
    assert end.schema is not None
    table, node = end.schema.table.find(end.schema.kind.root)
    for number, step in enumerate(steps):
        if end.composite and number == 1 and step in _ADDED:
            return None
        kind = node.get("type")
        if kind is None or node.get("open") or node.get("embedded") or _MORE & set(node):
            inner = node.get("properties", {}).get(step)
            if inner is None:
                return None
        elif kind == "array":
            inner = node.get("items") if step == "*" or step.isdigit() else _NONE
        elif kind == "object":
            if step == "*" and "values" not in node:
                return None
            inner = node.get("properties", {}).get(step, node.get("values", _NONE))
        else:
            inner = _NONE
        if inner is _NONE:
            return number, list(node.get("properties", ()))
        if inner is None:
            return None
        table, node = table.find(inner)
    return None


_MORE = frozenset({"all", "any", "one"})
"""What may allow fields besides those that a node names."""
_NONE = object()
