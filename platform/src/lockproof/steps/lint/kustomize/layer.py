"""One kustomization file: what it says, and what of it cannot be followed here."""

import posixpath
import re
from typing import Any

from .fields import Field
from .marks import Map, Mark, Seq, mark_of

FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
KNOWN = frozenset(
    {
        "apiVersion", "kind", "metadata", "resources", "bases", "components", "namespace",
        "namePrefix", "nameSuffix", "commonLabels", "labels", "commonAnnotations", "patches",
        "patchesStrategicMerge", "patchesJson6902", "images", "replicas", "replacements",
        "configMapGenerator", "secretGenerator", "generatorOptions", "configurations",
        "sortOptions", "buildMetadata", "crds", "openapi",
    }
)  # fmt: skip
NOT_FOLLOWED = {
    "helmCharts": "charts are not rendered",
    "helmChartInflationGenerator": "charts are not rendered",
    "helmGlobals": "charts are not rendered",
    "generators": "plugins are not run",
    "transformers": "plugins are not run",
    "validators": "plugins are not run",
    "vars": "variables are not filled in; use replacements",
    "imageTags": "write images instead",
}
"""Fields that kustomize knows and this does not, with the reason."""

_REMOTE = re.compile(
    r"^(?:[a-z][a-z0-9+.-]*://|git@|github\.com[/:]|gitlab\.com[/:]|[^/]+\?ref=)|\?ref=|//"
)


def is_remote(entry: str) -> bool:
    """Whether an entry of `resources` is fetched from elsewhere."""
    return _REMOTE.search(entry) is not None


def join(folder: str, entry: str) -> str | None:
    """A path beside a kustomization; None where it leads out of the tree."""
    path = posixpath.normpath(posixpath.join(folder, entry))
    return None if path.startswith(("../", "/")) or path == ".." else path


class Layer:
    """A kustomization and the places of its entries."""

    def __init__(self, folder: str, path: str, value: Map) -> None:
        """`path` is the file, `folder` where its entries are looked up."""
        self.folder, self.path, self.value = folder, path, value

    def mark(self, key: str, number: int | None = None) -> Mark:
        """File and line of a field, or of one of its items."""
        place = self.value.marks.get(key, (self.path, 1))
        if number is None:
            return place
        return mark_of(self.value.get(key), number) or place

    def texts(self, key: str) -> list[tuple[str, Mark]]:
        """The items of a list of texts."""
        found = self.value.get(key)
        items = found if isinstance(found, Seq) else []
        return [(item, self.mark(key, n)) for n, item in enumerate(items) if isinstance(item, str)]

    def maps(self, key: str) -> list[tuple[Map, Mark]]:
        """The items of a list of mappings."""
        found = self.value.get(key)
        items = found if isinstance(found, Seq) else []
        return [(item, self.mark(key, n)) for n, item in enumerate(items) if isinstance(item, Map)]

    def text(self, key: str) -> str:
        """A text, empty where there is none."""
        found = self.value.get(key)
        return found if isinstance(found, str) else ""

    def map(self, key: str) -> Map:
        """A mapping, empty where there is none."""
        found = self.value.get(key)
        return found if isinstance(found, Map) else Map()


class Settings:
    """Fields that `configurations` add to those that kustomize knows."""

    def __init__(self) -> None:
        """Start with none."""
        self.names: dict[str, tuple[Field, ...]] = {}
        self.fields: dict[str, list[Field]] = {}

    def read(self, value: Any) -> list[str]:
        """Take a configuration in; the names of the sections that are not followed."""
        left: list[str] = []
        for section, entries in value.items() if isinstance(value, Map) else ():
            if not isinstance(entries, Seq):
                continue
            if section == "nameReference":
                for entry in entries:
                    if isinstance(entry, Map):
                        kind = str(entry.get("kind", ""))
                        self.names[kind] = (*self.names.get(kind, ()), *_fields(entry))
            elif section in ("images", "replicas", "commonLabels", "commonAnnotations"):
                self.fields.setdefault(section, []).extend(_listed(entries))
            else:
                left.append(section)
        return left


def _fields(entry: Map) -> tuple[Field, ...]:
    listed = entry.get("fieldSpecs")
    return tuple(_listed(listed)) if isinstance(listed, Seq) else ()


def _listed(entries: Seq) -> list[Field]:
    return [
        Field(
            str(entry.get("kind") or "*"),
            str(entry.get("path", "")),
            create=entry.get("create") is True,
            group=str(entry.get("group") or ""),
        )
        for entry in entries
        if isinstance(entry, Map)
    ]
