"""Patches that a kustomization names in a comment alone: no manifests, and told of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lockproof.model.manifest import Manifest, Schemas
from lockproof.rules.manifests.decoded import decoded
from lockproof.rules.manifests.shape import shape_findings
from lockproof.rules.manifests.validation import with_validation

from .gather import Gathered

_METADATA = frozenset({"apiVersion", "kind", "metadata"})


def set_aside(gathered: Gathered, named: Mapping[str, str], schemas: Schemas) -> list[str]:
    """Take the parts of objects from the loose files, and say which files they were.

    Only what no API server takes for want of a field is part of an object: what is whole may be
    applied by hand or by another tool, and is a manifest like any other.

    Args:
        gathered: whose loose manifests are changed.
        named: file -> the kustomization that names it in a comment.
        schemas: what says of a kind which fields it needs.
    """
    files: dict[str, list[Manifest]] = {}
    for manifest in gathered.loose.manifests if named else ():
        path = manifest.locate(())[0]
        if path in named:
            files.setdefault(path, []).append(manifest)
    parts = {path for path, some in files.items() if all(_is_part(one, schemas) for one in some)}
    kept = tuple(one for one in gathered.loose.manifests if one.locate(())[0] not in parts)
    gathered.loose = replace(gathered.loose, manifests=kept)
    return [
        f"{path}: is a part of an object, which only a comment of {named[path]} names"
        for path in sorted(parts)
    ]


def _is_part(manifest: Manifest, schemas: Schemas) -> bool:
    if _has_directive(manifest.value):
        return True
    schema = schemas.find(manifest.group, manifest.version, manifest.kind)
    if schema is None:
        return manifest.value.keys() <= _METADATA
    manifest = decoded(manifest, schema)
    found, _ = with_validation(manifest, *shape_findings(manifest, schema))
    return any(one.rule == "LP606" for one in found)


def _has_directive(value: Any) -> bool:
    """Whether it has a word of strategic merge patches."""
    return any(str(key).startswith("$patch") for key in _keys(value))


def _keys(value: Any) -> Iterator[str]:
    inner: Sequence[Any] = ()
    if isinstance(value, Mapping):
        yield from value
        inner = list(value.values())
    elif isinstance(value, list):
        inner = value
    for one in inner:
        yield from _keys(one)
