"""What Flux puts together and makes, beyond what kustomizations in the tree say."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping

from lockproof.model.manifest import Manifest, dig, mapping

from .gather import Gathered

_SOURCES = ("GitRepository", "OCIRepository", "Bucket")


def built_together(
    manifests: Iterable[Manifest], gathered: Gathered
) -> Mapping[str, list[Manifest]]:
    """What Flux applies in one with each bundle, by the bundle's name.

    Of a `path` without a kustomization its controller makes one, of all that lies below: of the
    kustomizations those that lie in no other, and the files that lie in none.
    """
    found: dict[str, list[Manifest]] = {}
    folders = {bundle.name for bundle in gathered.bundles}
    for path in dict.fromkeys(_paths(manifests)):
        below = [one for one in gathered.bundles if _is_below(one.name, path)]
        if path in folders or path in gathered.folders or not below:
            continue
        tops = [one for one in below if not any(_is_below(one.name, f.name) for f in below)]
        loose = [
            one
            for one in gathered.loose.manifests
            if _is_below(one.locate(())[0], path)
            and not any(_is_below(one.locate(())[0], top.name) for top in tops)
        ]
        for top in tops:
            others = [made for other in tops if other is not top for made in other.manifests]
            found.setdefault(top.name, []).extend((*others, *loose))
    return found


def _paths(manifests: Iterable[Manifest]) -> Iterator[str]:
    for manifest in manifests:
        path = manifest.spec.get("path")
        if _is_flux(manifest) and isinstance(path, str):
            yield posixpath.normpath(path.lstrip("/") or ".")


def _is_flux(manifest: Manifest) -> bool:
    kind = (manifest.group, manifest.kind)
    return kind == ("kustomize.toolkit.fluxcd.io", "Kustomization")


def _is_below(name: str, folder: str) -> bool:
    return name != folder and (folder == "." or name.startswith(f"{folder}/"))


def flux_sources(manifests: Iterable[Manifest]) -> Iterator[str]:
    """`KIND/NAME` of the sources that Flux's operator makes, for an instance or its chart."""
    for manifest in manifests:
        if (manifest.group, manifest.kind) == ("fluxcd.controlplane.io", "FluxInstance"):
            sync = mapping(manifest.spec.get("sync"))
        elif (manifest.group, manifest.kind) == ("helm.toolkit.fluxcd.io", "HelmRelease"):
            sync = mapping(dig(manifest.spec, "values", "instance", "sync"))
        else:
            continue
        if sync.get("kind") in _SOURCES:
            # It is called as its namespace where nothing else is said.
            yield f"{sync['kind']}/{sync.get('name') or manifest.namespace or 'flux-system'}"
