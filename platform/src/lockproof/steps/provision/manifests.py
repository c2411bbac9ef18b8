"""What an overlay declares."""

from pathlib import Path

from lockproof.errors import ConfigError
from lockproof.model.resource import Field, Manifest, ResourceKey, check_object
from lockproof.parse.yaml_document import YamlDocument, read_yaml

_LOCAL = "config.kubernetes.io/local-config"


def load_manifests(root: Path, folder: Path) -> tuple[Manifest, ...]:
    """Every object of an overlay, in the order of its files.

    Args:
        root: the Git root.
        folder: the folder of the overlay's `kustomization.yaml`.

    Raises:
        ConfigError: a file cannot be read, is no object, or an object is declared twice.
    """
    found: list[Manifest] = []
    _folder(root, folder, found)
    if not found:
        raise ConfigError(f"{folder.relative_to(root)} declares no object")
    known: dict[ResourceKey, Manifest] = {}
    for one in found:
        first = known.setdefault(one.key, one)
        if first is not one:
            raise ConfigError(
                f"{one.path}:{one.line}: {one.key} is declared already in {first.path}:{first.line}"
            )
    return tuple(found)


def _folder(root: Path, folder: Path, found: list[Manifest]) -> None:
    file = folder / "kustomization.yaml"
    (document,) = read_yaml(_read(file), str(file.relative_to(root)))
    for name in document.value.get("resources") or ():
        path = (folder / name).resolve()
        if path.is_dir():
            _folder(root, path, found)
            continue
        shown = path.relative_to(root.resolve()).as_posix()
        for one in read_yaml(_read(path), shown, many=True):
            if one.value is not None:
                _add(one, shown, found)


def _add(document: YamlDocument, shown: str, found: list[Manifest]) -> None:
    line = document.line()
    body = check_object(document.value, f"{shown}:{line}")
    if (body["metadata"].get("annotations") or {}).get(_LOCAL) == "true":
        return

    def locate(way: Field) -> tuple[str, int | None]:
        return shown, document.line(*way)

    found.append(Manifest(body, shown, line, locate))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
