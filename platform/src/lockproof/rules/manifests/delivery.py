"""What Argo CD or Flux would refuse, or wait for without end; and pods that no node can take."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from lockproof.model.address import without_credentials
from lockproof.model.finding import Finding
from lockproof.model.manifest import At, Manifest, dig, items, mapping, sequence

from .pods import Pod, containers, pods
from .shape import at_place
from .targets import targets

_FLUX = ("kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io")
_WAVE = "argocd.argoproj.io/sync-wave"
_HOOK = "argocd.argoproj.io/hook"
_WAITED_FOR = ("Deployment", "StatefulSet", "DaemonSet", "Rollout", "Job", "Pod")
"""Kinds whose health Argo CD waits for before the next wave."""
_HELD = ("ConfigMap", "Secret", "ServiceAccount", "PersistentVolumeClaim")
"""Kinds without which no pod of theirs starts."""
_BLOCK = ("ebs.csi.aws.com", "kubernetes.io/aws-ebs", "pd.csi.storage.gke.io")
"""Provisioners of disks that one node holds at a time."""


def delivery_findings(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """What keeps manifests that are applied together from being delivered, or from running."""
    yield from _circles(manifests)
    yield from _waves(manifests)
    projects = {
        (one.namespace, one.name): one
        for one in manifests
        if (one.group, one.kind) == ("argoproj.io", "AppProject")
    }
    for manifest in manifests:
        if (manifest.group, manifest.kind) == ("argoproj.io", "Application"):
            project = projects.get((manifest.namespace, str(manifest.spec.get("project"))))
            if project is not None:
                yield from _outside(manifest, project)
    yield from _disks(manifests)
    yield from _accelerators(manifests)


def _circles(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """What Flux applies once what it depends on is ready, and that in turn waits for it."""
    known: dict[tuple[str, str, str], Manifest] = {}
    needs: dict[tuple[str, str, str], list[tuple[str, str, str]]] = {}
    for one in manifests:
        if one.group in _FLUX:
            key = (one.kind, one.namespace, one.name)
            known[key] = one
            needs[key] = [
                (one.kind, str(other.get("namespace") or one.namespace), str(other.get("name")))
                for _, other in items(one.spec.get("dependsOn"), ())
            ]
    for key, manifest in known.items():
        way = _way_back(key, needs)
        if way:
            told = " -> ".join(name for _, _, name in way)
            text = f"it waits for itself ({told}), and is never applied: take one dependsOn away"
            yield at_place("LP663", manifest, ("spec", "dependsOn"), text)


def _way_back(
    start: tuple[str, str, str], needs: Mapping[tuple[str, str, str], list[tuple[str, str, str]]]
) -> list[tuple[str, str, str]]:
    """The shortest way from a thing to itself; empty where there is none."""
    before: dict[tuple[str, str, str], tuple[str, str, str]] = {}
    waiting = [start]
    for one in waiting:
        for other in needs.get(one, ()):
            if other == start:
                way = [start, one] if one != start else [start]
                while way[-1] != start:
                    way.append(before[way[-1]])
                return way[::-1] if len(way) > 1 else [start, start]
            if other not in before:
                before[other] = one
                waiting.append(other)
    return []


def _waves(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """Workloads that Argo CD waits for before it applies what they cannot start without."""
    later: dict[tuple[str, str, str], list[tuple[int, Manifest]]] = {}
    for one in manifests:
        wave = _wave(one) if one.kind in _HELD and one.group == "" else None
        if wave is not None:
            later.setdefault((one.kind, one.name, one.namespace), []).append((wave, one))
    for manifest in manifests if later else ():
        own = _wave(manifest) if manifest.kind in _WAITED_FOR else None
        if own is None:
            continue
        for target in targets(manifest):
            for wave, held in later.get((target.kind, target.name, manifest.namespace), ()):
                if wave > own:
                    text = (
                        f"it is applied in wave {own} and needs {held.label} of wave {wave}, which"
                        " comes once it is healthy: it never is; give that one an earlier wave"
                    )
                    yield at_place(
                        "LP663", manifest, target.at, text, subject=f"{manifest.label} wave"
                    )


def _wave(manifest: Manifest) -> int | None:
    """The wave of an object; None of hooks, and of what is no number."""
    text = manifest.annotation(_WAVE) or "0"
    digits = text.removeprefix("-")
    if manifest.annotation(_HOOK) or not (digits.isascii() and digits.isdecimal()):
        return None
    return int(text) if len(digits) < 10 else None


def _outside(manifest: Manifest, project: Manifest) -> Iterator[Finding]:
    """An application whose project allows neither its source nor its place."""
    stated = sequence(project.spec.get("sourceRepos"))
    allowed = [_plain(one) for one in stated if isinstance(one, str)]
    sources = list(items(manifest.spec.get("sources"), ("spec", "sources")))
    if isinstance(manifest.spec.get("source"), Mapping):
        sources.append((("spec", "source"), manifest.spec["source"]))
    for at, source in sources:
        address = source.get("repoURL")
        if isinstance(address, str) and not _is_allowed(
            _plain(address), list(map(_plain, allowed))
        ):
            shown = without_credentials(address)
            text = f"{project.label} does not allow the source {shown}: add it to sourceRepos"
            yield at_place("LP663", manifest, (*at, "repoURL"), text)
    target = mapping(manifest.spec.get("destination"))
    places = [one for _, one in items(project.spec.get("destinations"), ())]
    if not any(_is_place(target, one) for one in places):
        where = target.get("server") or target.get("name") or "?"
        text = (
            f"{project.label} does not allow the namespace {target.get('namespace') or '(none)'}"
            f" of {where}: add it to destinations"
        )
        yield at_place("LP663", manifest, ("spec", "destination"), text)


def _plain(address: str) -> str:
    return address.removesuffix("/").removesuffix(".git")


def _is_allowed(text: str, patterns: Sequence[str]) -> bool:
    denied = [one[1:] for one in patterns if one.startswith("!")]
    if any(fnmatchcase(text, one) for one in denied):
        return False
    return any(fnmatchcase(text, one) for one in patterns if not one.startswith("!"))


def _is_place(target: Mapping[str, Any], allowed: Mapping[str, Any]) -> bool:
    for field in ("server", "name"):
        if target.get(field):
            # One that is named by name may be allowed by its address, which is not known here.
            stated = allowed.get(field)
            if stated and not _is_allowed(str(target[field]), [str(stated)]):
                return False
    space = target.get("namespace")
    return not space or _is_allowed(str(space), [str(allowed.get("namespace") or "")])


def _disks(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """Claims for a disk of many nodes where the storage class makes disks of one."""
    classes = {
        one.name: str(one.value.get("provisioner"))
        for one in manifests
        if (one.group, one.kind) == ("storage.k8s.io", "StorageClass")
    }
    for manifest in manifests:
        for at, spec in _claims(manifest):
            provisioner = classes.get(str(spec.get("storageClassName")), "")
            many = "ReadWriteMany" in sequence(spec.get("accessModes"))
            if many and provisioner in _BLOCK and spec.get("volumeMode") != "Block":
                text = (
                    f"{provisioner} makes disks that one node mounts at a time, and ReadWriteMany"
                    " is never bound: use ReadWriteOnce, or a class of shared files"
                )
                yield at_place("LP664", manifest, (*at, "accessModes"), text)


def _claims(manifest: Manifest) -> Iterator[tuple[At, Mapping[str, Any]]]:
    if (manifest.group, manifest.kind) == ("", "PersistentVolumeClaim"):
        yield ("spec",), manifest.spec
    at: At = ("spec", "volumeClaimTemplates")
    for where, claim in items(manifest.spec.get("volumeClaimTemplates"), at):
        yield (*where, "spec"), mapping(claim.get("spec"))


def _accelerators(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """Pods that want a GPU and do not tolerate the taint of the nodes that have one."""
    taints = [
        taint
        for one in manifests
        if one.kind == "NodeGroup"
        for _, taint in items(dig(one.spec, "forProvider", "taint"), ())
        if str(taint.get("effect")) in ("NO_SCHEDULE", "NO_EXECUTE")
        and str(taint.get("key")).endswith("/gpu")
    ]
    if not taints:
        return
    for manifest in manifests:
        for pod in pods(manifest):
            for taint in taints:
                if _wants(pod, str(taint["key"])) and not _tolerates(pod, taint):
                    text = (
                        f"its pods want {taint['key']}, and the nodes that have it are tainted with"
                        f" it: tolerate {taint['key']}"
                    )
                    yield at_place(
                        "LP664",
                        manifest,
                        (*pod.at, "tolerations"),
                        text,
                        subject=f"{manifest.label} tolerations",
                    )
                    break


def _wants(pod: Pod, name: str) -> bool:
    return any(
        name in mapping(dig(container.value, "resources", field))
        for container in containers(pod)
        for field in ("limits", "requests")
    )


def _tolerates(pod: Pod, taint: Mapping[str, Any]) -> bool:
    effect = str(taint.get("effect")).replace("_", "").lower()
    for _, one in items(pod.spec.get("tolerations"), ()):
        if str(one.get("effect") or effect).lower() != effect:
            continue
        if one.get("operator") == "Exists" and one.get("key") in (None, "", taint["key"]):
            return True
        if one.get("key") == taint["key"] and str(one.get("value") or "") == str(
            taint.get("value") or ""
        ):
            return True
    return False
