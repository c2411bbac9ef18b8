"""The build of a kustomization: layer by layer, in kustomize's order."""

from typing import Any

from .backrefs import follow_names
from .generate import GeneratorError, combine, generate, name_hash
from .layer import FILE_NAMES, KNOWN, NOT_FOLLOWED, Layer, Settings, is_remote, join
from .layering import transform
from .marks import Map, Mark, Seq
from .patching import Find
from .reader import Built, Files, Reader, kustomization_in
from .resource import Resource

_DEEPEST = 24
_MOST = 5000
"""Resources of one build."""


def build(files: Files, folder: str, find: Find, components: tuple[str, ...] = ()) -> Built:
    """Build the kustomization in a folder, and the components of other folders on top of it.

    What does not work is a trouble, what cannot be followed is named as not checked; the build
    goes on with the rest.
    """
    path = kustomization_in(files, folder) or f"{folder}/{FILE_NAMES[0]}"
    run = _Build(files, find, Built(path))
    resources: list[Resource] = []
    run.layer(folder, resources, ())
    for component in components:
        run.layer(component, resources, ())
    run.finish(resources)
    return run.built


class _Build(Reader):
    def __init__(self, files: Files, find: Find, built: Built) -> None:
        super().__init__(files, built)
        self.find, self.settings = find, Settings()

    def layer(self, folder: str, into: list[Resource], above: tuple[str, ...]) -> None:
        """Add what a kustomization makes to the resources so far."""
        path = kustomization_in(self.files, folder)
        if path is None:
            self.trouble((folder, None), f"{folder} has no kustomization.yaml")
            return
        read = self.documents(path, (path, None))
        if read is None:
            return
        if len(read) != 1 or not isinstance(read[0], Map):
            self.trouble((path, 1), "a kustomization is one mapping")
            return
        layer = Layer(folder, path, read[0])
        self._known_fields(layer)
        component = layer.value.get("kind") == "Component"
        own = into if component else []
        start = len(own)
        self._resources(layer, own, (*above, folder))
        self._configurations(layer)
        self._generators(layer, own)
        for entry, mark in layer.texts("components"):
            self._folder(layer, entry, mark, own, (*above, folder))
        transform(self, self.settings, self.find, layer, own)
        for resource in own[start:] if component else own:
            resource.trail.append(folder)
        if not component:
            for resource in own:
                self._add(resource, into, resource.origin)

    def _known_fields(self, layer: Layer) -> None:
        for key in layer.value:
            if key in NOT_FOLLOWED:
                self.skip(layer.mark(key), f"{key}: {NOT_FOLLOWED[key]}")
            elif key in ("crds", "openapi"):
                self.skip(layer.mark(key), f"{key}: it can change how patches merge")
            elif key not in KNOWN:
                self.trouble(layer.mark(key), f"'{key}' is no field of a kustomization")

    def _add(self, resource: Resource, into: list[Resource], mark: Mark) -> None:
        same = next((other for other in into if _identity(other) == _identity(resource)), None)
        if same is not None:
            where = f"{same.origin[0]}:{same.origin[1]}"
            self.trouble(mark, f"{resource.kind} {resource.name} is already there, from {where}")
        elif len(into) < _MOST:
            into.append(resource)

    def _resources(self, layer: Layer, into: list[Resource], above: tuple[str, ...]) -> None:
        entries = [*layer.texts("resources"), *layer.texts("bases")]
        for entry, mark in entries:
            path = join(layer.folder, entry)
            if is_remote(entry):
                self.skip(mark, f"{entry} is remote and not fetched")
            elif path is None:
                self.trouble(mark, f"{entry} leads out of the repository")
            elif self.files.is_folder(path):
                self._folder(layer, entry, mark, into, above)
            else:
                for value in self.documents(path, mark) or ():
                    self._take(value, path, into)

    def _take(self, value: Any, path: str, into: list[Resource]) -> None:
        if not isinstance(value, Map) or not value.get("kind") or not value.get("apiVersion"):
            line = next(iter(value.marks.values()))[1] if isinstance(value, Map) and value else 1
            self.trouble((path, line), "a resource needs apiVersion and kind")
            return
        items = value.get("items")
        if str(value["kind"]).endswith("List") and isinstance(items, Seq):
            for item in items:
                self._take(item, path, into)
            return
        line = min((mark[1] or 1 for mark in value.marks.values()), default=1)
        self._add(Resource(value, (path, line)), into, (path, line))

    def _folder(
        self,
        layer: Layer,
        entry: str,
        mark: Mark,
        into: list[Resource],
        above: tuple[str, ...],
    ) -> None:
        path = join(layer.folder, entry)
        if is_remote(entry):
            self.skip(mark, f"{entry} is remote and not fetched")
        elif path is None:
            self.trouble(mark, f"{entry} leads out of the repository")
        elif path in above or len(above) > _DEEPEST:
            self.trouble(mark, f"{entry} leads back to a kustomization that includes this one")
        elif kustomization_in(self.files, path) is None:
            self.trouble(mark, f"{entry} has no kustomization.yaml")
        else:
            self.layer(path, into, above)

    def _configurations(self, layer: Layer) -> None:
        for entry, mark in layer.texts("configurations"):
            for value in self.beside(layer)(entry, mark) or ():
                for section in self.settings.read(value):
                    self.skip(mark, f"{entry}: the section {section} is not followed")

    def _generators(self, layer: Layer, into: list[Resource]) -> None:
        options = layer.map("generatorOptions")

        def read(entry: str) -> bytes | None:
            path = join(layer.folder, entry)
            content = self.files.read(path) if path else None
            if path and content is not None:
                self.built.used.add(path)
            return content

        for key, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
            for entry, mark in layer.maps(key):
                try:
                    made = generate(kind, entry, options, read, mark)
                except GeneratorError as error:
                    self.trouble(mark, f"the {kind} {entry.get('name', '')} {error}")
                    continue
                self._generated(made, entry, mark, into)

    def _generated(self, made: Resource, entry: Map, mark: Mark, into: list[Resource]) -> None:
        behavior = str(entry.get("behavior") or "create")
        known = [
            other for other in into if other.answers(made.kind, made.name, made.namespace or None)
        ]
        if behavior == "create":
            self._add(made, into, mark)
        elif behavior not in ("merge", "replace"):
            self.trouble(mark, f"behavior is create, merge or replace, not {behavior}")
        elif not known:
            self.trouble(mark, f"there is no {made.kind} {made.name} to {behavior}")
        else:
            combine(known[0], made, behavior)

    def finish(self, resources: list[Resource]) -> None:
        """What comes last: hashes in names, then the references that follow the names."""
        for resource in resources:
            if resource.hashed:
                resource.rename(f"{resource.name}-{name_hash(resource)}")
        follow_names(resources, self.settings.names)
        self.built.resources = [
            resource for resource in resources if not _is_local(resource.metadata)
        ]


def _identity(resource: Resource) -> tuple[str, str, str, str, str]:
    """What kustomize tells resources apart by: one object in two versions is two of them."""
    space = resource.namespace or "default"
    return resource.name, resource.kind, resource.group, resource.version, space


def _is_local(metadata: Map) -> bool:
    annotations = metadata.get("annotations")
    value = (
        annotations.get("config.kubernetes.io/local-config")
        if isinstance(annotations, Map)
        else None
    )
    return value is not None and str(value).lower() != "false"
