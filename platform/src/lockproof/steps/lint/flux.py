"""What Flux puts together and makes, beyond what kustomizations in the tree say."""

import posixpath
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from lockproof.model.finding import Finding
from lockproof.model.manifest import Manifest, dig, mapping

from .gather import Gathered

_SOURCES = ("GitRepository", "OCIRepository", "Bucket")


class Together(NamedTuple):
    """What Flux applies in one with each bundle, by the bundle's name."""

    sure: dict[str, list[Manifest]]
    perhaps: dict[str, list[Manifest]]
    """What it does where a source is this repository, which nothing here says, or once it is
    no longer suspended."""


def built_together(manifests: Collection[Manifest], gathered: Gathered) -> Together:
    """What Flux applies in one.

    Of a `path` without a kustomization its controller makes one, of all that lies below: of the
    kustomizations those that lie in no other, and the files that lie in none. That is said of the
    repository of the source: of this one, where Flux gets its own objects here from that source.
    """
    paths = list(flux_paths(manifests))
    own = own_sources(manifests, paths)
    here = [each for each in paths if not own or each.source in own]
    sure = {each.path: None for each in here if own and not each.suspended}
    perhaps = {each.path: None for each in here if each.path not in sure}
    return Together(_below(sure, gathered), _below(perhaps, gathered))


def _below(paths: Iterable[str], gathered: Gathered) -> dict[str, list[Manifest]]:
    found: dict[str, list[Manifest]] = {}
    folders = {bundle.name for bundle in gathered.bundles}
    for path in paths:
        below = [one for one in gathered.bundles if is_below(one.name, path)]
        if path in folders or path in gathered.folders or not below:
            continue
        tops = [one for one in below if not any(is_below(one.name, f.name) for f in below)]
        loose = [
            one
            for one in gathered.loose.manifests
            if is_below(one.locate(())[0], path)
            and not any(is_below(one.locate(())[0], top.name) for top in tops)
        ]
        for top in tops:
            others = [made for other in tops if other is not top for made in other.manifests]
            found.setdefault(top.name, []).extend((*others, *loose))
    return found


class FluxPath(NamedTuple):
    """What a Kustomization of Flux applies."""

    path: str
    source: str
    """`KIND/NAME`."""
    file: str
    """Where that stands."""
    suspended: bool
    target: str
    """The namespace that it puts all into; empty where it leaves them."""


def flux_paths(manifests: Iterable[Manifest]) -> Iterator[FluxPath]:
    """What all Kustomizations of Flux apply."""
    for manifest in manifests:
        path = manifest.spec.get("path")
        if is_flux(manifest) and isinstance(path, str):
            source = mapping(manifest.spec.get("sourceRef"))
            yield FluxPath(
                posixpath.normpath(path.lstrip("/") or "."),
                f"{source.get('kind')}/{source.get('name')}",
                manifest.locate(())[0],
                manifest.spec.get("suspend") is True,
                str(manifest.spec.get("targetNamespace") or ""),
            )


def own_sources(manifests: Iterable[Manifest], paths: Iterable[FluxPath]) -> Collection[str]:
    """The sources that are this repository: one of what uses it lies where another one leads."""
    led: dict[str, set[str]] = {}
    for each in paths:
        led.setdefault(each.source, set()).add(each.path)
    own = {each.source for each in paths if not led[each.source].isdisjoint(_above(each.file))}
    return own | set(flux_sources(manifests))


def _above(file: str) -> Iterator[str]:
    """The folders that a file lies in."""
    while file:
        file = posixpath.dirname(file)
        yield file or "."


def is_flux(manifest: Manifest) -> bool:
    """Whether it is a Kustomization of Flux."""
    kind = (manifest.group, manifest.kind)
    return kind == ("kustomize.toolkit.fluxcd.io", "Kustomization")


def is_below(name: str, folder: str) -> bool:
    """Whether a file or folder lies in a folder of the tree."""
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


BESIDE = (
    "is there only if Flux applies what lies beside, and it is not said here that its source is"
    " this repository, or it is suspended"
)
LANDED = (
    "is there only if Flux puts all into one namespace, and it is not said here that its source is"
    " this repository, or it is suspended"
)


def unsure_by_flux(
    apart: Iterable[Finding], together: Iterable[Finding], said: str
) -> tuple[list[Finding], list[str]]:
    """What is wrong in both cases, and what in the first alone, with what is `said` of that."""
    always = {(one.rule, one.subject) for one in together}
    wrong, unsure = [], []
    for one in apart:
        if (one.rule, one.subject) in always:
            wrong.append(one)
        else:
            unsure.append(f"{one.subject}: {said}")
    return wrong, unsure
