"""The report as Markdown, for a pull-request comment or the summary of a CI job."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lockproof.model.cause import Cause
from lockproof.model.finding import Finding, Severity
from lockproof.model.report import Evidence, HostStage, OutputReport, Report, StageReport
from lockproof.model.verdict import Verdict
from lockproof.render import words
from lockproof.render.foreign import first_lines, last_lines
from lockproof.render.markdown_changes import change_blocks
from lockproof.render.markdown_text import code, fenced, prose
from lockproof.render.mermaid import stage_graph
from lockproof.render.metric_rows import metric_rows
from lockproof.render.varied import varied_stages, varied_summary

MOST_CHARACTERS = 60_000
"""GitHub takes comments of up to 65,536 characters."""
MARK = "<!-- lockproof {step} -->"
"""Stands at the top, so that a job can find its own comment and replace it."""
_SIGNS = {Verdict.PASSED: "✅", Verdict.FAILED: "❌", Verdict.INCONCLUSIVE: "⚠️"}
_HELP = re.compile(r"https://[\w./-]+", re.ASCII)


@dataclass(frozen=True)
class _Detail:
    """How much of a report is shown."""

    rows: int
    """How many findings, outputs, causes, metrics: of each at most so many."""
    characters: int
    """How long a name or a sentence may be."""
    lines: int
    """How many lines of a log or a patch; 0 leaves out all evidence."""
    graph: bool = True


_DETAILS = (
    _Detail(rows=400, characters=600, lines=40),
    _Detail(rows=200, characters=400, lines=8),
    _Detail(rows=100, characters=300, lines=0),
    _Detail(rows=30, characters=200, lines=0, graph=False),
    _Detail(rows=3, characters=60, lines=0, graph=False),
)


def markdown(report: Report) -> str:
    """The report in at most `MOST_CHARACTERS` characters; what is left out is said."""
    text = ""
    for level, detail in enumerate(_DETAILS):
        blocks = [*_Writer(report, detail).blocks()]
        if level:
            blocks.append(["_Shortened to fit; the HTML and JSON reports have everything._"])
        text = "\n\n".join("\n".join(block) for block in blocks if block) + "\n"
        if len(text) <= MOST_CHARACTERS:
            break
    return text


@dataclass(frozen=True)
class _Writer:
    report: Report
    detail: _Detail

    def blocks(self) -> Iterator[list[str]]:
        """Blocks of lines that an empty line must part."""
        yield from self._head()
        yield from self._findings()
        yield from change_blocks(self.report, self.detail.rows, self.detail.characters)
        yield from self._checks()
        yield from self._outputs()
        yield from self._causes()
        yield from self._varied()
        yield from self._metrics()
        yield from self._graph()

    def _head(self) -> Iterator[list[str]]:
        report, subject = self.report, self.report.subject
        verdict = report.verdict
        yield [MARK.format(step=report.step)]
        yield [f"## {_SIGNS[verdict]} lockproof {report.step}: {verdict.value}"]
        yield [f"**{verdict.value.upper()}**: {prose(words.outcome(report), 2000)}"]
        parts = [f"commit {code(subject.commit[:12], 12)}" if subject.commit else "work tree"]
        parts += [prose(part, 100) for part in words.subject_parts(subject)]
        if report.step == "reproduce":
            environment = words.environment_line(report.host.environment, subject.environment)
            parts.append(f"environment {prose(environment, 300)}")
        yield [" · ".join(parts)]

    def _findings(self) -> Iterator[list[str]]:
        findings = words.by_severity(self.report.findings)
        todo = [finding for finding in findings if finding.severity is not Severity.NOTE]
        notes = findings[len(todo) :]
        if todo:
            yield ["### What to do"]
            yield self._listed(todo, "finding")
        if notes:
            # What a waiver or the baseline lets pass must be there, and not in the way.
            yield from _folded(f"Notes ({len(notes):,})", [self._listed(notes, "note")])

    def _listed(self, findings: list[Finding], noun: str) -> list[str]:
        lines = []
        for finding in findings[: self.detail.rows]:
            rule = code(finding.rule, 40)
            if _HELP.fullmatch(finding.help):
                rule = f"[{rule}]({finding.help})"
            place = code(words.where(finding), self.detail.characters)
            message = prose(finding.message, 2 * self.detail.characters)
            lines.append(f"- **{finding.severity.value}** {rule} {place}: {message}")
        return [*lines, *self._rest(len(findings), noun)]

    def _checks(self) -> Iterator[list[str]]:
        checks = self.report.checks
        if not checks:
            return
        yield ["### What was checked"]
        lines = ["| Check | Verdict | Looked at |", "|---|---|---|"]
        for check in checks[: self.detail.rows]:
            cells = [
                words.looked_at(check),
                check.summary,
                *(f"not checked: {each}" for each in check.not_checked),
            ]
            seen = "<br>".join(prose(c, self.detail.characters) for c in cells[:20] if c)
            word = words.check_word(check)
            sign = f"{_SIGNS[check.verdict]} {word}" if word == check.verdict.value else word
            lines.append(f"| {code(check.name, 60)} | {sign} | {seen} |")
        yield [*lines]
        yield self._rest(len(checks), "check")

    def _outputs(self) -> Iterator[list[str]]:
        shared = words.common_file(self.report.stages)
        suspects = [
            (stage, output)
            for stage in self.report.stages
            # Nobody has to act on what the policy lets be left out; the first line counts it.
            if not (stage.skipped and stage.verdict is Verdict.PASSED)
            for output in stage.outputs
            if output.verdict.verdict is not Verdict.PASSED
        ]
        if not suspects:
            return
        yield ["### Outputs that do not pass"]
        lines = ["| Stage | Output | Verdict | Locked | What differs |", "|---|---|---|---|---|"]
        for stage, output in suspects[: self.detail.rows]:
            cells = [
                code(words.stage_label(stage.address, shared), self.detail.characters),
                code(output.path, self.detail.characters),
                output.verdict.value,
                code(output.locked.short, 20) if output.locked else "-",
                self._what_differs(stage, output),
            ]
            lines.append(f"| {' | '.join(cells)} |")
        yield lines
        yield self._rest(len(suspects), "output")

    def _what_differs(self, stage: StageReport, output: OutputReport) -> str:
        host = self._host(stage)
        lines = words.what_differs(output, host.differences.get(output.path, ()))
        lines = lines or words.stage_notes(stage, host)
        return "<br>".join(prose(line, self.detail.characters) for line in lines)

    def _causes(self) -> Iterator[list[str]]:
        shared = words.common_file(self.report.stages)
        stages = [
            stage
            for stage in self.report.stages
            if stage.causes or (stage.verdict is not Verdict.PASSED and self._seen(stage))
        ]
        if not stages:
            return
        yield ["### Causes"]
        for stage in stages[: self.detail.rows]:
            name = words.stage_label(stage.address, shared)
            yield [f"**Stage** {code(name, self.detail.characters)}"]
            for index, cause in enumerate(stage.causes[: self.detail.rows]):
                yield self._cause(cause)
                yield from self._evidence(
                    [e for e in self._host(stage).evidence if e.cause == index]
                )
            yield self._rest(len(stage.causes), "cause")
            yield from self._other_evidence(stage)
        yield self._rest(len(stages), "stage")

    def _cause(self, cause: Cause) -> list[str]:
        summary = prose(words.cause_summary(cause), 2 * self.detail.characters)
        kind = prose(words.cause_kind(cause), self.detail.characters)
        return [f"**{kind}**, {cause.certainty.value}: {summary}"]

    def _seen(self, stage: StageReport) -> bool:
        host = self._host(stage)
        return bool(host.evidence or host.log_tail)

    def _other_evidence(self, stage: StageReport) -> Iterator[list[str]]:
        host = self._host(stage)
        known = range(len(stage.causes))
        yield from self._evidence([e for e in host.evidence if e.cause not in known])
        if host.log_tail and self.detail.lines:
            lines, _ = last_lines(host.log_tail, self.detail.lines, self.detail.characters)
            yield from _folded("End of the log", [fenced(lines, "text")])

    def _evidence(self, evidence: list[Evidence]) -> Iterator[list[str]]:
        if not evidence or not self.detail.lines:
            return
        blocks = []
        for item in evidence[: self.detail.rows]:
            blocks.append([prose(item.text, 2 * self.detail.characters)])
            if item.detail:
                lines, more = first_lines(item.detail, self.detail.lines, self.detail.characters)
                blocks.append(fenced(lines, "diff"))
                blocks.append([f"and {words.count(more, 'more line')}"] if more else [])
        blocks.append(self._rest(len(evidence), "piece"))
        yield from _folded("Evidence", blocks)

    def _varied(self) -> Iterator[list[str]]:
        summary = varied_summary(self.report)
        if not summary:
            return
        yield ["### What outputs depend on"]
        yield [prose(summary, 2 * self.detail.characters)]
        rows = [(stage.label, row) for stage in varied_stages(self.report) for row in stage.rows]
        lines = ["| Stage | Condition | Result | Outputs |", "|---|---|---|---|"]
        for label, row in rows[: self.detail.rows]:
            cells = [
                code(label, self.detail.characters),
                code(row.condition, self.detail.characters),
                row.how,
                prose(row.text, self.detail.characters),
            ]
            lines.append(f"| {' | '.join(cells)} |")
        yield lines
        yield self._rest(len(rows), "row")

    def _metrics(self) -> Iterator[list[str]]:
        metrics = list(metric_rows(self.report.host.metrics))
        if not metrics:
            return
        yield ["### Metrics"]
        lines = ["| Metric | Locked | Observed | Difference |", "|---|---:|---:|---:|"]
        for value in metrics[: self.detail.rows]:
            locked, observed, difference = value.texts
            name = f"{code(value.path, self.detail.characters)} {code(value.key, 200)}"
            if value.of:
                name += f" {prose(value.of, self.detail.characters)}"
            lines.append(f"| {name} | {locked} | {observed} | {difference} |")
        yield lines
        yield self._rest(len(metrics), "metric")

    def _graph(self) -> Iterator[list[str]]:
        graph = stage_graph(self.report.stages) if self.detail.graph else []
        if graph:
            yield ["### Stages"]
            yield fenced(graph, "mermaid")

    def _host(self, stage: StageReport) -> HostStage:
        return self.report.host.stage(stage.address)

    def _rest(self, number: int, noun: str) -> list[str]:
        more = number - self.detail.rows
        return [f"and {more:,} more {noun if more == 1 else noun + 's'}"] if more > 0 else []


def _folded(title: str, blocks: list[list[str]]) -> Iterator[list[str]]:
    yield [f"<details><summary>{title}</summary>"]
    yield from blocks
    yield ["</details>"]
