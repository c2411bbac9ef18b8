"""Bundles of manifests: what kustomizations build, and the files that are in none."""

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lockproof.adapters.git.tree import Tree
from lockproof.model.finding import Finding
from lockproof.model.manifest import At, Bundle, Manifest, Place
from lockproof.parse.kustomization import CHARTS, INCLUDES
from lockproof.parse.yaml_document import YamlDocument, nearest_line
from lockproof.rules.catalog import finding

from .found import Found, is_canary_checks, is_settings

if TYPE_CHECKING:
    from lockproof.adapters.kustomize.program import Kustomize
    from lockproof.steps.kustomize import Built, Trouble

_PACKAGE = ("meta.pkg.crossplane.io/", "meta.dev.upbound.io/")
"""The groups of what describes a package of Crossplane; no API server takes one."""
_MOST_ROOTS = 4
"""Kustomizations that a component is tried on."""


@dataclass
class Gathered:
    """All that is looked at."""

    bundles: list[Bundle] = field(default_factory=list)
    loose: Bundle = field(default_factory=lambda: Bundle("", ()))
    """Manifests in files that no kustomization reads."""
    beside: list[Manifest] = field(default_factory=list)
    """What is in Git as an object and nobody applies as it is: patches, descriptions of packages,
    canary checks, and what kustomizations take from elsewhere. It may hold secrets."""
    charts: list[Bundle] = field(default_factory=list)
    """What each chart makes that is rendered."""
    findings: list[Finding] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    brought: frozenset[str] = frozenset()
    """Kinds of which a package that the tree describes may bring some, by names of its own."""
    built: int = 0
    """Kustomizations, components included."""
    folders: frozenset[str] = frozenset()
    """Those of all kustomizations."""


def gather(tree: Tree, found: Found, say: Callable[[str], None]) -> Gathered:
    """Build every kustomization that is in no other, and take the other files as they are."""
    kustomize = _kustomize() if found.kinds else None
    gathered = Gathered(folders=frozenset(found.kinds))
    used = set(found.owned)
    unread = {finding.path for finding in found.findings}  # Told of already.
    built: list[tuple[str, Built]] = []
    # Those that include each other in a circle have no root to begin with.
    left = found if found.roots or found.components else _left_over(found, built)
    while left.roots or left.components:
        number = len(left.roots) + len(left.components)
        if kustomize:
            say(f"building {number} kustomization{'' if number == 1 else 's'}")
        built += _built(tree, left, found.roots, kustomize, say)
        left = _left_over(found, built) if kustomize else Found(found.paths)
    in_force = {place for _, made in built for place in made.in_force}
    for name, made in built:
        used |= made.used
        gathered.built += bool(made.manifests or made.troubles)
        gathered.not_checked += made.not_checked
        gathered.findings += [
            _trouble(made, trouble)
            for trouble in made.troubles
            if trouble.place[0] not in unread and not (trouble.idle and trouble.place in in_force)
        ]
        complete = not made.not_checked and not made.troubles
        gathered.bundles.append(Bundle(name, tuple(made.manifests), complete))
    if any(_describes_package(one.value) for some in found.documents.values() for one in some):
        gathered.brought = frozenset({"Function"})
    applied = {one.locate(()) for _, made in built for one in made.manifests}
    loose: list[Manifest] = []
    for path, documents in found.documents.items():
        own, others = documents, list[YamlDocument]()
        if path in found.owned:  # kustomize reads the first, and kubectl the others.
            own = documents[1:]
            gathered.beside += [_remote_entries(one, path) for one in documents[:1]]
        elif path in used:
            own, others = [], documents
        for document in own:
            into = loose if _is_applied(document.value, path) else gathered.beside
            into += _objects(document, path)
        patches = (one for document in others for one in _objects(document, path))
        gathered.beside += [one for one in patches if one.locate(()) not in applied]
    # What is said to be missing may be in a file that cannot be read.
    gathered.loose = Bundle("", tuple(loose), complete=unread | found.unread <= used)
    return gathered


def _kustomize() -> "Kustomize | None":
    from lockproof.adapters.kustomize.program import find_kustomize

    return find_kustomize()


def _left_over(found: Found, built: list[tuple[str, "Built"]]) -> Found:
    """The kustomizations that are part of no build that was made or refused.

    Those that include each other have no root, and one that is included where nothing can be
    built has not been looked at.
    """
    tried = {posixpath.dirname(made.root) or "." for _, made in built}
    seen = {path for _, made in built if made.manifests or made.troubles for path in made.used}
    tried |= {posixpath.dirname(path) or "." for path in found.owned & seen}
    left = Found(found.paths, documents=found.documents, kinds=found.kinds)
    left.tell_apart(folder for folder in found.kinds if folder not in tried)
    return left


def _built(
    tree: Tree,
    found: Found,
    roots: list[str],
    kustomize: "Kustomize | None",
    say: Callable[[str], None],
) -> Iterator[tuple[str, "Built"]]:
    """What the roots make, and each component that nothing includes on the root it fits best."""
    # Here, since many trees have no kustomization.
    from lockproof.steps.kustomize import Target, build, documents_of, kustomization_in

    documents = documents_of(tree, found.documents)
    targets = [Target(root) for root in found.roots]
    yield from zip(found.roots, build(kustomize, tree, targets, documents, say), strict=True)
    best: dict[str, tuple[str, Built]] = {}
    left = found.components
    for root in roots[:_MOST_ROOTS] or [""]:
        targets = [Target(root, (folder,)) if root else Target(folder) for folder in left]
        builds = build(kustomize, tree, targets, documents, say) if targets else []
        for folder, made in zip(left, builds, strict=True):
            made.root = kustomization_in(tree, folder) or made.root
            if folder not in best or _misfit(made) < _misfit(best[folder][1]):
                best[folder] = (f"{folder} on {root}" if root else folder), made
        # What fits this one fits no other better.
        left = [folder for folder in left if best[folder][1].troubles]
    yield from best.values()


def _misfit(made: "Built") -> tuple[int, bool]:
    """How little a component fits a root; of two that it fits as little, a refusal is told."""
    return len(made.troubles), all(trouble.idle for trouble in made.troubles)


def _trouble(made: "Built", trouble: "Trouble") -> Finding:
    path, line = trouble.place
    return finding(
        "LP603" if trouble.idle else "LP602",
        f"{made.root} {trouble.text}",
        f"{path}: {trouble.text}",
        path=path,
        line=line,
    )


def _describes_package(value: Any) -> bool:
    return isinstance(value, dict) and str(value.get("apiVersion")).startswith(_PACKAGE)


def _is_applied(value: Any, path: str) -> bool:
    """Whether a cluster would get it: not what the family `canary` or a packer reads."""
    return not (is_canary_checks(value) or _describes_package(value) or is_settings(value, path))


def _remote_entries(document: YamlDocument, path: str) -> Manifest:
    """The addresses that a kustomization names, which may hold a password."""
    stated = document.value if isinstance(document.value, dict) else {}
    value = {key: stated[key] for key in (*INCLUDES, *CHARTS) if key in stated}
    value |= {"kind": "Kustomization", "metadata": {"name": posixpath.dirname(path) or "."}}
    return Manifest(value, _Lines(document, path, ()))


def _objects(document: YamlDocument, path: str) -> Iterator[Manifest]:
    value = document.value
    if isinstance(value, dict) and "apiVersion" in value and "kind" in value:
        yield from _listed(document, path, value, ())


def _listed(document: YamlDocument, path: str, value: Any, at: At) -> Iterator[Manifest]:
    """An object, or those of a list, which may hold lists: kustomize takes these apart as well."""
    items = value.get("items")
    # Also a RoleList and the like, which kubectl takes by their items.
    if str(value.get("kind")).endswith("List") and isinstance(items, list):
        for number, item in enumerate(items):
            if isinstance(item, dict):
                yield from _listed(document, path, item, (*at, "items", number))
        return
    yield Manifest(value, _Lines(document, path, at))


@dataclass(frozen=True)
class _Lines:
    """Finds the line of a field in a document, or that of what is around it."""

    document: YamlDocument
    path: str
    above: At

    def __call__(self, at: At) -> Place:
        return self.path, nearest_line(self.document, (*self.above, *at))
