"""What signed proofs are worth where there is no clone: by the policy, and by what they say.

What only Git knows is not looked at here: that commit, lock and policy fit the proof. `promote`
looks at that before it names a version.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from lockproof.config import FILE_NAME, Policy
from lockproof.model.pipeline import Out
from lockproof.model.report import SkipReason, StageReport
from lockproof.model.sealed import Sealed
from lockproof.model.statement import VerdictPredicate
from lockproof.model.verdict import OutputVerdict, Verdict
from lockproof.steps.gate.proof import of_claimed, of_the_run
from lockproof.steps.gate.signers import Refusal, Signer
from lockproof.steps.gate.weigh import Weighed, by_rule, of_stages, opened, revoked_by


def weigh_alone(
    policy: Policy, bundles: Sequence[Sealed], signers: Sequence[Signer], now: datetime
) -> list[Weighed]:
    """Look at each bundle of a proof; what is not right in one says nothing of the others.

    Args:
        policy: the trusted one.
        bundles: as they were found.
        signers: those that the policy trusts.
        now: the time, with a time zone.
    """
    return [_weighed(policy, sealed, signers, now) for sealed in bundles]


def _weighed(policy: Policy, sealed: Sealed, signers: Sequence[Signer], now: datetime) -> Weighed:
    read = opened(sealed, signers)
    verdict, by = read.verdict, read.signers
    if verdict is None:
        return read
    weighed = replace(read, refused=(*revoked_by(policy, sealed, verdict, by[0]), *read.refused))
    if read.refused:
        return weighed
    problems = _contradictions(verdict, policy)
    refused = [*weighed.refused, *(Refusal("LP728", why) for why in problems)]
    left, why_not = by_rule(verdict, by, now)
    refused += [] if left else why_not
    if refused:
        return replace(weighed, refused=tuple(refused))
    return _of_model(weighed, verdict, left)


def _of_model(weighed: Weighed, verdict: VerdictPredicate, by: Sequence[Signer]) -> Weighed:
    """The same, by whom the stages that make the model may be proved, on any branch."""
    left, refusal = of_stages(verdict, by)
    free = tuple(signer for signer in left if signer.rule.branch is None)
    if free:
        return replace(weighed, signers=free)
    if left:
        text = (
            f"[[trust]] of {left[0].name} asks for the branch {left[0].rule.branch}, which only a"
            " clone knows: leave branch out of the policy for --to, and let 'lockproof promote',"
            f" which looks at it, name what is served ({FILE_NAME})"
        )
        refusal = Refusal("LP724", text)
    return replace(weighed, refused=(refusal,))


def _contradictions(verdict: VerdictPredicate, policy: Policy) -> Iterator[str]:
    """Why what the proof says of itself does not prove its outputs, judged as the gate judges."""
    report = verdict.report
    if report.step != "reproduce":
        yield f"its report is of 'lockproof {report.step}'"
    if report.subject.selected or report.subject.since:
        yield "its report is about some of the stages only"
    if report.verdict is not Verdict.PASSED:
        yield f"its report's verdict is '{report.verdict.value}'"
    yield from of_the_run(report, policy)
    for stage in report.stages:
        claimed = {out.path: Out(path=out.path, locked=out.locked) for out in stage.outputs}
        # Whether the pipeline says `frozen` only Git knows; the policy has to take it anyway.
        problem = of_claimed(report, stage, claimed, policy, frozen=True)
        if problem:
            how = _LET_PASS if _is_for_the_policy(stage) else ""
            yield f"{stage.address}: {problem}{how}"
    said = {(s.address, out.path): out for s in report.stages for out in s.outputs}
    for output in verdict.outputs:
        found = said.get((output.stage, output.path))
        if found is None or (found.locked, found.verdict) != (output.locked, output.verdict):
            yield f"its two verdicts on {output.path} contradict each other"


_LET_PASS = (
    f": what the repository's {FILE_NAME} lets pass by [reproduce], [[tolerance]] or [[judged-by]],"
    " write in --policy as well"
)


def _is_for_the_policy(stage: StageReport) -> bool:
    """Whether some policy takes such a stage."""
    lenient = (
        OutputVerdict.WITHIN_TOLERANCE,
        OutputVerdict.NONDETERMINISTIC,
        OutputVerdict.NOT_COMPARABLE,
    )
    verdicts = {out.verdict for out in stage.outputs} - {OutputVerdict.IDENTICAL}
    by_output = bool(verdicts) and verdicts <= set(lenient)
    return stage.verdict is Verdict.PASSED and (stage.skipped is SkipReason.FROZEN or by_output)
