"""The datasets that a `dvc.yaml` registers, and what locks say of their versions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lockproof.model.base import sha256_of
from lockproof.model.digest import Digest

from .template import Context, TemplateError
from .yaml_document import ParseError

_SCHEME = "ds://"
_SPEC = ("name", "url", "type")
_FIELDS = {
    "dvc": ((*_SPEC, "path", "rev"), ("rev_lock",)),
    "dc": (_SPEC, ("version", "created_at")),
    "url": (_SPEC, ("meta", "files")),
}
"""Type -> what `dvc.yaml` says of it, and what the lock does beside that; DVC leaves the rest."""
_META = (
    *("isdir", "size", "nfiles", "isexec", "version_id", "etag", "checksum", "md5", "inode"),
    "mtime",
)
"""What it compares of a file."""


@dataclass(frozen=True)
class Dataset:
    """A dataset that a `dvc.yaml` registers."""

    file: str
    """Which `dvc.yaml`: POSIX, below the DVC root."""
    locked: Digest | None
    """Its version by the lock beside that file; None where that has none."""
    in_sync: bool
    """Whether the lock has the dataset that is declared."""


def is_dataset(address: str) -> bool:
    """Whether a dependency is on a dataset; DVC takes `DS://` for `ds://`."""
    return address[: len(_SCHEME)].lower() == _SCHEME


def name_of(address: str) -> str:
    """The name of the dataset that `ds://NAME` stands for, as DVC finds it."""
    return re.split(r"[/?#]", address[len(_SCHEME) :], maxsplit=1)[0]


def version_of(said: Any) -> Digest | None:
    """The version of a dataset by a lock, as a digest; None where that is no entry of one.

    SHA-256 of the canonical JSON of what DVC compares.
    """
    kind = said.get("type") if isinstance(said, Mapping) else None
    if not isinstance(kind, str) or kind not in _FIELDS:
        return None
    spec, version = _FIELDS[kind]
    if any(said.get(key) is None for key in version if key != "files"):
        return None
    return Digest.of("checksum", sha256_of([_kept(said, spec), _kept(said, version)]))


def read_datasets(declared: Any, locked: Any, path: str, context: Context) -> dict[str, Dataset]:
    """The datasets of one `dvc.yaml`: name -> dataset.

    Args:
        declared: what stands under `datasets` there.
        locked: what stands under `datasets` in the lock beside it.
        path: of the `dvc.yaml`.
        context: what fills its templates.

    Raises:
        ParseError: DVC does not take it.
    """
    locks = _by_name(locked, path.removesuffix("dvc.yaml") + "dvc.lock")
    try:
        declared = context.resolve(declared)
    except TemplateError as error:
        raise ParseError(f"datasets: {error}", path) from None
    found = {}
    for name, spec in _by_name(declared, path).items():
        kind = spec.get("type")
        if not isinstance(kind, str) or kind not in _FIELDS or not isinstance(spec.get("url"), str):
            raise ParseError(f"dataset {name[:60]!r} needs a url and a type: dvc, dc or url", path)
        said = locks.get(name)
        same = (
            said is not None
            and said.get("type") == kind
            and (_kept(said, _FIELDS[kind][0]) == _kept(spec, _FIELDS[kind][0]))
        )
        found[name] = Dataset(path, version_of(said), same)
    return found


def _by_name(listed: Any, path: str) -> dict[str, Mapping[str, Any]]:
    if listed is None:
        return {}
    if not isinstance(listed, list):
        raise ParseError("datasets is no list", path)
    found: dict[str, Mapping[str, Any]] = {}
    for item in listed:
        if not isinstance(item, Mapping) or not isinstance(item.get("name"), str):
            raise ParseError("a dataset without a name", path)
        if item["name"] in found:
            raise ParseError(f"names dataset {item['name'][:60]!r} twice", path)
        found[item["name"]] = item
    return found


def _kept(said: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """What DVC compares of an entry; a list of files in any order."""
    found = {key: said[key] for key in keys if said.get(key) not in (None, "", [])}
    if "meta" in found:
        found["meta"] = _facts(found["meta"])
    if isinstance(found.get("files"), list):
        files = [file for file in found["files"] if isinstance(file, Mapping)]
        listed = [[str(file.get("relpath")), _facts(file.get("meta"))] for file in files]
        found["files"] = sorted(listed, key=str)
    return found


def _facts(meta: Any) -> dict[str, Any]:
    values = meta if isinstance(meta, Mapping) else {}
    return {key: values[key] for key in _META if values.get(key) not in (None, "", False)}
