"""What a kustomization is made from, as values: documents on their way to resources."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lockproof.model.manifest import At, Place, mapping
from lockproof.parse.kustomization import GENERATORS, Kustomization
from lockproof.parse.yaml_document import YamlDocument


class Trouble(NamedTuple):
    """Something in a kustomization that does not work."""

    place: Place
    text: str
    idle: bool = False
    """It does no harm: a patch that changes nothing."""


@dataclass
class Source:
    """A document, or a generator's entry, that becomes one resource."""

    kustomization: Kustomization
    """The one that takes it in."""
    kind: str
    group: str
    version: str
    names: list[str]
    """What it was called on its way, first its own name."""
    namespaces: list[str]
    place: Place
    """Where it begins."""
    path: str = ""
    document: YamlDocument | None = None
    """None for a generator's entry."""
    at: At = ()
    """Where in the document, or in the kustomization."""
    generated: bool = False
    adds: bool = False
    """Whether it changes what another generator makes."""
    layers: list[Kustomization] = field(default_factory=list)
    """What worked on it, innermost first."""


@dataclass
class Outline:
    """A kustomization with all that it includes."""

    root: str
    """The kustomization file."""
    folder: str
    sources: list[Source] = field(default_factory=list)
    layers: list[Kustomization] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    """Reasons why it may not build."""
    barred: list[Trouble] = field(default_factory=list)
    """Reasons for which kustomize is not started at all."""
    linked: list[str] = field(default_factory=list)
    """What is reached by a link, which kustomize would follow: it is not started either."""
    not_checked: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    """What kustomize is handed."""
    used: set[str] = field(default_factory=set)
    """Files that are part of it, and so no manifests by themselves."""


def generated(layer: Kustomization) -> Iterator[Source]:
    """The resources that a kustomization's generators make, or add to."""
    for entry, at in layer.maps(*GENERATORS):
        name = str(entry.get("name") or "")
        kind, place = GENERATORS[str(at[0])], layer.place(*at)
        space = str(entry.get("namespace") or "")
        source = Source(layer, kind, "", "v1", [name], [space], place, layer.path, at=at)
        source.generated = True
        source.adds = entry.get("behavior") in ("merge", "replace")
        yield source


def taken(layer: Kustomization, document: YamlDocument, path: str, at: At = ()) -> Iterator[Source]:
    """The resources of a document; those of a list one by one."""
    value: Any = document.value
    for key in at:
        value = value[key]
    kind, version = mapping(value).get("kind"), mapping(value).get("apiVersion")
    if not kind or not version:
        return
    items = mapping(value).get("items")
    if str(kind).endswith("List") and isinstance(items, list):
        for number in range(len(items)):
            yield from taken(layer, document, path, (*at, "items", number))
        return
    metadata = mapping(mapping(value).get("metadata"))
    yield Source(
        layer,
        str(kind),
        str(version).rpartition("/")[0],
        str(version).rpartition("/")[2],
        [str(metadata.get("name") or "")],
        [str(metadata.get("namespace") or "")],
        (path, document.line(*at)),
        path,
        document,
        at,
    )


def twice(sources: Sequence[Source]) -> Iterator[Trouble]:
    """Resources that have one identity: what kustomize tells them apart by is equal."""
    first: dict[tuple[str, ...], Source] = {}
    for source in sources:
        if source.adds:
            continue
        space = source.namespaces[-1] or "default"
        key = (source.group, source.version, source.kind, source.names[-1], space)
        known = first.setdefault(key, source)
        if known is not source:
            where = f"{known.place[0]}:{known.place[1]}"
            text = f"{source.kind} {source.names[-1]} is already there, from {where}"
            yield Trouble(source.place, text)


def rename(source: Source, layer: Kustomization) -> None:
    """Give a source the name and the namespace that a kustomization gives it."""
    prefix, suffix, space = (layer.text(k) for k in ("namePrefix", "nameSuffix", "namespace"))
    if prefix or suffix:
        source.names.append(f"{prefix}{source.names[-1]}{suffix}")
    if space:
        source.namespaces.append(space)
