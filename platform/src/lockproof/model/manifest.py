"""Kubernetes manifests as the rules see them: values that know where they were written."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from .schema import Schema

At = tuple[str | int, ...]
"""Where in a manifest: keys and positions from its top."""
Place = tuple[str, int | None]
"""File, relative to the Git root, and line from 1."""


@dataclass(frozen=True)
class Manifest:
    """One object as it would be applied."""

    value: Mapping[str, Any]
    locate: Callable[[At], Place] = field(repr=False, compare=False)
    """File and line of a field, or of the nearest thing around it that has one."""

    @cached_property
    def api_version(self) -> str:
        """`apps/v1`."""
        return str(self.value.get("apiVersion", ""))

    @cached_property
    def group(self) -> str:
        """`apps`; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @cached_property
    def version(self) -> str:
        """`v1`."""
        return self.api_version.rpartition("/")[2]

    @cached_property
    def kind(self) -> str:
        """`Deployment`."""
        return str(self.value.get("kind", ""))

    @cached_property
    def metadata(self) -> Mapping[str, Any]:
        """Its metadata; empty where that is no mapping."""
        return mapping(self.value.get("metadata"))

    @cached_property
    def name(self) -> str:
        """Its name."""
        return str(self.metadata.get("name") or self.metadata.get("generateName") or "")

    @cached_property
    def namespace(self) -> str:
        """Its namespace; empty where it states none."""
        return str(self.metadata.get("namespace") or "")

    @cached_property
    def spec(self) -> Mapping[str, Any]:
        """Its specification; empty where that is no mapping."""
        return mapping(self.value.get("spec"))

    @property
    def label(self) -> str:
        """What messages call it: `Deployment/mlflow`."""
        return f"{self.kind}/{self.name}"

    def annotation(self, name: str) -> str | None:
        """An annotation's text."""
        found = mapping(self.metadata.get("annotations")).get(name)
        return None if found is None else str(found)


@dataclass(frozen=True)
class Bundle:
    """The manifests that are applied together: the build of one kustomization, or loose files."""

    name: str
    """The kustomization's folder; empty for files that are in none."""
    manifests: tuple[Manifest, ...]
    complete: bool = True
    """Whether all that is in it could be read; if not, a missing object proves nothing."""


class Schemas(Protocol):
    """Where schemas come from."""

    @property
    def lacks(self) -> str:
        """What is said of a kind that has none, before its name."""
        ...

    def find(self, group: str, version: str, kind: str) -> Schema | None:
        """The schema of a kind; None where there is none."""
        ...

    def kinds(self, group: str) -> tuple[str, ...]:
        """`version/Kind` of the known kinds of a group."""
        ...

    def is_whole(self, group: str) -> bool:
        """Whether all kinds of a group are known."""
        ...


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping, or an empty one for anything else."""
    if value is None:  # As most that are asked for, and found much sooner.
        return _EMPTY
    return value if isinstance(value, _MAPPINGS) else _EMPTY


def sequence(value: Any) -> list[Any]:
    """A list, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def items(value: Any, at: At) -> Iterator[tuple[At, Mapping[str, Any]]]:
    """The mappings of a list, with their places."""
    for position, item in enumerate(sequence(value)):
        if isinstance(item, _MAPPINGS):
            yield (*at, position), item


def dig(value: Any, *keys: str) -> Any:
    """A nested value; None where a key is missing."""
    for key in keys:
        if not value or not isinstance(value, _MAPPINGS):
            return None
        value = value.get(key)
    return value


_EMPTY: Mapping[str, Any] = {}
_MAPPINGS = (dict, Mapping)  # Nearly all are the first, which is found much sooner.
