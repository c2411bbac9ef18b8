"""From the reports of pods to the one that a reproduction on one machine would have made.

A pod's word counts for its own stages alone, and only where all that it states of the commit is
what is read here. A stage that no pod's word counts for was not checked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lockproof import __version__
from lockproof.adapters.git.origin import origin_of
from lockproof.model.environment import Environment
from lockproof.model.finding import Finding, Shared
from lockproof.model.order import BadOrderError
from lockproof.model.pipeline import Stage
from lockproof.model.report import (
    Dependency,
    Host,
    HostStage,
    Report,
    SkipReason,
    StageReport,
    Subject,
    Timing,
)
from lockproof.model.verdict import OutputVerdict, Verdict, worst
from lockproof.rules.catalog import finding
from lockproof.rules.reproduction import StageFacts, report_verdict, stage_verdict
from lockproof.rules.together import shared
from lockproof.steps.clock import Clock
from lockproof.steps.reproduce.assemble import accepted_outputs, ordered
from lockproof.steps.reproduce.judge import reports

from .plan import Plan, Task

_TOOL = f"lockproof {__version__}"


@dataclass(frozen=True)
class Received:
    """What a pod reported."""

    report: Report
    findings: tuple[Finding, ...]
    """Its findings, each for itself."""


def handed_in(report: Report) -> dict[str, Any]:
    """What a pod puts into its receipt: a report whose findings were left apart."""
    return {
        "report": report.model_dump(mode="json"),
        "findings": [found.model_dump(mode="json") for found in report.findings],
    }


def receive(plan: Plan, task: Task, value: Mapping[str, Any]) -> Received:
    """Read what was in a receipt, and see that it is of what was asked for.

    Raises:
        BadOrderError: it is not; says why.
    """
    said = value.get("report")
    tool = said.get("tool") if isinstance(said, Mapping) else None
    if tool != _TOOL:  # Another version may judge otherwise, and know other fields.
        raise BadOrderError(f"its image has {str(tool)[:60]}, and this is {_TOOL}: use that one")
    try:
        report = Report.model_validate(said)
        findings = tuple(
            (Shared if "cause" in found else Finding).model_validate(found)
            for found in value["findings"]
        )
    except (ValidationError, KeyError, TypeError) as error:
        raise BadOrderError("its report cannot be read") from error
    if report.step != "reproduce" or _asked(report.subject) != _asked(_subject(plan, None)):
        raise BadOrderError("its report is of something else than what was asked for")
    told = {stage.address: stage for stage in report.stages}
    for address in task.stages:
        claimed = _claimed(plan, plan.pipeline.by_address[address], report.host.environment)
        if address not in told or _claims(told[address]) != _claims(claimed):
            raise BadOrderError(f"its report does not state what this commit states of {address}")
    _see_that_it_agrees(plan, report, findings)
    return Received(report, findings)


def _see_that_it_agrees(plan: Plan, report: Report, findings: Iterable[Finding]) -> None:
    """See that no verdict in a report is better than what it says that was found.

    Raises:
        BadOrderError: one is.
    """
    addresses = [stage.address for stage in report.stages]
    if len(set(addresses)) < len(addresses):
        raise BadOrderError("its report has a stage twice")
    for stage in report.stages:
        best = _best(plan, stage)
        if worst([best, stage.verdict]) is not stage.verdict:
            raise BadOrderError(f"its report contradicts itself: {stage.address} is {best.value}")
    if report.verdict is not _verdict(plan, report.stages, findings):
        raise BadOrderError("its report contradicts itself: its verdict is not that of its stages")


def _best(plan: Plan, told: StageReport) -> Verdict:
    """The best verdict that what a report says of a stage allows."""
    policy = plan.policy.reproduce
    stage = plan.pipeline.by_address.get(told.address)
    if stage is None:
        raise BadOrderError(f"its report is of {told.address[:100]!r}, which this commit has not")
    accepted = False
    if told.skipped is SkipReason.FROZEN:
        accepted = stage.frozen and policy.frozen == "accept"
    elif told.skipped is SkipReason.UNAFFECTED:
        accepted = told.address in plan.selection.unaffected and policy.unaffected == "accept"
    if told.skipped:
        return Verdict.PASSED if accepted else Verdict.INCONCLUSIVE
    verdicts = {output.path: output.verdict for output in told.outputs}
    return stage_verdict(StageFacts(stage, verdicts, accepted_outputs(plan.policy)))


def _verdict(plan: Plan, stages: Iterable[StageReport], findings: Iterable[Finding]) -> Verdict:
    """The verdict on stages together, as a reproduction has it."""
    checked = [s.verdict for s in stages if s.skipped is not SkipReason.UNAFFECTED]
    if not checked and plan.policy.reproduce.unaffected == "accept":
        checked = [Verdict.PASSED]
    return report_verdict(checked, findings)


def gather(
    plan: Plan,
    received: Mapping[str, Received],
    lost: Mapping[str, str],
    logs: Path,
    clock: Clock,
) -> Report:
    """Put the reports together.

    Args:
        plan: what was asked for.
        received: task -> what its pod reported.
        lost: task -> why it brought no report.
        logs: the folder of logs on this machine.
        clock: started when the reproduction was.
    """
    owner = {address: task for task in plan.tasks for address in task.stages}
    stages: list[StageReport] = []
    host: dict[str, HostStage] = {}
    seconds: dict[str, Mapping[str, float]] = {}
    findings: list[Finding] = []
    parts = [received[task.name] for task in plan.tasks if task.name in received]
    first = parts[0].report.host if parts else Host()
    for stage in plan.selection.reported:
        task = owner[stage.address]
        got = received.get(task.name)
        if got is None:
            why = lost.get(task.name) or "its pod brought no report"
            stages.append(_claimed(plan, stage))
            host[stage.address] = HostStage()
            findings.append(_not_checked(plan, stage, why))
            continue
        stages.append(next(s for s in got.report.stages if s.address == stage.address))
        # Paths in a pod lead nowhere here.
        there = got.report.host.stage(stage.address)
        hardware = None if _alike(got.report, first) else got.report.host.environment
        host[stage.address] = there.model_copy(update={"log": None, "environment": hardware})
        if stage.address in got.report.timing.stages:
            seconds[stage.address] = got.report.timing.stages[stage.address]
    for part in parts:
        findings += [found for found in part.findings if found not in findings]
    listed = ordered(findings)
    return Report(
        tool=_TOOL,
        subject=_subject(plan, _common({part.report.subject.environment for part in parts})),
        verdict=_verdict(plan, stages, listed),
        stages=tuple(stages),
        findings=tuple(listed),
        host=Host(
            origin=origin_of(plan.git, plan.commit),
            environment=first.environment,
            recorded=next((p.report.host.recorded for p in parts if p.report.host.recorded), None),
            stages=host,
            metrics=tuple(metric for part in parts for metric in part.report.host.metrics),
            paths={"logs": str(logs)},
        ),
        timing=_timing(clock, seconds),
    )


def _alike(report: Report, first: Host) -> bool:
    """Whether a pod had the hardware of the first, as far as tolerances are by it."""
    here, there = first.environment, report.host.environment
    if here is None or there is None:
        return there is None
    return (here.gpus, here.cpu) == (there.gpus, there.cpu)


def _timing(clock: Clock, seconds: Mapping[str, Mapping[str, float]]) -> Timing:
    return clock.timing(seconds)


def _common(environments: Iterable[str | None]) -> str | None:
    """What pins all of them; None where they differ, or nothing was heard."""
    known = set(environments)
    return known.pop() if len(known) == 1 else None


def _subject(plan: Plan, environment: str | None) -> Subject:
    return Subject.model_validate(
        {
            "commit": plan.commit,
            "lock_digest": plan.lock_digest,
            "root": plan.root or ".",
            "environment": environment,
            "mode": plan.mode,
            "runs": plan.runs,
            "since": plan.since,
            "selected": plan.selected,
        }
    )


def _asked(subject: Subject) -> Subject:
    """What a pod cannot choose; it is told by addresses which stages are meant."""
    return subject.model_copy(update={"environment": None, "selected": ()})


def _claimed(plan: Plan, stage: Stage, there: Environment | None = None) -> StageReport:
    """The report on a stage of which nothing is known but what the commit claims.

    Tolerances are those for the hardware `there`.
    """
    unknown = {out.path: OutputVerdict.NOT_CHECKED for out in stage.outs}
    return StageReport(
        address=stage.address,
        command=stage.command,
        verdict=Verdict.INCONCLUSIVE,
        skipped=SkipReason.NOT_REPORTED,
        upstream=tuple(
            address
            for address in plan.pipeline.upstream[stage.address]
            if plan.pipeline.by_address[address].kind == "stage"
        ),
        deps=tuple(Dependency(path=dep.path, locked=dep.locked) for dep in stage.deps),
        params={p.path: p.locked or {} for p in stage.params},
        outputs=reports(plan.policy, stage, unknown, there),
    )


def _claims(stage: StageReport) -> StageReport:
    """What a report states of the commit, without what it found."""
    unknown = {"verdict": OutputVerdict.NOT_CHECKED}
    outputs = tuple(output.model_copy(update=unknown) for output in stage.outputs)
    found = {"verdict": Verdict.INCONCLUSIVE, "skipped": None, "causes": (), "outputs": outputs}
    return stage.model_copy(update=found)


def _not_checked(plan: Plan, stage: Stage, why: str) -> Finding:
    path = f"{plan.root}/{stage.file}" if plan.root else stage.file
    name = stage.address
    one = finding("LP708", name, f"{name} was not checked: {why}", path=path)
    return shared(one, cause="cluster", item=name, noun="stages", words=f"were not checked: {why}")
