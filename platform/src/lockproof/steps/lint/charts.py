"""The charts that controllers install: rendered where helm and the chart are here, else named."""

import io
import json
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lockproof.adapters.git.tree import Tree
from lockproof.model.address import without_credentials
from lockproof.model.manifest import Bundle, Manifest, Place
from lockproof.parse.yaml_document import ParseError, read_yaml
from lockproof.rules.manifests.charts import ChartUse, chart_uses

from .families import Family
from .found import Found

if TYPE_CHECKING:
    from lockproof.adapters.helm.program import Helm, Rendering

_LARGEST = 64 << 20
"""Bytes of a chart."""
_MOST_MEMBERS = 4000
"""Files of an archive that are gone through for its Chart.yaml."""
_ARCHIVES = (".tgz", ".tar.gz")
_CHART_FILE = "Chart.yaml"


@dataclass
class Charts:
    """What came of the charts that manifests name."""

    family: Family = field(default_factory=lambda: Family("charts", "chart"))
    bundles: list[Bundle] = field(default_factory=list)
    """What each makes that was rendered."""


class _Left(Exception):
    """Why a chart is not rendered."""


class _Refused(_Left):
    """It is here, and so is helm, and what is wrong is for the user to mend."""


def look_at_charts(
    tree: Tree,
    found: Found,
    manifests: Iterable[Manifest],
    copies: Mapping[str, str],
    kubernetes: str,
    say: Callable[[str], None],
) -> Charts:
    """Render the charts that manifests have a controller install, as far as that can be done here.

    Args:
        tree: where charts and values are read.
        found: folders of charts that are rendered are no longer named as not checked in it.
        manifests: those that may name charts.
        copies: `NAME-VERSION` of a chart -> its archive or folder, from the tree's root.
        kubernetes: the version that is meant, such as `1.34`.
        say: is told how many are rendered.
    """
    charts = Charts()
    uses = []
    for use in chart_uses(manifests):
        if _is_chart(tree, use):
            uses.append(use)
        elif not tree.is_folder(_inside(use.chart)):
            why = use.unfollowed if "{{" in use.chart else ""
            why = why or "this repository has no such folder"
            charts.family.not_checked.append(use.told_of_path(why))
    if not uses:
        charts.family.lacks = "the other repository" if charts.family.not_checked else ""
        return charts
    from lockproof.adapters.helm.program import find_helm  # Few trees name charts.

    helm, refused, at_hand = find_helm(), False, False
    jobs: list[tuple[ChartUse, str, Rendering]] = []
    for use in uses:
        try:
            folder = _place(tree, use, copies)
            at_hand = True
            if helm is None:
                raise _Left("helm is not on PATH")
            jobs.append((use, folder, _rendering(tree, use, folder, kubernetes)))
        except _Left as left:
            refused |= isinstance(left, _Refused)
            charts.family.not_checked.append(use.told(str(left)))
    if helm is not None and jobs:
        say(f"rendering {len(jobs)} chart{'' if len(jobs) == 1 else 's'}")
        refused |= _render(tree, found, helm, jobs, charts)
    # As of rule tests without promtool: what cannot be had here is told of and does not count.
    if charts.family.not_checked and not refused:
        charts.family.lacks = "helm" if helm is None and at_hand else "a copy of the chart"
    return charts


def _is_chart(tree: Tree, use: ChartUse) -> bool:
    """Whether what a manifest names is a chart; a path in Git may hold anything."""
    try:
        return use.is_surely_one or tree.read(_inside(use.chart, _CHART_FILE)) is not None
    except _Left:
        return True


def _place(tree: Tree, use: ChartUse, copies: Mapping[str, str]) -> str:
    """Where the chart is in the tree."""
    if not use.chart:
        raise _Left("which it is stands in its source")
    if use.unfollowed:
        raise _Left(use.unfollowed)
    if use.in_git:
        place = _inside(use.chart)
        if tree.read(_inside(place, _CHART_FILE)) is None:
            raise _Left("this repository has no such chart")
        return place
    name = f"{use.chart.rpartition('/')[2]}-{use.version}"
    if name not in copies:
        raise _Left(f"it is not here: name a copy under [lint.charts] as '{name}'")
    return _inside(copies[name])


def _rendering(tree: Tree, use: ChartUse, place: str, kubernetes: str) -> "Rendering":
    from lockproof.adapters.helm.program import Rendering

    if place.endswith(_ARCHIVES):
        content = tree.read(place)
        if content is None:
            raise _Refused(f"there is no {place}, or it is larger than 16 MiB")
        files, chart = {"chart.tgz": content}, "chart.tgz"
        stated = _read(_chart_file(content, place), place)
    else:
        files = dict(_folder(tree, place))
        chart = "chart"
        if f"chart/{_CHART_FILE}" not in files:
            raise _Refused(f"there is no {place}/{_CHART_FILE}")
        stated = _read(files[f"chart/{_CHART_FILE}"], place)
    if not use.in_git:
        own = (str(stated.get("name")), str(stated.get("version")))
        if own != (use.chart.rpartition("/")[2], use.version):
            raise _Refused(f"{place} is {' '.join(own)}")
    values = [*_value_files(tree, use, place)]
    if isinstance(use.values, str):
        values.append(use.values.encode())
    elif use.values is not None:
        values.append(json.dumps(use.values, default=str).encode())
    return Rendering(
        files, chart, use.release, use.namespace, values, kubernetes, crds=not use.skip_crds
    )


def _folder(tree: Tree, place: str) -> Iterator[tuple[str, bytes]]:
    left = _LARGEST
    for path in tree.walk(place):
        content = tree.read(path)
        if content is None:
            raise _Refused(f"{path} cannot be read")
        left -= len(content)
        if left < 0:
            raise _Refused(f"{place} is larger than {_LARGEST >> 20} MiB")
        yield f"chart/{posixpath.relpath(path, place)}", content


def _chart_file(content: bytes, place: str) -> bytes:
    """The Chart.yaml of an archive, which is that of its only folder."""
    import tarfile

    left = _LARGEST
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for number, member in enumerate(archive):
                left -= member.size
                if number > _MOST_MEMBERS or left < 0:
                    break
                parts = posixpath.normpath(member.name).split("/")
                if member.isreg() and len(parts) == 2 and parts[1] == _CHART_FILE:
                    file = archive.extractfile(member)
                    return file.read() if file else b""
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise _Refused(f"{place} is no archive of a chart: {error}") from error
    raise _Refused(f"{place} has no {_CHART_FILE} in its folder")


def _read(content: bytes, place: str) -> Mapping[str, Any]:
    try:
        (document,) = read_yaml(content, f"{_CHART_FILE} of {place}", many=True)
    except (ParseError, ValueError) as error:
        raise _Refused(f"{_CHART_FILE} of {place} cannot be read") from error
    return document.value if isinstance(document.value, dict) else {}


def _value_files(tree: Tree, use: ChartUse, place: str) -> Iterator[bytes]:
    """The files of values: of another source of Argo CD's, of the repository, or of the chart."""
    for name in use.value_files:
        if "://" in name:
            raise _Left(f"its values {without_credentials(name)} are at an address")
        if name.startswith("$"):
            path = _inside(name.partition("/")[2])
        elif name.startswith("/"):
            path = _inside(name.lstrip("/"))
        elif place.endswith(_ARCHIVES):
            raise _Left(f"its values {name} are in the archive: give them as a file")
        else:
            path = _inside(place, name)
        content = tree.read(path)
        if content is not None:
            yield content
        elif not use.skip_missing:
            raise _Refused(f"its values {path} are not here")


def _inside(*parts: str) -> str:
    path = posixpath.normpath(posixpath.join(*parts)).lstrip("/")
    if path == ".." or path.startswith("../"):
        raise _Left(f"{path} leads out of the repository")
    return path


def _render(
    tree: Tree,
    found: Found,
    helm: "Helm",
    jobs: "Sequence[tuple[ChartUse, str, Rendering]]",
    charts: Charts,
) -> bool:
    """Render them; whether one was refused."""
    family, refused = charts.family, False
    for (use, place, _), answer in zip(jobs, helm.render([job for *_, job in jobs]), strict=True):
        try:
            if answer.files is None:
                raise _Refused(answer.refusal)
            made = tuple(_manifests(tree, use, place, answer.files))
        except (_Refused, ParseError) as error:
            refused = True
            family.not_checked.append(use.told(str(error)))
            continue
        family.checked += 1
        charts.bundles.append(Bundle(f"{use.label} for {use.manifest.label}", made))
        # One that it brings is not gone into: nobody renders a chart for a chart.
        family.not_checked += [one.told("a chart names it") for one in chart_uses(made)]
        told = (f"{_inside(place, 'templates')}: ", f"{_inside(place, 'charts')}/")
        found.not_checked = [line for line in found.not_checked if not line.startswith(told)]
    return refused


def _manifests(
    tree: Tree, use: ChartUse, place: str, files: Mapping[str, bytes]
) -> Iterator[Manifest]:
    for name, content in files.items():
        template = posixpath.join(place, name.partition("/")[2])
        at = (template, None) if tree.read(template) is not None else use.manifest.locate(use.at)
        for document in read_yaml(content, f"what {name} makes", many=True):
            value = document.value
            if isinstance(value, dict) and "apiVersion" in value and "kind" in value:
                yield Manifest(value, _At(at))


@dataclass(frozen=True)
class _At:
    """A template, or where a chart is named: no line of either made a field alone."""

    place: Place

    def __call__(self, at: object) -> Place:
        return self.place
