"""The order in which objects are applied."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockproof.errors import ConfigError
from lockproof.model.resource import GroupKind, Manifest
from lockproof.steps.provision.order import (
    CONFIGS,
    DELIVERY,
    FOUNDATIONS,
    PACKAGES,
    RESOURCES,
    WAVE,
    WORKLOADS,
    batches,
    phase_of,
    removal_rank,
)
from lockproof.steps.provision.origin import origin_of


def manifest(kind: str, name: str = "a", wave: object = None, **spec: Any) -> Manifest:
    group_kind = GroupKind.parse(kind)
    version = f"{group_kind.group}/v1" if group_kind.group else "v1"
    metadata: dict[str, Any] = {"name": name}
    if wave is not None:
        metadata["annotations"] = {WAVE: wave}
    body = {"apiVersion": version, "kind": group_kind.kind, "metadata": metadata, "spec": spec}
    return Manifest(body, "all.yaml")


PLATFORM = [
    manifest("Application.argoproj.io"),
    manifest("Deployment.apps"),
    manifest("Bucket.s3.aws.m.upbound.io"),
    manifest("PersistentVolumeClaim"),
    manifest("ClusterProviderConfig.aws.m.upbound.io"),
    manifest("Composition.apiextensions.crossplane.io"),
    manifest("CompositeResourceDefinition.apiextensions.crossplane.io"),
    manifest("Provider.pkg.crossplane.io"),
    manifest("CustomResourceDefinition.apiextensions.k8s.io"),
    manifest("Namespace"),
]


def kinds(manifests: list[Manifest]) -> list[list[str]]:
    return [[one.body["kind"] for one in batch] for batch in batches(manifests)]


@settings(deadline=None)
@given(st.permutations(PLATFORM))
def test_what_others_need_comes_first_whatever_the_order_in_git(given: list[Manifest]) -> None:
    assert kinds(given) == [
        ["Namespace"],
        ["CustomResourceDefinition"],
        ["Provider"],
        ["CompositeResourceDefinition"],
        ["Composition"],
        ["ClusterProviderConfig"],
        ["PersistentVolumeClaim", "Bucket"],
        ["Deployment"],
        ["Application"],
    ]


def test_sync_waves_come_before_phases_but_after_what_all_need() -> None:
    found = kinds(
        [
            manifest("Deployment.apps", wave="-5"),
            manifest("Bucket.s3.aws.m.upbound.io"),
            manifest("ConfigMap", wave="2"),
            manifest("Namespace", wave="7"),
        ]
    )
    assert found == [["Namespace"], ["Deployment"], ["Bucket"], ["ConfigMap"]]


def test_removing_turns_the_order_round_but_ends_what_would_make_it_again_first() -> None:
    # By phase alone an application goes first as well; here its wave comes before all others.
    given = [*PLATFORM[1:], manifest("Application.argoproj.io", wave="-3")]
    removed = sorted(given, key=lambda one: removal_rank(one.body))
    assert [one.body["kind"] for one in removed] == [
        "Application",
        "Deployment",
        "Bucket",
        "PersistentVolumeClaim",
        "ClusterProviderConfig",
        "Composition",
        "CompositeResourceDefinition",
        "Provider",
        "CustomResourceDefinition",
        "Namespace",
    ]


def test_a_wave_that_is_no_number_is_an_error_with_its_file() -> None:
    with pytest.raises(ConfigError, match=r"all\.yaml: .* whole number, not 'soon'"):
        batches([manifest("ConfigMap", wave="soon")])


@pytest.mark.parametrize(
    ("kind", "phase"),
    [
        ("Namespace", FOUNDATIONS),
        ("ManagedResourceActivationPolicy.apiextensions.crossplane.io", PACKAGES),
        ("ProviderConfig.kubernetes.m.crossplane.io", CONFIGS),
        ("AnalysisTemplate.argoproj.io", CONFIGS),
        ("NodeGroup.eks.aws.m.upbound.io", RESOURCES),
        ("Rollout.argoproj.io", WORKLOADS),
        ("Kustomization.kustomize.toolkit.fluxcd.io", DELIVERY),
        ("Something.example.org", RESOURCES),
    ],
)
def test_phases(kind: str, phase: int) -> None:
    assert phase_of(GroupKind.parse(kind)) == phase


S3 = manifest("Provider.pkg.crossplane.io", "s3", package="x.org/y/provider-aws-s3:v2.6.0")
FAMILY = manifest("Provider.pkg.crossplane.io", "f", package="x.org/y/provider-family-aws:v2")
KUBE = manifest("Provider.pkg.crossplane.io", "k", package="x.org/provider-kubernetes@sha256:00")
CRD = manifest(
    "CustomResourceDefinition.apiextensions.k8s.io",
    "c",
    group="example.org",
    names={"kind": "Thing"},
)
CHART = manifest(
    "Application.argoproj.io",
    "argo-rollouts",
    sources=[{"chart": "argo-rollouts", "repoURL": "https://argoproj.github.io/argo-helm"}],
)
CD = manifest(
    "Application.argoproj.io",
    "argo-cd",
    sources=[{"chart": "argo-cd", "repoURL": "https://argoproj.github.io/argo-helm"}],
)
ALL = [CD, CHART, S3, FAMILY, KUBE, CRD]


@pytest.mark.parametrize(
    ("kind", "origin"),
    [
        ("Bucket.s3.aws.m.upbound.io", S3),
        ("Bucket.s3.aws.upbound.io", S3),
        ("ClusterProviderConfig.aws.m.upbound.io", FAMILY),
        ("Object.kubernetes.m.crossplane.io", KUBE),
        ("Thing.example.org", CRD),
        ("Rollout.argoproj.io", CHART),
        ("AnalysisTemplate.argoproj.io", CHART),
        ("Experiment.argoproj.io", CHART),
        ("Cluster.eks.aws.m.upbound.io", None),
        ("Other.example.org", None),
        ("Provider.pkg.crossplane.io", None),
        ("Application.argoproj.io", None),
    ],
)
def test_where_a_kind_comes_from(kind: str, origin: Manifest | None) -> None:
    assert origin_of(GroupKind.parse(kind), ALL) is origin
