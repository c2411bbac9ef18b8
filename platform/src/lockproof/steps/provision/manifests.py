"""What an overlay declares."""

from pathlib import Path

from lockproof.adapters.git.tree import FolderTree
from lockproof.adapters.kustomize.program import find_kustomize
from lockproof.errors import ConfigError
from lockproof.model.resource import Manifest, ResourceKey, check_object
from lockproof.steps.kustomize import Built, Target, build


def load_manifests(root: Path, folder: Path) -> tuple[Manifest, ...]:
    """Every object of an overlay, as its kustomization builds it.

    Args:
        root: the Git root.
        folder: the folder of the overlay's kustomization.

    Raises:
        ConfigError: the kustomization cannot be built, needs something outside the repository, or
            makes no object, one that is none, or one twice; the message has its file and line.
    """
    shown = folder.relative_to(root).as_posix()
    (built,) = build(find_kustomize(), FolderTree(root), [Target(shown)])
    _check(built)
    known: dict[ResourceKey, Manifest] = {}
    for made in built.manifests:
        path, line = made.locate(())
        body = check_object(made.value, _at(path, line))
        manifest = Manifest(body, path, line, made.locate)
        first = known.setdefault(manifest.key, manifest)
        if first is not manifest:
            where = _at(first.path, first.line)
            raise ConfigError(f"{_at(path, line)}: {first.key} is declared already in {where}")
    if not known:
        raise ConfigError(f"{shown} declares no object")
    return tuple(known.values())


def _check(built: Built) -> None:
    for trouble in built.troubles:
        if not trouble.idle:
            raise ConfigError(f"{_at(*trouble.place)}: {trouble.text}")
    if built.not_checked:
        raise ConfigError(f"cannot be built here: {built.not_checked[0]}")


def _at(path: str, line: int | None) -> str:
    return f"{path}:{line}" if line else path
