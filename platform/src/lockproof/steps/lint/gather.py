"""Bundles of manifests: what kustomizations build, and the files that are in none."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lockproof.adapters.git.tree import Tree
from lockproof.adapters.kustomize.program import Kustomize
from lockproof.model.finding import Finding
from lockproof.model.manifest import At, Bundle, Manifest, Place
from lockproof.parse.yaml_document import YamlDocument
from lockproof.rules.catalog import finding
from lockproof.steps.kustomize import Built, Target, Trouble, build, documents_of

from .found import Found


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


def gather(
    tree: Tree, found: Found, kustomize: Kustomize | None, say: Callable[[str], None]
) -> Gathered:
    """Build every kustomization that is in no other, and take the other files as they are.

    Raises:
        UsageError: kustomize cannot be started, or the temporary folder cannot be written.
    """
    gathered = Gathered()
    used = set(found.owned)
    unread = {finding.path for finding in found.findings}  # Told of already.
    number = len(found.roots) + len(found.components)
    if kustomize and number:
        say(f"building {number} kustomization{'' if number == 1 else 's'}")
    for name, made in _built(tree, found, kustomize):
        used |= made.used
        gathered.built += bool(made.manifests or made.troubles)
        gathered.not_checked += made.not_checked
        gathered.findings += [
            _trouble(made, trouble) for trouble in made.troubles if trouble.place[0] not in unread
        ]
        complete = not made.not_checked and not made.troubles
        gathered.bundles.append(Bundle(name, tuple(made.manifests), complete))
    loose = [
        manifest
        for path, documents in found.documents.items()
        if path not in used
        for document in documents
        for manifest in _documents(document, path)
    ]
    gathered.loose = Bundle("", tuple(loose))
    return gathered


def _built(tree: Tree, found: Found, kustomize: Kustomize | None) -> Iterator[tuple[str, Built]]:
    """What the roots make, and each component that nothing includes on the root it fits best."""
    documents = documents_of(tree, found.documents)
    roots = found.roots
    yield from zip(
        roots, build(kustomize, tree, [Target(root) for root in roots], documents), strict=True
    )
    for folder in found.components:
        best: tuple[str, Built] | None = None
        for root in roots or [""]:
            target = Target(root, (folder,)) if root else Target(folder)
            (made,) = build(kustomize, tree, [target], documents)
            if best is None or len(made.troubles) < len(best[1].troubles):
                best = (f"{folder} on {root}" if root else folder), made
            if not made.troubles:
                break
        if best:
            yield best


def _trouble(made: Built, trouble: Trouble) -> Finding:
    path, line = trouble.place
    return finding(
        "LP603" if trouble.idle else "LP602",
        f"{made.root} {trouble.text}",
        f"{path}: {trouble.text}",
        path=path,
        line=line,
    )


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
