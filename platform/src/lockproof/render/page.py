"""What the page shows, joined from the parts of a report; the template only lays it out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from lockproof.model.cause import CauseKind
from lockproof.model.environment import Environment
from lockproof.model.report import Report
from lockproof.model.verdict import Verdict
from lockproof.render import words
from lockproof.render.charts import OTHER, PHASES, Pair, paired_bars
from lockproof.render.foreign import visible
from lockproof.render.graph import Layout, lay_out
from lockproof.render.metric_rows import MetricRow, metric_rows
from lockproof.render.stages import ShownCause, ShownStage, shown_stage
from lockproof.render.terminal import cells, clipped

NODE_WIDTH, NODE_HEIGHT, NODE_WITH_FILE = 172, 46, 60
METRIC_WIDTH = 300
_LABEL_CELLS = 18
_LARGEST_GRAPH = 400
_MOST_EDGES = 4000
_MANY_STAGES = 20
_MOST_LINKS = 40


@dataclass(frozen=True)
class GraphNode:
    """A stage in the graph."""

    shown: ShownStage
    x: float
    y: float
    title: str
    file: str
    """Where it is defined, if not all stages are defined in one file."""


@dataclass(frozen=True)
class Graph:
    """The graph; `layout` is None where it would be too large to read."""

    layout: Layout | None
    nodes: tuple[GraphNode, ...]
    node_height: int


@dataclass(frozen=True)
class ShownMetric:
    """A metric as text and as bars."""

    value: MetricRow
    locked: str
    observed: str
    change: str
    pair: Pair


@dataclass(frozen=True)
class Page:
    """All that the template reads, besides the report itself."""

    report: Report
    shared_file: str | None
    stages: tuple[ShownStage, ...]
    graph: Graph
    unproved: int
    """How many outputs were not shown to be as locked, whether or not the policy accepts that."""
    metrics: tuple[tuple[str, tuple[ShownMetric, ...]], ...]
    """File -> its metrics."""
    worth_a_look: tuple[ShownStage, ...]
    """Stages that did not pass, where there are too many stages to see them at once."""
    timed: tuple[ShownStage, ...]
    """The stages that took longest, in the order of the report."""
    phases: tuple[str, ...]
    """The kinds of time segment that occur among them."""
    environment: tuple[tuple[str, str], ...]
    environment_causes: tuple[tuple[ShownStage, ShownCause], ...]


def page_of(report: Report) -> Page:
    """Join the parts of a report."""
    shared = words.common_file(report.stages)
    longest = max((sum(p.values()) for p in report.timing.stages.values()), default=0.0)
    stages = tuple(
        shown_stage(index + 1, stage, report, shared, longest)
        for index, stage in enumerate(report.stages)
    )
    timed = _slowest(stages)
    suspects = [shown for shown in stages if shown.stage.verdict is not Verdict.PASSED]
    return Page(
        report=report,
        shared_file=shared,
        stages=stages,
        graph=_graph(stages, shared),
        unproved=sum(
            output.verdict.verdict is not Verdict.PASSED
            for stage in report.stages
            for output in stage.outputs
        ),
        metrics=_metrics(metric_rows(report.host.metrics)),
        worth_a_look=tuple(suspects[:_MOST_LINKS]) if len(stages) > _MANY_STAGES else (),
        timed=timed,
        phases=tuple(
            kind
            for kind in (*PHASES, OTHER)
            if any(segment.kind == kind for shown in timed for segment in shown.segments)
        ),
        environment=_environment_rows(report.host.environment),
        environment_causes=tuple(
            (shown, cause)
            for shown in stages
            for cause in shown.causes
            if cause.cause.kind is CauseKind.ENVIRONMENT
        ),
    )


def _slowest(stages: tuple[ShownStage, ...]) -> tuple[ShownStage, ...]:
    timed = [shown for shown in stages if shown.segments]
    slowest = sorted(timed, key=lambda shown: -(shown.seconds or 0.0))[:_MANY_STAGES]
    return tuple(sorted(slowest, key=lambda shown: shown.number))


def _graph(stages: tuple[ShownStage, ...], shared: str | None) -> Graph:
    index = {shown.stage.address: shown.number - 1 for shown in stages}
    upstream = [[index.get(other, -1) for other in shown.stage.upstream] for shown in stages]
    in_files = shared is None and any(":" in shown.stage.address for shown in stages)
    height = NODE_WITH_FILE if in_files else NODE_HEIGHT
    if len(stages) > _LARGEST_GRAPH or sum(map(len, upstream)) > _MOST_EDGES:
        return Graph(None, (), height)
    layout = lay_out(upstream, NODE_WIDTH, height)
    nodes = []
    for shown, node in zip(stages, layout.nodes, strict=True):
        file, _, name = shown.stage.address.rpartition(":")
        nodes.append(
            GraphNode(
                shown=shown,
                x=node.x,
                y=node.y,
                title=fitting(name or shown.stage.address, _LABEL_CELLS),
                file=fitting(file, _LABEL_CELLS + 5) if in_files else "",
            )
        )
    return Graph(layout, tuple(nodes), height)


def fitting(text: str, most: int) -> str:
    """Text in at most so many cells of a monospaced grid, the middle left out if need be."""
    shown = visible(text[:2000])
    if len(text) <= 2000 and cells(shown) <= most:
        return shown
    tail = visible(text[-most // 3 :])[-(most // 3) :]
    while cells(tail) > most // 3:
        tail = tail[1:]
    return clipped(shown, most - cells(tail) - 1).rstrip() + "…" + tail


def _metrics(
    values: Iterable[MetricRow],
) -> tuple[tuple[str, tuple[ShownMetric, ...]], ...]:
    groups = []
    for path, group in groupby(values, key=lambda value: value.path):
        members = list(group)
        pairs = paired_bars([(m.locked, m.observed) for m in members], METRIC_WIDTH)
        groups.append((path, tuple(map(_metric, members, pairs))))
    return tuple(groups)


def _metric(value: MetricRow, pair: Pair) -> ShownMetric:
    return ShownMetric(value, *value.texts, pair)


def _environment_rows(environment: Environment | None) -> tuple[tuple[str, str], ...]:
    if environment is None:
        return ()
    rows = {
        "Kind": environment.kind,
        "Name": environment.name,
        "Digest": environment.digest or "none: nothing pins it",
        "Python": environment.python,
        "System": environment.os,
        "C library": environment.libc,
        "Machine": environment.machine,
        "CPU": environment.cpu,
        "CPU features": " ".join(environment.cpu_features),
        "BLAS": _pairs(environment.blas),
        "Threads": _pairs(environment.threads),
        "GPU": ", ".join(environment.gpus) if environment.gpus is not None else "not known",
        "GPU driver": environment.driver,
        "CUDA": _pairs(environment.cuda or {}),
        "Shell": environment.shell,
    }
    return tuple((name, value) for name, value in rows.items() if value)


def _pairs(values: Mapping[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(values.items()))
