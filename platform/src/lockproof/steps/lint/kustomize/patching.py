"""The patches of a kustomization: found, told apart and applied."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from lockproof.model.schema import Schema
from lockproof.parse.yaml_document import YamlDocument, read_yaml

from .layer import Layer
from .marks import Map, Mark, Seq, copied, marked
from .merge import Fields, PatchError, apply_json_patch, merge
from .replace import ReplacementError, selects
from .resource import Resource

Find = Callable[[str, str, str], Schema | None]
"""Schema of a group, version and kind."""


class Patch:
    """One patch: documents, and what they are applied to."""

    def __init__(
        self, documents: Sequence[Any], target: Map | None, options: Map, mark: Mark
    ) -> None:
        """Without a target, a strategic merge names its own."""
        self.documents, self.target, self.options, self.mark = documents, target, options, mark


def inline(text: str, mark: Mark) -> list[Any]:
    """The documents of a patch written inside the kustomization; lines are those of that file.

    Raises:
        ParseError: it is no YAML.
    """
    path, line = mark
    documents = read_yaml(text.encode(), f"{path}, line {line}", many=True)
    return [
        _shifted(marked(document, path), line or 0) for document in documents if _full(document)
    ]


def _full(document: YamlDocument) -> bool:
    return document.value is not None


def _shifted(value: Any, by: int) -> Any:
    if isinstance(value, Map):
        value.marks = {key: (path, (line or 0) + by) for key, (path, line) in value.marks.items()}
        for inner in value.values():
            _shifted(inner, by)
    elif isinstance(value, Seq):
        value.marks = [(mark[0], (mark[1] or 0) + by) if mark else None for mark in value.marks]
        for inner in value:
            _shifted(inner, by)
    return value


def chosen(resources: Sequence[Resource], target: Map) -> list[Resource]:
    """The resources that a target's patterns and selectors mean.

    Raises:
        PatchError: a pattern or selector is none.
    """
    found = []
    for resource in resources:
        pairs: dict[str, list[str]] = {
            "group": [resource.group],
            "version": [resource.version],
            "kind": [resource.kind],
            "name": [resource.name, *resource.names],
            "namespace": [resource.namespace or "default", *resource.namespaces],
        }
        try:
            fits = all(
                not target.get(key) or any(re.fullmatch(str(target[key]), text) for text in texts)
                for key, texts in pairs.items()
            )
            fits = fits and selects(target.get("labelSelector"), resource.metadata.get("labels"))
            fits = fits and selects(
                target.get("annotationSelector"), resource.metadata.get("annotations")
            )
        except (re.error, ReplacementError) as error:
            raise PatchError(f"the target is not usable: {error}") from None
        if fits:
            found.append(resource)
    return found


def apply(
    patch: Patch, resources: list[Resource], find: Find, refuse: Callable[[str], None]
) -> int:
    """Apply a patch; how many resources it changed, or could have.

    Raises:
        PatchError: it has no target, or does not fit it.
    """
    count = 0
    for document in patch.documents:
        if isinstance(document, Seq):
            if patch.target is None:
                raise PatchError("a JSON patch needs a target")
            for resource in chosen(resources, patch.target):
                before = resource.name
                apply_json_patch(resource.value, document)
                if resource.name != before:
                    resource.names.append(before)
                count += 1
        elif isinstance(document, Map):
            for resource in _meant(document, patch.target, resources):
                count += 1
                if not _merge(resource, document, patch.options, find, refuse):
                    resources.remove(resource)
        else:
            raise PatchError("a patch is a mapping or a list of operations")
    return count


def _meant(document: Map, target: Map | None, resources: Sequence[Resource]) -> list[Resource]:
    if target is not None:
        return chosen(resources, target)
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Map) else None
    space = metadata.get("namespace") if isinstance(metadata, Map) else None
    kind, version = document.get("kind"), document.get("apiVersion")
    if not (kind and version and name):
        raise PatchError("a patch without a target needs apiVersion, kind and metadata.name")
    found = [
        resource
        for resource in resources
        if resource.api_version == version and resource.answers(kind, name, space)
    ]
    if not found:
        raise PatchError(f"the patch of {kind} {name} has no target: there is no such resource")
    return found[:1]


def _merge(
    resource: Resource, document: Map, options: Map, find: Find, refuse: Callable[[str], None]
) -> bool:
    """Merge; False where the patch deletes the resource."""
    schema = find(resource.group, resource.version, resource.kind)
    fields: Fields = None
    if schema and schema.table.null_is_absent:
        fields = (schema.table, schema.kind.root)
    kept = {
        "apiVersion": resource.value.get("apiVersion"),
        "kind": resource.value.get("kind"),
    }
    name, space = resource.name, resource.namespace
    result = merge(resource.value, copied(document), fields, refuse)
    if result is None:
        return False
    resource.value = result
    if options.get("allowKindChange") is not True:
        result.update(kept)
    if options.get("allowNameChange") is not True:
        resource.metadata["name"] = name
    elif resource.name != name:
        resource.names.append(name)
    if space and not resource.namespace:
        resource.metadata["namespace"] = space
    return True


def listed(layer: Layer, read: Callable[[str, Mark], list[Any] | None]) -> list[Patch]:
    """The patches of the fields `patchesStrategicMerge` and `patches`, in kustomize's order.

    `read` gives the documents of a file beside the kustomization, None where it cannot.

    Raises:
        ParseError: a patch written inside the kustomization is no YAML.
    """
    found: list[Patch] = []
    for text, mark in layer.texts("patchesStrategicMerge"):
        documents = inline(text, mark) if "\n" in text else read(text, mark)
        found.append(Patch(documents or (), None, Map(), mark))
    return found + _targeted(layer, "patches", read)


def json_patches(layer: Layer, read: Callable[[str, Mark], list[Any] | None]) -> list[Patch]:
    """The patches of the field `patchesJson6902`, which come after the names are made."""
    return _targeted(layer, "patchesJson6902", read)


def _targeted(
    layer: Layer, field: str, read: Callable[[str, Mark], list[Any] | None]
) -> list[Patch]:
    found = []
    for entry, mark in layer.maps(field):
        target, options = entry.get("target"), entry.get("options")
        text, path = entry.get("patch"), entry.get("path")
        if isinstance(text, str):
            documents: list[Any] | None = inline(text, entry.marks.get("patch", mark))
        else:
            documents = read(str(path), mark) if path else []
        found.append(
            Patch(
                documents or (),
                target if isinstance(target, Map) else None,
                options if isinstance(options, Map) else Map(),
                mark,
            )
        )
    return found
