"""The metrics family: thresholds, and regressions against the base."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lockproof.adapters.git.snapshot import Snapshot
from lockproof.errors import ConfigError
from lockproof.model.check import Check
from lockproof.model.finding import Finding
from lockproof.model.metrics import flatten_metrics
from lockproof.model.pipeline import inside
from lockproof.model.verdict import Verdict
from lockproof.parse.project import Reading
from lockproof.rules import metric as rules
from lockproof.rules.metric import Demand

from .interface import Outcome, Scene

if TYPE_CHECKING:
    from lockproof.config import MetricRule


@dataclass
class MetricsRead:
    """The metrics of one revision, as far as Git has them."""

    values: dict[str, dict[str, float]] = field(default_factory=dict)
    """Metrics file, relative to the DVC root -> dotted key -> value."""
    elsewhere: list[str] = field(default_factory=list)
    """Metrics files that Git does not have."""
    broken: dict[str, str] = field(default_factory=dict)
    """Metrics files that cannot be read, and why."""
    locked: set[str] = field(default_factory=set)
    """Metrics files that a lock names, or files of a folder that it names."""
    unlocked: list[str] = field(default_factory=list)
    """Metrics files that no lock names, so that nothing proves what they say."""


def read_metrics(
    snapshot: Snapshot, reading: Reading, git_path: Callable[[str], str], *, top: bool = True
) -> MetricsRead:
    """Read every metrics file that the pipeline declares.

    Args:
        snapshot: the revision.
        reading: its pipeline.
        git_path: a path below the DVC root -> from the Git root.
        top: whether also those that stand at the top of a `dvc.yaml` and not in a stage, and
            those in folders; no run record has them.
    """
    read = MetricsRead()
    outs = [o for stage in reading.pipeline.stages for o in stage.outs if not o.external]
    paths = [out.path for out in outs if out.kind == "metric"]
    if top:
        paths = [p for path in paths for p in _files(snapshot, path, git_path)]
        found = [p for path in reading.metrics for p in _files(snapshot, path, git_path)]
        locked = {out.path for out in outs if out.locked}
        paths += found
        read.locked = {p for p in paths if any(inside(p, out) for out in locked)}
        read.unlocked = [p for p in found if p not in read.locked]
    snapshot.load(map(git_path, paths))
    for path in dict.fromkeys(paths):
        content = snapshot.read(git_path(path))
        if content is None:
            read.elsewhere.append(path)
            continue
        try:
            read.values[path] = flatten_metrics(path, content)
        except ConfigError as error:
            read.broken[path] = str(error)
    return read


def _files(snapshot: Snapshot, path: str, git_path: Callable[[str], str]) -> Iterator[str]:
    """A file itself, and of a folder, as DVC does, all files in it."""
    folders, start = snapshot.folders, git_path(path)
    if start not in folders:
        yield path
        return
    todo = [start]
    while todo:
        for child in folders[todo.pop()]:
            if child in folders:
                todo.append(child)
            else:
                yield f"{path}/{child[len(start) + 1 :]}"


def check(scene: Scene) -> Outcome:
    """Judge the metrics of the revision."""
    now = read_metrics(scene.head, scene.reading, scene.git_path)
    before = base_metrics(scene)
    root = scene.prefix or "."
    findings: list[Finding] = [
        rules.unreadable_metrics(path, reason, root) for path, reason in now.broken.items()
    ]
    findings += rules.value_findings(now.values, root)
    demands = [_demand(rule) for rule in scene.policy.metric]
    base = None if before is None else before.values
    partial = bool(now.broken or scene.reading.problems)
    for demand in demands:
        findings += rules.demand_findings(demand, now.values, base, root, partial=partial)
    checked = sum(map(len, now.values.values()))
    loose = any(
        (before is not None and path in before.locked)
        or any(demand.applies(path, key) for demand in demands for key in now.values.get(path, ()))
        for path in now.unlocked
    )
    return Outcome(
        Check(
            name="metrics",
            verdict=Verdict.PASSED if checked and not loose else Verdict.INCONCLUSIVE,
            checked=checked,
            unit="metric",
            summary=_summary(demands),
            demanded=bool(demands or now.values or now.broken or now.elsewhere),
            not_checked=tuple(_left_out(demands, now, before)),
        ),
        tuple(findings),
    )


def base_metrics(scene: Scene) -> MetricsRead | None:
    """The metrics of the base; None where there is none to compare with."""
    if scene.base is None or scene.base_reading is None:
        return None
    return read_metrics(scene.base, scene.base_reading, scene.git_path)


def better_way(scene: Scene, path: str, key: str) -> Literal["higher", "lower"] | None:
    """`higher` or `lower`, where the policy says which way of a metric is better."""
    demands = map(_demand, scene.policy.metric)
    return next((d.direction for d in demands if d.direction and d.applies(path, key)), None)


def _demand(rule: "MetricRule") -> Demand:
    return Demand(
        path=rule.path,
        key=rule.key,
        min=rule.min,
        max=rule.max,
        direction=rule.direction,
        atol=rule.atol,
        rtol=rule.rtol,
    )


def _summary(demands: list[Demand]) -> str:
    if not demands:
        return "finite; no [[metric]] says what they must be"
    thresholds = sum(demand.min is not None or demand.max is not None for demand in demands)
    compared = sum(demand.direction is not None for demand in demands)
    return f"[[metric]] with thresholds: {thresholds}, against the base: {compared}"


def _left_out(demands: list[Demand], now: MetricsRead, before: MetricsRead | None) -> list[str]:
    lines = [f"{path} is not in Git: declare it with cache: false" for path in now.elsewhere]
    lines += [
        f"whether {path} is what a stage made: no stage has it as an output, so no lock names it"
        for path in sorted({*now.unlocked} - {*now.elsewhere})
    ]
    if any(demand.direction for demand in demands):
        if before is None:
            lines.append("regressions: there is no base to compare with: use --pr or --base")
        else:
            lines += [f"{path} is not in Git at the base" for path in before.elsewhere]
            lines += [f"the base: {reason}" for reason in before.broken.values()]
    return lines
