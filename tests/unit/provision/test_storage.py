"""What holds data, and what stays with it."""

from typing import Any

import pytest

from lockproof.model.resource import GroupKind
from lockproof.steps.provision.storage import holds_data, is_storage, needed_by_kept


@pytest.mark.parametrize(
    "kind",
    [
        "PersistentVolumeClaim",
        "PersistentVolume",
        "Bucket.s3.aws.m.upbound.io",
        "Bucket.s3.aws.upbound.io",
        "BucketPublicAccessBlock.s3.aws.m.upbound.io",
        "BucketVersioning.s3.aws.m.upbound.io",
        "Instance.rds.aws.m.upbound.io",
        "Table.dynamodb.aws.m.upbound.io",
        "DatabaseInstance.sql.gcp.m.upbound.io",
        "Bucket.storage.gcp.upbound.io",
        "FileSystem.efs.aws.upbound.io",
        "Cluster.postgresql.cnpg.io",
        "VolumeSnapshot.snapshot.storage.k8s.io",
    ],
)
def test_kinds_that_hold_data(kind: str) -> None:
    assert is_storage(GroupKind.parse(kind))


@pytest.mark.parametrize(
    "kind",
    [
        "ConfigMap",
        "Deployment.apps",
        "NodeGroup.eks.aws.m.upbound.io",
        "Bucket.source.toolkit.fluxcd.io",
        "StorageClass.storage.k8s.io",
        "VolumeSnapshotClass.snapshot.storage.k8s.io",
        "Rollout.argoproj.io",
    ],
)
def test_kinds_that_do_not(kind: str) -> None:
    assert not is_storage(GroupKind.parse(kind))
    assert is_storage(GroupKind.parse(kind), also=[GroupKind.parse(kind)])


def body(kind: str, spec: Any = None, **metadata: Any) -> dict[str, Any]:
    named = GroupKind.parse(kind)
    return {
        "apiVersion": f"{named.group}/v1" if named.group else "v1",
        "kind": named.kind,
        "metadata": {"name": "a", **metadata},
        "spec": spec or {},
    }


BUCKET = body("Bucket.s3.aws.m.upbound.io", {"providerConfigRef": {"name": "aws", "kind": "C"}})
CLAIM = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
NAMES = {"group": "s3.aws.m.upbound.io", "names": {"kind": "Bucket"}}
XNAMES = {"group": "example.org", "names": {"kind": "Store"}}
STORE = body("Store.example.org", {"crossplane": {"resourceRefs": [CLAIM]}})


@pytest.mark.parametrize(
    "thing",
    [
        BUCKET,
        STORE,
        body("Store.example.org", {"resourceRefs": [CLAIM]}),
        body("Object.kubernetes.m.crossplane.io", {"forProvider": {"manifest": CLAIM}}),
        body("CustomResourceDefinition.apiextensions.k8s.io", NAMES),
        body("CompositeResourceDefinition.apiextensions.crossplane.io", NAMES),
        body("ConfigMap", annotations={"argocd.argoproj.io/sync-options": "A=b, Prune=false"}),
        body("ConfigMap", annotations={"kustomize.toolkit.fluxcd.io/prune": "disabled"}),
        body("Application.argoproj.io", finalizers=["resources-finalizer.argocd.argoproj.io"]),
        body("Kustomization.kustomize.toolkit.fluxcd.io", {"prune": True}),
    ],
)
def test_objects_that_hold_data(thing: dict[str, Any]) -> None:
    assert holds_data(thing)


@pytest.mark.parametrize(
    "thing",
    [
        body("ConfigMap"),
        body("Object.kubernetes.m.crossplane.io", {"forProvider": {"manifest": None}}),
        body("CustomResourceDefinition.apiextensions.k8s.io", XNAMES),
        body("Application.argoproj.io"),
        body("Kustomization.kustomize.toolkit.fluxcd.io", {"prune": False}),
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {}},
    ],
)
def test_objects_that_do_not(thing: dict[str, Any]) -> None:
    assert not holds_data(thing)


@pytest.mark.parametrize(
    ("thing", "kept", "needed"),
    [
        (body("Provider.pkg.crossplane.io"), BUCKET, True),
        (body("Provider.pkg.crossplane.io"), STORE, True),
        (body("Provider.pkg.crossplane.io"), body("PersistentVolumeClaim"), False),
        (body("ProviderConfig.aws.m.upbound.io"), BUCKET, False),
        (body("C.aws.m.upbound.io", name="aws"), BUCKET, False),
        (body("CompositeResourceDefinition.apiextensions.crossplane.io", XNAMES), STORE, True),
        (body("CompositeResourceDefinition.apiextensions.crossplane.io", NAMES), STORE, False),
        (body("ConfigMap"), BUCKET, False),
    ],
)
def test_what_must_stay_with_it(thing: dict[str, Any], kept: dict[str, Any], needed: bool) -> None:
    assert bool(needed_by_kept(thing, [kept])) == needed


def test_the_configuration_that_a_kept_bucket_names_stays() -> None:
    bucket = body(
        "Bucket.s3.aws.m.upbound.io",
        {"providerConfigRef": {"name": "aws", "kind": "ClusterProviderConfig"}},
    )
    config = body("ClusterProviderConfig.aws.m.upbound.io", name="aws")
    other = body("ClusterProviderConfig.aws.m.upbound.io", name="other")
    assert "managed through it" in str(needed_by_kept(config, [bucket]))
    assert needed_by_kept(other, [bucket]) is None
