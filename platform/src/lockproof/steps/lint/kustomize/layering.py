"""What a kustomization does to its resources."""

import re
from collections.abc import Callable
from typing import Any

from lockproof.errors import ConfigError

from . import patching
from .fields import Field
from .layer import Layer, Settings
from .marks import Map, Mark, Seq
from .merge import PatchError
from .reader import Reader
from .replace import ReplacementError, replace
from .resource import Resource
from .transform import (
    add_affixes,
    add_annotations,
    add_labels,
    set_images,
    set_namespace,
    set_replicas,
)


def transform(
    reader: Reader,
    settings: Settings,
    find: patching.Find,
    layer: Layer,
    own: list[Resource],
) -> None:
    """Do what a kustomization says to its resources, in kustomize's order."""
    _patches(reader, find, patching.listed, layer, own)
    if layer.text("namespace"):
        set_namespace(own, layer.text("namespace"), layer.mark("namespace"))
    add_affixes(own, layer.text("namePrefix"), layer.text("nameSuffix"))
    _labels(settings, layer, own)
    extra = settings.fields.get
    add_annotations(own, layer.map("commonAnnotations"), extra("commonAnnotations", ()))
    _patches(reader, find, patching.json_patches, layer, own)
    for entry, mark in layer.maps("replicas"):
        name = str(entry.get("name", ""))
        if not set_replicas(own, name, entry.get("count"), mark, extra("replicas", ())):
            reader.trouble(mark, f"replicas names {name}, which is no workload here")
    for entry, mark in layer.maps("images"):
        try:
            set_images(own, entry, mark, extra("images", ()))
        except re.error:
            reader.trouble(mark, f"the image {entry.get('name')} is no regular expression")
    _replacements(reader, layer, own)


def _patches(
    reader: Reader,
    find: patching.Find,
    listed: Callable[[Layer, Callable[[str, Mark], list[Any] | None]], list[patching.Patch]],
    layer: Layer,
    own: list[Resource],
) -> None:
    try:
        patches = listed(layer, reader.beside(layer))
    except ConfigError as error:
        reader.trouble((layer.path, getattr(error, "line", None)), str(error))
        return
    for patch in patches:
        mark = patch.mark

        def refuse(directive: str, mark: Mark = mark) -> None:
            reader.skip(mark, f"the patch's {directive} is not followed")

        try:
            changed = patching.apply(patch, own, find, refuse)
        except PatchError as error:
            reader.trouble(mark, str(error))
            continue
        if not changed and patch.documents:
            reader.trouble(mark, "the patch's target matches nothing", idle=True)


def _labels(settings: Settings, layer: Layer, own: list[Resource]) -> None:
    common = settings.fields.get("commonLabels", ())
    add_labels(own, layer.map("commonLabels"), selectors=True, templates=True, extra=common)
    for entry, _ in layer.maps("labels"):
        pairs, listed = entry.get("pairs"), entry.get("fields")
        extra = [
            Field(str(one.get("kind") or "*"), str(one.get("path", "")), one.get("create") is True)
            for one in (listed if isinstance(listed, Seq) else ())
            if isinstance(one, Map)
        ]
        selectors = entry.get("includeSelectors") is True
        add_labels(
            own,
            pairs if isinstance(pairs, Map) else Map(),
            selectors=selectors,
            templates=entry.get("includeTemplates") is True,
            extra=[*extra, *common] if selectors else extra,
        )


def _replacements(reader: Reader, layer: Layer, own: list[Resource]) -> None:
    for entry, mark in layer.maps("replacements"):
        parts: list[Any] = [entry]
        if isinstance(entry.get("path"), str):
            read = reader.beside(layer)(entry["path"], mark) or []
            parts = [
                one for value in read for one in (value if isinstance(value, Seq) else [value])
            ]
        for part in parts:
            try:
                if not isinstance(part, Map):
                    raise ReplacementError("is no mapping")
                replace(own, part, next(iter(part.marks.values()), mark))
            except ReplacementError as error:
                reader.trouble(mark, f"the replacement {error}")
