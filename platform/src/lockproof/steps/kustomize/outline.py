"""What a kustomization is made from: its files, and which documents it takes in under which names.

Kustomize decides what comes of it. The outline says what to hand to kustomize, where a resource
was written, and why a build may have failed.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from lockproof.adapters.git.tree import Tree
from lockproof.model.manifest import At, Place
from lockproof.parse.kustomization import (
    CHARTS,
    FILE_NAMES,
    INCLUDES,
    PLUGINS,
    Kustomization,
    is_remote,
    join,
    named_paths,
)
from lockproof.parse.yaml_document import ParseError, YamlDocument, read_yaml

from .source import Outline, Source, Trouble, generated, rename, taken, twice

_DEEPEST = 24
_MOST = 2000
"""Kustomizations of one build, counted as often as they are included."""


Documents = Callable[[str], list[YamlDocument] | None]
"""The documents of a file; None where there is none.

Raises:
    ParseError: it is no YAML.
"""


def documents_of(
    tree: Tree, read_already: Mapping[str, list[YamlDocument]] | None = None
) -> Documents:
    """The documents of a tree's files, each file read once."""
    known: dict[str, list[YamlDocument] | None] = dict(read_already or {})

    def read(path: str) -> list[YamlDocument] | None:
        if path not in known:
            content = tree.read(path)
            known[path] = None if content is None else read_yaml(content, path, many=True)
        return known[path]

    return read


def kustomization_in(tree: Tree, folder: str) -> str | None:
    """The kustomization file of a folder."""
    for name in FILE_NAMES:
        path = join(folder, name)
        if path and tree.read(path) is not None:
            return path
    return None


def outline(
    tree: Tree, documents: Documents, folder: str, components: tuple[str, ...] = ()
) -> Outline:
    """Follow what a kustomization includes, and the components of other folders on top of it."""
    path = kustomization_in(tree, folder) or join(folder, FILE_NAMES[0]) or FILE_NAMES[0]
    walk = _Walk(tree, documents, Outline(path, folder))
    walk.layer(folder, walk.found.sources, (), (path, None))
    if components:
        # A kustomization of ours around the two: a component has nothing to work on by itself.
        above = "lockproof-component"
        walk.found.folder = above
        value = {"resources": [f"../{folder}"], "components": [f"../{c}" for c in components]}
        walk.found.files[f"{above}/{FILE_NAMES[0]}"] = json.dumps(value).encode()
        for component in components:
            walk.layer(component, walk.found.sources, (), (path, None))
    walk.hand_rest()
    if walk.count > _MOST:
        walk.found.not_checked.append(f"{path}: includes more than {_MOST} kustomizations")
    walk.found.troubles += twice(walk.found.sources)
    return walk.found


class _Walk:
    def __init__(self, tree: Tree, documents: Documents, found: Outline) -> None:
        self.tree, self.documents, self.found = tree, documents, found
        self.handed: set[str] = set()
        self.count = 0
        self.waiting: list[Kustomization] = []

    def trouble(self, place: Place, text: str) -> None:
        self.found.troubles.append(Trouble(place, text))

    def layer(self, folder: str, into: list[Source], above: tuple[str, ...], by: Place) -> None:
        """Add what a kustomization takes in to the sources so far."""
        self.count += 1
        if self.count > _MOST:
            return
        path = kustomization_in(self.tree, folder)
        if path is None:
            self.trouble(by, f"{folder} has no kustomization.yaml")
            return
        self.found.used.add(path)
        read = self._read(path, (path, None))
        if read is None:
            self.found.files.setdefault(path, self.tree.read(path) or b"")
            return
        if len(read) != 1 or not isinstance(read[0].value, dict):
            self.trouble((path, 1), "a kustomization is one mapping")
            return
        layer = Kustomization(folder, path, read[0])
        self.found.layers.append(layer)
        self._hand(layer)
        own = into if layer.is_component else []
        for entry, at in layer.texts("resources", "bases"):
            self._resource(layer, entry, at, own, (*above, folder))
        own += generated(layer)
        for entry, at in layer.texts("components"):
            self._folder(layer, entry, at, own, (*above, folder))
        for entry, at in layer.reads():
            self._reads(layer, entry, at)
        for source in own:
            source.layers.append(layer)
            rename(source, layer)
        if not layer.is_component:
            into += own

    def _read(self, path: str, by: Place) -> list[YamlDocument] | None:
        try:
            read = self.documents(path)
        except ParseError as error:
            text = str(error).removeprefix(path).removeprefix(f", line {error.line}")
            self.trouble((path, error.line), text.removeprefix(": "))
            return None
        if read is None:
            self.trouble(by, f"there is no file {path}")
            return None
        return [document for document in read if document.value is not None]

    def _resource(
        self, layer: Kustomization, entry: str, at: At, into: list[Source], above: tuple[str, ...]
    ) -> None:
        path = join(layer.folder, entry)
        place = layer.place(*at)
        if is_remote(entry):
            self.found.not_checked.append(
                f"{place[0]}:{place[1]}: {entry} is remote and not fetched"
            )
        elif path is None:
            self.trouble(place, f"{entry} leads out of the repository")
        elif self.tree.is_folder(path):
            self._folder(layer, entry, at, into, above)
        else:
            self.found.used.add(path)
            for document in self._read(path, place) or ():
                into += taken(layer, document, path)

    def _folder(
        self, layer: Kustomization, entry: str, at: At, into: list[Source], above: tuple[str, ...]
    ) -> None:
        path = join(layer.folder, entry)
        place = layer.place(*at)
        if is_remote(entry):
            self.found.not_checked.append(
                f"{place[0]}:{place[1]}: {entry} is remote and not fetched"
            )
        elif path is None:
            self.trouble(place, f"{entry} leads out of the repository")
        elif path in above or len(above) > _DEEPEST:
            self.trouble(place, f"{entry} leads back to a kustomization that includes this one")
        else:
            self.layer(path, into, above, place)

    def _reads(self, layer: Kustomization, entry: str, at: At) -> None:
        path = join(layer.folder, entry)
        if path is None:
            self.trouble(layer.place(*at), f"{entry} leads out of the repository")
        elif self.tree.read(path) is not None:
            self.found.used.add(path)
        elif not self.tree.is_folder(path) and not is_remote(entry):
            self.trouble(layer.place(*at), f"there is no file {path}")

    def hand_rest(self) -> None:
        """Hand over the kustomizations that others name without including them."""
        while self.waiting:
            self._hand(self.waiting.pop())

    def _hand(self, layer: Kustomization) -> None:
        """Hand a kustomization over, with every file that a text in it names."""
        if layer.path in self.handed:
            return
        self.handed.add(layer.path)
        for name in FILE_NAMES:  # Of two in one folder kustomize has something to say.
            other = join(layer.folder, name)
            if other and (beside := self.tree.read(other)) is not None:
                self.found.files[other] = beside
        left = _without_outside(layer)
        if left is not None:
            self.found.files[layer.path] = json.dumps(left).encode()
        for key in CHARTS:
            if key in layer.value:
                place = layer.place(key)
                text = f"{place[0]}:{place[1]}: {key}: charts are not rendered"
                self.found.not_checked.append(text)
        plugins = [entry for entry, _ in layer.texts(*PLUGINS)]
        for entry in set(named_paths(layer.value)):
            self._hand_file(layer.folder, entry, with_paths=entry in plugins)

    def _hand_file(self, folder: str, entry: str, *, with_paths: bool) -> None:
        path = join(folder, entry)
        if path is None or path in self.found.files:
            return
        content = self.tree.read(path)
        if content is None:
            inner = kustomization_in(self.tree, path) if self.tree.is_folder(path) else None
            read = self._quietly(inner) if inner else None
            if inner and read:
                self.waiting.append(Kustomization(path, inner, read[0]))
            return
        self.found.files[path] = content
        if with_paths:
            # A transformer's own files are named in it, and lie beside the kustomization.
            for document in self._quietly(path) or ():
                for inner_entry in set(named_paths({"plugin": document.value})):
                    self._hand_file(folder, inner_entry, with_paths=False)

    def _quietly(self, path: str) -> list[YamlDocument] | None:
        try:
            return self.documents(path)
        except ParseError:
            return None


def _without_outside(layer: Kustomization) -> dict[str, Any] | None:
    """A kustomization less what is fetched from elsewhere; None where it needs nothing."""
    left = {key: value for key, value in layer.value.items() if key not in CHARTS}
    for key in INCLUDES:
        entries = left.get(key)
        if isinstance(entries, list):
            left[key] = [one for one in entries if not (isinstance(one, str) and is_remote(one))]
    return left if left != layer.value else None
