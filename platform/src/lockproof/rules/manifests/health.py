"""Health and readiness that say the same whatever there is to see."""

import re
from collections.abc import Iterator
from typing import Any

from lockproof.model.finding import Finding, Severity
from lockproof.model.manifest import At, Manifest, dig, items, mapping

from .compositions import is_composition
from .shape import at_place

_LUA = "resource.customizations"
_LUA_KEY = f"{_LUA}.health."
_LUA_ASIDE = re.compile(
    r"--\[\[(?:[^\]]|\](?!\]))*+\]\]|--[^\n]*+"
    r"|(?P<text>\"(?:[^\"\\\n]|\\.)*+\"|'(?:[^'\\\n]|\\.)*+')"
)
_HEALTHY = "\0"
_LUA_SAYS = re.compile(r"\bstatus\s*+=\s*+\0")
_LUA_STATUSES = frozenset({"Progressing", "Degraded", "Suspended", "Missing", "Unknown"})
_LUA_TURNS = frozenset(
    {"if", "while", "for", "repeat", "function", "and", "or", "goto", "load", "error", "assert"}
)
"""Words without which a script goes one way only."""
_WORD = re.compile(r"[A-Za-z_]\w*")
_CEL_TEXT = re.compile(r"\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'")
_CEL_OR_TRUE = re.compile(r"\|\|\s*+true\s*+\Z")


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
        if _says_only_healthy(text):
            kind = str(key).removeprefix(_LUA_KEY)
            yield _told(manifest, ("data", key), f"the health of every {kind} is always Healthy")


def _says_only_healthy(script: str) -> bool:
    """Whether a script goes one way, and says Healthy there."""
    texts: list[str] = []

    def aside(match: re.Match[str]) -> str:
        text = (match["text"] or "")[1:-1]
        texts.append(text)
        return _HEALTHY if text == "Healthy" else " "

    bare = _LUA_ASIDE.sub(aside, script)
    return (
        _LUA_SAYS.search(bare) is not None
        and not _LUA_STATUSES & set(texts)
        and not set(_WORD.findall(bare)) & _LUA_TURNS
    )


def _is_always_true(expression: Any) -> bool:
    """Whether a CEL expression looks at nothing, or ends in `|| true`."""
    if not isinstance(expression, str):
        return False
    bare = _CEL_TEXT.sub(" ", expression).strip()
    return bare == "true" or _CEL_OR_TRUE.search(bare) is not None


def _told(manifest: Manifest, at: At, what: str, severity: Severity | None = None) -> Finding:
    found = at_place("LP667", manifest, at, f"{what}; let it look at what the object reports")
    return found.model_copy(update={"severity": severity}) if severity else found
