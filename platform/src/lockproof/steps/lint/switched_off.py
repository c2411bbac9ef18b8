"""Patches that a kustomization names in a comment alone: no manifests, and told of."""

from collections.abc import Mapping
from dataclasses import replace

from lockproof.model.manifest import Manifest, Schemas
from lockproof.rules.manifests.decoded import decoded
from lockproof.rules.manifests.schema import validate
from lockproof.rules.manifests.shape import shape_findings
from lockproof.rules.manifests.validation import with_validation

from .gather import Gathered

_METADATA = frozenset({"apiVersion", "kind", "metadata"})


def set_aside(gathered: Gathered, named: Mapping[str, str], schemas: Schemas) -> list[str]:
    """Take the parts of objects from the loose files, and say which files they were.

    Only what no API server takes for want of a field is part of an object: what is whole may be
    applied by hand or by another tool, and is a manifest like any other.

    Args:
        gathered: whose loose manifests are changed; the parts are then among `beside`.
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
    gathered.beside += [one for path in sorted(parts) for one in files[path]]
    return [
        f"{path}: is a part of an object, which only a comment of {named[path]} names"
        for path in sorted(parts)
    ]


def _is_part(manifest: Manifest, schemas: Schemas) -> bool:
    schema = schemas.find(manifest.group, manifest.version, manifest.kind)
    if schema is None:
        return "$patch" in manifest.value or manifest.value.keys() <= _METADATA
    manifest = decoded(manifest, schema)
    found, _ = with_validation(manifest, *shape_findings(manifest, schema))
    return any(one.rule == "LP606" for one in found) or any(
        # A word of strategic merge patches, where the field is not one of anybody's.
        problem.kind == "unknown" and problem.at[-1] == "$patch"
        for problem in validate(manifest.value, schema).problems
    )
