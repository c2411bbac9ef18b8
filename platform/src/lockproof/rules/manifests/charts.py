"""The Helm charts that manifests have Argo CD or Flux install: which, and with what values."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from lockproof.model.address import without_credentials
from lockproof.model.manifest import At, Manifest, dig, items, mapping, sequence

_HELM_RELEASES = "helm.toolkit.fluxcd.io"
_ARGO_UNFOLLOWED = ("parameters", "fileParameters", "kubeVersion", "apiVersions")
_FLUX_UNFOLLOWED = ("valuesFrom", "postRenderers", "commonMetadata")


class ChartUse(NamedTuple):
    """A chart that a controller installs for a manifest."""

    manifest: Manifest
    at: At
    """Where it is named."""
    chart: str
    """Its name in a repository of charts, or its path in one of Git; empty: not said."""
    version: str
    origin: str
    """The address of its repository, without a password, or the Flux source that has it."""
    in_git: bool
    """Whether `chart` is a path."""
    release: str
    namespace: str
    value_files: tuple[str, ...] = ()
    """As they are written, the last wins."""
    values: Any = None
    """What is stated beside the files and wins over them: a mapping, or YAML in a text."""
    skip_crds: bool = False
    skip_missing: bool = False
    """Whether value files that are not there are passed over."""
    is_surely_one: bool = True
    """Whether it is a chart whatever is at its path."""
    unfollowed: str = ""
    """What changes the result and is not followed; empty where there is nothing."""

    @property
    def label(self) -> str:
        """The chart as messages name it."""
        if not self.chart:
            return f"the chart of {self.origin}"
        where = "at " if self.in_git else ""
        version = f" {self.version}" if self.version and not self.in_git else ""
        return (
            f"the chart {where}{self.chart}{version}{f' of {self.origin}' if self.origin else ''}"
        )

    def told(self, why: str) -> str:
        """A line that says why it was not looked at."""
        path, line = self.manifest.locate(self.at)
        return f"{path}:{line}: {self.manifest.label}: {self.label} is not rendered: {why}"

    def told_of_path(self, why: str) -> str:
        """The same of a path in Git that may hold no chart."""
        path, line = self.manifest.locate(self.at)
        what = f"{self.chart}{f' of {self.origin}' if self.origin else ''}"
        return f"{path}:{line}: {self.manifest.label}: what is in {what} is not looked at: {why}"


def chart_uses(manifests: Iterable[Manifest]) -> Iterator[ChartUse]:
    """Every chart that one of the manifests names; of paths in Git also what may be none."""
    for manifest in manifests:
        key = (manifest.group, manifest.kind)
        if key == ("argoproj.io", "Application"):
            yield from _sources(manifest, manifest.spec, ("spec",), manifest.name)
        elif key == ("argoproj.io", "ApplicationSet"):
            spec = mapping(dig(manifest.spec, "template", "spec"))
            at = ("spec", "template", "spec")
            yield from _sources(manifest, spec, at, "", "the set fills it in")
        elif key == (_HELM_RELEASES, "HelmRelease"):
            yield _release(manifest)


def _sources(
    manifest: Manifest, spec: Mapping[str, Any], at: At, name: str, unfollowed: str = ""
) -> Iterator[ChartUse]:
    sources = list(items(spec.get("sources"), (*at, "sources")))
    # Argo CD does not look at `source` where there are several.
    if not sources and isinstance(spec.get("source"), Mapping):
        sources = [((*at, "source"), spec["source"])]
    namespace = str(dig(spec, "destination", "namespace") or "default")
    for where, source in sources:
        helm = mapping(source.get("helm"))
        in_git = not source.get("chart")
        chart = source.get("path") if in_git else source["chart"]
        if not isinstance(chart, str):
            continue
        left = [field for field in _ARGO_UNFOLLOWED if helm.get(field)]
        yield ChartUse(
            manifest,
            (*where, "path" if in_git else "chart"),
            chart,
            str(source.get("targetRevision") or ""),
            without_credentials(str(source.get("repoURL") or "")),
            in_git,
            str(helm.get("releaseName") or name),
            str(helm.get("namespace") or namespace),
            _texts(helm.get("valueFiles")),
            helm.get("valuesObject") or helm.get("values"),
            helm.get("skipCrds") is True,
            helm.get("ignoreMissingValueFiles") is True,
            not in_git or bool(helm),
            unfollowed or _not_followed(left),
        )


def _release(manifest: Manifest) -> ChartUse:
    spec = manifest.spec
    stated = mapping(dig(spec, "chart", "spec"))
    at: At = ("spec", "chart", "spec", "chart")
    source = mapping(stated.get("sourceRef"))
    if not stated:
        source, at = mapping(spec.get("chartRef")), ("spec", "chartRef")
    target = str(spec.get("targetNamespace") or "")
    release = str(spec.get("releaseName") or (f"{target}-" if target else "") + manifest.name)
    left = [field for field in _FLUX_UNFOLLOWED if spec.get(field)]
    left += ["valuesFiles"] if stated.get("valuesFiles") else []
    return ChartUse(
        manifest,
        at,
        str(stated.get("chart") or ""),
        str(stated.get("version") or ""),
        f"{source.get('kind')}/{source.get('name')}" if source else "",
        source.get("kind") in ("GitRepository", "Bucket"),
        release,
        target or manifest.namespace or "default",
        values=spec.get("values"),
        skip_crds=dig(spec, "install", "crds") == "Skip",
        unfollowed=_not_followed(left),
    )


def _not_followed(fields: list[str]) -> str:
    return f"it has {' and '.join(fields)}, and lint knows only values" if fields else ""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(one for one in sequence(value) if isinstance(one, str))
