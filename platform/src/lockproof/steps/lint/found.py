"""The files of a tree, told apart: kustomizations, manifests, rule tests, dashboards."""

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lockproof.adapters.git.tree import Tree, excluded
from lockproof.model.finding import Finding
from lockproof.parse.helm_parts import is_helm_part
from lockproof.parse.json_stream import read_json
from lockproof.parse.kustomization import (
    FILE_NAMES,
    INCLUDES,
    is_kustomization,
    is_remote,
    join,
    patches_in_comments,
)
from lockproof.parse.plain_scalars import AS_READ
from lockproof.parse.yaml_document import ParseError, YamlDocument, read_yaml
from lockproof.rules.catalog import finding

_YAML = (".yaml", ".yml")
_MARK = (b"apiVersion", b"kind")
_OWN = "lockproof.dev/"
_OF_KUBECTL = ("has a tag that is not allowed", AS_READ)
"""What is said of files that others may read otherwise: mkdocs.yml has tags of its own."""


@dataclass
class Found:
    """What the paths hold."""

    paths: tuple[str, ...]
    """Files and folders, from the tree's root."""
    documents: dict[str, list[YamlDocument]] = field(default_factory=dict)
    """File -> documents, for every file of YAML, and of objects in JSON, that could be read."""
    roots: list[str] = field(default_factory=list)
    """Folders of kustomizations that no other one includes."""
    components: list[str] = field(default_factory=list)
    """Folders of components that no kustomization includes."""
    owned: set[str] = field(default_factory=set)
    """Kustomization files."""
    kinds: dict[str, str] = field(default_factory=dict)
    """Folder -> kind of the kustomization in it."""
    switched_off: dict[str, str] = field(default_factory=dict)
    """Files that may be patches, and the kustomization beside or above that names them in a
    comment alone."""
    dashboards: list[str] = field(default_factory=list)
    """JSON files."""
    findings: list[Finding] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    """Files that may hold objects, and are told of in `not_checked`."""

    @property
    def checks(self) -> list[str]:
        """The files that are checks of a canary, right or wrong."""
        return [
            path
            for path, documents in self.documents.items()
            if any(is_canary_checks(document.value) for document in documents)
        ]

    def tell_apart(self, folders: Iterable[str]) -> None:
        """Make these the roots and components that nothing includes."""
        chosen = sorted(folders)  # Trees list theirs in orders of their own.
        self.roots = [one for one in chosen if self.kinds[one] != "Component"]
        self.components = [one for one in chosen if self.kinds[one] == "Component"]


def is_canary_checks(value: Any) -> bool:
    """Whether a document says of itself that it is a file of checks, right or wrong."""
    if not isinstance(value, dict) or value.get("kind") != "CanaryChecks":
        return False
    return str(value.get("apiVersion", _OWN)).startswith(_OWN)


def find(tree: Tree, paths: Iterable[str], exclude: tuple[str, ...]) -> Found:
    """Look through files and folders."""
    found = Found(tuple(paths))
    templates: set[str] = set()
    for path in _files(tree, found.paths):
        folder, _, name = path.rpartition("/")
        if name == "Chart.yaml":
            templates.add(f"{folder}/" if folder else "")
        if excluded(path, exclude):
            continue
        if name.endswith(".json"):
            found.dashboards.append(path)
        elif name.endswith(_YAML) or name in FILE_NAMES:
            _read(tree, path, found)
    closed = (path for path in sorted(tree.unlisted) if not excluded(f"{path}/", exclude))
    found.not_checked += [
        f"{path}: cannot be listed: mend its mode, or add '{path}/*' to [lint] exclude"
        for path in closed
    ]
    for folder in sorted(templates):
        _drop_chart(found, folder)
    of_charts = tuple(part for folder in templates for part in _rendered(folder))
    found.unread = {path for path in found.unread if not path.startswith(of_charts)}
    found.not_checked += [
        f"{path}: is a template of Helm's, which is not rendered" for path in sorted(found.unread)
    ]
    for path in found.dashboards:
        if not path.startswith(of_charts):
            _read_json(tree, path, found)
    _kustomizations(tree, found)
    return found


def _files(tree: Tree, paths: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for path in paths:
        for name in tree.walk(path):
            name = posixpath.normpath(name)
            if name not in seen:
                seen.add(name)
                yield name


def _read(tree: Tree, path: str, found: Found) -> None:
    content = tree.read(path)
    if content is None:
        found.not_checked.append(f"{path}: cannot be read as a file of this repository")
        return
    try:
        found.documents[path] = read_yaml(content, path, many=True)
    except ParseError as error:
        own = path.rpartition("/")[2] not in FILE_NAMES
        marked = all(mark in content for mark in _MARK)
        # A chart's template, or another tool's file with tags or words of its own.
        foreign = "/templates/" in f"/{path}" or any(said in error.reason for said in _OF_KUBECTL)
        if own and foreign and not marked:
            return
        if own and is_helm_part(content):
            found.unread.add(path)
            return
        found.findings.append(unreadable(path, error))


def _read_json(tree: Tree, path: str, found: Found) -> None:
    """An object in JSON, which kubectl takes as well; most other files of it are no objects."""
    content = tree.read(path)
    if content is None or not all(b'"%b"' % mark in content for mark in _MARK):
        return
    try:
        documents = _json_documents(content, path)
    except ParseError as error:
        found.unread.add(path)
        found.not_checked.append(
            f"{path}: may hold an object, and {error.reason}: "
            f"mend it, or add '{path}' to [lint] exclude"
        )
        return
    if any(_is_object(one.value) for one in documents):
        found.documents[path] = documents


def _json_documents(content: bytes, path: str) -> list[YamlDocument]:
    """Those of a file with an object: from YAML, which has the lines, where it is YAML as well."""
    try:
        stream = read_json(content, path)
    except ParseError as error:
        try:
            return read_yaml(content, path, many=True)  # As kubectl does then.
        except ParseError:
            raise error from None
    if not any(_is_object(value) for value in stream.values):
        return []
    try:
        return read_yaml(content, path, many=True)
    except ParseError:
        return stream.documents()


def _is_object(value: Any) -> bool:
    """Of an API server, or a list of such: a program's own settings have no metadata."""
    return (
        isinstance(value, dict)
        and value.keys() >= {"apiVersion", "kind"}
        and not {"metadata", "items"}.isdisjoint(value)
    )


def unreadable(path: str, error: ParseError) -> Finding:
    """The finding on a file that is no YAML."""
    return finding("LP601", path, f"{path}: {error.reason}", path=path, line=error.line)


def _rendered(folder: str) -> tuple[str, ...]:
    return tuple(f"{folder}{name}/" for name in ("templates", "files"))


def _drop_chart(found: Found, folder: str) -> None:
    """A chart's templates, and the files that they take in, are no manifests until rendered."""
    parts = _rendered(folder)
    for path in [path for path in found.documents if path.startswith(parts)]:
        del found.documents[path]
    found.findings = [one for one in found.findings if not (one.path or "").startswith(parts)]
    found.not_checked.append(f"{folder}templates: charts are not rendered")


def _kustomizations(tree: Tree, found: Found) -> None:
    included: set[str] = set()
    for path, documents in found.documents.items():
        folder, _, name = path.rpartition("/")
        # Of several documents kustomize reads the first.
        value = documents[0].value if documents else None
        if name not in FILE_NAMES or not is_kustomization(value):
            continue
        found.owned.add(path)
        for name in patches_in_comments(tree.read(path) or b""):
            patch = join(folder, name)
            if patch and patch.startswith(f"{folder}/" if folder else ""):
                found.switched_off[patch] = path
        stated = value if isinstance(value, dict) else {}
        found.kinds[folder or "."] = str(stated.get("kind") or "Kustomization")
        for key in INCLUDES:
            for entry in _texts(stated.get(key)):
                target = None if is_remote(entry) else join(folder, entry)
                if target:
                    included.add(target)
    found.tell_apart(folder for folder in found.kinds if folder not in included)


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
