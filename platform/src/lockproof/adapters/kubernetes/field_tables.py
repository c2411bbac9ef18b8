"""The bundled field tables: which fields the known kinds have, loaded one group at a time."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from lockproof.errors import UsageError
from lockproof.model.schema import Kind, Schema, Table

_FOLDER = Path(__file__).parents[2] / "schemas"
_CORE = "kubernetes"


class Lifecycle(NamedTuple):
    """When an API version of Kubernetes' own is deprecated and removed."""

    deprecated: tuple[int, int] | None
    removed: tuple[int, int] | None
    replacement: str | None
    """`group/version/Kind` to use in its place."""


@lru_cache(maxsize=64)
def _file(group: str) -> Mapping[str, Any] | None:
    path = _FOLDER / f"{group}.json"
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    loaded: Mapping[str, Any] = json.loads(content)
    return loaded


@lru_cache(maxsize=16)
def _core(version: str) -> Table:
    content = _file(_CORE)
    assert content is not None
    order = content["versions"]
    number = order.index(version)
    definitions = {}
    for name, changes in content["definitions"].items():
        known = [node for since, node in changes.items() if order.index(since) <= number]
        if known:
            definitions[name] = known[-1]
    return Table(content["nodes"], definitions, null_is_absent=True)


def kubernetes_versions() -> tuple[str, ...]:
    """The Kubernetes versions that tables are bundled for, oldest first."""
    content = _file(_CORE)
    assert content is not None
    return tuple(content["versions"])


class BundledSchemas:
    """The bundled schemas for one Kubernetes version."""

    def __init__(self, version: str) -> None:
        """Choose the version.

        Raises:
            UsageError: no tables are bundled for it.
        """
        known = kubernetes_versions()
        if version not in known:
            raise UsageError(
                f"no field tables for Kubernetes {version}: there are {', '.join(known)};"
                " use --schema-location for others"
            )
        self.version = version
        self._found: dict[tuple[str, str, str], Schema | None] = {}

    def find(self, group: str, version: str, kind: str) -> Schema | None:
        """The schema of a kind; None where it is not bundled."""
        name = (group, version, kind)
        if name not in self._found:
            self._found[name] = self._look(group, version, kind)
        return self._found[name]

    def _look(self, group: str, version: str, kind: str) -> Schema | None:
        core = _file(_CORE)
        assert core is not None
        entry = core["kinds"].get(f"{group}/{version}/{kind}")
        if entry is not None:
            if self.version not in entry["versions"]:
                return None
            return Schema(_core(self.version), Kind(entry["root"], entry["namespaced"]))
        content = _file(group) if "/" not in group and group != _CORE else None
        entry = content["kinds"].get(f"{version}/{kind}") if content else None
        if content is None or entry is None:
            return None
        table = Table(content["nodes"], parent=_core(self.version))
        deprecated = "" if entry.get("deprecated") else None
        return Schema(table, Kind(entry["root"], entry["namespaced"], deprecated))

    def kinds(self, group: str) -> tuple[str, ...]:
        """`version/Kind` of the known kinds of a group."""
        core = _file(_CORE)
        assert core is not None
        own = [
            name.partition("/")[2] if group else name.removeprefix("/")
            for name, entry in core["kinds"].items()
            if name.startswith(f"{group}/") and self.version in entry["versions"]
        ]
        content = _file(group) if group and "/" not in group and not own else None
        return tuple(own) or (tuple(content["kinds"]) if content else ())

    def is_whole(self, group: str) -> bool:
        """Whether all kinds of a group are known: of Kubernetes' own groups they are."""
        core = _file(_CORE)
        assert core is not None
        return any(name.startswith(f"{group}/") for name in core["kinds"])

    def lifecycle(self, group: str, version: str, kind: str) -> Lifecycle | None:
        """What is known of an API version's end; None for those that have none."""
        core = _file(_CORE)
        assert core is not None
        entry = core.get("lifecycle", {}).get(f"{group}/{version}/{kind}")
        if entry is None:
            return None
        pair = {
            name: (int(entry[name][0]), int(entry[name][1])) if name in entry else None
            for name in ("deprecated", "removed")
        }
        return Lifecycle(pair["deprecated"], pair["removed"], entry.get("replacement"))

    @property
    def metadata(self) -> Table:
        """The table that has the metadata of every object."""
        return _core(self.version)
