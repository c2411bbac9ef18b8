"""What holds data, and what must stay as long as data stays."""

from collections.abc import Iterable, Mapping

from lockproof.model.resource import Body, GroupKind, group_kind_of

_CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
_XRD = GroupKind("apiextensions.crossplane.io", "CompositeResourceDefinition")
_ACTIVATION = GroupKind("apiextensions.crossplane.io", "ManagedResourceActivationPolicy")
_PROVIDER_CONFIGS = ("ProviderConfig", "ClusterProviderConfig")
_PACKAGES = "pkg.crossplane.io"

_CORE = {GroupKind("", "PersistentVolumeClaim"), GroupKind("", "PersistentVolume")}
_WORDS = ("bucket", "database", "dbcluster", "dbinstance", "filesystem", "snapshot", "volume")
"""In the name of a custom kind: it, or a setting of it, such as a bucket's encryption."""
_GROUPS = (
    "s3",
    "rds",
    "dynamodb",
    "efs",
    "fsx",
    "docdb",
    "elasticache",
    "storage",
    "sql",
    "backup",
)
"""The first label of a cloud provider's API group that is all about data."""
_CLOUD = (".upbound.io", ".crossplane.io")
_DATABASES = ("postgresql.cnpg.io", "acid.zalan.do", "postgres-operator.crunchydata.com")
_NO_DATA = ("snapshot.storage.k8s.io", "storage.k8s.io", "source.toolkit.fluxcd.io")
_ARGO_OPTIONS = "argocd.argoproj.io/sync-options"
_ARGO_FINALIZER = "resources-finalizer.argocd.argoproj.io"
_FLUX = "kustomize.toolkit.fluxcd.io/prune"
_KEPT_SNAPSHOTS = ("VolumeSnapshot", "VolumeSnapshotContent")


def is_storage(kind: GroupKind, also: Iterable[GroupKind] = ()) -> bool:
    """Whether removing an object of this kind can destroy data, or expose it.

    Settings of a bucket count: without its public access block the data lies open.

    Args:
        kind: the kind.
        also: kinds that the policy names.
    """
    if kind in _CORE or kind in also:
        return True
    if kind.group in _NO_DATA:
        return kind.kind in _KEPT_SNAPSHOTS
    if kind.group in _DATABASES:
        return True
    if kind.group.endswith(_CLOUD) and kind.group.split(".")[0] in _GROUPS:
        return True
    return "." in kind.group and any(word in kind.kind.lower() for word in _WORDS)


def holds_data(body: Body, also: Iterable[GroupKind] = ()) -> bool:
    """Whether removing this object can destroy data: its kind's, or what it stands for.

    A definition of a kind takes all objects of that kind with it; a composite resource those that
    it is composed of; provider-kubernetes' Object the one that it wraps. What its author marks as
    not to be pruned counts, too, whatever it is.
    """
    also = tuple(also)
    kind = group_kind_of(body)
    if is_storage(kind, also) or _is_marked(body) or _cascades(body, kind):
        return True
    spec = body.get("spec")
    if not isinstance(spec, Mapping):
        return False
    if kind in (_CRD, _XRD):
        names = spec.get("names") or {}
        return is_storage(GroupKind(str(spec.get("group")), str(names.get("kind"))), also)
    return any(is_storage(inner, also) for inner in _inner_kinds(spec))


def _is_marked(body: Body) -> bool:
    """Whether its author says that it must not be pruned, in Argo CD's or Flux's words."""
    annotations = body["metadata"].get("annotations") or {}
    options = {one.strip() for one in str(annotations.get(_ARGO_OPTIONS, "")).split(",")}
    return bool(options & {"Prune=false", "Delete=false"}) or annotations.get(_FLUX) == "disabled"


def _cascades(body: Body, kind: GroupKind) -> bool:
    """Whether a GitOps controller would remove all that it applied together with this."""
    finalizers = body["metadata"].get("finalizers") or ()
    if kind.group == "argoproj.io":
        return any(str(one).startswith(_ARGO_FINALIZER) for one in finalizers)
    is_flux = kind == GroupKind("kustomize.toolkit.fluxcd.io", "Kustomization")
    return is_flux and bool((body.get("spec") or {}).get("prune"))


def _inner_kinds(spec: Mapping[str, object]) -> Iterable[GroupKind]:
    crossplane = spec.get("crossplane")
    references = (crossplane if isinstance(crossplane, Mapping) else spec).get("resourceRefs")
    provided = spec.get("forProvider")
    wrapped = provided.get("manifest") if isinstance(provided, Mapping) else None
    for one in [*(references if isinstance(references, list) else []), wrapped]:
        if isinstance(one, Mapping) and "kind" in one and "apiVersion" in one:
            yield group_kind_of(one)


def needed_by_kept(body: Body, kept: Iterable[Body]) -> str | None:
    """Why an object must stay while others stay; None where it need not.

    Without its provider's configuration a kept resource could not be looked after; without the
    package, its kind, and so the resource itself, would go.

    Args:
        body: the object in question.
        kept: the objects that stay because they hold data.
    """
    kind = group_kind_of(body)
    for other in kept:
        other_kind = group_kind_of(other)
        is_crossplane = other_kind.group.endswith(_CLOUD) or "crossplane" in (
            other.get("spec") or {}
        )
        name = f"{other_kind.kind} {other['metadata']['name']}"
        if kind.kind in _PROVIDER_CONFIGS and _refers(other, body):
            return f"{name} is managed through it"
        if is_crossplane and (kind.group == _PACKAGES or kind == _ACTIVATION):
            return f"{name} needs the kinds that Crossplane's packages define"
        if kind in (_CRD, _XRD) and _defines(body, other_kind):
            return f"{name} is of the kind that it defines"
    return None


def _refers(other: Body, config: Body) -> bool:
    reference = (other.get("spec") or {}).get("providerConfigRef")
    if not isinstance(reference, Mapping):
        return False
    kind = str(reference.get("kind") or "ProviderConfig")
    return bool(reference.get("name") == config["metadata"]["name"] and kind == config["kind"])


def _defines(definition: Body, kind: GroupKind) -> bool:
    spec = definition["spec"]
    return bool(spec.get("group") == kind.group and spec["names"].get("kind") == kind.kind)
