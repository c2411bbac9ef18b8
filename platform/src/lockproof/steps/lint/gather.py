"""Bundles of manifests: what kustomizations build, and the files that are in none."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lockproof.adapters.git.tree import Tree
from lockproof.model.finding import Finding
from lockproof.model.manifest import At, Bundle, Manifest, Place
from lockproof.parse.yaml_document import YamlDocument
from lockproof.rules.catalog import finding

from .found import Found
from .kustomize import Built, build
from .kustomize.patching import Find
from .kustomize.resource import Resource


@dataclass
class Gathered:
    """All that is looked at."""

    bundles: list[Bundle] = field(default_factory=list)
    loose: Bundle = field(default_factory=lambda: Bundle("", ()))
    """Manifests in files that no kustomization reads."""
    findings: list[Finding] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    built: int = 0
    """Kustomizations, components included."""


def gather(tree: Tree, found: Found, schema: Find) -> Gathered:
    """Build every kustomization that is in no other, and take the other files as they are."""
    gathered = Gathered()
    used = set(found.owned)
    unread = {finding.path for finding in found.findings}  # Told of already.
    names: dict[str, Built] = {}
    for folder in found.roots:
        names[folder] = build(tree, folder, schema)
    for folder in found.components:
        name, made = _component(tree, folder, found.roots, schema)
        names[name] = made
    for name, made in names.items():
        used |= made.used
        gathered.built += 1
        gathered.not_checked += made.not_checked
        gathered.findings += [
            _trouble(made, trouble) for trouble in made.troubles if trouble.mark[0] not in unread
        ]
        manifests = tuple(_resource(resource) for resource in made.resources)
        complete = not made.not_checked and not made.troubles
        gathered.bundles.append(Bundle(name, manifests, complete))
    loose = [
        manifest
        for path, documents in found.documents.items()
        if path not in used
        for document in documents
        for manifest in _documents(document, path)
    ]
    gathered.loose = Bundle("", tuple(loose))
    return gathered


def _component(tree: Tree, folder: str, roots: list[str], schema: Find) -> tuple[str, Built]:
    """A component that nothing includes, on top of the kustomization that it fits best."""
    best: tuple[str, Built] | None = None
    for root in roots or [None]:  # type: ignore[list-item]
        made = build(tree, root or folder, schema, components=(folder,) if root else ())
        if best is None or len(made.troubles) < len(best[1].troubles):
            best = (f"{folder} on {root}" if root else folder, made)
        if not made.troubles:
            break
    assert best is not None
    return best


def _trouble(made: Built, trouble: Any) -> Finding:
    path, line = trouble.mark
    return finding(
        "LP603" if trouble.idle else "LP602",
        f"{made.root} {trouble.text}",
        f"{path}: {trouble.text}",
        path=path,
        line=line,
    )


def _resource(resource: Resource) -> Manifest:
    return Manifest(resource.value, resource.place)


def _documents(document: YamlDocument, path: str) -> Iterator[Manifest]:
    value = document.value
    if not isinstance(value, dict) or "apiVersion" not in value or "kind" not in value:
        return
    items = value.get("items")
    if value["kind"] == "List" and isinstance(items, list):
        for number, item in enumerate(items):
            if isinstance(item, dict):
                yield Manifest(item, _Lines(document, path, ("items", number)))
        return
    yield Manifest(value, _Lines(document, path, ()))


@dataclass(frozen=True)
class _Lines:
    """Finds the line of a field in a document, or that of what is around it."""

    document: YamlDocument
    path: str
    above: At

    def __call__(self, at: At) -> Place:
        keys = (*self.above, *at)
        for length in range(len(keys), -1, -1):
            line = self.document.line(*keys[:length])
            if line is not None:
                return self.path, line
        return self.path, None
