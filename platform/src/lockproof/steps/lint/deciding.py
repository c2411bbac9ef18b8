"""What of the manifests decides whether a server takes the others."""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

from lockproof.adapters.kubernetes.answers import Refusal
from lockproof.adapters.kubernetes.cluster import Cluster, Kind
from lockproof.adapters.kubernetes.question import ask
from lockproof.model.manifest import Manifest
from lockproof.model.resource import Body

from .admitting import (
    Asked,
    engine_looks_at,
    is_admitting,
    is_of_engine,
    lifts,
    may_have_refused,
    may_refuse,
)
from .namespaces import Change, Chooser, choosers
from .parameters import Reader, parameters, readers

_LONGEST = 600
"""Characters of an answer; a server repeats whole objects."""


class Standing(NamedTuple):
    """An object of the cluster that the manifests have, too."""

    live: Body
    becomes: Body
    """What it would be once the manifest is applied."""

    def is_same(self, manifest: Manifest, read_by: Sequence[Reader] = ()) -> bool:
        """Whether nothing changes by which it decides over others."""
        by_all = read_by or is_of_engine(manifest.group) or manifest.kind == "Namespace"
        deciding = parameters if by_all else _deciding
        return deciding(self.becomes) == deciding(self.live)


def standing(cluster: Cluster, manifest: Manifest) -> Standing | None:
    """An object as the cluster has it; None where it is not there, or cannot be asked about."""
    name, namespace = manifest.metadata.get("name"), manifest.metadata.get("namespace")
    try:
        kind = cluster.kind(manifest.api_version, manifest.kind)
        if kind is None or not can_be_named(name) or not can_be_named(namespace or "x"):
            return None
        namespace = namespace or cluster.connection.namespace
        live = cluster.get(kind, namespace if kind.namespaced else None, str(name))
        if live is None:
            return None
        return Standing(live, ask(cluster, kind, placed(manifest, kind, namespace)))
    except (Refusal, TypeError, ValueError):
        return None


class Over(NamedTuple):
    """What of the manifests decides whether others are taken."""

    admitting: "tuple[_Admitting, ...]"
    here: str
    """The namespace of what states none."""

    @property
    def by_engines(self) -> bool:
        """Whether policies of other projects are among it, which look at what an object says."""
        return any(not one.is_same and is_of_engine(one.manifest.group) for one in self.admitting)

    def that_refused(self, refusal: Refusal, asked: Asked) -> str | None:
        """What is another one in the cluster, and may have refused an object as that."""
        for one in self.admitting:
            by = self._reader(one, asked)
            # Also parameters that are not there refuse what is held against them.
            if not one.is_same and by is not None and by.may_have_refused(refusal):
                return one.manifest.label
            if one.may_have_refused(refusal, asked):
                return one.manifest.label
        return None

    def that_may_refuse(self, of: Manifest, asked: Asked) -> str | None:
        """What is not in the cluster as it will be, and may then refuse an object."""
        beside = [one.manifest for one in self.admitting]
        for one in self.admitting:
            if one.is_same or one.manifest is of:
                continue
            by = self._reader(one, asked)
            if by is not None:
                return f"{one.manifest.label}, from which {by.label} takes parameters"
            if one.may_refuse(beside, asked):
                return one.manifest.label
        return None

    def _reader(self, one: "_Admitting", asked: Asked) -> Reader | None:
        inside = one.manifest.namespace or self.here
        return next(
            (by for by in one.readers if by.judges(asked.kind, asked.namespace, inside)), None
        )


@dataclass(frozen=True)
class _Admitting:
    """A manifest that decides over others."""

    manifest: Manifest
    readers: tuple[Reader, ...]
    """The policies in force that take parameters from it."""
    found: Standing | None
    choosers: tuple[Chooser, ...] | None
    """What looks at namespaces; None where that is not known, or not asked for."""

    @cached_property
    def is_same(self) -> bool:
        """Whether it is in the cluster as the manifest has it."""
        return self.found is not None and self.found.is_same(self.manifest, self.readers)

    def may_have_refused(self, refusal: Refusal, asked: Asked) -> bool:
        """Whether it refused an object as what it is now, or by not being there."""
        one = self.manifest
        if self.is_same or not is_admitting(one):
            return False
        if not may_have_refused(one, refusal, asked.namespace or ""):
            return False
        if self.found is None:
            return lifts(one) and engine_looks_at(one, asked)
        if one.kind == "Namespace":
            return self._change(self.found).may_touch(asked.kind)
        return not is_of_engine(one.group) or any(
            engine_looks_at(each, asked) for each in self._versions
        )

    def may_refuse(self, beside: Sequence[Manifest], asked: Asked) -> bool:
        """Whether it may refuse an object once it is as the manifest has it."""
        one = self.manifest
        if not is_admitting(one):
            return False
        if one.kind == "Namespace" and self.found is not None:
            within = asked.namespace == one.name
            return within and self._change(self.found).may_touch(asked.kind)
        return any(may_refuse(each, beside, asked) for each in self._versions)

    @cached_property
    def _versions(self) -> list[Manifest]:
        """It as it will be, and as it is where what it changed of others may then be missed."""
        mends = self.manifest.kind.startswith("Mutating") or "kyverno.io" in self.manifest.group
        live = [Manifest(self.found.live, self.manifest.locate)] if self.found and mends else []
        return [self.manifest, *live]

    def _change(self, found: Standing) -> Change:
        return Change(found.live["metadata"], found.becomes["metadata"], self.choosers)


def deciding_over(
    cluster: Cluster, manifests: Sequence[Manifest], pool: ThreadPoolExecutor
) -> tuple[Over, list[str]]:
    """What of the manifests decides over others, and what of that could not be read."""
    here, unread = cluster.connection.namespace, list[str]()
    found: Sequence[Reader] = ()
    try:
        found = readers(cluster) if len(manifests) > 1 else ()
    except Refusal as refusal:
        said = "whether policies in force take parameters from what the manifests bring"
        unread = [f"{said}: {short(str(refusal))}"]
    by = [
        (one, tuple(reader for reader in found if reader.reads(one, one.namespace or here)))
        for one in manifests
    ]
    admitting = [(one, reading) for one, reading in by if reading or is_admitting(one)]
    stand = list(pool.map(partial(standing, cluster), [one for one, _ in admitting]))
    of_namespaces: tuple[Chooser, ...] | None = None
    if len(manifests) > 1 and any(
        one.kind == "Namespace" and there and not there.is_same(one)
        for (one, _), there in zip(admitting, stand, strict=True)
    ):
        try:
            of_namespaces = choosers(cluster)
        except Refusal as refusal:
            said = "what chooses objects by the labels of namespaces that the manifests change"
            unread.append(f"{said}: {short(str(refusal))}")
    return Over(
        tuple(
            _Admitting(one, reading, there, of_namespaces)
            for (one, reading), there in zip(admitting, stand, strict=True)
        ),
        here,
    ), unread


def _deciding(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of an object of Kubernetes' own decides over others."""
    return {name: body.get(name) for name in ("spec", "webhooks")}


def placed(manifest: Manifest, kind: Kind, namespace: str) -> dict[str, Any]:
    """The object of a manifest in its namespace, or in none as its kind has it."""
    metadata = {k: v for k, v in manifest.metadata.items() if k != "namespace"}
    if kind.namespaced:
        metadata["namespace"] = namespace
    return {**manifest.value, "metadata": metadata}


def can_be_named(name: object) -> bool:
    """Whether a text can stand for an object in an address."""
    return isinstance(name, str) and re.fullmatch(r"(?!\.{1,2}$)[^/%\s]+", name) is not None


def short(text: str) -> str:
    """Without the middle of what is long: what is wrong with a value stands after it."""
    text, half = " ".join(text.split()), _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} … {text[-half:]}"
