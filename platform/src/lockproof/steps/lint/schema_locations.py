"""Schemas from elsewhere: folders or URLs in kubeconform's layout, and definitions of kinds."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urljoin

from lockproof.errors import ConfigError, UnavailableError, UsageError
from lockproof.model.schema import Kind, Reference, Schema, Table
from lockproof.parse.json_schema import TableBuilder, add_object
from lockproof.parse.yaml_document import read_yaml

BUNDLED = "default"
"""The location that stands for the bundled schemas."""
_LAYOUT = (
    "{{ .NormalizedKubernetesVersion }}-standalone{{ .StrictSuffix }}/"
    "{{ .ResourceKind }}{{ .KindSuffix }}.json"
)
_SECONDS = 20.0
_LARGEST = 32 << 20
"""Bytes of one schema."""


class SchemaSource(Protocol):
    """Where the schema of a kind is looked up."""

    def find(self, group: str, version: str, kind: str) -> Schema | None:
        """The schema of a kind; None where there is none."""
        ...


class SchemaLocation:
    """JSON schemas in a folder or at a URL; the address is a template as kubeconform's."""

    def __init__(self, location: str, kubernetes: str, metadata: Table) -> None:
        """`kubernetes` is a version such as `1.34`; `metadata` has what every object has.

        Raises:
            UsageError: there is no such folder, or the template uses a word that is not known.
        """
        if not _is_url(location):
            _refuse_missing(location)
        template = location
        if "{{" not in location:
            template = (
                location if location.endswith(".json") else f"{location.rstrip('/')}/{_LAYOUT}"
            )
        self.template, self.kubernetes, self.metadata = template, kubernetes, metadata
        self._found: dict[tuple[str, str, str], Schema | None] = {}
        self._crds: CustomSchemas | None = None
        self.address("apps", "v1", "Deployment")  # A wrong template shows at once.
        if not _is_url(location) and "{{" not in location:
            self._crds = CustomSchemas(_definitions(Path(location)), metadata)

    def address(self, group: str, version: str, kind: str) -> str:
        """Where the schema of a kind should be."""
        number = (
            f"v{self.kubernetes}.0" if self.kubernetes.count(".") == 1 else f"v{self.kubernetes}"
        )
        suffix = f"-{group.partition('.')[0]}-{version}" if group else f"-{version}"
        words = {
            "NormalizedKubernetesVersion": number,
            "StrictSuffix": "-strict",
            "ResourceKind": kind.lower(),
            "ResourceAPIVersion": version,
            "Group": group,
            "KindSuffix": suffix.lower(),
        }

        def fill(match: re.Match[str]) -> str:
            if match[1] not in words:
                raise UsageError(
                    f"--schema-location: no word '{match[1]}' in a template: use {', '.join(words)}"
                )
            return words[match[1]]

        return re.sub(r"\{\{\s*\.?(\w+)\s*\}\}", fill, self.template)

    def find(self, group: str, version: str, kind: str) -> Schema | None:
        """The schema of a kind; None where there is none.

        Raises:
            ConfigError: what is there is no schema.
            UnavailableError: the server does not answer.
        """
        name = (group, version, kind)
        if name not in self._found:
            found = self._crds.find(group, version, kind) if self._crds else None
            self._found[name] = found or self._load(self.address(group, version, kind))
        return self._found[name]

    def _load(self, address: str) -> Schema | None:
        content = fetch(address)
        if content is None:
            return None
        document = _json(content, address)
        resolver = _Resolver(address, document)
        builder = TableBuilder(resolver.resolve, said=True)
        resolver.builder = builder
        root = builder.add(document)
        return Schema(Table(builder.nodes, resolver.known), Kind(root))


def located(location: str, base: Path) -> str:
    """A location with its path, where it is one, taken from a folder."""
    return location if "://" in location or location == BUNDLED else str(base / location)


def _refuse_missing(location: str) -> None:
    """A folder that is not there would pass for one that knows no kind."""
    if "://" in location:
        raise UsageError(f"--schema-location: {location} is neither a folder nor an HTTP address")
    fixed, template, _ = location.partition("{{")
    place = Path(fixed) if not template or fixed.endswith("/") else Path(fixed).parent
    if not os.path.exists(place):
        raise UsageError(f"--schema-location: there is no {place}")


class _Resolver:
    """Follows references inside a file and to files beside it."""

    def __init__(self, address: str, document: Mapping[str, Any]) -> None:
        self.files: dict[str, Mapping[str, Any]] = {address: document}
        self.known: dict[str, int] = {}
        self.builder: TableBuilder | None = None
        self.here = address

    def resolve(self, target: str) -> Reference:
        file, _, pointer = target.partition("#")
        address = self._beside(file) if file else self.here
        name = f"{address}#{pointer}"
        if name not in self.known:
            assert self.builder is not None
            self.known[name] = self.builder.reserve()
            above, self.here = self.here, address
            node = self.builder.node(self._look(address, pointer), structural=False)
            self.here = above
            self.builder.nodes[self.known[name]].update(node)
        return self.known[name]

    def _beside(self, file: str) -> str:
        return (
            urljoin(self.here, file) if _is_url(self.here) else str(Path(self.here).parent / file)
        )

    def _look(self, address: str, pointer: str) -> Mapping[str, Any]:
        if address not in self.files:
            content = fetch(address)
            if content is None:
                raise ConfigError(f"{address}: a schema refers to it, and it is not there")
            self.files[address] = _json(content, address)
        value: Any = self.files[address]
        for step in filter(None, pointer.split("/")):
            value = (
                value.get(step.replace("~1", "/").replace("~0", "~"), None)
                if isinstance(value, Mapping)
                else None
            )
        if not isinstance(value, Mapping):
            raise ConfigError(f"{address}: a schema refers to #{pointer}, which is not there")
        return value


class CustomSchemas:
    """The kinds of CustomResourceDefinitions and of Crossplane's CompositeResourceDefinitions."""

    def __init__(self, definitions: Iterable[Mapping[str, Any]], metadata: Table) -> None:
        """Pass over what defines no kind, and definitions that contradict each other."""
        self._entries: dict[tuple[str, str, str], tuple[Mapping[str, Any], bool, bool]] = {}
        self.metadata = metadata
        self._found: dict[tuple[str, str, str], Schema] = {}
        differing: set[tuple[str, str, str]] = set()
        for definition in definitions:
            spec = definition.get("spec")
            if definition.get("kind") not in DEFINING or not isinstance(spec, Mapping):
                continue
            composite = definition["kind"] != DEFINING[0]
            names = spec.get("names")
            kind = str(names.get("kind")) if isinstance(names, Mapping) else ""
            versions = spec.get("versions")
            for version in versions if isinstance(versions, list) else ():
                schema = _open_api(version)
                if schema is not None and version.get("served", True):
                    key = (str(spec.get("group")), str(version.get("name")), kind)
                    default = "Namespaced" if composite else None
                    scope = spec.get("scope", default) == "Namespaced"
                    whole = _composite(schema) if composite else schema
                    entry = (whole, scope, version.get("deprecated") is True)
                    # Which of several is served is not known here: of the kind nothing is.
                    if self._entries.setdefault(key, entry) != entry:
                        differing.add(key)
        for key in differing:
            del self._entries[key]

    def find(self, group: str, version: str, kind: str) -> Schema | None:
        """The schema of a kind; None where no definition is known."""
        key = (group, version, kind)
        entry = self._entries.get(key)
        if entry is None:
            return None
        if key not in self._found:
            builder = TableBuilder(said=True)
            root = add_object(builder, entry[0])
            table = Table(builder.nodes, parent=self.metadata)
            self._found[key] = Schema(table, Kind(root, entry[1], "" if entry[2] else None))
        return self._found[key]


DEFINING = ("CustomResourceDefinition", "CompositeResourceDefinition")
"""Kinds of manifests that define kinds."""
_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def _composite(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """With the fields that Crossplane adds to every composite resource."""
    properties = schema.get("properties")
    known = dict(properties) if isinstance(properties, Mapping) else {}
    for name in ("spec", "status"):
        part = dict(known.get(name) or {"type": "object"})
        part["properties"] = {**(part.get("properties") or {}), "crossplane": _ANYTHING}
        if name == "status":
            part["properties"]["conditions"] = {"type": "array", "items": _ANYTHING}
        known[name] = part
    return {**schema, "properties": known}


def _open_api(version: Any) -> Mapping[str, Any] | None:
    schema = version.get("schema") if isinstance(version, Mapping) else None
    found = schema.get("openAPIV3Schema") if isinstance(schema, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _definitions(folder: Path) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    if not os.path.isdir(folder):
        return found
    for path in sorted((*folder.glob("*.yaml"), *folder.glob("*.yml"))):
        documents = read_yaml(path.read_bytes(), str(path), many=True)
        found += [document.value for document in documents if isinstance(document.value, dict)]
    return found


def _is_url(location: str) -> bool:
    return location.startswith(("http://", "https://"))


def fetch(address: str) -> bytes | None:
    """Content of a file or URL; None where there is none.

    Raises:
        UnavailableError: the server does not answer, or answers with an error.
    """
    if not _is_url(address):
        try:
            return Path(address).read_bytes() if os.path.isfile(address) else None
        except OSError as error:
            raise UsageError(f"cannot read {address}: {error.strerror}") from error
    import urllib.error  # With it come HTTP and TLS, which most runs do not need.
    import urllib.request

    try:
        with urllib.request.urlopen(address, timeout=_SECONDS) as answer:  # noqa: S310
            content: bytes = answer.read(_LARGEST + 1)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (404, 410):
            return None
        raise UnavailableError(f"{address}: the server answers {error.code}") from error
    except OSError as error:
        raise UnavailableError(f"{address} does not answer: {error}") from error
    if len(content) > _LARGEST:
        raise UsageError(f"{address} is larger than {_LARGEST >> 20} MiB")
    return content


def _json(content: bytes, address: str) -> Mapping[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{address} is no JSON schema: {error}") from error
    if not isinstance(value, Mapping):
        raise ConfigError(f"{address} is no JSON schema: it must be an object")
    return value


class Sources:
    """Several sources; the first that knows a kind decides."""

    def __init__(self, sources: Iterable[SchemaSource]) -> None:
        """Take the sources in the order in which they are asked."""
        self._sources = list(sources)

    def find(self, group: str, version: str, kind: str) -> Schema | None:
        """The schema of a kind; None where no source has it."""
        for source in self._sources:
            found = source.find(group, version, kind)
            if found is not None:
                return found
        return None
