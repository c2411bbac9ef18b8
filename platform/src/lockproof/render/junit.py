"""The report as JUnit XML: a suite per stage, a test case per output.

Nobody owns the format; this keeps to the elements and attributes that CI systems agree on, as
https://github.com/testmoapp/junitxml lists them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from lockproof.model.check import Check
from lockproof.model.finding import Severity
from lockproof.model.report import HostStage, OutputReport, Report, StageReport
from lockproof.model.verdict import Verdict
from lockproof.render import words
from lockproof.render.findings import Placed, placed
from lockproof.render.foreign import brief, last_lines

_NAME_LIMIT = 400
_TEXT_LIMIT = 2000
_LOG_LINES = 60
_WEIGHTS = {
    Severity.ERROR: Verdict.FAILED,
    Severity.WARNING: Verdict.INCONCLUSIVE,
    Severity.NOTE: Verdict.PASSED,
}
STAGE_CASE = "stage"
"""The case that stands for the stage itself: its lock entry and its command."""


@dataclass(frozen=True)
class _Case:
    """A test case; it passes where neither `failed` nor `skipped` says otherwise."""

    name: str
    verdict: Verdict
    kind: str = ""
    lines: tuple[str, ...] = ()
    """What was seen, the gravest first."""


def junit(report: Report) -> str:
    """The report as JUnit XML.

    What failed is a failure, what is inconclusive is skipped with its reason. The last suite has
    one case for the verdict of the whole, so that a report which proves nothing is not green.
    """
    found = placed(report)
    by_stage: dict[str, list[Placed]] = {}
    for each in found:
        if each.stage is not None:
            by_stage.setdefault(each.stage.address, []).append(each)
    root = Element("testsuites", name=f"lockproof {report.step}")
    for stage in report.stages:
        host = report.host.stage(stage.address)
        times = report.timing.stages.get(stage.address, {})
        cases = _stage_cases(stage, host, by_stage.get(stage.address, []))
        _add_suite(root, brief(stage.address, _NAME_LIMIT), cases, times)
    if report.checks:
        _add_suite(root, "checks", [_check_case(check) for check in report.checks], {})
    whole = _Case(
        "verdict", report.verdict, report.verdict.value, (words.verdict_sentence(report),)
    )
    others = [_finding_case(each) for each in found if each.stage is None]
    _add_suite(root, "report", [whole, *others], {})
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    root.set("time", f"{report.timing.seconds:.3f}")
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _stage_cases(stage: StageReport, host: HostStage, found: list[Placed]) -> list[_Case]:
    of_outputs = {
        output.path: [each for each in found if each.output is output] for output in stage.outputs
    }
    cases = [_output_case(output, stage, host, of_outputs[output.path]) for output in stage.outputs]
    of_stage = [each for each in found if each.output is None]
    return [_stage_case(stage, host, of_stage, cases), *cases]


def _output_case(
    output: OutputReport, stage: StageReport, host: HostStage, found: Sequence[Placed]
) -> _Case:
    verdict = output.verdict.verdict
    if any(each.finding.severity is Severity.ERROR for each in found):
        verdict = Verdict.FAILED
    differs = words.what_differs(output, host.differences.get(output.path, ()))
    messages = [line for each in found for line in each.lines[:1]]
    causes = [words.cause_words(cause) for cause in stage.causes]
    lines = [output.verdict.value, *differs, *messages, *causes]
    name = brief(output.path, _NAME_LIMIT)
    return _Case(name, verdict, output.verdict.value, tuple(lines))


def _stage_case(
    stage: StageReport, host: HostStage, found: Sequence[Placed], outputs: Sequence[_Case]
) -> _Case:
    errors = [each for each in found if each.finding.severity is Severity.ERROR]
    notes = words.stage_notes(stage, host)
    lines = [line for each in errors or found for line in each.lines] + notes
    # A stage that failed through its outputs alone did run, as its lock says.
    told = any(case.verdict is stage.verdict for case in outputs)
    verdict = Verdict.PASSED if told and stage.skipped is None else stage.verdict
    if errors:
        verdict = Verdict.FAILED
    kind = ", ".join(brief(each.finding.rule, 40) for each in errors) or stage.verdict.value
    if host.log_tail:
        tail, _ = last_lines(host.log_tail, _LOG_LINES)
        lines += ["last lines of its log:", *tail]
    return _Case(STAGE_CASE, verdict, kind, tuple(lines) or (stage.verdict.value,))


def _check_case(check: Check) -> _Case:
    looked = words.count(check.checked, check.unit) if check.checked else "nothing was checked"
    lines = [looked, check.summary, *(f"not checked: {line}" for line in check.not_checked)]
    shown = tuple(brief(line, _TEXT_LIMIT) for line in lines if line)
    return _Case(brief(check.name, _NAME_LIMIT), check.verdict, words.check_word(check), shown)


def _finding_case(each: Placed) -> _Case:
    subject = brief(each.finding.subject, _NAME_LIMIT)
    rule = brief(each.finding.rule, 40)
    return _Case(f"{rule} {subject}", _WEIGHTS[each.finding.severity], rule, tuple(each.lines))


def _add_suite(
    root: Element, name: str, cases: Sequence[_Case], times: Mapping[str, float]
) -> None:
    suite = SubElement(root, "testsuite", name=name, tests=str(len(cases)))
    suite.set("failures", str(sum(case.verdict is Verdict.FAILED for case in cases)))
    suite.set("errors", "0")
    suite.set("skipped", str(sum(case.verdict is Verdict.INCONCLUSIVE for case in cases)))
    suite.set("time", f"{sum(sorted(times.values())):.3f}")
    for number, case in enumerate(cases):
        # The time of a stage is that of its first case: nobody measured its outputs singly.
        time = suite.get("time", "0") if number == 0 else "0"
        element = SubElement(suite, "testcase", classname=name, name=case.name, time=time)
        _add_ending(element, case)


def _add_ending(element: Element, case: _Case) -> None:
    if case.verdict is Verdict.PASSED:
        return
    if case.verdict is Verdict.INCONCLUSIVE:
        # Readers of the format show a skipped case's message, and few its text.
        SubElement(element, "skipped", message=brief("; ".join(case.lines), _TEXT_LIMIT))
        return
    message = brief("; ".join(case.lines[:2]), _TEXT_LIMIT)
    failure = SubElement(element, "failure", message=message, type=case.kind)
    failure.text = "\n".join(case.lines)
