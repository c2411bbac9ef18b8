"""What manifests refer to by name: every reference that a kind can hold, as data."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from lockproof.model.manifest import At, Manifest, dig, items, mapping

from .pods import Pod, containers, pods


class Target(NamedTuple):
    """A reference: the object that must be there."""

    at: At
    """The field that names it."""
    kind: str
    name: str
    group: str = ""
    namespace: str | None = None
    """None: that of the manifest."""
    key: str | None = None
    """The key that is read of it."""
    port: str | int | None = None
    """The port that is used of it."""


def targets(manifest: Manifest) -> Iterator[Target]:
    """Every object that a manifest refers to and cannot work without."""
    for pod in pods(manifest):
        yield from _pod(pod)
    look = _KINDS.get((manifest.group, manifest.kind))
    if look is not None:
        for target in look(manifest):
            if target.name and target.kind:
                yield target
    if ".m." in f".{manifest.group}":
        yield from _managed(manifest)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _pod(pod: Pod) -> Iterator[Target]:
    spec, at = pod.spec, pod.at
    for where, volume in items(spec.get("volumes"), (*at, "volumes")):
        yield from _volume(where, volume)
    for where, secret in items(spec.get("imagePullSecrets"), (*at, "imagePullSecrets")):
        if _text(secret.get("name")):
            yield Target((*where, "name"), "Secret", secret["name"])
    if _text(spec.get("serviceAccountName")):
        yield Target((*at, "serviceAccountName"), "ServiceAccount", spec["serviceAccountName"])
    for container in containers(pod):
        yield from _environment(container.at, container.value)


def _volume(at: At, volume: Mapping[str, Any]) -> Iterator[Target]:
    sources = [(at, volume)]
    sources += list(items(dig(volume, "projected", "sources"), (*at, "projected", "sources")))
    for where, source in sources:
        for field, name, kind in (
            ("configMap", "name", "ConfigMap"),
            ("secret", "name" if where is not at else "secretName", "Secret"),
            ("persistentVolumeClaim", "claimName", "PersistentVolumeClaim"),
        ):
            held = source.get(field)
            if not isinstance(held, Mapping) or held.get("optional") is True:
                continue
            if not _text(held.get(name)):
                continue
            yield Target((*where, field, name), kind, held[name])
            for spot, item in items(held.get("items"), (*where, field, "items")):
                yield Target((*spot, "key"), kind, held[name], key=_text(item.get("key")) or None)


def _environment(at: At, container: Mapping[str, Any]) -> Iterator[Target]:
    for where, variable in items(container.get("env"), (*at, "env")):
        for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            held = mapping(dig(variable, "valueFrom", field))
            if _text(held.get("name")) and held.get("optional") is not True:
                spot = (*where, "valueFrom", field, "name")
                yield Target(spot, kind, held["name"], key=_text(held.get("key")) or None)
    for where, source in items(container.get("envFrom"), (*at, "envFrom")):
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            held = mapping(source.get(field))
            if _text(held.get("name")) and held.get("optional") is not True:
                yield Target((*where, field, "name"), kind, held["name"])


def _ingress(manifest: Manifest) -> Iterator[Target]:
    def backend(value: Any, at: At) -> Iterator[Target]:
        service = mapping(dig(value, "service"))
        port = mapping(service.get("port"))
        if port.get("name") == "use-annotation":
            return  # AWS's controller takes the backend from the annotation of that name.
        yield Target(
            (*at, "service", "name"),
            "Service",
            _text(service.get("name")),
            port=port.get("number") or port.get("name"),
        )

    yield from backend(manifest.spec.get("defaultBackend"), ("spec", "defaultBackend"))
    for at, rule in items(manifest.spec.get("rules"), ("spec", "rules")):
        for where, path in items(dig(rule, "http", "paths"), (*at, "http", "paths")):
            yield from backend(path.get("backend"), (*where, "backend"))


def _scaled(manifest: Manifest) -> Iterator[Target]:
    field = "scaleTargetRef" if manifest.kind == "HorizontalPodAutoscaler" else "targetRef"
    held = mapping(manifest.spec.get(field))
    group = _text(held.get("apiVersion")).rpartition("/")[0]
    yield Target(("spec", field, "name"), _text(held.get("kind")), _text(held.get("name")), group)


def _binding(manifest: Manifest) -> Iterator[Target]:
    role = mapping(manifest.value.get("roleRef"))
    group = "rbac.authorization.k8s.io"
    yield Target(("roleRef", "name"), _text(role.get("kind")), _text(role.get("name")), group)
    for at, subject in items(manifest.value.get("subjects"), ("subjects",)):
        if subject.get("kind") == "ServiceAccount":
            space = _text(subject.get("namespace")) or None
            name = _text(subject.get("name"))
            yield Target((*at, "name"), "ServiceAccount", name, namespace=space)


def _stateful(manifest: Manifest) -> Iterator[Target]:
    yield Target(("spec", "serviceName"), "Service", _text(manifest.spec.get("serviceName")))


ANALYSES = ("analysis", "prePromotionAnalysis", "postPromotionAnalysis")
"""Fields of a strategy that hold one."""


def _rollout(manifest: Manifest) -> Iterator[Target]:
    for name in ("canary", "blueGreen"):
        strategy = mapping(dig(manifest.spec, "strategy", name))
        at: At = ("spec", "strategy", name)
        for field in ("stableService", "canaryService", "activeService", "previewService"):
            yield Target((*at, field), "Service", _text(strategy.get(field)))
        for field in ANALYSES:
            yield from templates(strategy.get(field), (*at, field))
        for where, step in items(strategy.get("steps"), (*at, "steps")):
            yield from templates(step.get("analysis"), (*where, "analysis"))
            experiment = mapping(step.get("experiment"))
            for spot, held in items(experiment.get("analyses"), (*where, "experiment", "analyses")):
                yield _template(held, spot)
        ingress = dig(strategy, "trafficRouting", "nginx", "stableIngress")
        where = (*at, "trafficRouting", "nginx", "stableIngress")
        yield Target(where, "Ingress", _text(ingress), "networking.k8s.io")
    for where, _, name, space in virtual_services(manifest):
        yield Target((*where, "name"), "VirtualService", name, "networking.istio.io", space)
    held = mapping(manifest.spec.get("workloadRef"))
    group = _text(held.get("apiVersion")).rpartition("/")[0]
    yield Target(
        ("spec", "workloadRef", "name"), _text(held.get("kind")), _text(held.get("name")), group
    )


def virtual_services(
    manifest: Manifest,
) -> Iterator[tuple[At, Mapping[str, Any], str, str | None]]:
    """Each VirtualService of a rollout: where it is named, all said of it, name and namespace."""
    at: At = ("spec", "strategy", "canary", "trafficRouting", "istio")
    istio = mapping(dig(manifest.value, *(str(key) for key in at)))
    for where, stated in (
        ((*at, "virtualService"), mapping(istio.get("virtualService"))),
        *items(istio.get("virtualServices"), (*at, "virtualServices")),
    ):
        # The controller takes `name.namespace` as well, and passes over what comes after it.
        name, *others = _text(stated.get("name")).split(".")
        if name:
            yield where, stated, name, others[0] if others else None


def templates(analysis: Any, at: At) -> Iterator[Target]:
    """The templates of an analysis."""
    for where, held in items(dig(analysis, "templates"), (*at, "templates")):
        yield _template(held, where)


def _template(held: Mapping[str, Any], at: At) -> Target:
    kind = "ClusterAnalysisTemplate" if held.get("clusterScope") is True else "AnalysisTemplate"
    return Target((*at, "templateName"), kind, _text(held.get("templateName")), "argoproj.io")


def _analysis(manifest: Manifest) -> Iterator[Target]:
    for at, held in items(manifest.spec.get("templates"), ("spec", "templates")):
        yield _template(held, at)
    for at, argument in items(manifest.spec.get("args"), ("spec", "args")):
        secret = mapping(dig(argument, "valueFrom", "secretKeyRef"))
        where = (*at, "valueFrom", "secretKeyRef", "name")
        key = _text(secret.get("key")) or None
        yield Target(where, "Secret", _text(secret.get("name")), key=key)


def _application(manifest: Manifest) -> Iterator[Target]:
    project = _text(manifest.spec.get("project"))
    yield Target(("spec", "project"), "AppProject", project, "argoproj.io")


def _flux(manifest: Manifest) -> Iterator[Target]:
    source = mapping(manifest.spec.get("sourceRef"))
    yield Target(
        ("spec", "sourceRef", "name"),
        _text(source.get("kind")),
        _text(source.get("name")),
        "source.toolkit.fluxcd.io",
        _text(source.get("namespace")) or None,
    )
    for at, other in items(manifest.spec.get("dependsOn"), ("spec", "dependsOn")):
        space = _text(other.get("namespace")) or None
        yield Target((*at, "name"), manifest.kind, _text(other.get("name")), manifest.group, space)
    secret = dig(manifest.spec, "decryption", "secretRef", "name")
    yield Target(("spec", "decryption", "secretRef", "name"), "Secret", _text(secret))


def _flux_source(manifest: Manifest) -> Iterator[Target]:
    secret = dig(manifest.spec, "secretRef", "name")
    yield Target(("spec", "secretRef", "name"), "Secret", _text(secret))


def _flagger(manifest: Manifest) -> Iterator[Target]:
    yield from _scaled(manifest)
    analysis = mapping(manifest.spec.get("analysis"))
    for at, metric in items(analysis.get("metrics"), ("spec", "analysis", "metrics")):
        held = mapping(metric.get("templateRef"))
        space = _text(held.get("namespace")) or None
        name = _text(held.get("name"))
        yield Target((*at, "templateRef", "name"), "MetricTemplate", name, "flagger.app", space)


def _composition(manifest: Manifest) -> Iterator[Target]:
    for at, step in items(manifest.spec.get("pipeline"), ("spec", "pipeline")):
        name = _text(dig(step, "functionRef", "name"))
        yield Target((*at, "functionRef", "name"), "Function", name, "pkg.crossplane.io")


def _provider(manifest: Manifest) -> Iterator[Target]:
    held = mapping(manifest.spec.get("runtimeConfigRef"))
    if _text(held.get("name")) != "default":
        yield Target(
            ("spec", "runtimeConfigRef", "name"),
            "DeploymentRuntimeConfig",
            _text(held.get("name")),
            "pkg.crossplane.io",
        )


def _provider_config(manifest: Manifest) -> Iterator[Target]:
    held = mapping(dig(manifest.spec, "credentials", "secretRef"))
    yield Target(
        ("spec", "credentials", "secretRef", "name"),
        "Secret",
        _text(held.get("name")),
        namespace=_text(held.get("namespace")) or None,
        key=_text(held.get("key")) or None,
    )


def provider_group(group: str) -> str:
    """The group of a managed resource's provider configs: `s3.aws.m.upbound.io` has its family's.

    The first label is the service where a family has several: it stands before `NAME.m`.
    """
    parts = group.split(".")
    return ".".join(parts[parts.index("m") - 1 :]) if "m" in parts[1:] else group


_NAMED = {"bucketRef": "Bucket", "clusterNameRef": "Cluster"}


def _managed(manifest: Manifest) -> Iterator[Target]:
    if manifest.kind.endswith("ProviderConfig") or "forProvider" not in manifest.spec:
        return
    held = manifest.spec.get("providerConfigRef")
    group = provider_group(manifest.group)
    if held is None:
        yield Target(("spec",), "ClusterProviderConfig", "default", group)
    else:
        kind = _text(dig(held, "kind")) or "ClusterProviderConfig"
        yield Target(("spec", "providerConfigRef", "name"), kind, _text(dig(held, "name")), group)
    given = mapping(manifest.spec.get("forProvider"))
    for field, kind in _NAMED.items():
        name = _text(dig(given, field, "name"))
        if name:
            yield Target(("spec", "forProvider", field, "name"), kind, name, manifest.group)


_KINDS = {
    ("networking.k8s.io", "Ingress"): _ingress,
    ("autoscaling", "HorizontalPodAutoscaler"): _scaled,
    ("rbac.authorization.k8s.io", "RoleBinding"): _binding,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _binding,
    ("apps", "StatefulSet"): _stateful,
    ("argoproj.io", "Rollout"): _rollout,
    ("argoproj.io", "AnalysisTemplate"): _analysis,
    ("argoproj.io", "ClusterAnalysisTemplate"): _analysis,
    ("argoproj.io", "Application"): _application,
    ("kustomize.toolkit.fluxcd.io", "Kustomization"): _flux,
    ("source.toolkit.fluxcd.io", "GitRepository"): _flux_source,
    ("flagger.app", "Canary"): _flagger,
    ("apiextensions.crossplane.io", "Composition"): _composition,
    ("pkg.crossplane.io", "Provider"): _provider,
    ("aws.m.upbound.io", "ProviderConfig"): _provider_config,
    ("aws.m.upbound.io", "ClusterProviderConfig"): _provider_config,
    ("kubernetes.m.crossplane.io", "ProviderConfig"): _provider_config,
    ("kubernetes.m.crossplane.io", "ClusterProviderConfig"): _provider_config,
}
