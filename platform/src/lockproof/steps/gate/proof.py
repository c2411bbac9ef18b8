"""What a report of a reproduction says, held against itself, the pipeline and the policy."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from lockproof.adapters.files import read_named
from lockproof.config import Policy
from lockproof.errors import UsageError
from lockproof.model.environment import Environment
from lockproof.model.finding import Severity
from lockproof.model.metrics import without_duplicates
from lockproof.model.pipeline import Out, Pipeline, Stage, inside
from lockproof.model.report import OutputReport, Report, SkipReason, StageReport
from lockproof.model.verdict import OutputVerdict, Verdict, worst

from .interface import Scene


def read_report(scene: Scene, path: Path, step: str = "reproduce") -> tuple[Report, str]:
    """The report that a file holds, and SHA-256 of the file in hex; `step` is which would write it.

    Raises:
        UsageError: it cannot be read, is none, or is one that the revision itself brings.
    """
    _refuse_own(scene, path)
    content = read_named(path, "report", "the report that 'lockproof' wrote")
    return parse_report(content, str(path), step), hashlib.sha256(content).hexdigest()


def parse_report(content: bytes, name: str, step: str = "reproduce") -> Report:
    """The report in a file that the user calls `name`; `step` is which would write it.

    Raises:
        UsageError: it is none.
    """
    try:
        json.loads(content, object_pairs_hook=without_duplicates)
        return Report.model_validate_json(content, strict=True)
    except (ValueError, RecursionError) as error:  # A ValidationError is a ValueError.
        raise UsageError(
            f"{name} is no report: write one with 'lockproof {step} --output FILE.json'"
        ) from error


def _refuse_own(scene: Scene, path: Path) -> None:
    """Refuse what Git or DVC brings into the work tree, since the commit's author chose it."""
    real, top = Path(os.path.realpath(path)), Path(os.path.realpath(scene.head.git.root))
    if top not in real.parents:
        return
    here = real.relative_to(top)
    above = (here, *here.parents)
    tracked = any(place.as_posix() in scene.head.entries for place in above)
    outs = (out.path for s in scene.pipeline.stages for out in s.outs if not out.external)
    if tracked or any(inside(here.as_posix(), scene.git_path(out)) for out in outs):
        raise UsageError(
            f"{path} is tracked by {'Git' if tracked else 'DVC'}, so whoever wrote the commit could"
            " have written it: give the artifact of the CI job"
        )


def contradictions(report: Report, pipeline: Pipeline, policy: Policy) -> Iterator[str]:
    """Why a report that says `passed` does not prove it.

    Args:
        report: of a reproduction of all stages, or of those that a change affects.
        pipeline: of the revision.
        policy: the trusted one.
    """
    stages = {stage.address: stage for stage in pipeline.stages if stage.kind == "stage"}
    said = {stage.address: stage for stage in report.stages}
    if said.keys() != stages.keys() or len(said) != len(report.stages):
        names = sorted(said.keys() ^ stages.keys()) or sorted(said)
        shown = ", ".join(names[:3]) + (", …" if names[3:] else "")
        yield f"its stages are not those of the pipeline: {shown}"
        return
    if not stages:
        yield "there is no stage that it could be about"
    yield from of_the_run(report, policy)
    for address, stage in stages.items():
        problem = _of_stage(report, said[address], stage, policy)
        if problem:
            yield f"{address}: {problem}"


def of_the_run(report: Report, policy: Policy) -> Iterator[str]:
    """The same, of the whole run and by the report alone."""
    errors = [found for found in report.findings if found.severity is Severity.ERROR]
    if errors:
        yield f"the report passed with an error in it: {errors[0].rule} {errors[0].subject}"
    if report.subject.runs < policy.reproduce.runs:
        yield f"its stages ran {report.subject.runs} times; the policy asks for more"
    if policy.reproduce.mode == "chain" and report.subject.mode != "chain":
        yield "its stages ran one by one; the policy asks for the whole chain"


def _of_stage(report: Report, said: StageReport, stage: Stage, policy: Policy) -> str | None:
    if said.command != stage.command:
        return "the report has another command"
    claimed = {out.path: out for out in stage.outs}
    if {o.path: o.locked for o in said.outputs} != {p: out.locked for p, out in claimed.items()}:
        return "the report has other outputs than the lock"
    return of_claimed(report, said, claimed, policy, frozen=stage.frozen)


def of_claimed(
    report: Report, said: StageReport, claimed: Mapping[str, Out], policy: Policy, *, frozen: bool
) -> str | None:
    """Why what a report says of a stage does not prove it, by the report alone.

    Args:
        report: the whole.
        said: the stage in it.
        claimed: its outputs, by path.
        policy: the trusted one.
        frozen: whether the pipeline may say that it is not to be run.
    """
    if said.verdict is not Verdict.PASSED:
        return f"the stage's verdict is '{said.verdict.value}'"
    if said.skipped is not None:
        return _of_skipped(report, said, policy, frozen=frozen)
    host = report.host.stages.get(said.address)
    ran = host is not None and host.executed > 0 and host.exit_code == 0
    if not (ran or (host is not None and host.reused is not None)):
        return "nothing says that its command ran to its end"
    there = (host.environment if host else None) or report.host.environment
    parts = [_judged(output, claimed[output.path], policy, there) for output in said.outputs]
    if parts and worst(parts) is not Verdict.PASSED:
        output = said.outputs[parts.index(worst(parts))]
        return f"{output.path} is '{output.verdict.value}' by the trusted policy"
    return None


def _of_skipped(report: Report, said: StageReport, policy: Policy, *, frozen: bool) -> str | None:
    allowed = {
        SkipReason.UNAFFECTED: policy.reproduce.unaffected == "accept"
        and report.subject.since is not None,
        SkipReason.FROZEN: policy.reproduce.frozen == "accept" and frozen,
    }
    assert said.skipped is not None
    return None if allowed.get(said.skipped) else f"it did not run ({said.skipped.value})"


def _judged(output: OutputReport, out: Out, policy: Policy, there: Environment | None) -> Verdict:
    """What an output comes to by the trusted policy on the hardware that its report names."""
    accepted = {
        OutputVerdict.NONDETERMINISTIC: policy.reproduce.nondeterministic == "accept",
        OutputVerdict.NOT_COMPARABLE: policy.reproduce.not_comparable == "accept",
    }
    if output.verdict is OutputVerdict.WITHIN_TOLERANCE:
        folder = bool(out.locked and out.locked.is_dir)
        count = policy.tolerances_on(there, out.path, folder=folder) or ()
        stated = [(rule.tolerance, rule.hardware) for rule in count]
        judges = policy.judges_of(out.path)
        by = judges.by if judges else ()
        used = (output.tolerance, output.hardware)
        fits = used == next(iter(stated), (None, None)) and output.judged_by == by
        return Verdict.PASSED if fits and (stated or by) else Verdict.INCONCLUSIVE
    return Verdict.PASSED if accepted.get(output.verdict) else output.verdict.verdict
