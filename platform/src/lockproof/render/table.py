"""The report as a person sees it at the end of a command."""

from typing import NamedTuple

from lockproof.model.cause import Cause
from lockproof.model.finding import Severity
from lockproof.model.report import Evidence, HostStage, OutputReport, Report, StageReport
from lockproof.model.verdict import Verdict
from lockproof.render import words
from lockproof.render.change_table import write_changes
from lockproof.render.foreign import brief, first_lines, last_lines
from lockproof.render.metric_rows import moved_metrics
from lockproof.render.objects import write_objects
from lockproof.render.terminal import Grid, Piece, Screen, Text, cells
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
    screen = Screen(width, color=color)
    _write_title(screen, report)
    if report.host.canary:
        from lockproof.render.canary import about

        screen.write(Text(brief(about(report.host.canary), 1000)))
        screen.write()
    if report.checks:
        _write_checks(screen, report)
    if report.step == "reproduce" or any(stage.outputs for stage in report.stages):
        _write_outputs(screen, report)
    write_objects(screen, report)
    write_changes(screen, report)
    _write_causes(screen, report)
    _write_metrics(screen, report)
    _write_varied(screen, report)
    _write_findings(screen, report, whole=whole)
    screen.write()
    screen.write_whole(Text(words.verdict_sentence(report), _STYLES[report.verdict]))
    return screen.text()


def _write_title(screen: Screen, report: Report) -> None:
    subject = report.subject
    commit = brief(subject.commit[:12], 12) if subject.commit else "work tree"
    title = Text(f"{report.step} ", style="bold").append(commit)
    for part in words.subject_parts(subject):
        title.append(f" · {part}", "")
    screen.write(title)
    if report.step == "reproduce":
        environment = words.environment_line(report.host.environment, subject.environment)
        screen.write(Text(f"environment {environment}", style="dim"))
    shared = words.common_file(report.stages)
    if shared:
        text = f"stages of {brief(shared, _NAME_LIMIT)}"
        screen.write(Text(text, style="dim"))
    screen.write()


class _Columns(NamedTuple):
    """Widths in cells; 0 means that what differs stands in lines of its own."""

    name: int
    locked: int
    differs: int

    @classmethod
    def fitting(cls, report: Report, width: int, shared: str | None) -> "_Columns":
        """As wide as the longest content, as far as the terminal goes."""
        outputs = [output for stage in report.stages for output in stage.outputs]
        names = [2 + cells(_output_name(output)) for output in outputs]
        names += [cells(_stage_name(stage, shared)) for stage in report.stages]
        is_dir = any(output.locked is not None and output.locked.is_dir for output in outputs)
        locked = 12 if is_dir else 8
        rest = width - _VERDICT_WIDTH - locked - 4
        name = min(max([*names, 14]), max(rest, 10))
        differs = rest - name - 2
        return cls(name, locked, differs if differs >= _DIFFERS_WIDTH else 0)


def _write_checks(screen: Screen, report: Report) -> None:
    grid = Grid((None, None, None))
    grid.add(*(Text(text, style="dim") for text in ("check", "verdict", "looked at")))
    for check in report.checks:
        looked = words.looked_at(check)
        lines = [f"{looked}; {brief(check.summary, 400)}" if check.summary else looked]
        lines += [f"not checked: {brief(line, 400)}" for line in check.not_checked]
        word = words.check_word(check)
        style = _STYLES[check.verdict] if word == check.verdict.value else "dim"
        verdict = Text(word, style=style)
        name = Text(brief(check.name, _NAME_LIMIT), style="bold")
        grid.add(name, verdict, Text("\n".join(lines)))
    screen.write(grid)


def _write_outputs(screen: Screen, report: Report) -> None:
    shared = words.common_file(report.stages)
    columns = _Columns.fitting(report, screen.width, shared)
    heading = ["stage / output", "verdict", "locked"]
    if columns.differs:
        heading.append("what differs")
    _write_row(screen, columns, [(text, "dim") for text in heading])
    screen.write(Text("─" * screen.width, style="dim"))
    for stage in report.stages:
        host = report.host.stage(stage.address)
        _write_stage(screen, columns, stage, host, shared)


def _write_stage(
    screen: Screen, columns: _Columns, stage: StageReport, host: HostStage, shared: str | None
) -> None:
    notes = "; ".join(words.stage_notes(stage, host))
    name = (_stage_name(stage, shared), "bold")
    verdict = (stage.verdict.value, _STYLES[stage.verdict])
    beside = columns.locked + (2 + columns.differs if columns.differs else 0)
    fits = cells(notes) <= beside
    _write_row(screen, columns, [name, verdict, (notes if fits else "", "dim")], beside)
    if not fits:
        screen.write(Text(notes, style="dim"), 2)
    for output in stage.outputs:
        path = (f"  {_output_name(output)}", "")
        word = (output.verdict.value, _STYLES[output.verdict.verdict])
        locked = (output.locked.short if output.locked else "-", "dim")
        lines = words.what_differs(output, host.differences.get(output.path, ()))
        if columns.differs:
            _write_row(screen, columns, [path, word, locked, ("\n".join(lines), "")])
            continue
        _write_row(screen, columns, [path, word, locked])
        for line in lines:
            screen.write(Text(line), 4)


def _write_row(
    screen: Screen, columns: _Columns, row: list[Piece], third: int | None = None
) -> None:
    widths = (columns.name, _VERDICT_WIDTH, third or columns.locked, columns.differs)
    grid = Grid(widths[: len(row)])
    grid.add(*(Text(text, style) for text, style in row))
    screen.write(grid)


def _stage_name(stage: StageReport, shared: str | None) -> str:
    return brief(words.stage_label(stage.address, shared), _NAME_LIMIT)


def _output_name(output: OutputReport) -> str:
    return brief(output.path, _NAME_LIMIT)


def _write_causes(screen: Screen, report: Report) -> None:
    shared = words.common_file(report.stages)
    explained = [
        (stage, host)
        for stage in report.stages
        for host in (report.host.stage(stage.address),)
        if stage.causes or host.log_tail or (host.evidence and stage.verdict != Verdict.PASSED)
    ]
    if explained:
        _write_heading(screen, "Causes")
    for stage, host in explained:
        screen.write(Text(_stage_name(stage, shared), style="bold"))
        for index, cause in enumerate(stage.causes):
            screen.write(_cause_text(cause), 2)
            _write_evidence(screen, [e for e in host.evidence if e.cause == index])
        known = range(len(stage.causes))
        _write_evidence(screen, [e for e in host.evidence if e.cause not in known])
        if host.log_tail:
            _write_log(screen, host.log_tail, host.log)


def _cause_text(cause: Cause) -> Text:
    text = Text().append(words.cause_kind(cause), style="bold")
    return text.append(f", {cause.certainty.value}: {words.cause_summary(cause)}")


def _write_evidence(screen: Screen, evidence: list[Evidence]) -> None:
    for item in evidence:
        text = Text().append("- ", style="dim")
        screen.write(text.append(brief(item.text, 4 * _NAME_LIMIT)), 4)
        if item.detail:
            lines, more = first_lines(item.detail, _DETAIL_LINES)
            if more:
                lines.append(f"… {words.count(more, 'more line')}; the HTML report has them")
            screen.write(_detail(lines), 6)


def _detail(lines: list[str]) -> Text:
    """Lines of evidence; those of a diff in its colours."""
    is_diff = any(line.startswith("@@") for line in lines)
    text = Text(style="dim")
    for index, line in enumerate(lines):
        style = f"dim {_DIFF.get(line[:1], '')}" if is_diff else None
        text.append(f"\n{line}" if index else line, style)
    return text


def _write_log(screen: Screen, tail: str, log: str | None) -> None:
    lines, _ = last_lines(tail, _LOG_LINES)
    at = f" of {brief(log, _NAME_LIMIT)}" if log else ""
    screen.write(Text(f"- last lines{at}"), 4)
    screen.write(Text("\n".join(lines), style="dim"), 6)


def _write_metrics(screen: Screen, report: Report) -> None:
    rows = moved_metrics(report)
    if not rows:
        return
    _write_heading(screen, "Metrics of what came out differently")
    for row in rows[:_METRIC_LINES]:
        locked, observed, change = row.texts
        name = f"{brief(row.path, _NAME_LIMIT)} {brief(row.key, _NAME_LIMIT)}"
        text = Text().append(name, style="bold")
        screen.write(text.append(f"  locked {locked}, observed {observed} ({change}), {row.of}"))
    more = len(rows) - _METRIC_LINES
    if more > 0:
        screen.write(Text(f"and {words.count(more, 'more line')}", style="dim"))


def _write_varied(screen: Screen, report: Report) -> None:
    summary = varied_summary(report)
    if not summary:
        return
    _write_heading(screen, "What outputs depend on")
    for stage in varied_stages(report):
        grid = Grid((18, 21, None))
        screen.write(Text(brief(stage.label, _NAME_LIMIT), style="bold"))
        for row in stage.rows:
            style = "bold red" if row.how in ("differs", "fails") else ""
            with_it = f" with {row.setting}" if style and row.setting else ""
            grid.add(f"  {row.condition}", Text(row.how, style), row.text + with_it)
        screen.write(grid)
    screen.write(Text(summary))


def _write_findings(screen: Screen, report: Report, *, whole: bool) -> None:
    shown = [f for f in words.by_severity(report.findings) if whole or f.passed_by is None]
    if report.findings:
        _write_heading(screen, "Findings")
    for finding in shown:
        head = Text().append(
            f"{finding.severity.value} {brief(finding.rule, 40)}",
            style=_SEVERITIES[finding.severity],
        )
        screen.write(head.append(f"  {words.where(finding)}", ""))
        screen.write(brief(finding.message, 1000), 2)
    if len(shown) < len(report.findings):
        line = f"{words.let_pass(report.findings)}: -v lists them"
        screen.write(Text(line, style="dim"))


def _write_heading(screen: Screen, text: str) -> None:
    screen.write()
    screen.write(Text(text, style="bold underline"))
