"""The wording that the renderers share: counts, times, numbers, differences, reasons."""

import math
import re
from collections import Counter
from collections.abc import Iterable

from lockproof.model.cause import Cause
from lockproof.model.check import Check
from lockproof.model.comparison import Difference, LargestDifference, Tolerance
from lockproof.model.environment import Environment
from lockproof.model.finding import Finding, Severity
from lockproof.model.report import (
    HostStage,
    OutputReport,
    Report,
    SkipReason,
    StageReport,
    Subject,
)
from lockproof.model.verdict import OutputVerdict, Verdict
from lockproof.render.foreign import brief, visible

SKIP_WORDS = {
    SkipReason.FROZEN: "frozen, so DVC does not run it",
    SkipReason.UNAFFECTED: "not affected since the base",
    SkipReason.UPSTREAM_FAILED: "a stage that it needs failed",
    SkipReason.INPUT_UNAVAILABLE: "an input could not be fetched",
    SkipReason.NOT_LOCKED: "dvc.lock has no entry for it",
    SkipReason.NOT_REPORTED: "its pod brought no report",
}

_GRAVEST_FIRST = (
    OutputVerdict.DIFFERENT,
    OutputVerdict.MISSING,
    OutputVerdict.NONDETERMINISTIC,
    OutputVerdict.NOT_COMPARABLE,
    OutputVerdict.NOT_CHECKED,
    OutputVerdict.IDENTICAL,
    OutputVerdict.WITHIN_TOLERANCE,
)
_NAME_LIMIT = 80
_DIFFERENCES = 3


def count(number: int, noun: str) -> str:
    """`1 output`, `2,000 outputs`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def verdict_sentence(report: Report) -> str:
    """The one line that a reader must not miss, such as `PASSED: 9 outputs identical; …`."""
    return f"{report.verdict.value.upper()}: {outcome(report)}"


def outcome(report: Report) -> str:
    """What stands behind the verdict: what was checked; then findings, stages and time."""
    if report.step != "reproduce":
        return _outcome_of_checks(report)
    errors = sum(finding.severity is Severity.ERROR for finding in report.findings)
    reused = sum(host.reused is not None for host in report.host.stages.values())
    skipped = sum(stage.skipped is not None for stage in report.stages)
    parts = [outputs_by_verdict(report.stages) or "no output to check"]
    if errors:
        parts.append(count(errors, "error"))
    scope = [count(len(report.stages), "stage"), f"{reused:,} reused"]
    if skipped:
        scope.append(f"{skipped:,} skipped")
    parts.append(", ".join([*scope, duration(report.timing.seconds)]))
    return "; ".join([*parts, *weak_isolation(report)])


def weak_isolation(report: Report) -> list[str]:
    """What stages could reach that no report vouches for: `stages not isolated (none)`.

    Empty where every stage had a root and a network of its own, or ran at another time.
    """
    ran = [host for host in report.host.stages.values() if host.executed]
    found = []
    levels = sorted({host.isolation for host in ran if host.isolation in ("landlock", "none")})
    if levels:
        found.append(f"stages not isolated ({', '.join(levels)})")
    if any(host.network and host.network != "off" for host in ran):
        found.append("network on")
    return found


def _outcome_of_checks(report: Report) -> str:
    looked = [count(check.checked, check.unit) for check in report.checks if check.checked]
    nothing = "no manifests, and none are demanded" if _is_idle(report) else "nothing was checked"
    parts = [", ".join(dict.fromkeys(looked)) or nothing]
    for severity in Severity:
        found = sum(f.severity is severity and f.passed_by is None for f in report.findings)
        if found:
            parts.append(count(found, severity.value))
    parts += filter(None, [let_pass(report.findings)])
    left_out = sum(len(check.not_checked) for check in report.checks)
    if left_out:
        parts.append(f"{left_out:,} not checked")
    return "; ".join([*parts, duration(report.timing.seconds)])


def _is_idle(report: Report) -> bool:
    """Whether lint found nothing to look at where nobody asks for anything."""
    passed = report.step == "lint" and report.verdict is Verdict.PASSED
    return passed and not any(check.checked for check in report.checks)


def let_pass(findings: Iterable[Finding]) -> str:
    """`8 waived, 2 in the baseline`; empty where there are none."""
    tally = Counter(finding.passed_by for finding in findings)
    kinds = ((tally["waiver"], "waived"), (tally["baseline"], "in the baseline"))
    return ", ".join(f"{number:,} {how}" for number, how in kinds if number)


def looked_at(check: Check) -> str:
    """`12 objects`; `nothing` where a family looked at nothing."""
    return count(check.checked, check.unit) if check.checked else "nothing"


def check_word(check: Check) -> str:
    """Its verdict; `not demanded` where nothing was proved and nobody asks for it."""
    idle = check.verdict is Verdict.INCONCLUSIVE and not check.demanded
    return "not demanded" if idle else check.verdict.value


def subject_parts(subject: Subject) -> list[str]:
    """What a report is about: mode, lock, runs, base; what the step does not have is left out."""
    parts: list[str] = [subject.mode] if subject.mode else []
    if subject.lock_digest:
        parts.append(f"lock {brief(subject.lock_digest[:12], 12)}")
    if subject.runs > 1:
        parts.append(f"{subject.runs} runs each")
    for word, commit in (("since", subject.since), ("base", subject.base)):
        if commit:
            parts.append(f"{word} {brief(commit[:12], 12)}")
    return parts


def outputs_by_verdict(stages: tuple[StageReport, ...]) -> str:
    """`1 output different, 9 identical`, the gravest first; empty where there is none."""
    tally = Counter(output.verdict for stage in stages for output in stage.outputs)
    parts = [(tally[verdict], verdict.value) for verdict in _GRAVEST_FIRST if tally[verdict]]
    return ", ".join(
        f"{number:,} {word}" if index else f"{count(number, 'output')} {word}"
        for index, (number, word) in enumerate(parts)
    )


def stage_notes(stage: StageReport, host: HostStage) -> list[str]:
    """Why a stage was not executed, or how its execution ended, if there is something to say."""
    notes = []
    if stage.skipped is not None:
        notes.append(f"skipped: {SKIP_WORDS[stage.skipped]}")
    if host.reused is not None:
        notes.append(f"reused (proved {brief(host.reused.proved_at[:10], 10)})")
    if host.exit_code:
        notes.append(f"command ended with exit code {host.exit_code}")
    return notes


def common_file(stages: tuple[StageReport, ...]) -> str | None:
    """The `dvc.yaml` that all addresses share, such as `sub/dvc.yaml` of `sub/dvc.yaml:train`."""
    files = {stage.address.rpartition(":")[0] for stage in stages}
    return (files.pop() or None) if len(files) == 1 else None


def stage_label(address: str, shared: str | None) -> str:
    """An address without the file that all stages share."""
    return address.removeprefix(f"{shared}:") if shared else address


def environment_line(environment: Environment | None, pinned: str | None) -> str:
    """The pipeline's environment by name, and whether anything pins it."""
    if environment is None:
        return f"pinned {pinned[:12]}" if pinned else "not recorded"
    name = brief(environment.name, _NAME_LIMIT) or environment.kind
    if environment.digest is None:
        return name if environment.kind == "unpinned" else f"{name} (unpinned)"
    return f"{name} (pinned {brief(environment.digest.removeprefix('sha256:')[:12], 12)})"


def where(finding: Finding) -> str:
    """`path:line` where there is one, else the subject."""
    if finding.path is None:
        return brief(finding.subject, 2 * _NAME_LIMIT)
    line = f":{finding.line}" if finding.line is not None else ""
    return brief(finding.path, 2 * _NAME_LIMIT) + line


def by_severity(findings: tuple[Finding, ...]) -> list[Finding]:
    """Errors first; otherwise in the order of the report."""
    return sorted(findings, key=lambda finding: list(Severity).index(finding.severity))


def duration(seconds: float) -> str:
    """`0.04 s`, `12.3 s`, `3 min 05 s`, `2 h 00 min`."""
    if not math.isfinite(seconds):
        return "unknown time"
    if seconds < 99.95:
        return f"{seconds:.2f} s" if seconds < 0.995 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60:,} h {minutes % 60:02} min"


def number(value: float | None, digits: int = 6) -> str:
    """A number in at most `digits` significant digits; `absent` where there is none."""
    if value is None:
        return "absent"
    return re.sub(r"e([+-])0*(\d)", _exponent, f"{value:.{digits}g}")


def numbers_apart(one: float | None, other: float | None) -> tuple[str, str]:
    """Two numbers in as many digits as it takes to see that they differ, at least six."""
    shown = number(one), number(other)
    for digits in range(7, 18):
        if one is None or other is None or one == other or shown[0] != shown[1]:
            break
        shown = number(one, digits), number(other, digits)
    return shown


def change(locked: float | None, observed: float | None) -> str:
    """By how much a number changed: `+0.01`, `equal`, or `-` where that has no value."""
    if locked is None or observed is None:
        return "-"
    if locked == observed:
        return "equal"
    difference = observed - locked
    if not math.isfinite(difference):
        return "-"
    shown = number(difference, 3)
    return shown if shown.startswith("-") else f"+{shown}"


def what_differs(output: OutputReport, differences: tuple[Difference, ...]) -> list[str]:
    """The lines that say how an output differs; none where there is nothing to say."""
    lines = []
    for difference in differences[:_DIFFERENCES]:
        lines.append(brief(difference.summary, 4 * _NAME_LIMIT))
        if difference.largest is not None:
            lines.append(largest_words(difference.largest))
    if len(differences) > _DIFFERENCES:
        lines.append(f"and {count(len(differences) - _DIFFERENCES, 'more difference')}")
    if differences and output.tolerance is not None:
        lines.append(f"tolerance {tolerance_words(output.tolerance)}{_for_hardware(output)}")
    if differences and output.other_hardware:
        names = ", ".join(brief(name, _NAME_LIMIT) for name in output.other_hardware)
        lines.append(f"tolerances for other hardware do not count here: {names}")
    if output.judged_by:
        judges = ", ".join(brief(path, 2 * _NAME_LIMIT) for path in output.judged_by)
        lines.append(f"judged by {judges}")
    return lines


def cause_words(cause: Cause) -> str:
    """`code, proven: src/train.py is not the file that the lock names`."""
    return f"{cause_kind(cause)}, {cause.certainty.value}: {cause_summary(cause)}"


def cause_kind(cause: Cause) -> str:
    """`code`, or with the condition that was varied: `nondeterminism (hash-seed)`."""
    if cause.condition is None:
        return cause.kind.value
    return f"{cause.kind.value} ({brief(cause.condition, _NAME_LIMIT)})"


def cause_summary(cause: Cause) -> str:
    """What changed, with its subject where the summary does not name it."""
    summary = brief(cause.summary, 8 * _NAME_LIMIT)
    if visible(cause.subject) in visible(cause.summary):
        return summary
    return f"{summary} ({brief(cause.subject, 2 * _NAME_LIMIT)})"


def _for_hardware(output: OutputReport) -> str:
    return f", for hardware {brief(output.hardware, _NAME_LIMIT)}" if output.hardware else ""


def tolerance_words(tolerance: Tolerance) -> str:
    """`rtol 1e-6, atol 1e-9`, without a part that is zero."""
    parts = [("rtol", tolerance.rtol), ("atol", tolerance.atol)]
    return ", ".join(f"{name} {number(v)}" for name, v in parts if v) or "rtol 0, atol 0"


def largest_words(largest: LargestDifference) -> str:
    """`largest at coef[3, 7]: 0.81 -> 0.82 (off by 0.01, relative 0.012)`."""
    values = f"{brief(largest.locked, 60)} -> {brief(largest.observed, 60)}"
    amounts = []
    if largest.absolute is not None:
        amounts.append(f"off by {number(largest.absolute, 3)}")
    if largest.relative is not None:
        amounts.append(f"relative {number(largest.relative, 3)}")
    amount = f" ({', '.join(amounts)})" if amounts else ""
    return f"largest at {brief(largest.where, _NAME_LIMIT)}: {values}{amount}"


def _exponent(match: re.Match[str]) -> str:
    return "e" + match[1].replace("+", "") + match[2]
