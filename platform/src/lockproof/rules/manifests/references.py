"""References between manifests: what is named must be there."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches

from lockproof.model.finding import Finding
from lockproof.model.manifest import Bundle, Manifest, dig, items, mapping, sequence

from .arguments import arguments, used_arguments
from .known import Globs, Known, declared_arguments, find_among
from .pods import Pod, containers, pods
from .selectors import selector_findings
from .shape import at_place
from .targets import Target, targets

_ALWAYS_THERE = (
    "ServiceAccount/default", "ConfigMap/kube-root-ca.crt", "AppProject/default",
    "ConfigMap/istio-ca-root-cert", "ConfigMap/openshift-service-ca.crt",
    "ClusterRole/cluster-admin", "ClusterRole/admin", "ClusterRole/edit", "ClusterRole/view",
    "ClusterRole/system:*", "Role/system:*", "Role/extension-apiserver-authentication-reader",
)  # fmt: skip

_OF_CHARTS = frozenset(
    (
        *("ClusterRole", "ConfigMap", "PersistentVolumeClaim", "Role", "Secret", "Service"),
        "ServiceAccount",
    )
)
"""What charts bring for others to use, most of it called after the release."""


def reference_findings(
    bundle: Bundle,
    elsewhere: Iterable[Bundle],
    external: Iterable[str],
    beside: Iterable[Manifest] = (),
    brought: Collection[str] = (),
) -> tuple[list[Finding], int, tuple[str, ...]]:
    """Check every reference of a bundle.

    Args:
        bundle: the manifests that are applied together.
        elsewhere: other bundles: an object that is only there does not count, but is told of.
        external: what exists without being declared here: `Secret/NAME`, globs.
        beside: manifests that are there as well and are not checked themselves.
        brought: kinds of which something that is not looked at brings some.

    Returns:
        The findings, how many references there were, and those that could not be checked.
    """
    objects: dict[str, list[Manifest]] = {}
    present = (*bundle.manifests, *beside)
    for manifest in present:
        objects.setdefault(manifest.kind, []).append(manifest)
    known = Known(objects, frozenset(_made(present)))
    outside = Globs((*_ALWAYS_THERE, *external))
    found: list[Finding] = []
    skipped: list[str] = []
    count = 0
    for manifest in bundle.manifests:
        for target in targets(manifest):
            count += 1
            if outside.match(f"{target.kind}/{target.name}"):
                continue
            if (target.kind, target.name) in known.made:
                continue
            match = known.find(manifest, target)
            named = target.name in known.names.get(target.kind, ())
            unsure = _unsure(manifest, target, bundle, named, brought) if match is None else ""
            if unsure:
                skipped.append(f"{manifest.label}: whether {unsure}")
            elif match is None:
                found.append(_missing(manifest, target, known, elsewhere, bundle.name))
            else:
                found += _parts(manifest, target, match)
        # Pods may come from elsewhere, too, such as from a chart.
        if bundle.complete and not outside.match(f"Pods/{manifest.name}"):
            for told in selector_findings(manifest, known.objects, known.pods):
                if isinstance(told, str):
                    skipped.append(told)
                else:
                    found.append(told)
        found += _local(manifest, known)
    return found, count, tuple(skipped)


def _unsure(
    manifest: Manifest, target: Target, bundle: Bundle, named: bool, brought: Collection[str]
) -> str:
    """Why what is not found may be there still; empty where it is not."""
    if not bundle.complete:
        return f"there is {target.kind} {target.name}"
    if "${" in target.kind or "${" in target.name:
        return f"there is {target.kind} {target.name}, which Flux fills in"
    if target.kind in _OF_CHARTS and (release := _release_of(target, bundle)):
        return f"the chart of {release} brings {target.kind} {target.name}"
    if target.kind in brought and not named:
        return f"the package that the tree describes brings {target.kind} {target.name}"
    if named and _of_a_job(manifest, target):
        return (
            f"{target.kind} {target.name} is where its Job is made, which"
            " ARGO_ROLLOUTS_ANALYSIS_JOB_NAMESPACE of Argo Rollouts says"
        )
    return ""


def _release_of(target: Target, bundle: Bundle) -> str:
    """The release in a bundle that something is called after; empty where there is none."""
    for manifest in bundle.manifests:
        if (manifest.group, manifest.kind) == ("helm.toolkit.fluxcd.io", "HelmRelease"):
            release = str(manifest.spec.get("releaseName") or manifest.name)
            own = target.name == release or target.name.startswith(f"{release}-")
            if own or target.kind in ("ClusterRole", "Role"):  # Those have names of their own.
                return manifest.label
    return ""


def _of_a_job(manifest: Manifest, target: Target) -> bool:
    """Whether it is a Job of an analysis that needs it: Argo may make those in one namespace."""
    return manifest.kind.endswith("AnalysisTemplate") and "job" in target.at


def _missing(
    manifest: Manifest,
    target: Target,
    known: Known,
    elsewhere: Iterable[Bundle],
    where: str,
) -> Finding:
    names = known.names.get(target.kind, ())
    close = get_close_matches(target.name, names, n=1, cutoff=0.75)
    hint = f"declare it, or name it in [lint] external as '{target.kind}/{target.name}'"
    if target.name in names:
        hint = "it is in another namespace or group: make them agree"
    elif close:
        hint = f"did you mean {close[0]}?"
    else:
        other = next((b.name for b in elsewhere if _is_in(b, manifest, target)), None)
        if other is not None:
            hint = f"it is only in {other or 'files of no kustomization'}: {hint}"
    return at_place(
        "LP611",
        manifest,
        target.at,
        f"there is no {target.kind} {target.name}{f' in {where}' if where else ''}: {hint}",
        subject=f"{manifest.label} {target.kind}/{target.name}",
    )


def _is_in(bundle: Bundle, manifest: Manifest, target: Target) -> bool:
    of_kind = (one for one in bundle.manifests if one.kind == target.kind)
    return find_among(manifest, target, of_kind) is not None


def _parts(manifest: Manifest, target: Target, match: Manifest) -> Iterator[Finding]:
    """The key or the port that is used of an object that is there."""
    if target.key is not None and match.kind in ("ConfigMap", "Secret"):
        fields = ("data", "binaryData", "stringData")
        keys = [key for field in fields for key in mapping(match.value.get(field))]
        if keys and target.key not in keys:
            yield at_place(
                "LP612",
                manifest,
                target.at,
                f"{match.label} has no key {target.key}: it has {', '.join(sorted(keys)[:8])}",
                subject=f"{manifest.label} {match.label} {target.key}",
            )
    if target.port is not None and match.kind == "Service":
        ports = [port for _, port in items(match.spec.get("ports"), ())]
        known = {value for port in ports for value in (port.get("port"), port.get("name"))}
        if ports and target.port not in known:
            yield at_place(
                "LP612",
                manifest,
                target.at,
                f"{match.label} has no port {target.port}: name one of"
                f" {', '.join(str(port.get('port')) for port in ports)}",
                subject=f"{manifest.label} {match.label} port {target.port}",
            )


def _made(manifests: Iterable[Manifest]) -> Iterator[tuple[str, str]]:
    """What objects make once they run: secrets of connections, sealed and external secrets."""
    for manifest in manifests:
        names = (
            dig(manifest.spec, "writeConnectionSecretToRef", "name"),
            dig(manifest.spec, "target", "name") if manifest.kind == "ExternalSecret" else None,
            manifest.spec.get("secretName") if manifest.kind == "Certificate" else None,
        )
        yield from (("Secret", name) for name in names if isinstance(name, str))
        if manifest.kind in ("SealedSecret", "ExternalSecret"):
            yield "Secret", manifest.name
        if (manifest.group, manifest.kind) == ("flagger.app", "Canary"):
            apex = dig(manifest.spec, "service", "name") or dig(manifest.spec, "targetRef", "name")
            yield from (("Service", f"{apex}{end}") for end in ("", "-primary", "-canary"))
        if (manifest.group, manifest.kind) == ("source.extensions.fluxcd.io", "ArtifactGenerator"):
            for _, artifact in items(manifest.spec.get("artifacts"), ()):
                yield "ExternalArtifact", str(artifact.get("name"))
        for _, claim in items(manifest.spec.get("volumeClaimTemplates"), ()):
            name = dig(claim, "metadata", "name")
            if isinstance(name, str):
                yield "PersistentVolumeClaim", name
        if manifest.kind == "Object" and manifest.group == "kubernetes.m.crossplane.io":
            inner = dig(manifest.spec, "forProvider", "manifest")
            name = dig(inner, "metadata", "name")
            if isinstance(name, str):
                yield str(dig(inner, "kind")), name


def _local(manifest: Manifest, known: Known) -> Iterator[Finding]:
    """References by port name, volume name and argument."""
    if manifest.kind == "Rollout":
        yield from _arguments(manifest, known)
    elif manifest.kind in ("AnalysisTemplate", "ClusterAnalysisTemplate"):
        yield from _undeclared(manifest, known)
    for pod in pods(manifest):
        yield from _volumes(pod)
        yield from _probes(pod)


def _arguments(manifest: Manifest, known: Known) -> Iterator[Finding]:
    """Arguments that a template needs and the rollout does not give."""
    for target, given in arguments(manifest):
        template = known.find(manifest, target)
        for argument in sequence(template.spec.get("args")) if template else ():
            needed = isinstance(argument, Mapping) and not (
                "value" in argument or "valueFrom" in argument
            )
            if template and needed and argument.get("name") not in given:
                yield at_place(
                    "LP614",
                    manifest,
                    target.at,
                    f"{template.label} needs the argument {argument.get('name')}: give it"
                    " under args",
                    subject=f"{manifest.label} {template.label} {argument.get('name')}",
                )


def _undeclared(manifest: Manifest, known: Known) -> Iterator[Finding]:
    """Arguments that a template's metrics use, and neither it nor what runs with it declares."""
    beside = known.declared_beside(manifest)
    if beside is None or "templates" in manifest.spec:
        return  # What is not here may declare what is missing.
    declared = beside | declared_arguments(manifest)
    for at, metric in items(manifest.spec.get("metrics"), ("spec", "metrics")):
        for name in dict.fromkeys(used_arguments(metric)):
            if name not in declared:
                yield at_place(
                    "LP614",
                    manifest,
                    at,
                    f"the metric {metric.get('name', '?')} uses {{{{args.{name}}}}}, which no args"
                    " declare: the analysis ends in an error; declare it, or correct the name",
                    subject=f"{manifest.label} {metric.get('name', '?')} {name}",
                )


def _declared(template: Manifest) -> set[str]:
    return {str(argument.get("name")) for _, argument in items(template.spec.get("args"), ())}


def _volumes(pod: Pod) -> Iterator[Finding]:
    names = {volume.get("name") for _, volume in items(pod.spec.get("volumes"), ())}
    names |= {
        dig(claim, "metadata", "name")
        for claim in sequence(pod.manifest.spec.get("volumeClaimTemplates"))
    }
    for container in containers(pod):
        mounts = items(container.value.get("volumeMounts"), (*container.at, "volumeMounts"))
        for at, mount in mounts:
            if isinstance(mount.get("name"), str) and mount["name"] not in names:
                yield at_place(
                    "LP611",
                    pod.manifest,
                    (*at, "name"),
                    f"the pod has no volume {mount['name']}: declare it under volumes",
                )


def _probes(pod: Pod) -> Iterator[Finding]:
    for container in containers(pod):
        named = {p.get("name") for _, p in items(container.value.get("ports"), ())}
        for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
            for way in ("httpGet", "tcpSocket"):
                port = dig(container.value, probe, way, "port")
                if isinstance(port, str) and not port.isdigit() and port not in named:
                    yield at_place(
                        "LP612",
                        pod.manifest,
                        (*container.at, probe, way, "port"),
                        f"the {probe} uses the port {port}, which the container does not have",
                    )
