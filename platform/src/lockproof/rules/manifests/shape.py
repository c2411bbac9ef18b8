"""Findings on a manifest's fields, kind and API version."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import NamedTuple

from lockproof.model.finding import Finding, Severity
from lockproof.model.manifest import At, Manifest
from lockproof.model.schema import Schema
from lockproof.rules.catalog import finding

from .encrypted import as_applied
from .schema import Problem, dotted, validate

_RULES = {"unknown": "LP604", "type": "LP605", "required": "LP606", "value": "LP607"}


class Ending(NamedTuple):
    """How long an API version is served."""

    deprecated: tuple[int, int] | None
    removed: tuple[int, int] | None
    replacement: str | None
    """`group/version/Kind`."""


def at_place(
    rule: str, manifest: Manifest, at: At, message: str, *, subject: str | None = None
) -> Finding:
    """A finding about a field, which its subject names unless another is given."""
    path, line = manifest.locate(at)
    named = subject or (f"{manifest.label} {dotted(at)}" if at else manifest.label)
    return finding(rule, named, f"{manifest.label}: {message}", path=path, line=line)


def shape_findings(manifest: Manifest, schema: Schema) -> tuple[list[Finding], tuple[str, ...]]:
    """What a strict API server would refuse, and the rules that could not be evaluated."""
    validation = validate(as_applied(manifest.value), schema)
    found = [
        _finding(manifest, problem)
        for problem in validation.problems
        # LP627 says more of this one.
        if not (problem.at == ("spec", "deletionPolicy") and ".m." in manifest.group)
    ]
    if schema.kind.deprecated is not None:
        found.append(
            at_place(
                "LP609",
                manifest,
                ("apiVersion",),
                f"{manifest.api_version} {manifest.kind} is deprecated: use the version that"
                " replaces it",
            )
        )
    if schema.kind.namespaced is False and manifest.namespace:
        dropped = at_place(
            "LP604",
            manifest,
            ("metadata", "namespace"),
            f"a {manifest.kind} stands in no namespace, and the server drops metadata.namespace:"
            " remove it",
        )
        found.append(dropped.model_copy(update={"severity": Severity.NOTE}))
    found += name_findings(manifest)
    skipped = tuple(f"{manifest.label}: {text}" for text in validation.not_checked)
    return found, skipped


_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_FREE_GROUPS = frozenset(
    {
        "rbac.authorization.k8s.io", "policy", "certificates.k8s.io", "events.k8s.io",
        "authentication.k8s.io", "authorization.k8s.io",
    }
)  # fmt: skip
_FREE_KINDS = frozenset({"Binding", "Event", "IPAddress"})
"""What has names of its own kind, or any that can stand in a path."""


def name_findings(manifest: Manifest) -> Iterator[Finding]:
    """A name that is missing, or that no API server takes: no schema says so."""
    name = manifest.metadata.get("name")
    if not manifest.name and manifest.kind != "List":
        yield at_place("LP606", manifest, ("metadata",), "it has no name: set metadata.name")
    if not name or not isinstance(name, str) or "$" in name:  # Flux fills in variables later.
        return
    if manifest.group in _FREE_GROUPS or manifest.kind in _FREE_KINDS:
        fits, what = not re.search(r"[/%]|^\.{1,2}$", name), "have no '/' or '%'"
    else:
        fits = len(name) <= 253 and _SUBDOMAIN.fullmatch(name) is not None
        what = "consist of a-z, 0-9, '-' and '.', and begin and end with a letter or digit"
    if not fits:
        yield at_place("LP607", manifest, ("metadata", "name"), f"its name must {what}")


def _finding(manifest: Manifest, problem: Problem) -> Finding:
    return at_place(
        _RULES[problem.kind], manifest, problem.at, f"{dotted(problem.at)} {problem.text}"
    )


def kind_findings(manifest: Manifest, kinds: tuple[str, ...], *, whole: bool) -> Iterator[Finding]:
    """A kind that its group does not have.

    Of a group that is not known whole only what is all but the name of a known kind: a letter or
    two off, and not another word longer, as ApplicationSet is than Application.
    """
    wanted = f"{manifest.version}/{manifest.kind}"
    if not kinds or wanted in kinds or manifest.kind == "List":
        return
    near = kinds if whole else [kind for kind in kinds if abs(len(kind) - len(wanted)) <= 2]
    close = get_close_matches(wanted, near, n=1, cutoff=0.6 if whole else 0.9)
    if not whole and not close:
        return
    hint = f"; did you mean {close[0].replace('/', ' ')}?" if close else ""
    group = manifest.group or "the core group"
    yield at_place(
        "LP608",
        manifest,
        ("kind",),
        f"{group} has no {manifest.version} {manifest.kind} in this version{hint}",
    )


def ending_findings(
    manifest: Manifest, ending: Ending | None, kubernetes: tuple[int, int]
) -> Iterator[Finding]:
    """An API version that the target version of Kubernetes no longer serves, or soon will not."""
    if ending is None:
        return
    version = ".".join(map(str, kubernetes))
    instead = f": use {_named(ending.replacement)}" if ending.replacement else ""
    name = f"{manifest.api_version} {manifest.kind}"
    if ending.removed and kubernetes >= ending.removed:
        since = ".".join(map(str, ending.removed))
        text = f"{name} is not served by Kubernetes {version}, nor by any since {since}{instead}"
        yield at_place("LP608", manifest, ("apiVersion",), text)
    elif ending.deprecated and kubernetes >= ending.deprecated:
        last = ".".join(map(str, ending.removed)) if ending.removed else "a later version"
        text = f"{name} is deprecated and goes away in Kubernetes {last}{instead}"
        yield at_place("LP609", manifest, ("apiVersion",), text)


def _named(replacement: str | None) -> str:
    group, version, kind = (replacement or "//").split("/")
    return f"{group}/{version} {kind}".removeprefix("/")


def repeated_findings(manifests: tuple[Manifest, ...]) -> Iterator[Finding]:
    """Two manifests that would overwrite each other."""
    seen: dict[tuple[str, str, str, str], Manifest] = {}
    for manifest in manifests:
        if not manifest.metadata.get("name"):
            continue
        key = (manifest.group, manifest.kind, manifest.namespace, manifest.name)
        first = seen.setdefault(key, manifest)
        if first is not manifest:
            path, line = first.locate(())
            yield at_place(
                "LP610", manifest, (), f"{path}:{line} has the same object: keep one of them"
            )
