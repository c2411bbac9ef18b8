"""Policies on manifests: pins, resources, security, secrets, Crossplane's current groups."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from lockproof.model.finding import Finding, Severity
from lockproof.model.manifest import At, Manifest, dig, items, mapping

from .pods import Container, Pod, containers, pods
from .secret_values import secret_findings
from .shape import at_place

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_CHART = re.compile(r"v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_LEGACY = (
    "aws.upbound.io", "azure.upbound.io", "azuread.upbound.io", "gcp.upbound.io",
    "kubernetes.crossplane.io", "helm.crossplane.io", "sql.crossplane.io", "http.crossplane.io",
)  # fmt: skip
"""Families of providers that have namespaced kinds by now."""
_PACKAGES = frozenset({"Provider", "Function", "Configuration"})


def policy_findings(manifest: Manifest, unpinned: Sequence[str] = ()) -> Iterator[Finding]:
    """All that the policies have against one manifest.

    Args:
        manifest: what is looked at.
        unpinned: globs on images that may be named by tag: a note tells of them.
    """
    yield from _images(manifest, unpinned)
    yield from _revisions(manifest)
    yield from _crossplane(manifest)
    yield from secret_findings(manifest)
    for pod in pods(manifest):
        yield from _pod(pod)


def _images(manifest: Manifest, unpinned: Sequence[str]) -> Iterator[Finding]:
    for at, image, who in _named_images(manifest):
        if not _DIGEST.search(image):
            found = _unpinned(manifest, at, image, who)
            if any(fnmatchcase(image, glob) for glob in unpinned):
                found = found.model_copy(update={"severity": Severity.NOTE})
            yield found


def _named_images(manifest: Manifest) -> Iterator[tuple[At, str, str]]:
    for pod in pods(manifest):
        for container in containers(pod):
            image = container.value.get("image")
            if isinstance(image, str):
                yield (*container.at, "image"), image, container.name
        for at, volume in items(pod.spec.get("volumes"), (*pod.at, "volumes")):
            image = dig(volume, "image", "reference")
            if isinstance(image, str):
                yield (*at, "image", "reference"), image, manifest.label
    if manifest.group == "pkg.crossplane.io" and manifest.kind in _PACKAGES:
        package = manifest.spec.get("package")
        if isinstance(package, str):
            yield ("spec", "package"), package, manifest.label


def _unpinned(manifest: Manifest, at: At, image: str, who: str) -> Finding:
    return at_place(
        "LP621",
        manifest,
        at,
        f"{image[:120]} is not pinned: a tag can move; add the digest, {_tagged(image)}@sha256:…",
        subject=f"{who} image",
    )


def _tagged(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2][:80]


def _revisions(manifest: Manifest) -> Iterator[Finding]:
    key = (manifest.group, manifest.kind)
    if key == ("argoproj.io", "Application"):
        yield from _sources(manifest, manifest.spec, ("spec",))
    elif key == ("argoproj.io", "ApplicationSet"):
        spec = mapping(dig(manifest.spec, "template", "spec"))
        yield from _sources(manifest, spec, ("spec", "template", "spec"))
    elif key == ("source.toolkit.fluxcd.io", "GitRepository"):
        commit = dig(manifest.spec, "ref", "commit")
        if not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
            yield at_place(
                "LP622",
                manifest,
                ("spec", "ref", "commit"),
                "it follows a name that can move: set spec.ref.commit to a full commit",
                subject=f"{manifest.label} spec.ref",
            )
    elif key == ("source.toolkit.fluxcd.io", "OCIRepository"):
        digest = dig(manifest.spec, "ref", "digest")
        if not isinstance(digest, str):
            yield at_place(
                "LP622",
                manifest,
                ("spec", "ref"),
                "it follows a tag: set spec.ref.digest",
                subject=f"{manifest.label} spec.ref",
            )


def _sources(manifest: Manifest, spec: Mapping[str, Any], at: At) -> Iterator[Finding]:
    sources = list(items(spec.get("sources"), (*at, "sources")))
    if isinstance(spec.get("source"), Mapping):
        sources.append(((*at, "source"), spec["source"]))
    for where, source in sources:
        revision = source.get("targetRevision")
        text = revision if isinstance(revision, str) else ""
        if source.get("chart"):
            fits, want = _CHART.fullmatch(text), "one exact version of the chart"
        else:
            fits, want = _COMMIT.fullmatch(text), "a full commit"
        if not fits:
            yield at_place(
                "LP622",
                manifest,
                (*where, "targetRevision"),
                f"its source follows {text[:80] or 'HEAD'}: set targetRevision to {want}",
            )


def is_legacy_group(group: str) -> bool:
    """Whether a group is a provider's of Crossplane's cluster-scoped generation.

    Only families that have a namespaced twin are meant: the groups of composite resources are named
    by whoever defines them, and may end the same.
    """
    return any(group == family or group.endswith(f".{family}") for family in _LEGACY)


def _crossplane(manifest: Manifest) -> Iterator[Finding]:
    if is_legacy_group(manifest.group):
        service, _, rest = manifest.group.rpartition(".upbound.io")[0].rpartition(".")
        modern = f"{service + '.' if service else ''}{rest}.m.upbound.io"
        if not manifest.group.endswith(".upbound.io"):
            modern = f"{manifest.group.removesuffix('.crossplane.io')}.m.crossplane.io"
        yield at_place(
            "LP626",
            manifest,
            ("apiVersion",),
            f"{manifest.group} is a cluster-scoped group of Crossplane 1: use {modern}",
        )
    elif ".m." in manifest.group and "deletionPolicy" in manifest.spec:
        yield at_place(
            "LP627",
            manifest,
            ("spec", "deletionPolicy"),
            "namespaced managed resources have no deletionPolicy: to keep what is made, leave"
            " Delete out of spec.managementPolicies",
        )


def _pod(pod: Pod) -> Iterator[Finding]:
    shared = [name for name in ("hostNetwork", "hostPID", "hostIPC") if pod.spec.get(name) is True]
    shared += [
        f"the host's {dig(volume, 'hostPath', 'path')}"
        for _, volume in items(pod.spec.get("volumes"), ())
        if isinstance(volume.get("hostPath"), Mapping)
    ]
    if shared:
        yield at_place(
            "LP624",
            pod.manifest,
            pod.at,
            f"its pods share {', '.join(shared)}: they need not",
            subject=f"{pod.manifest.label} host",
        )
    for container in containers(pod):
        missing = list(_missing_resources(container.value))
        if missing:
            yield at_place(
                "LP623",
                pod.manifest,
                (*container.at, "resources"),
                f"{container.name} does not state {', '.join(missing)}: set resources",
                subject=container.name,
            )
        open_doors = list(_open_doors(container, mapping(pod.spec.get("securityContext"))))
        if open_doors:
            yield at_place(
                "LP624",
                pod.manifest,
                (*container.at, "securityContext"),
                f"{container.name}: set {', '.join(open_doors)} in securityContext",
                subject=container.name,
            )


def _missing_resources(container: Mapping[str, Any]) -> Iterator[str]:
    resources = mapping(container.get("resources"))
    for kind, names in (("requests", ("cpu", "memory")), ("limits", ("memory",))):
        for name in names:
            stated = name in mapping(resources.get(kind))
            # A limit without a request is the request.
            if not stated and name not in mapping(resources.get("limits")):
                yield f"{kind}.{name}"


def _open_doors(container: Container, pod: Mapping[str, Any]) -> Iterator[str]:
    own = mapping(container.value.get("securityContext"))
    if own.get("privileged") is True:
        yield "privileged: false"
    if own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
        yield "runAsNonRoot: true"
    if own.get("runAsUser", pod.get("runAsUser")) == 0:
        yield "runAsUser other than 0"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation: false"
    if own.get("readOnlyRootFilesystem") is not True:
        yield "readOnlyRootFilesystem: true"
    if "ALL" not in {str(name).upper() for name in _dropped(own)}:
        yield "capabilities.drop: [ALL]"
    profile = own.get("seccompProfile", pod.get("seccompProfile"))
    if dig(profile, "type") not in ("RuntimeDefault", "Localhost"):
        yield "seccompProfile.type: RuntimeDefault"


def _dropped(context: Mapping[str, Any]) -> Iterable[Any]:
    dropped = dig(context, "capabilities", "drop")
    return dropped if isinstance(dropped, list) else ()
