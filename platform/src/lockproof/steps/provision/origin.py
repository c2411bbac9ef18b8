"""Where a kind that the cluster does not serve yet will come from."""

import re
from collections.abc import Iterable
from typing import Any

from lockproof.model.resource import Body, GroupKind, Manifest, group_kind_of

_DEFINITIONS = {
    GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"),
    GroupKind("apiextensions.crossplane.io", "CompositeResourceDefinition"),
}
_PACKAGES = {
    GroupKind("pkg.crossplane.io", "Provider"),
    GroupKind("pkg.crossplane.io", "Configuration"),
}
_CHARTS = {
    GroupKind("argoproj.io", "Application"),
    GroupKind("helm.toolkit.fluxcd.io", "HelmRelease"),
}
_ARGO = {
    **dict.fromkeys(("Application", "ApplicationSet", "AppProject"), "cd"),
    **dict.fromkeys(("EventBus", "EventSource", "Sensor"), "events"),
    **dict.fromkeys(("Rollout", "AnalysisRun", "Experiment"), "rollouts"),
    **dict.fromkeys(("AnalysisTemplate", "ClusterAnalysisTemplate"), "rollouts"),
    **dict.fromkeys(("Workflow", "WorkflowTemplate", "CronWorkflow"), "workflows"),
    "ClusterWorkflowTemplate": "workflows",
}
"""Which of Argo's projects brings a kind: all of them share one group, and one place for charts."""
_CLOUD = (".upbound.io", ".crossplane.io")
_OWN = ("pkg.crossplane.io", "apiextensions.crossplane.io", "protection.crossplane.io")


def origin_of(kind: GroupKind, manifests: Iterable[Manifest]) -> Manifest | None:
    """The declared object that brings a kind: its definition, a chart, or a Crossplane package.

    Upbound names its packages after the groups that they install: provider-aws-s3 brings
    `s3.aws.upbound.io` and `s3.aws.m.upbound.io`, provider-family-aws `aws.upbound.io`.
    """
    manifests = tuple(manifests)
    for manifest in manifests:
        if group_kind_of(manifest.body) in _DEFINITIONS and _defines(manifest.body, kind):
            return manifest
    is_package = kind.group.endswith(_CLOUD) and kind.group not in _OWN
    packages = [m for m in manifests if is_package and group_kind_of(m.body) in _PACKAGES]
    named = [m for m in packages if _installs(m.body, kind.group)]
    charts = [m for m in manifests if _may_install(m.body, kind)]
    if kind.group == "argoproj.io":
        charts.sort(key=lambda one: _ARGO.get(kind.kind) not in _words(*_chart_names(one.body)))
    others = [m for m in packages if m.body["kind"] == "Configuration"]
    return next(iter([*named, *charts, *others]), None)


def _defines(body: Body, kind: GroupKind) -> bool:
    spec = body.get("spec") or {}
    names = spec.get("names") or {}
    return bool(spec.get("group") == kind.group and names.get("kind") == kind.kind)


def _may_install(body: Body, kind: GroupKind) -> bool:
    """Whether a Helm chart that is declared for Argo CD or Flux sounds like the kind's."""
    own = group_kind_of(body)
    charts = _charts(body)
    if own not in _CHARTS or kind in (own, GroupKind("argoproj.io", "AppProject")):
        return False  # What installs charts cannot bring itself.
    destination = (body.get("spec") or {}).get("destination") or {}
    told = _words(
        *_chart_names(body), destination.get("namespace"), *(one.get("repoURL") for one in charts)
    )
    words = {word.lower() for word in re.findall(r"[A-Z]+[a-z0-9]*", kind.kind)}
    wanted = {*kind.group.split(".")[:-1], *words, *(f"{word}s" for word in words)}
    return bool(charts) and any(len(word) > 4 for word in told & wanted)


def _charts(body: Body) -> list[Any]:
    spec = body.get("spec") or {}
    if body["kind"] == "HelmRelease":
        return [(spec.get("chart") or {}).get("spec") or {}]
    sources = [one for one in (spec.get("source"), *(spec.get("sources") or ())) if one]
    return [one for one in sources if "chart" in one]


def _chart_names(body: Body) -> list[Any]:
    return [body["metadata"]["name"], *(one.get("chart") for one in _charts(body))]


def _words(*texts: Any) -> set[str]:
    return {word for one in texts if one for word in re.split(r"[^a-z0-9]+", str(one).lower())}


def _installs(body: Body, group: str) -> bool:
    labels = [label for label in group.split(".")[:-2] if label != "m"]
    package = str((body.get("spec") or {}).get("package", "")).split("@")[0]
    name = package.rpartition("/")[2].partition(":")[0]
    words = name.removeprefix("provider-").split("-")
    return set(words) - {"family", "upjet"} == set(labels)
