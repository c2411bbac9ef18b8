"""What came of varying one condition at a time, as rows that every format shows."""

from collections.abc import Iterator
from typing import NamedTuple

from lockproof.model.report import HostStage, Report, Varied
from lockproof.render import words
from lockproof.render.foreign import brief

_LIMIT = 160
_PATHS = 20


class VariedRow(NamedTuple):
    """One condition of one stage."""

    condition: str
    how: str
    """`equal`, `differs`, `fails` or `could not be had here`."""
    text: str
    """Outputs, or why not."""
    setting: str
    cost: str


class VariedStage(NamedTuple):
    """The rows of one stage."""

    label: str
    rows: tuple[VariedRow, ...]


def varied_stages(report: Report) -> Iterator[VariedStage]:
    """Every stage of which something was varied."""
    shared = words.common_file(report.stages)
    for stage in report.stages:
        host = report.host.stages.get(stage.address)
        if host and host.varied:
            label = words.stage_label(stage.address, shared)
            yield VariedStage(label, varied_rows(host))


def varied_rows(host: HostStage) -> tuple[VariedRow, ...]:
    """A row for each condition."""
    return tuple(map(_row, host.varied))


def varied_summary(report: Report) -> str:
    """One line over all stages; empty where nothing was varied."""
    every = [each for host in report.host.stages.values() for each in host.varied]
    if not every:
        return ""
    tried = list(dict.fromkeys(each.condition for each in every if not each.obstacle))
    found = [each for each in every if each.matters]
    cost = words.duration(sum(each.seconds for each in every))
    runs = words.count(sum(host.varied_runs for host in report.host.stages.values()), "run")
    if not tried:
        return "nothing was varied: no condition could be had here"
    named = ", ".join(brief(name, _LIMIT) for name in tried)
    if not found:
        return f"no output depends on what was varied: {named} ({runs}, {cost})"
    names = dict.fromkeys(brief(each.condition, _LIMIT) for each in found)
    return f"outputs depend on {', '.join(names)}; varied was: {named} ({runs}, {cost})"


def _row(each: Varied) -> VariedRow:
    cost = f"{words.count(each.runs, 'run')}, {words.duration(each.seconds)}" if each.runs else ""
    name, setting = brief(each.condition, _LIMIT), brief(each.setting, _LIMIT)
    if each.obstacle:
        how, text = "could not be had here", brief(each.obstacle, 4 * _LIMIT)
        return VariedRow(name, how, text, setting, cost)
    if each.failed:
        return VariedRow(name, "fails", brief(each.failed, 4 * _LIMIT), setting, cost)
    found = [path for path, how in each.outputs.items() if how == "differs"]
    close = [path for path, how in each.outputs.items() if how == "within tolerance"]
    files = [path for path in each.files if path not in found]
    how = "differs" if found else "within tolerance" if close else "equal"
    paths = found or close or list(each.outputs)
    text = ", ".join(brief(path, _LIMIT) for path in paths[:_PATHS])
    if len(paths) > _PATHS:
        text += f" and {words.count(len(paths) - _PATHS, 'more output')}"
    if files:
        text += f" (in it {', '.join(brief(path, _LIMIT) for path in files)})"
    rest = len(each.outputs) - len(paths)
    if rest:
        text += f"; {words.count(rest, 'output')} equal"
    return VariedRow(name, how, text, setting, cost)
