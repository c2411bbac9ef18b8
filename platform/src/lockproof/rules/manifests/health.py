"""Health and readiness that say the same whatever there is to see."""

import re
from collections.abc import Iterator
from typing import Any

from lockproof.model.finding import Finding, Severity
from lockproof.model.manifest import At, Manifest, dig, items, mapping

from .compositions import is_composition
from .lua import says_only_healthy
from .shape import at_place

_LUA = "resource.customizations"
_LUA_KEY = f"{_LUA}.health."
_CEL_TOKEN = re.compile(
    r"(?P<text>\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+')|(?P<aside>//[^\n]*+)|(?P<odd>[rR]['\"])"
    r"|\|\||\.\?|\[\?|\w++|\S"
)


def unread_health(manifest: Manifest) -> Iterator[str]:
    """What may say of health and is not read: the older form of Argo CD's scripts."""
    data = mapping(manifest.value.get("data"))
    if manifest.kind == "ConfigMap" and manifest.name == "argocd-cm" and _LUA in data:
        yield f"{manifest.label}: the health scripts in {_LUA}, which is one text: give each a key"


def health_findings(manifest: Manifest) -> Iterator[Finding]:
    """Checks that cannot say that something is wrong: warnings, since some are meant so."""
    if is_composition(manifest):
        yield from _readiness(manifest)
    elif manifest.kind == "ConfigMap" and manifest.name == "argocd-cm":
        yield from _lua(manifest)
    elif (manifest.group, manifest.kind) == ("kustomize.toolkit.fluxcd.io", "Kustomization"):
        for at, one in items(manifest.spec.get("healthCheckExprs"), ("spec", "healthCheckExprs")):
            # Flux asks these two first: with one of them `current` stands for all that is left.
            if one.get("inProgress") or one.get("failed"):
                continue
            if _is_always_true(one.get("current")):
                yield _told(manifest, (*at, "current"), "its health expression is always true")
    elif manifest.kind == "Object" and manifest.group.startswith("kubernetes."):
        yield from _object(manifest, manifest.value, ())


def _object(manifest: Manifest, value: Any, at: At) -> Iterator[Finding]:
    """Of an object of provider-kubernetes, which has a query of its own."""
    readiness = mapping(dig(value, "spec", "readiness"))
    if readiness.get("policy") == "DeriveFromCelQuery" and _is_always_true(
        readiness.get("celQuery")
    ):
        where = (*at, "spec", "readiness", "celQuery")
        yield _told(manifest, where, "its readiness query is always true")


def _readiness(manifest: Manifest) -> Iterator[Finding]:
    for at, step in items(manifest.spec.get("pipeline"), ("spec", "pipeline")):
        where = (*at, "input", "resources")
        for place, resource in items(dig(step, "input", "resources"), where):
            base = mapping(resource.get("base"))
            if base.get("kind") == "Object":
                yield from _object(manifest, base, (*place, "base"))
            checks = list(items(resource.get("readinessChecks"), (*place, "readinessChecks")))
            for check_at, check in checks:
                why = _why_ready(check)
                # None beside others says nothing: all of them have to hold.
                if why and (check.get("type") != "None" or len(checks) == 1):
                    named = f"the readiness of its resource {resource.get('name')}"
                    severity = Severity.NOTE if check.get("type") == "None" else None
                    yield _told(manifest, check_at, f"{named} {why}", severity)


def _why_ready(check: Any) -> str:
    """Why a check says that a resource is ready before it is; empty where it does not.

    As function-patch-and-transform runs them: a condition that is not there yet is Unknown, and a
    check of a condition without one asks for none.
    """
    kind = check.get("type")
    if kind == "None":
        return "is never looked at: it counts as ready once it is asked for"
    if kind == "MatchString" and check.get("matchString") == "":
        return f"asks for {check.get('fieldPath')} to be empty: it is ready while nothing is said"
    if kind == "MatchCondition" and dig(check, "matchCondition", "status") == "Unknown":
        return "asks for a condition that is Unknown, as each is before anything is made"
    return ""


def _lua(manifest: Manifest) -> Iterator[Finding]:
    for key, text in mapping(manifest.value.get("data")).items():
        if not isinstance(text, str) or not str(key).startswith(_LUA_KEY):
            continue
        if says_only_healthy(text):
            kind = str(key).removeprefix(_LUA_KEY)
            yield _told(
                manifest, ("data", key), f"the health of every {kind} is always said to be Healthy"
            )


def _is_always_true(expression: Any) -> bool:
    """Whether a CEL expression is `true`, or joined by `||` with it and with nothing above."""
    if not isinstance(expression, str) or "'''" in expression or '"""' in expression:
        return False
    tokens: list[str] = []
    for match in _CEL_TOKEN.finditer(expression):
        if match.lastgroup == "odd":
            return False  # A text without escapes.
        if match.lastgroup != "aside":
            tokens.append("''" if match.lastgroup == "text" else match[0])
    while len(tokens) > 2 and tokens[0] == "(" and _closes(tokens) == len(tokens) - 1:
        tokens = tokens[1:-1]
    sides: list[list[str]] = [[]]
    depth = 0
    for word in tokens:
        depth += (word in ("(", "[", "{", "[?")) - (word in (")", "]", "}"))
        if depth < 0 or (depth == 0 and word in ("?", "'", '"')):
            return False
        if depth == 0 and word == "||":
            sides.append([])
        else:
            sides[-1].append(word)
    return (
        depth == 0
        and all(sides)
        and any([word for word in side if word not in "()"] == ["true"] for side in sides)
    )


def _closes(tokens: list[str]) -> int:
    """Where the bracket that is the first word ends."""
    depth = 0
    for place, word in enumerate(tokens):
        depth += (word in "([{" or word == "[?") - (word in ")]}")
        if depth == 0:
            return place
    return -1


def _told(manifest: Manifest, at: At, what: str, severity: Severity | None = None) -> Finding:
    found = at_place("LP667", manifest, at, f"{what}; let it look at what the object reports")
    return found.model_copy(update={"severity": severity}) if severity else found
