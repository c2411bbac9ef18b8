"""What a cluster's API server says of each manifest, asked in a dry run that writes nothing."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

from lockproof.adapters.kubernetes.answers import Cause, Refusal, Why, way_to
from lockproof.adapters.kubernetes.cluster import Cluster, Kind
from lockproof.adapters.kubernetes.connection import Connection
from lockproof.adapters.kubernetes.question import ask, ask_new
from lockproof.model.finding import Finding
from lockproof.model.manifest import Manifest
from lockproof.rules.manifests.encrypted import is_encrypted
from lockproof.rules.manifests.shape import at_place

from .admitting import DENIED, is_admitting, lifts, may_have_refused, may_refuse
from .families import Family
from .parameters import Reader, parameters, readers
from .schema_locations import DEFINING
from .together import together

_MANAGER = "lockproof"
_WORKERS = 8
_LONGEST = 600
"""Characters of an answer; a server repeats whole objects."""
_UNASKED = re.compile(r"does not support dry ?run", re.IGNORECASE)
_OF_THE_CHANGE = re.compile(r"immutable|updates to|may not (?:be )?change|cannot be changed")
_MADE_ANEW = (
    ("argocd.argoproj.io/hook", ""),
    ("helm.sh/hook", ""),
    ("argocd.argoproj.io/sync-options", "Replace=true"),
    ("argocd.argoproj.io/sync-options", "Force=true"),
    ("kustomize.toolkit.fluxcd.io/force", "enabled"),
)
"""Annotations, and what they hold, by which an object is deleted before it is made again."""
_Answer = tuple[Sequence[Finding], str]
"""What the server refuses, and what it could not be asked; at most one of them."""


def asked_family(
    manifests: Sequence[Manifest], connection: Connection, say: Callable[[str], None]
) -> Family | None:
    """Ask the server of every manifest; None where there are none.

    Args:
        manifests: as they would be applied.
        connection: one that only asks.
        say: is told how many are asked.

    Raises:
        UnavailableError: the server does not answer.
    """
    if not manifests:
        return None
    cluster = Cluster(connection, _MANAGER)
    family = Family("cluster", "manifest", summary=f"context {cluster.context}")
    say(f"asking {cluster.context} about {len(manifests)} manifests")
    with ThreadPoolExecutor(_WORKERS) as pool:
        defining = [manifest for manifest in manifests if manifest.kind in DEFINING]
        told = pool.map(partial(_is_as_it_is, cluster), defining)
        changing = {
            kind
            for manifest, same in zip(defining, told, strict=True)
            if same is not True
            for kind in _defined(manifest)
        }
        over, unread = _over(cluster, manifests, pool)
        family.not_checked += unread
        whys, unread = together(cluster, [one for one in manifests if _is_named(one)])
        family.not_checked += unread
        answers = pool.map(partial(_ask, cluster, changing, over), manifests)
        for manifest, (found, unknown) in zip(manifests, answers, strict=True):
            if not found and not unknown and (why := whys.get(id(manifest))):
                unknown = _left(manifest, f"it is taken alone, and {why}")[1]
            family.findings += found
            family.not_checked += [unknown] if unknown else []
            family.checked += not unknown
    return family


def _over(
    cluster: Cluster, manifests: Sequence[Manifest], pool: ThreadPoolExecutor
) -> tuple["_Over", list[str]]:
    """What of the manifests decides over others, and what of that could not be read."""
    here, unread = cluster.connection.namespace, list[str]()
    found: Sequence[Reader] = ()
    try:
        found = readers(cluster) if len(manifests) > 1 else ()
    except Refusal as refusal:
        said = "whether policies in force take parameters from what the manifests bring"
        unread = [f"{said}: {_short(str(refusal))}"]
    by = [
        (one, tuple(reader for reader in found if reader.reads(one, one.namespace or here)))
        for one in manifests
    ]
    admitting = [(one, reading) for one, reading in by if reading or is_admitting(one)]
    told = (
        pool.map(partial(_is_as_it_is, cluster), *zip(*admitting, strict=True)) if admitting else ()
    )
    same = [_Admitting(*one, is_same) for one, is_same in zip(admitting, told, strict=True)]
    return _Over(tuple(same), here), unread


class _Admitting(NamedTuple):
    """A manifest that decides over others."""

    manifest: Manifest
    readers: tuple[Reader, ...]
    """The policies in force that take parameters from it."""
    is_same: bool | None
    """Whether it is in the cluster as the manifest has it; None where it is not there."""


class _Over(NamedTuple):
    """What of the manifests decides whether others are taken."""

    admitting: tuple[_Admitting, ...]
    here: str
    """The namespace of what states none."""

    def that_refused(self, refusal: Refusal, kind: Kind, namespace: str) -> str | None:
        """What is another one in the cluster, and may have refused an object as that."""
        for one, read_by, is_same in self.admitting:
            by = self._reader(one, read_by, kind, namespace or None)
            # Also parameters that are not there refuse what is held against them.
            if is_same is not True and by is not None and by.may_have_refused(refusal):
                return one.label
            told = is_admitting(one) and may_have_refused(one, refusal, namespace)
            if told and (is_same is False or (is_same is None and lifts(one))):
                return one.label
        return None

    def that_may_refuse(self, of: Manifest, kind: Kind, namespace: str | None) -> str | None:
        """What is not in the cluster as it will be, and may then refuse an object."""
        beside = [one.manifest for one in self.admitting]
        for one, read_by, is_same in self.admitting:
            if is_same is True or one is of:
                continue
            by = self._reader(one, read_by, kind, namespace)
            if by is not None:
                return f"{one.label}, from which {by.label} takes parameters"
            if is_admitting(one) and may_refuse(one, beside, kind, namespace):
                return one.label
        return None

    def _reader(
        self, one: Manifest, read_by: Sequence[Reader], kind: Kind, namespace: str | None
    ) -> Reader | None:
        inside = one.namespace or self.here
        return next((by for by in read_by if by.judges(kind, namespace, inside)), None)


def _is_as_it_is(
    cluster: Cluster, manifest: Manifest, read_by: Sequence[Reader] = ()
) -> bool | None:
    """Whether what decides over other objects is in the cluster as the manifest has it.

    None where it is not there, or cannot be asked about.
    """
    name, namespace = manifest.metadata.get("name"), manifest.metadata.get("namespace")
    try:
        kind = cluster.kind(manifest.api_version, manifest.kind)
        if kind is None or not _names(name) or not _names(namespace or "x"):
            return None
        namespace = namespace or cluster.connection.namespace
        body = _placed(manifest, kind, namespace)
        live = cluster.get(kind, namespace if kind.namespaced else None, str(name))
        if live is None:
            return None
        deciding = parameters if read_by else _deciding
        return deciding(ask(cluster, kind, body)) == deciding(live)
    except (Refusal, TypeError, ValueError):
        return None


def _deciding(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of an object decides over others."""
    kept = {name: body.get(name) for name in ("spec", "webhooks")}
    if body.get("kind") == "Namespace":
        kept["labels"] = body["metadata"].get("labels")
    return kept


def _defined(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Group and kind of what a definition defines."""
    for names in (manifest.spec.get("names"), manifest.spec.get("claimNames")):
        if isinstance(names, Mapping):
            yield str(manifest.spec.get("group")), str(names.get("kind"))


def _ask(
    cluster: Cluster,
    changing: Set[tuple[str, str]],
    over: _Over,
    manifest: Manifest,
) -> _Answer:
    if is_encrypted(manifest.value):
        return _left(manifest, "it is encrypted by SOPS: what decrypts it applies another one")
    namespace = manifest.metadata.get("namespace")
    if not _is_named(manifest):
        return _left(manifest, "no object can have its name or namespace")
    try:
        json.dumps(manifest.value)
        kind = cluster.kind(manifest.api_version, manifest.kind)
    except (TypeError, ValueError):
        return _left(manifest, "it is no JSON")
    except Refusal as refusal:
        return _left(manifest, str(refusal))
    if kind is None:
        return _left(manifest, f"the cluster does not serve {manifest.api_version}")
    if not {"get", "create", "update"} <= kind.verbs:
        return _left(manifest, "the cluster keeps no object of this kind")
    if (manifest.group, manifest.kind) in changing:
        return _left(manifest, "the cluster has another definition of its kind than the manifests")
    return _ask_as(cluster, kind, over, manifest, namespace or cluster.connection.namespace)


def _ask_as(
    cluster: Cluster, kind: Kind, over: _Over, manifest: Manifest, namespace: str
) -> _Answer:
    """Ask about an object of a kind that the cluster serves and the manifests leave as it is."""
    try:
        ask(cluster, kind, _placed(manifest, kind, namespace))
    except Refusal as refusal:
        if refusal.why is Why.NOT_FOUND and kind.namespaced:
            return _ask_elsewhere(cluster, manifest, kind, namespace)
        if not _is_of_the_object(manifest, refusal):
            return _left(manifest, str(refusal))
        inside = namespace if kind.namespaced else ""
        by = over.that_refused(refusal, kind, inside)
        if by is not None:
            return _left(manifest, f"the manifests change {by}, and as that is now: {refusal}")
        return _told(manifest, refusal)
    by = over.that_may_refuse(manifest, kind, namespace if kind.namespaced else None)
    if by is not None:
        said = f"the manifests bring or change {by}"
        return _left(manifest, f"{said}, which may refuse what is taken now")
    return (), ""


def _ask_elsewhere(cluster: Cluster, manifest: Manifest, kind: Kind, namespace: str) -> _Answer:
    """Whether an object whose namespace is not there is wrong wherever it is."""
    try:
        ask_new(cluster, kind, _placed(manifest, kind, "default"))
    except Refusal as refusal:
        # In a namespace of its own other policies may hold, and other objects be there.
        if (
            refusal.why is Why.INVALID
            and not DENIED.search(str(refusal))
            and not _OF_THE_CHANGE.search(str(refusal))
            and not _UNASKED.search(str(refusal))
        ):
            return _told(manifest, refusal)
    return _left(manifest, f"the cluster has no namespace {namespace} yet")


def _is_of_the_object(manifest: Manifest, refusal: Refusal) -> bool:
    """Whether a refusal is about what the manifest says, and not about who asks, or when."""
    said = str(refusal)
    if _UNASKED.search(said) or (_OF_THE_CHANGE.search(said) and _is_made_anew(manifest)):
        return False
    denied = refusal.why is Why.FORBIDDEN and DENIED.search(said) is not None
    return refusal.why is Why.INVALID or denied


def _is_made_anew(manifest: Manifest) -> bool:
    stated = ((manifest.annotation(name), held) for name, held in _MADE_ANEW)
    return any(text is not None and held in text for text, held in stated)


def _told(manifest: Manifest, refusal: Refusal) -> _Answer:
    found = []
    for cause in refusal.causes or (Cause("", str(refusal)),):
        at = way_to(cause.field, manifest.value)
        if "${" in json.dumps(_value(manifest.value, at)):
            said = f"it holds what is filled in later; as it is, the cluster says: {cause.message}"
            return _left(manifest, said)
        field = cause.field.lstrip(".")
        said = _short(f"{field}: {cause.message}" if field else cause.message)
        subject = f"{manifest.label} {field}".rstrip()
        text = f"the cluster refuses it: {said}"
        found.append(at_place("LP665", manifest, at, text, subject=subject))
    return found, ""


def _left(manifest: Manifest, why: str) -> _Answer:
    path, line = manifest.locate(())
    return (), f"{path}:{line}: {manifest.label}: {_short(why)}"


def _placed(manifest: Manifest, kind: Kind, namespace: str) -> dict[str, Any]:
    metadata = {k: v for k, v in manifest.metadata.items() if k != "namespace"}
    if kind.namespaced:
        metadata["namespace"] = namespace
    return {**manifest.value, "metadata": metadata}


def _value(value: Any, at: Sequence[str | int]) -> Any:
    for step in at:
        inside = isinstance(value, Mapping) and step in value
        inside = inside or (isinstance(value, list) and isinstance(step, int) and step < len(value))
        if not inside:
            break
        value = value[step]
    return value


def _is_named(manifest: Manifest) -> bool:
    name = manifest.metadata.get("name") or manifest.metadata.get("generateName")
    return _names(name) and _names(manifest.metadata.get("namespace") or "x")


def _names(name: object) -> bool:
    """Whether a text can stand for an object in an address."""
    return isinstance(name, str) and re.fullmatch(r"(?!\.{1,2}$)[^/%\s]+", name) is not None


def _short(text: str) -> str:
    """Without the middle of what is long: what is wrong with a value stands after it."""
    text, half = " ".join(text.split()), _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} … {text[-half:]}"
