"""The stages of a revision, each with the verdict of what was found about it."""

from collections.abc import Iterable

from lockproof.model.base import unchecked
from lockproof.model.finding import Finding, Severity
from lockproof.model.pipeline import Pipeline
from lockproof.model.report import Dependency, StageReport
from lockproof.model.verdict import Verdict


def stage_reports(pipeline: Pipeline, findings: Iterable[Finding]) -> tuple[StageReport, ...]:
    """The stages, each with the verdict that the findings about it give."""
    wrong: dict[str, Verdict] = {}
    owners = {out.path: stage.address for stage in pipeline.stages for out in stage.outs}
    for finding in findings:
        for name in (finding.subject, *finding.subject.split(" ")):
            address = owners.get(name, name)
            if address in pipeline.by_address and finding.severity is Severity.ERROR:
                wrong[address] = Verdict.FAILED
    return tuple(
        unchecked(StageReport)(
            address=stage.address,
            command=stage.locked_command or stage.command,
            verdict=wrong.get(stage.address, Verdict.PASSED),
            upstream=pipeline.upstream[stage.address],
            deps=tuple(Dependency(path=dep.path, locked=dep.locked) for dep in stage.deps),
            params={params.path: params.locked or {} for params in stage.params},
        )
        for stage in pipeline.stages
        if stage.kind == "stage"
    )
