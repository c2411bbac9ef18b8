"""Findings as CI systems show them: each beside a file, with what was seen of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from lockproof.model.finding import Finding, Severity
from lockproof.model.report import OutputReport, Report, StageReport
from lockproof.model.verdict import Verdict
from lockproof.render import words
from lockproof.render.foreign import brief
from lockproof.rules.catalog import RULES, Rule

_TEXT_LIMIT = 1000
_DETAIL_LIMIT = 300
_MOST_DETAILS = 12
_MOST_REASONS = 3
_WITHOUT_STAGE = "lockproof.toml"
"""CI systems want a file for each finding; this is the one that can change the checks."""


@dataclass(frozen=True)
class Placed:
    """A finding, where to show it, and what it is about."""

    finding: Finding
    path: str
    """The file to show it at: POSIX, relative to the Git root."""
    stage: StageReport | None
    """The stage that it is about, if it is about one."""
    output: OutputReport | None
    """The output of that stage that it is about, if it is about one."""
    details: tuple[str, ...]
    """What was seen: how outputs differ and why; one visible line each."""

    @property
    def title(self) -> str:
        """`LP701: output differs from the lock`."""
        rule = brief(self.finding.rule, 40)
        return f"{rule}: {RULES[rule].title}" if rule in RULES else rule

    @property
    def lines(self) -> list[str]:
        """The message and the details, made visible."""
        return [brief(self.finding.message, _TEXT_LIMIT), *self.details]


def placed(report: Report) -> list[Placed]:
    """Every finding, errors first.

    A report that neither passes nor has a finding gets one here: to a CI system that reads
    findings, none would look like a pass.
    """
    places = _Places(report)
    findings = words.by_severity(report.findings)
    if not findings and report.verdict is not Verdict.PASSED:
        findings = [_nothing_proved(report)]
    return [places.of(finding) for finding in findings]


def known_rules() -> tuple[Rule, ...]:
    """Every rule there is, in the order of their ids."""
    return tuple(RULES.values())


def _nothing_proved(report: Report) -> Finding:
    severity = Severity.ERROR if report.verdict is Verdict.FAILED else Severity.WARNING
    checks = [c for c in report.checks if c.demanded and c.verdict is not Verdict.PASSED]
    reasons = [f"{check.name}: {line}" for check in checks for line in check.not_checked]
    why = "; ".join(reasons[:_MOST_REASONS]) or words.verdict_sentence(report)
    message = f"not everything could be proved: {why}"
    return Finding.of("LP708", severity, "pipeline", message)


@dataclass(frozen=True)
class _Places:
    report: Report

    @cached_property
    def _stages(self) -> Mapping[str, StageReport]:
        return {stage.address: stage for stage in self.report.stages}

    @cached_property
    def _outputs(self) -> Mapping[str, tuple[StageReport, OutputReport]]:
        return {
            output.path: (stage, output) for stage in self.report.stages for output in stage.outputs
        }

    def of(self, finding: Finding) -> Placed:
        """Find out what a finding is about; its subject is a stage, `stage path`, or a path."""
        stage, output = self._outputs.get(finding.subject, (None, None))
        if stage is None:
            address = finding.subject.partition(" ")[0]
            stage = self._stages.get(finding.subject) or self._stages.get(address)
        path = finding.path or self._file_of(stage)
        whole = stage is not None and finding.subject == stage.address
        details = self._details(stage, output) if stage and (output or whole) else ()
        return Placed(finding, path, stage, output, details)

    def _file_of(self, stage: StageReport | None) -> str:
        if stage is None:
            return str(PurePosixPath(self.report.subject.root, _WITHOUT_STAGE))
        file = stage.address.rpartition(":")[0] or "dvc.yaml"
        return str(PurePosixPath(self.report.subject.root, file))

    def _details(self, stage: StageReport, output: OutputReport | None) -> tuple[str, ...]:
        host = self.report.host.stage(stage.address)
        lines = []
        for each in (output,) if output else stage.outputs:
            differs = words.what_differs(each, host.differences.get(each.path, ()))
            if each.verdict.verdict is not Verdict.PASSED and differs:
                lines.append(f"{brief(each.path, _DETAIL_LIMIT)}: {'; '.join(differs)}")
        lines += [f"cause: {words.cause_words(cause)}" for cause in stage.causes]
        more = len(lines) - _MOST_DETAILS
        if more > 0:
            lines[_MOST_DETAILS:] = [f"and {words.count(more, 'more line')} in the report"]
        return tuple(lines)
