"""The report as a person sees it at the end of a command."""

from io import StringIO
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lockproof.model.cause import Cause
from lockproof.model.finding import Severity
from lockproof.model.report import Evidence, HostStage, OutputReport, Report, StageReport
from lockproof.model.verdict import Verdict
from lockproof.render import canary, words
from lockproof.render.change_table import write_changes
from lockproof.render.foreign import brief, first_lines, last_lines
from lockproof.render.metric_rows import moved_metrics
from lockproof.render.objects import write_objects
from lockproof.render.varied import varied_stages, varied_summary

_STYLES = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "bold red",
    Verdict.INCONCLUSIVE: "yellow",
}
_SEVERITIES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_DIFF = {"+": "green", "-": "red", "@": "cyan"}
_NARROWEST = 40
_VERDICT_WIDTH = len("nondeterministic")
_DIFFERS_WIDTH = 40
"""What differs gets a column of its own where this much is left for it."""
_NAME_LIMIT = 160
_DETAIL_LINES = 12
_LOG_LINES = 8
_METRIC_LINES = 20


def table(report: Report, width: int = 100, color: bool = False, *, whole: bool = False) -> str:
    """The report in lines of at most `width` cells (40 or more); only the verdict may exceed it.

    Args:
        report: the report.
        width: cells of the terminal.
        color: whether to write ANSI colours; every verdict is a word in either case.
        whole: whether findings that a waiver or the baseline lets pass are listed, not counted.
    """
    width = max(width, _NARROWEST)
    out = StringIO()
    console = Console(
        file=out,
        width=width,
        height=25,
        force_terminal=color,
        force_jupyter=False,
        force_interactive=False,
        color_system="standard" if color else None,
        no_color=not color,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
        _environ={},
    )
    _write_title(console, report)
    if report.host.canary:
        console.print(Text(brief(canary.about(report.host.canary), 1000), overflow="fold"))
        console.print()
    if report.checks:
        _write_checks(console, report)
    if report.step == "reproduce" or any(stage.outputs for stage in report.stages):
        _write_outputs(console, report)
    write_objects(console, report)
    write_changes(console, report)
    _write_causes(console, report)
    _write_metrics(console, report)
    _write_varied(console, report)
    _write_findings(console, report, whole=whole)
    console.print()
    sentence = Text(words.verdict_sentence(report), style=_STYLES[report.verdict])
    console.print(sentence, soft_wrap=True)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _write_title(console: Console, report: Report) -> None:
    subject = report.subject
    commit = brief(subject.commit[:12], 12) if subject.commit else "work tree"
    title = Text(f"{report.step} ", style="bold").append(commit)
    for part in words.subject_parts(subject):
        title.append(f" · {part}", style="default not bold")
    console.print(title)
    if report.step == "reproduce":
        environment = words.environment_line(report.host.environment, subject.environment)
        console.print(Text(f"environment {environment}", style="dim", overflow="fold"))
    shared = words.common_file(report.stages)
    if shared:
        text = f"stages of {brief(shared, _NAME_LIMIT)}"
        console.print(Text(text, style="dim", overflow="fold"))
    console.print()


class _Columns(NamedTuple):
    """Widths in cells; 0 means that what differs stands in lines of its own."""

    name: int
    locked: int
    differs: int

    @classmethod
    def fitting(cls, report: Report, width: int, shared: str | None) -> "_Columns":
        """As wide as the longest content, as far as the terminal goes."""
        outputs = [output for stage in report.stages for output in stage.outputs]
        names = [2 + cell_len(_output_name(output)) for output in outputs]
        names += [cell_len(_stage_name(stage, shared)) for stage in report.stages]
        is_dir = any(output.locked is not None and output.locked.is_dir for output in outputs)
        locked = 12 if is_dir else 8
        rest = width - _VERDICT_WIDTH - locked - 4
        name = min(max([*names, 14]), max(rest, 10))
        differs = rest - name - 2
        return cls(name, locked, differs if differs >= _DIFFERS_WIDTH else 0)


def _write_checks(console: Console, report: Report) -> None:
    grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    for _ in range(3):
        grid.add_column(overflow="fold")  # Else a command to follow would lose its end.
    grid.add_row(*(Text(text, style="dim") for text in ("check", "verdict", "looked at")))
    for check in report.checks:
        looked = words.looked_at(check)
        lines = [f"{looked}; {brief(check.summary, 400)}" if check.summary else looked]
        lines += [f"not checked: {brief(line, 400)}" for line in check.not_checked]
        word = words.check_word(check)
        style = _STYLES[check.verdict] if word == check.verdict.value else "dim"
        verdict = Text(word, style=style)
        name = Text(brief(check.name, _NAME_LIMIT), style="bold")
        grid.add_row(name, verdict, Text("\n".join(lines)))
    console.print(grid)


def _write_outputs(console: Console, report: Report) -> None:
    shared = words.common_file(report.stages)
    columns = _Columns.fitting(report, console.width, shared)
    heading = ["stage / output", "verdict", "locked"]
    if columns.differs:
        heading.append("what differs")
    _write_row(console, columns, [(text, "dim") for text in heading])
    console.print(Text("─" * console.width, style="dim"))
    for stage in report.stages:
        host = report.host.stages.get(stage.address) or HostStage()
        _write_stage(console, columns, stage, host, shared)


def _write_stage(
    console: Console, columns: _Columns, stage: StageReport, host: HostStage, shared: str | None
) -> None:
    notes = "; ".join(words.stage_notes(stage, host))
    name = (_stage_name(stage, shared), "bold")
    verdict = (stage.verdict.value, _STYLES[stage.verdict])
    beside = columns.locked + (2 + columns.differs if columns.differs else 0)
    fits = cell_len(notes) <= beside
    _write_row(console, columns, [name, verdict, (notes if fits else "", "dim")], beside)
    if not fits:
        console.print(_indented(Text(notes, style="dim"), 2))
    for output in stage.outputs:
        path = (f"  {_output_name(output)}", "")
        word = (output.verdict.value, _STYLES[output.verdict.verdict])
        locked = (output.locked.short if output.locked else "-", "dim")
        lines = words.what_differs(output, host.differences.get(output.path, ()))
        if columns.differs:
            _write_row(console, columns, [path, word, locked, ("\n".join(lines), "")])
            continue
        _write_row(console, columns, [path, word, locked])
        for line in lines:
            console.print(_indented(Text(line), 4))


_Cell = tuple[str, str]
"""A text and its style."""


def _write_row(
    console: Console, columns: _Columns, cells: list[_Cell], third: int | None = None
) -> None:
    widths = [columns.name, _VERDICT_WIDTH, third or columns.locked, columns.differs]
    lengths = [cell_len(text) for text, _ in cells]
    if all(
        length <= width and "\n" not in text
        for (text, _), length, width in zip(cells, lengths, widths, strict=False)
    ):
        _write_line(console, cells, [w - n for w, n in zip(widths, lengths, strict=False)])
        return
    grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    for width, _ in zip(widths, cells, strict=False):
        grid.add_column(width=width, overflow="fold")
    grid.add_row(*(Text(text, style=style, overflow="fold") for text, style in cells))
    console.print(grid)


def _write_line(console: Console, cells: list[_Cell], rooms: list[int]) -> None:
    """Cells that all fit, in one line: what a table would print, at a small part of the time."""
    parts: list[_Cell] = []
    for (text, style), room in zip(cells, rooms, strict=True):
        parts += [(text, style), (" " * (room + 2), "")]
    line = "".join(text for text, _ in parts).rstrip()
    if console.is_terminal or cell_len(line) > console.width:
        whole = Text.assemble(*parts)
        whole.rstrip()
        console.print(whole)
    else:
        console.file.write(f"{line}\n")


def _stage_name(stage: StageReport, shared: str | None) -> str:
    return brief(words.stage_label(stage.address, shared), _NAME_LIMIT)


def _output_name(output: OutputReport) -> str:
    return brief(output.path, _NAME_LIMIT)


def _write_causes(console: Console, report: Report) -> None:
    shared = words.common_file(report.stages)
    nothing = HostStage()
    explained = [
        (stage, host)
        for stage in report.stages
        for host in (report.host.stages.get(stage.address, nothing),)
        if stage.causes or host.log_tail or (host.evidence and stage.verdict != Verdict.PASSED)
    ]
    if explained:
        _write_heading(console, "Causes")
    for stage, host in explained:
        console.print(Text(_stage_name(stage, shared), style="bold", overflow="fold"))
        for index, cause in enumerate(stage.causes):
            console.print(_indented(_cause_text(cause), 2))
            _write_evidence(console, [e for e in host.evidence if e.cause == index])
        known = range(len(stage.causes))
        _write_evidence(console, [e for e in host.evidence if e.cause not in known])
        if host.log_tail:
            _write_log(console, host.log_tail, host.log)


def _cause_text(cause: Cause) -> Text:
    text = Text(overflow="fold").append(words.cause_kind(cause), style="bold")
    return text.append(f", {cause.certainty.value}: {words.cause_summary(cause)}")


def _write_evidence(console: Console, evidence: list[Evidence]) -> None:
    for item in evidence:
        text = Text(overflow="fold").append("- ", style="dim")
        console.print(_indented(text.append(brief(item.text, 4 * _NAME_LIMIT)), 4))
        if item.detail:
            lines, more = first_lines(item.detail, _DETAIL_LINES)
            if more:
                lines.append(f"… {words.count(more, 'more line')}; the HTML report has them")
            console.print(_indented(_detail(lines), 6))


def _detail(lines: list[str]) -> Text:
    """Lines of evidence; those of a diff in its colours."""
    is_diff = any(line.startswith("@@") for line in lines)
    text = Text(style="dim", overflow="fold")
    for index, line in enumerate(lines):
        style = _DIFF.get(line[:1], "") if is_diff else ""
        text.append(f"\n{line}" if index else line, style=style)
    return text


def _write_log(console: Console, tail: str, log: str | None) -> None:
    lines, _ = last_lines(tail, _LOG_LINES)
    at = f" of {brief(log, _NAME_LIMIT)}" if log else ""
    console.print(_indented(Text(f"- last lines{at}", overflow="fold"), 4))
    console.print(_indented(Text("\n".join(lines), style="dim", overflow="fold"), 6))


def _write_metrics(console: Console, report: Report) -> None:
    rows = moved_metrics(report)
    if not rows:
        return
    _write_heading(console, "Metrics of what came out differently")
    for row in rows[:_METRIC_LINES]:
        locked, observed, change = row.texts
        name = f"{brief(row.path, _NAME_LIMIT)} {brief(row.key, _NAME_LIMIT)}"
        text = Text(overflow="fold").append(name, style="bold")
        console.print(text.append(f"  locked {locked}, observed {observed} ({change}), {row.of}"))
    more = len(rows) - _METRIC_LINES
    if more > 0:
        console.print(Text(f"and {words.count(more, 'more line')}", style="dim"))


def _write_varied(console: Console, report: Report) -> None:
    summary = varied_summary(report)
    if not summary:
        return
    _write_heading(console, "What outputs depend on")
    for stage in varied_stages(report):
        grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
        for width in (18, 21, None):
            grid.add_column(width=width, overflow="fold")
        console.print(Text(brief(stage.label, _NAME_LIMIT), style="bold", overflow="fold"))
        for row in stage.rows:
            style = "bold red" if row.how in ("differs", "fails") else "default"
            with_it = f" with {row.setting}" if style != "default" and row.setting else ""
            cells = (Text(f"  {row.condition}"), Text(row.how, style=style))
            grid.add_row(*cells, Text(row.text + with_it))
        console.print(grid)
    console.print(Text(summary, overflow="fold"))


def _write_findings(console: Console, report: Report, *, whole: bool) -> None:
    shown = [f for f in words.by_severity(report.findings) if whole or f.passed_by is None]
    if report.findings:
        _write_heading(console, "Findings")
    for finding in shown:
        head = Text(overflow="fold").append(
            f"{finding.severity.value} {brief(finding.rule, 40)}",
            style=_SEVERITIES[finding.severity],
        )
        _write_text(console, head.append(f"  {words.where(finding)}"))
        _write_text(console, Text(brief(finding.message, 1000), overflow="fold"), 2)
    if len(shown) < len(report.findings):
        line = f"{words.let_pass(report.findings)}: -v lists them"
        console.print(Text(line, style="dim", overflow="fold"))


def _write_text(console: Console, text: Text, indent: int = 0) -> None:
    """Text in lines that fit; without colours at a part of the time that rich takes."""
    if console.is_terminal:
        console.print(_indented(text, indent))
        return
    width, plain = console.width - indent, text.plain
    fits = cell_len(plain) <= width and plain.isprintable()
    lines = [plain] if fits else [line.plain for line in text.wrap(console, width)]
    console.file.writelines(f"{' ' * indent}{line}\n" for line in lines)


def _write_heading(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, style="bold underline"))


def _indented(content: RenderableType, cells: int) -> Padding:
    return Padding(content, (0, 0, 0, cells))
