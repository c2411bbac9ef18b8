"""A resource on its way through a build."""

from dataclasses import dataclass, field
from typing import Any

from .marks import Map, Mark, mark_at


@dataclass
class Resource:
    """One object, what it was called before, and where it came from."""

    value: Map
    origin: Mark
    """File and line of the document, or of the generator's entry."""
    names: list[str] = field(default_factory=list)
    """Earlier names, oldest first: what references in the sources say."""
    namespaces: list[str] = field(default_factory=list)
    trail: list[str] = field(default_factory=list)
    """Kustomization folders it passed through, innermost first."""
    hashed: bool = False
    """Whether its name ends in a hash of its content once the build is done."""

    @property
    def api_version(self) -> str:
        """`apps/v1`."""
        return str(self.value.get("apiVersion", ""))

    @property
    def group(self) -> str:
        """`apps`; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """`v1`."""
        return self.api_version.rpartition("/")[2]

    @property
    def kind(self) -> str:
        """`Deployment`."""
        return str(self.value.get("kind", ""))

    @property
    def metadata(self) -> Map:
        """Its metadata, made where it has none."""
        found = self.value.get("metadata")
        if not isinstance(found, Map):
            found = Map()
            self.value.put("metadata", found, self.origin)
        return found

    @property
    def name(self) -> str:
        """Its name as of now."""
        return str(self.metadata.get("name", ""))

    @property
    def namespace(self) -> str:
        """Its namespace as of now; empty where it states none."""
        return str(self.metadata.get("namespace") or "")

    def rename(self, name: str) -> None:
        """Give it another name and remember the old one."""
        if name != self.name:
            self.names.append(self.name)
            self.metadata["name"] = name

    def move(self, namespace: str, mark: Mark) -> None:
        """Put it into another namespace and remember the old one."""
        if namespace != self.namespace:
            self.namespaces.append(self.namespace)
            self.metadata.put("namespace", namespace, mark)

    def place(self, at: tuple[str | int, ...]) -> Mark:
        """File and line of a field."""
        return mark_at(self.value, at, self.origin)

    def answers(self, kind: str | None, name: str | None, namespace: str | None) -> bool:
        """Whether it is what a patch or a replacement of its layer means."""
        named = name is None or name == self.name or name in self.names
        placed = namespace is None or namespace == (self.namespace or "default")
        placed = placed or namespace in self.namespaces
        return named and placed and (kind is None or kind == self.kind)

    def label(self, key: str) -> Any:
        """A label's value."""
        labels = self.metadata.get("labels")
        return labels.get(key) if isinstance(labels, Map) else None
