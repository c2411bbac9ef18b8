"""What the page shows of one stage."""

from dataclasses import dataclass

from lockproof.model.cause import Cause
from lockproof.model.comparison import Difference
from lockproof.model.digest import Digest
from lockproof.model.report import Evidence, HostStage, OutputReport, Report, StageReport
from lockproof.model.verdict import Verdict
from lockproof.render import words
from lockproof.render.charts import Segment, time_bar
from lockproof.render.foreign import first_lines, last_lines, visible
from lockproof.render.varied import VariedRow, varied_rows

TIME_WIDTH = 260
"""Of the chart of times, in pixels."""
_DETAIL_LINES = 400
_LOG_LINES = 200
_DIFFERENCES = 50


@dataclass(frozen=True)
class DetailLine:
    """A line of a diff or a log."""

    text: str
    kind: str
    """`added`, `removed`, `place` or empty."""


@dataclass(frozen=True)
class ShownEvidence:
    """Evidence with its detail cut to a length that a browser takes."""

    text: str
    detail: tuple[DetailLine, ...]
    more: int


@dataclass(frozen=True)
class ShownCause:
    """A cause with what shows it."""

    cause: Cause
    says_subject: bool
    """Whether the summary names the subject already."""
    evidence: tuple[ShownEvidence, ...]


@dataclass(frozen=True)
class ShownOutput:
    """An output with what was observed."""

    output: OutputReport
    tone: str
    """The verdict whose colour and shape it has."""
    was_observed: bool
    observed: Digest | None
    differences: tuple[Difference, ...]
    more: int


@dataclass(frozen=True)
class ShownStage:
    """A stage with all that is known about it."""

    number: int
    label: str
    stage: StageReport
    host: HostStage
    notes: tuple[str, ...]
    outputs: tuple[ShownOutput, ...]
    causes: tuple[ShownCause, ...]
    evidence: tuple[ShownEvidence, ...]
    params: tuple[tuple[str, str, object], ...]
    """File, key and value."""
    log: tuple[DetailLine, ...]
    segments: tuple[Segment, ...]
    seconds: float | None
    varied: tuple[VariedRow, ...] = ()
    changed: str = ""
    """`added` or `changed`, where the revision does that against its base."""

    @property
    def is_open(self) -> bool:
        """Whether the page unfolds it: where there is something to look at."""
        passed = self.stage.verdict is Verdict.PASSED
        return not passed or bool(self.causes) or bool(self.varied)


def shown_stage(
    number: int, stage: StageReport, report: Report, shared: str | None, longest: float
) -> ShownStage:
    """Join what a report says about one stage.

    Args:
        number: its number on the page, from 1.
        stage: the stage.
        report: the report that it is from.
        shared: the file that all addresses share, if they do.
        longest: the time that fills a chart, in seconds.
    """
    host = report.host.stage(stage.address)
    times = report.timing.stages.get(stage.address)
    known = range(len(stage.causes))
    return ShownStage(
        number=number,
        label=words.stage_label(stage.address, shared),
        stage=stage,
        host=host,
        notes=tuple(words.stage_notes(stage, host)),
        outputs=tuple(_output(output, host) for output in stage.outputs),
        causes=tuple(
            ShownCause(
                cause,
                visible(cause.subject) in visible(cause.summary),
                tuple(_evidence(item) for item in host.evidence if item.cause == index),
            )
            for index, cause in enumerate(stage.causes)
        ),
        evidence=tuple(_evidence(item) for item in host.evidence if item.cause not in known),
        params=tuple(
            (file, key, value)
            for file, values in sorted(stage.params.items())
            for key, value in sorted(values.items())
        ),
        log=tuple(
            DetailLine(line, "")
            for line in (last_lines(host.log_tail, _LOG_LINES)[0] if host.log_tail else ())
        ),
        segments=time_bar(times or {}, longest, TIME_WIDTH),
        seconds=sum(times.values()) if times else None,
        varied=varied_rows(host),
        changed=_changed(stage, report),
    )


def _changed(stage: StageReport, report: Report) -> str:
    found = report.changes.by_stage.get(stage.address) if report.changes else None
    return found.change if found else ""


def _output(output: OutputReport, host: HostStage) -> ShownOutput:
    differences = host.differences.get(output.path, ())
    return ShownOutput(
        output=output,
        tone=output.verdict.verdict.value,
        was_observed=output.path in host.observed,
        observed=host.observed.get(output.path),
        differences=differences[:_DIFFERENCES],
        more=max(0, len(differences) - _DIFFERENCES),
    )


def _evidence(item: Evidence) -> ShownEvidence:
    lines, more = first_lines(item.detail, _DETAIL_LINES) if item.detail else ([], 0)
    return ShownEvidence(item.text, tuple(map(_detail_line, lines)), more)


def _detail_line(line: str) -> DetailLine:
    if line.startswith("@@"):
        return DetailLine(line, "place")
    kind = {"+": "added", "-": "removed"}.get(line[:1], "")
    return DetailLine(line, kind)
