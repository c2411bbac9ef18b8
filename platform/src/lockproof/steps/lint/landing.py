"""Where Flux puts what it applies: `targetNamespace` is another namespace than the written one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from lockproof.model.manifest import Bundle, Manifest
from lockproof.rules.manifests.landing import in_namespace

from .flux import FluxPath, flux_paths, is_below, own_sources
from .gather import Gathered


@dataclass
class Landing:
    """What came of it."""

    moved: bool = False
    """Whether bundles were put into other namespaces."""
    unsure: dict[int, str] = field(default_factory=dict)
    """By `id` of a manifest, why it is not known in which namespace it lands."""
    perhaps: dict[str, list[Bundle]] = field(default_factory=dict)
    """Bundle -> it in the namespaces where Flux may put it."""


def land(
    gathered: Gathered, manifests: Sequence[Manifest], is_wide: Callable[[Manifest], bool]
) -> Landing:
    """Put bundles, and loose files, where Flux does.

    Where several Kustomizations apply the same, there is one bundle for each namespace. What is
    only perhaps of this repository, or suspended, or by a variable, stays where it is and is named.

    Args:
        gathered: its bundles and loose manifests are replaced.
        manifests: all that there are.
        is_wide: whether objects of a manifest's kind are in no namespace.
    """
    paths, landing = list(flux_paths(manifests)), Landing()
    if not any(each.target for each in paths):
        return landing
    own = own_sources(manifests, paths)

    def landed(name: str, those: Sequence[Manifest], over: Iterable[FluxPath]) -> list[Bundle]:
        over = list(over)
        spaces = list(dict.fromkeys(each.target for each in over))
        variants = [
            Bundle(name, tuple(in_namespace(those, each, is_wide) if each else those))
            for each in spaces
        ]
        if not any(spaces):
            return []
        if all(_is_sure(each, own) for each in over):
            landing.moved = True
            return variants
        named = next(each for each in spaces if each)
        landing.unsure |= {id(one): f"Flux may put it into namespace {named}" for one in those}
        landing.perhaps[name] = variants
        return []

    bundles: list[Bundle] = []
    for bundle in gathered.bundles:
        over = [each for each in paths if _applies(each.path, bundle.name, gathered)]
        found = landed(bundle.name, bundle.manifests, over)
        bundles += [Bundle(bundle.name, one.manifests, bundle.complete) for one in found] or [
            bundle
        ]
    gathered.bundles = bundles
    loose: list[Manifest] = []
    by_path: dict[tuple[FluxPath, ...], list[Manifest]] = {}
    for one in gathered.loose.manifests:
        file = one.locate(())[0]
        over = [p for p in paths if p.path not in gathered.folders and is_below(file, p.path)]
        by_path.setdefault(tuple(over), []).append(one)
    for over_all, those in by_path.items():
        found = landed("", those, over_all)
        loose += [made for one in found for made in one.manifests] or those
    gathered.loose = Bundle("", tuple(loose), gathered.loose.complete)
    _apart(paths, gathered, landing)
    return landing


def _is_sure(each: FluxPath, own: Iterable[str]) -> bool:
    return each.source in own and not each.suspended and "$" not in each.target


def _applies(path: str, name: str, gathered: Gathered) -> bool:
    """Whether Flux applies a bundle by a path: its own, or one above without a kustomization."""
    return path == name or (path not in gathered.folders and is_below(name, path))


def _apart(paths: Iterable[FluxPath], gathered: Gathered, landing: Landing) -> None:
    """Name what is built here as a part of others alone, and by Flux by itself as well."""
    names = {bundle.name for bundle in gathered.bundles}
    apart = [p for p in paths if p.target and p.path in gathered.folders and p.path not in names]
    for bundle in gathered.bundles if apart else ():
        for one in bundle.manifests:
            file = one.locate(())[0]
            target = next((p.target for p in apart if is_below(file, p.path)), None)
            if target:
                landing.unsure[id(one)] = f"Flux may put it into namespace {target}"
