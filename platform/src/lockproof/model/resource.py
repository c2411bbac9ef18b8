"""Objects of a Kubernetes cluster, as values: what names one, and one as Git declares it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lockproof.errors import ConfigError

Body = Mapping[str, Any]
Field = tuple[str | int, ...]
"""The way to a field: keys of mappings and indices of lists."""


@dataclass(frozen=True, order=True)
class GroupKind:
    """A kind of object, whatever its version."""

    group: str
    """Empty for the core group."""
    kind: str

    @classmethod
    def parse(cls, text: str) -> "GroupKind":
        """From `Deployment.apps`, or `Pod` of the core group."""
        kind, _, group = text.partition(".")
        return cls(group, kind)

    def __str__(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


@dataclass(frozen=True, order=True)
class ResourceKey:
    """What names one object in a cluster; the same in every version of its kind."""

    group_kind: GroupKind
    namespace: str | None
    """None where the kind has no namespaces."""
    name: str

    @classmethod
    def of(cls, body: Body) -> "ResourceKey":
        """The key of an object that has a kind and a name."""
        metadata = body["metadata"]
        return cls(group_kind_of(body), metadata.get("namespace"), metadata["name"])

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.group_kind} {where}{self.name}"


@dataclass(frozen=True)
class Manifest:
    """One object as Git declares it, and where."""

    body: Body
    path: str
    """POSIX, relative to the Git root."""
    line: int | None = None
    """Where the object begins, from 1."""
    locate: Callable[[Field], tuple[str, int | None] | None] = field(
        default=lambda _: None, repr=False, compare=False
    )
    """Path and line of a field; None where it stands in no file, such as a namespace that a
    kustomization sets."""

    @property
    def key(self) -> ResourceKey:
        """What names the object."""
        return ResourceKey.of(self.body)

    @property
    def api_version(self) -> str:
        """Such as `apps/v1`."""
        return str(self.body["apiVersion"])

    def place(self, way: Field = ()) -> tuple[str, int | None]:
        """Path and line of a field, or of the nearest one around it that stands in a file."""
        for length in range(len(way), 0, -1):
            found = self.locate(way[:length])
            if found is not None and found[1] is not None:
                return found
        return self.path, self.line


def group_kind_of(body: Body) -> GroupKind:
    """The kind of an object."""
    group, slash, _ = str(body["apiVersion"]).partition("/")
    return GroupKind(group if slash else "", str(body["kind"]))


def check_object(value: object, where: str) -> Body:
    """`value` if it is an object that can be applied.

    Raises:
        ConfigError: it has no apiVersion, kind or fixed name; the message begins with `where`.
    """
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: not a Kubernetes object: it must be a mapping")
    for key in ("apiVersion", "kind"):
        if not isinstance(value.get(key), str) or not value[key]:
            raise ConfigError(f"{where}: not a Kubernetes object: it has no {key}")
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    if not isinstance(name, str) or not name:
        raise ConfigError(f"{where}: {value['kind']} has no metadata.name: give it one")
    return value
