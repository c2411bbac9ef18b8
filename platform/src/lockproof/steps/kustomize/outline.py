"""What a kustomization is made from: its files, and which documents it takes in under which names.

Kustomize decides what comes of it. The outline says what to hand to kustomize, where a resource
was written, and why a build may have failed.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from lockproof.adapters.git.tree import Tree
from lockproof.model.address import without_credentials
from lockproof.model.manifest import At, Place
from lockproof.parse.kustomization import (
    CHARTS,
    FILE_NAMES,
    INCLUDES,
    PLUGINS,
    Kustomization,
    escaping_paths,
    is_remote,
    join,
    misspelt_fields,
    named_paths,
)
from lockproof.parse.yaml_document import ParseError, YamlDocument, read_yaml

from .source import Outline, Source, Trouble, generated, rename, taken, twice

_DEEPEST = 24
_MOST = 20_000
"""Entries of one build, counted as often as they are included."""
_REPOSITORY, _ABOVE = "repository", "above"
"""Where a tree lies that something is put on top of, and what is put there."""


Documents = Callable[[str], list[YamlDocument] | None]
"""The documents of a file; None where there is none.

Raises:
    ParseError: it is no YAML.
"""


def documents_of(
    tree: Tree, read_already: Mapping[str, list[YamlDocument]] | None = None
) -> Documents:
    """The documents of a tree's files, each file read once."""
    known: dict[str, list[YamlDocument] | ParseError | None] = dict(read_already or {})

    def read(path: str) -> list[YamlDocument] | None:
        if path not in known:
            content = tree.read(path)
            try:
                known[path] = None if content is None else read_yaml(content, path, many=True)
            except ParseError as error:  # To find that out may have taken long.
                known[path] = error
        found = known[path]
        if isinstance(found, ParseError):
            raise found
        return found

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
    for component in components:
        walk.layer(component, walk.found.sources, (), (path, None))
    walk.hand_rest()
    walk.see_that_none_leads_out()
    if walk.count > _MOST:
        walk.found.not_checked.append(f"{path}: has more than {_MOST} entries")
    walk.found.troubles += twice(walk.found.sources)
    if components:
        _put_on_top(walk.found, components)
    return walk.found


def _put_on_top(found: Outline, components: tuple[str, ...]) -> None:
    """A kustomization around the two, since a component has nothing to work on by itself."""
    value = {
        "resources": [f"../{_REPOSITORY}/{found.folder}"],
        "components": [f"../{_REPOSITORY}/{component}" for component in components],
    }
    found.files = {f"{_REPOSITORY}/{name}": content for name, content in found.files.items()}
    found.files[f"{_ABOVE}/{FILE_NAMES[0]}"] = json.dumps(value).encode()
    found.folder = _ABOVE


def in_tree(text: str, found: Outline) -> str:
    """A message with paths as they are in the tree, whatever was put on top of it."""
    return text.replace(f"{_REPOSITORY}/", "") if found.folder == _ABOVE else text


class _Walk:
    def __init__(self, tree: Tree, documents: Documents, found: Outline) -> None:
        self.tree, self.documents, self.found = tree, documents, found
        self.handed: set[str] = set()
        self.count = 0
        self.waiting: list[Kustomization] = []

    def trouble(self, place: Place, text: str) -> None:
        self.found.troubles.append(Trouble(place, text))

    def skip(self, place: Place, text: str) -> None:
        self.found.not_checked.append(f"{place[0]}:{place[1]}: {text}")

    def layer(self, folder: str, into: list[Source], above: tuple[str, ...], by: Place) -> None:
        """Add what a kustomization takes in to the sources so far."""
        path = kustomization_in(self.tree, folder)
        if path is None:
            self.trouble(by, f"{folder} has no kustomization.yaml")
            return
        self.found.used.add(path)
        self._hand_whole(path)
        read = self._read(path, (path, None))
        if not read:
            return
        layer = Kustomization(folder, path, read[0])  # Of several, kustomize reads the first.
        self.found.layers.append(layer)
        self._hand(layer)
        own = into if layer.is_component else []
        for entry, at in layer.texts("resources", "bases"):
            self._resource(layer, entry, at, own, (*above, folder))
        own += generated(layer)
        for entry, at in layer.texts("components"):
            self._folder(layer, entry, at, own, (*above, folder))
        for entry, at in layer.reads():
            self._reads(layer, entry, at, documents=True)
        for entry, at in layer.generator_files():
            self._reads(layer, entry, at, documents=False)
        self._old_patches(layer)
        for source in own:
            source.layers.append(layer)
            rename(source, layer)
        if not layer.is_component:
            into += own

    def _old_patches(self, layer: Kustomization) -> None:
        """Texts in `patches`: kustomize 5 refuses them, and their files are no manifests."""
        for text, _ in layer.texts("patches"):
            path = join(layer.folder, text)
            if path and self._counted(path) and self.tree.read(path) is not None:
                self.found.used.add(path)

    def _read(self, path: str, by: Place) -> list[YamlDocument] | None:
        try:
            read = self.documents(path)
        except ParseError as error:
            # What is refused here for its size would take kustomize as long as it likes.
            self.found.barred.append(Trouble((path, error.line), error.reason))
            return None
        if read is None:
            self.trouble(by, f"there is no file {path}")
            return None
        return [document for document in read if document.value is not None]

    def _resource(
        self, layer: Kustomization, entry: str, at: At, into: list[Source], above: tuple[str, ...]
    ) -> None:
        path = join(layer.folder, entry)
        if path is None or self._is_remote(path, entry) or self.tree.is_folder(path):
            self._folder(layer, entry, at, into, above)
        elif self._counted(path):
            self.found.used.add(path)
            for document in self._read(path, layer.place(*at)) or ():
                into += taken(layer, document, path)

    def _folder(
        self, layer: Kustomization, entry: str, at: At, into: list[Source], above: tuple[str, ...]
    ) -> None:
        path = join(layer.folder, entry)
        place = layer.place(*at)
        if path is None or self._is_remote(path, entry):
            if is_remote(entry):
                self.skip(place, f"{without_credentials(entry)} is remote and not fetched")
            else:
                self.trouble(place, f"{entry} leads out of the repository")
        elif path in above or len(above) > _DEEPEST:
            self.trouble(place, f"{entry} leads back to a kustomization that includes this one")
        elif self._counted(path):
            self.layer(path, into, above, place)

    def _is_remote(self, path: str, entry: str) -> bool:
        """Whether kustomize would fetch an entry: it tries files and folders first."""
        there = self.tree.read(path) is not None or self.tree.is_folder(path)
        return is_remote(entry) and not there

    def _counted(self, path: str) -> bool:
        """Whether one more may be looked at; kustomize would follow a link to it."""
        self.count += 1
        if self.tree.has_link(path):
            self.found.linked.append(path)
        return self.count <= _MOST

    def _reads(self, layer: Kustomization, entry: str, at: At, *, documents: bool) -> None:
        path = join(layer.folder, entry)
        place = layer.place(*at)
        if path is None:
            self.trouble(place, f"{entry} leads out of the repository")
        elif not self._counted(path):
            return
        elif self.tree.read(path) is None:
            if not self.tree.is_folder(path) and not is_remote(entry):
                self.trouble(place, f"there is no file {path}")
        elif documents:  # The content of a ConfigMap may be a manifest as well.
            self.found.used.add(path)
            self._read(path, place)

    def see_that_none_leads_out(self) -> None:
        """Bar a build in which kustomize would find a way out of the tree, or read otherwise.

        It loads folders wherever `..` leads, and only files from its own: so no text of any
        kustomization, whatever its field, may be a path that leads out.
        """
        for path in self.found.files:
            folder, _, name = path.rpartition("/")
            if name not in FILE_NAMES:
                continue
            for document in self._read(path, (path, None)) or ():
                layer = Kustomization(folder, path, document)
                for text, at in escaping_paths(document.value, folder):
                    said = f"{text} leads out of the repository"
                    self.found.barred.append(Trouble(layer.place(*at), said))
                for key, field in misspelt_fields(document.value):
                    said = f"'{key}' is read as {field} by kustomize alone: write {field}"
                    self.found.barred.append(Trouble(layer.place(key), said))

    def hand_rest(self) -> None:
        """Hand over the kustomizations that others name without including them."""
        while self.waiting:
            self._hand(self.waiting.pop())

    def _hand(self, layer: Kustomization) -> None:
        """Hand a kustomization over, with every file that a text in it names."""
        if layer.path in self.handed:
            return
        self.handed.add(layer.path)
        self._hand_whole(layer.path)
        left = self._without_outside(layer)
        if left is not None:
            self.found.files[layer.path] = json.dumps(left).encode()
        for key in CHARTS:
            if key in layer.value:
                self.skip(layer.place(key), f"{key}: charts are not rendered")
        plugins = [entry for entry, _ in layer.texts(*PLUGINS)]
        for text in plugins:
            if "\n" in text:
                self._hand_plugin(layer.folder, text)
        for entry in set(named_paths(layer.value)):
            self._hand_file(layer.folder, entry, with_paths=entry in plugins)

    def _hand_whole(self, path: str) -> None:
        """Hand over a kustomization file, and others beside it: of two kustomize has its say."""
        folder = path.rpartition("/")[0]
        for name in FILE_NAMES:
            beside = join(folder, name)
            if beside and (content := self.tree.read(beside)) is not None:
                self.found.files.setdefault(beside, content)
                self._counted(beside)

    def _hand_plugin(self, folder: str, text: str) -> None:
        try:
            read = read_yaml(text.encode(), "a plugin", many=True)
        except ParseError:
            return
        for document in read:
            for entry in set(named_paths({"plugin": document.value})):
                self._hand_file(folder, entry, with_paths=False)

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
                    inner_path = join(folder, inner_entry)
                    if inner_path in self.found.files:
                        self.found.used.add(inner_path)

    def _quietly(self, path: str) -> list[YamlDocument] | None:
        try:
            return self.documents(path)
        except ParseError:
            return None

    def _without_outside(self, layer: Kustomization) -> dict[str, Any] | None:
        """A kustomization less what is fetched from elsewhere; None where it needs nothing."""
        left = {key: value for key, value in layer.value.items() if key not in CHARTS}
        for key in INCLUDES:
            entries = left.get(key)
            if isinstance(entries, list):
                left[key] = [one for one in entries if not self._is_outside(layer.folder, one)]
        return left if left != layer.value else None

    def _is_outside(self, folder: str, entry: Any) -> bool:
        path = join(folder, entry) if isinstance(entry, str) else ""
        return path != "" and is_remote(entry) and (path is None or self._is_remote(path, entry))
