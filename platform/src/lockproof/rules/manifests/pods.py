"""Pod specifications and their containers, wherever a kind keeps them."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from lockproof.model.manifest import At, Manifest, dig, items, mapping

_TEMPLATED = {
    ("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "DaemonSet"), ("apps", "ReplicaSet"),
    ("batch", "Job"), ("", "ReplicationController"), ("argoproj.io", "Rollout"),
}  # fmt: skip
_NO_PODS = (
    "*.k8s.io", "*.upbound.io", "*.crossplane.io", "*.istio.io", "*projectcalico.org",
    "monitoring.coreos.com", "flagger.app", "*cert-manager.io", "*external-secrets.io",
    "bitnami.com", "kyverno.io", "cilium.io", "*.gatekeeper.sh", "source.*.fluxcd.io",
    "*.eks.amazonaws.com", "secrets-store.csi.x-k8s.io",
)  # fmt: skip
"""Groups of custom kinds of which no pods are made, but for those of `_MAKERS`."""
_MAKERS = frozenset(
    {
        "Prometheus", "PrometheusAgent", "Alertmanager", "ThanosRuler", "IstioOperator", "Istio",
        "Release", "Installation",
    }
)  # fmt: skip
_OF_ARGO = ("AnalysisTemplate", "ClusterAnalysisTemplate", "AppProject")
"""Of its group the kinds of which no pods are made."""
_CRON: At = ("spec", "jobTemplate", "spec", "template", "spec")


class Pod(NamedTuple):
    """A pod specification inside a manifest."""

    manifest: Manifest
    at: At
    spec: Mapping[str, Any]
    labels: Mapping[str, Any]


class Container(NamedTuple):
    """A container of a pod."""

    pod: Pod
    at: At
    value: Mapping[str, Any]
    init: bool

    @property
    def name(self) -> str:
        """`Deployment/mlflow, container server`."""
        word = "init container" if self.init else "container"
        return f"{self.pod.manifest.label}, {word} {self.value.get('name', '?')}"


def pods(manifest: Manifest) -> Iterator[Pod]:
    """The pod specifications of a manifest, those of analysis jobs and workflows included."""
    value = manifest.value
    key = (manifest.group, manifest.kind)
    if key == ("", "Pod"):
        yield Pod(manifest, ("spec",), manifest.spec, mapping(manifest.metadata.get("labels")))
    elif key in _TEMPLATED:
        if isinstance(dig(value, "spec", "template", "spec"), Mapping):
            yield _pod(manifest, ("spec", "template", "spec"))
    elif key == ("batch", "CronJob"):
        if isinstance(dig(value, *(str(step) for step in _CRON)), Mapping):
            yield _pod(manifest, _CRON)
    elif manifest.group == "argoproj.io" and manifest.kind.endswith("AnalysisTemplate"):
        for at, metric in items(manifest.spec.get("metrics"), ("spec", "metrics")):
            spec = dig(metric, "provider", "job", "spec", "template", "spec")
            if isinstance(spec, Mapping):
                where = (*at, "provider", "job", "spec", "template", "spec")
                yield Pod(manifest, where, spec, {})
    elif (manifest.group, manifest.kind) == ("kubernetes.m.crossplane.io", "Object"):
        yield from _wrapped(manifest)


def may_make_pods(manifest: Manifest) -> bool:
    """Whether pods may be made of an object that it does not show: by an operator, say."""
    key = (manifest.group, manifest.kind)
    if key == ("kubernetes.m.crossplane.io", "Object"):
        inner = dig(manifest.value, "spec", "forProvider", "manifest")
        held = Manifest(mapping(inner), manifest.locate)
        return held.kind != "Object" and may_make_pods(held)
    if "." not in manifest.group or key in _TEMPLATED:
        return False
    if manifest.group == "argoproj.io":
        return manifest.kind not in _OF_ARGO
    known = any(fnmatchcase(manifest.group, glob) for glob in _NO_PODS)
    return not known or manifest.kind in _MAKERS


def _pod(manifest: Manifest, at: At) -> Pod:
    spec: Any = manifest.value
    template: Any = None
    for key in at:
        template, spec = spec, mapping(spec).get(str(key))
    labels = mapping(dig(template, "metadata", "labels"))
    return Pod(manifest, at, mapping(spec), labels)


def _wrapped(manifest: Manifest) -> Iterator[Pod]:
    """The pods of an object that Crossplane applies."""
    above: At = ("spec", "forProvider", "manifest")
    inner = dig(manifest.value, "spec", "forProvider", "manifest")
    if isinstance(inner, Mapping) and inner.get("kind") != "Object":
        held = Manifest(inner, lambda at: manifest.locate((*above, *at)))
        for pod in pods(held):
            yield Pod(manifest, (*above, *pod.at), pod.spec, pod.labels)


def containers(pod: Pod) -> Iterator[Container]:
    """The containers of a pod, init containers first."""
    for name in ("initContainers", "containers"):
        for at, value in items(pod.spec.get(name), (*pod.at, name)):
            yield Container(pod, at, value, name == "initContainers")
