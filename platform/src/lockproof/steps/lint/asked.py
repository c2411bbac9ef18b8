"""What a cluster's API server says of each manifest, asked in a dry run that writes nothing."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from lockproof.adapters.kubernetes.answers import Cause, Refusal, Why, way_to
from lockproof.adapters.kubernetes.cluster import Cluster, Kind
from lockproof.adapters.kubernetes.connection import Connection
from lockproof.adapters.kubernetes.question import ask, ask_new
from lockproof.model.finding import Finding
from lockproof.model.manifest import Manifest
from lockproof.model.resource import Body
from lockproof.rules.manifests.encrypted import is_encrypted
from lockproof.rules.manifests.shape import at_place

from .admitting import DENIED, Asked
from .deciding import Over, can_be_named, deciding_over, placed, short, standing
from .families import Family
from .schema_locations import DEFINING
from .together import together

_MANAGER = "lockproof"
_WORKERS = 8
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
    manifests: Sequence[Manifest],
    connection: Connection,
    unsure: Mapping[int, str],
    say: Callable[[str], None],
) -> Family | None:
    """Ask the server of every manifest; None where there are none.

    Args:
        manifests: as they would be applied.
        connection: one that only asks.
        unsure: by `id` of a manifest, why it may be another object that is applied.
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
        told = pool.map(partial(standing, cluster), defining)
        changing = {
            kind
            for manifest, found in zip(defining, told, strict=True)
            if found is None or not found.is_same(manifest)
            for kind in _defined(manifest)
        }
        over, unread = deciding_over(cluster, manifests, pool)
        family.not_checked += unread
        whys, unread = together(cluster, [one for one in manifests if _is_named(one)])
        family.not_checked += unread
        answers = pool.map(partial(_ask, cluster, changing, over, unsure), manifests)
        for manifest, (found, unknown) in zip(manifests, answers, strict=True):
            if not found and not unknown and (why := whys.get(id(manifest))):
                unknown = _left(manifest, f"it is taken alone, and {why}")[1]
            family.findings += found
            family.not_checked += [unknown] if unknown else []
            family.checked += not unknown
    return family


def _defined(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Group and kind of what a definition defines."""
    for names in (manifest.spec.get("names"), manifest.spec.get("claimNames")):
        if isinstance(names, Mapping):
            yield str(manifest.spec.get("group")), str(names.get("kind"))


def _ask(
    cluster: Cluster,
    changing: Set[tuple[str, str]],
    over: Over,
    unsure: Mapping[int, str],
    manifest: Manifest,
) -> _Answer:
    if id(manifest) in unsure:
        return _left(manifest, unsure[id(manifest)])
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
    cluster: Cluster, kind: Kind, over: Over, manifest: Manifest, namespace: str
) -> _Answer:
    """Ask about an object of a kind that the cluster serves and the manifests leave as it is."""
    inside = namespace if kind.namespaced else None
    body = placed(manifest, kind, namespace)
    live: tuple[Body, ...] = ()
    try:
        live = tuple(_live(cluster, kind, over, inside, body))
        taken = ask(cluster, kind, body)
    except Refusal as refusal:
        if refusal.why is Why.NOT_FOUND and kind.namespaced:
            return _ask_elsewhere(cluster, manifest, kind, namespace)
        if not _is_of_the_object(manifest, refusal):
            return _left(manifest, str(refusal))
        by = over.that_refused(refusal, Asked(kind, inside, (body, *live)))
        if by is not None:
            return _left(manifest, f"the manifests change {by}, and as that is now: {refusal}")
        return _told(manifest, refusal)
    by = over.that_may_refuse(manifest, Asked(kind, inside, (taken, *live), whole=True))
    if by is not None:
        said = f"the manifests bring or change {by}"
        return _left(manifest, f"{said}, which may refuse what is taken now")
    return (), ""


def _live(
    cluster: Cluster, kind: Kind, over: Over, namespace: str | None, body: Body
) -> Iterator[Body]:
    """The object as it is, where a policy may choose it by that."""
    name = body["metadata"].get("name")
    live = cluster.get(kind, namespace, name) if name and over.by_engines else None
    if live is not None:
        yield live


def _ask_elsewhere(cluster: Cluster, manifest: Manifest, kind: Kind, namespace: str) -> _Answer:
    """Whether an object whose namespace is not there is wrong wherever it is."""
    try:
        ask_new(cluster, kind, placed(manifest, kind, "default"))
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
        said = short(f"{field}: {cause.message}" if field else cause.message)
        subject = f"{manifest.label} {field}".rstrip()
        text = f"the cluster refuses it: {said}"
        found.append(at_place("LP665", manifest, at, text, subject=subject))
    return found, ""


def _left(manifest: Manifest, why: str) -> _Answer:
    path, line = manifest.locate(())
    return (), f"{path}:{line}: {manifest.label}: {short(why)}"


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
    return can_be_named(name) and can_be_named(manifest.metadata.get("namespace") or "x")
