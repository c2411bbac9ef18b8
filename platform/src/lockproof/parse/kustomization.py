"""Kustomization files: what they name, and in which line. Nothing is built from them here."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lockproof.model.later import later
from lockproof.model.manifest import At, Place

from .document import YamlDocument, nearest_line

FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
GENERATORS = {"configMapGenerator": "ConfigMap", "secretGenerator": "Secret"}
PLUGINS = ("generators", "transformers", "validators")
INCLUDES = ("resources", "bases", "components")
CHARTS = ("helmCharts", "helmChartInflationGenerator", "helmGlobals")

_NO_PATHS = frozenset(
    {
        "apiVersion", "kind", "metadata", "namespace", "namePrefix", "nameSuffix", "labels",
        "commonLabels", "commonAnnotations", "images", "replicas", "buildMetadata", "sortOptions",
    }
)  # fmt: skip
KNOWN = _NO_PATHS | {
    "imageTags", "patches", "patchesStrategicMerge", "patchesJson6902", "replacements", "vars",
    "generatorOptions", "configurations", "crds", "openapi",
    *GENERATORS, *PLUGINS, *INCLUDES, *CHARTS,
}  # fmt: skip
"""The fields of a kustomization."""
_FOLDED = {name.casefold(): name for name in KNOWN}
_LONGEST = 1024
"""Characters; a longer text is a patch, not a path."""
_REMOTE = later(
    r"^(?:[a-z][a-z0-9+.-]*::|[a-z][a-z0-9+.-]*://|[\w.-]+@|github\.com[/:]|gitlab\.com[/:])"
    r"|\?ref=|//",
    re.IGNORECASE,
)

_HEAD = later(r"(?:#[ \t]?)?[\"']?(\w+)[\"']?:")
"""Of a field of the file's top, in use or in a comment."""
_IN_COMMENT = later(r"[ \t]*+#[ \t]*+- (?:path: )?[\"']?([\w./-]+\.ya?ml)[\"']?[ \t]*+")


def is_remote(entry: str) -> bool:
    """Whether an entry of `resources` is fetched from elsewhere."""
    return _REMOTE.search(entry) is not None


def join(folder: str, entry: str) -> str | None:
    """A path beside a kustomization; None where it leads out of the tree."""
    path = posixpath.normpath(posixpath.join(folder, entry))
    return None if path.startswith(("../", "/")) or path == ".." else path


def patches_in_comments(content: bytes) -> Iterator[str]:
    """The files that stand under `patches` or `patchesStrategicMerge`, each in a comment.

    kubebuilder leaves patches like that for whoever wants them.
    """
    field = ""
    for line in content.decode("utf-8", "replace").splitlines():
        head = _HEAD.match(line)
        if head and (line[0] != "#" or line.rstrip().endswith(":")):
            field = head[1]
        named = _IN_COMMENT.fullmatch(line)
        if named and field in ("patches", "patchesStrategicMerge"):
            yield named[1]


def is_kustomization(value: Any) -> bool:
    """Whether a file with one of the names is for kustomize to read, if only to be refused.

    One that is an object of another kind, such as Flux's Kustomization, is a manifest.
    """
    if not isinstance(value, dict):
        return True
    stated = str(value.get("apiVersion") or "")
    foreign = bool(stated) and not stated.startswith("kustomize.config.k8s.io/")
    own = (KNOWN - {"apiVersion", "kind", "metadata"}).isdisjoint(value)
    return not (foreign and own and "metadata" in value)


def misspelt_fields(value: Any) -> Iterator[tuple[str, str]]:
    """Keys that kustomize takes for a field though they are spelt otherwise, and the field.

    Go matches the names of fields without regard to case, and by Unicode's rules for that.
    """
    for key in value if isinstance(value, dict) else ():
        field = _FOLDED.get(key.casefold())
        if field and field != key:
            yield key, field


def escaping_paths(value: Any, folder: str) -> Iterator[tuple[str, At]]:
    """The texts of a document that as a path beside it would lead out of the tree."""
    entries = value if isinstance(value, dict) else {"": value}
    for key, inner in entries.items():
        for text, at in () if key in _NO_PATHS else _scalars(inner, (key,)):
            for path in (text, text.partition("=")[2]):
                parts = [part.strip() for part in path.split("/")]
                if ".." in parts and join(folder, "/".join(parts).lstrip("/")) is None:
                    yield text, at
                    break


@dataclass(frozen=True, eq=False)
class Kustomization:
    """One kustomization file."""

    folder: str
    """Where its entries are looked up, from the Git root."""
    path: str
    document: YamlDocument

    @property
    def value(self) -> dict[str, Any]:
        """The mapping that it is."""
        found = self.document.value
        return found if isinstance(found, dict) else {}

    @property
    def is_component(self) -> bool:
        """Whether it works on the resources of what includes it."""
        return self.value.get("kind") == "Component"

    def place(self, *at: str | int) -> Place:
        """File and line of a field, or of the nearest thing around it."""
        return self.path, nearest_line(self.document, at) or 1

    def text(self, key: str) -> str:
        """A text; empty where there is none."""
        found = self.value.get(key)
        return found if isinstance(found, str) else ""

    def texts(self, *keys: str) -> Iterator[tuple[str, At]]:
        """The texts of lists, and where each stands."""
        for key in keys:
            for number, item in enumerate(_listed(self.value.get(key))):
                if isinstance(item, str):
                    yield item, (key, number)

    def maps(self, *keys: str) -> Iterator[tuple[dict[str, Any], At]]:
        """The mappings of lists, and where each stands."""
        for key in keys:
            for number, item in enumerate(_listed(self.value.get(key))):
                if isinstance(item, dict):
                    yield item, (key, number)

    def pairs(self) -> Iterator[tuple[str, At]]:
        """Every text and every key that it holds, and where each stands."""
        yield from _scalars(self.value, ())

    def patches(self) -> Iterator[tuple[dict[str, Any], At]]:
        """Its patches: `path` or `patch`, and `target`; old fields are read as the new one."""
        yield from self.maps("patches", "patchesJson6902")
        for text, at in self.texts("patchesStrategicMerge"):
            yield ({"patch": text} if "\n" in text else {"path": text}), at

    def reads(self) -> Iterator[tuple[str, At]]:
        """The documents that it reads beside resources and components."""
        for entry, at in self.patches():
            if isinstance(entry.get("path"), str):
                yield entry["path"], at
        for entry, at in self.maps("replacements"):
            if isinstance(entry.get("path"), str):
                yield entry["path"], at
        for text, at in self.texts("crds", "configurations", *PLUGINS):
            if "\n" not in text:
                yield text, at
        openapi = self.value.get("openapi")
        if isinstance(openapi, dict) and isinstance(openapi.get("path"), str):
            yield openapi["path"], ("openapi", "path")

    def generator_files(self) -> Iterator[tuple[str, At]]:
        """The files whose content its generators take."""
        for entry, at in self.maps(*GENERATORS):
            for key in ("files", "envs"):
                for number, text in enumerate(_listed(entry.get(key))):
                    if isinstance(text, str):
                        yield text.rpartition("=")[2], (*at, key, number)
            if isinstance(entry.get("env"), str):
                yield entry["env"], (*at, "env")


def named_paths(value: Any) -> Iterator[str]:
    """Every text in a document that could name a file or folder beside it."""
    entries = value if isinstance(value, dict) else {}
    kept = {key: inner for key, inner in entries.items() if key not in _NO_PATHS}
    for text, _ in _scalars(kept, ()):
        if 0 < len(text) < _LONGEST and "\n" not in text:
            yield text
            yield from (text.partition("=")[2],) if "=" in text else ()


def _scalars(value: Any, at: At) -> Iterator[tuple[str, At]]:
    todo = [(value, at)]
    while todo:
        found, here = todo.pop()
        if isinstance(found, str):
            yield found, here
        elif isinstance(found, dict):
            for key, inner in found.items():
                yield str(key), (*here, key)
                todo.append((inner, (*here, key)))
        elif isinstance(found, list):
            todo += [(inner, (*here, number)) for number, inner in enumerate(found)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
