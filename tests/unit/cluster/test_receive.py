"""A report that opens with the right key counts only where it agrees with itself."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lockproof.config import Policy, ReproducePolicy, ToleranceRule
from lockproof.model.environment import Environment
from lockproof.model.order import BadOrderError
from lockproof.model.report import Host, Report, SkipReason
from lockproof.model.verdict import OutputVerdict, Verdict
from lockproof.steps.cluster.gather import _claimed, handed_in, receive
from unit.cluster.plans import STAGES, make_plan, stage
from unit.cluster.test_watch import report_of

PLAN = make_plan(on="kubernetes")
(ALL,) = PLAN.tasks


def stages(report: Report, **update: Any) -> Report:
    """The report with its first stage changed."""
    first, *more = report.stages
    return report.model_copy(update={"stages": (first.model_copy(update=update), *more)})


def outputs(report: Report, verdict: OutputVerdict) -> Report:
    """The report with its first stage's outputs changed."""
    changed = tuple(o.model_copy(update={"verdict": verdict}) for o in report.stages[0].outputs)
    return stages(report, outputs=changed)


CONTRADICTIONS: list[tuple[Callable[[Report], Report], str]] = [
    (lambda r: r.model_copy(update={"stages": (*r.stages, r.stages[0])}), "a stage twice"),
    (lambda r: outputs(r, OutputVerdict.NOT_CHECKED), "prepare is inconclusive"),
    (lambda r: outputs(r, OutputVerdict.DIFFERENT), "prepare is failed"),
    (lambda r: outputs(r, OutputVerdict.NONDETERMINISTIC), "prepare is inconclusive"),
    (lambda r: stages(r, skipped=SkipReason.FROZEN), "prepare is inconclusive"),
    (lambda r: stages(r, skipped=SkipReason.UNAFFECTED), "prepare is inconclusive"),
    (lambda r: stages(r, skipped=SkipReason.NOT_LOCKED), "prepare is inconclusive"),
    (lambda r: stages(r, verdict=Verdict.FAILED), "not that of its stages"),
    (lambda r: r.model_copy(update={"verdict": Verdict.FAILED}), "not that of its stages"),
    (lambda r: r.model_copy(update={"verdict": Verdict.INCONCLUSIVE}), "not that of its stages"),
]


@pytest.mark.parametrize(("change", "said"), CONTRADICTIONS)
def test_a_report_that_contradicts_itself_is_none(
    change: Callable[[Report], Report], said: str
) -> None:
    report = report_of(PLAN, ALL)
    assert receive(PLAN, ALL, handed_in(report)).report.verdict is Verdict.PASSED
    with pytest.raises(BadOrderError, match=said):
        receive(PLAN, ALL, handed_in(change(report)))


@pytest.mark.parametrize("verdict", list(OutputVerdict))
def test_what_agrees_is_taken_whatever_it_says(verdict: OutputVerdict) -> None:
    assert receive(PLAN, ALL, handed_in(report_of(PLAN, ALL, verdict)))


def test_what_the_policy_accepts_may_pass() -> None:
    accepted = ReproducePolicy(frozen="accept", unaffected="accept", nondeterministic="accept")
    policy = Policy(reproduce=accepted)
    frozen = stage("prepare", "raw.csv", "data.csv", frozen=True)
    plan = replace(make_plan(frozen, *STAGES[1:], on="kubernetes"), policy=policy)
    (task,) = plan.tasks
    report = report_of(plan, task)
    assert receive(plan, task, handed_in(stages(report, skipped=SkipReason.FROZEN)))
    assert receive(plan, task, handed_in(outputs(report, OutputVerdict.NONDETERMINISTIC)))
    with pytest.raises(BadOrderError, match="contradicts itself"):  # Nothing says that it is.
        receive(plan, task, handed_in(stages(report, skipped=SkipReason.UNAFFECTED)))


def test_a_tolerance_is_that_of_the_hardware_which_the_pod_has() -> None:
    """A pod may have another GPU than this machine; it cannot have the tolerance of another."""
    loose = ToleranceRule(paths=("*",), hardware="NVIDIA H100*", rtol=0.1)
    tight = ToleranceRule(paths=("*",), hardware="cpu", rtol=1e-9)
    plan = replace(PLAN, policy=Policy(tolerance=(loose, tight)))
    (task,) = plan.tasks

    def told(runs_on: tuple[str, ...], says: tuple[str, ...]) -> Report:
        there, named = (Environment(kind="unpinned", name="PATH", gpus=g) for g in (runs_on, says))
        claimed = {a: _claimed(plan, plan.pipeline.by_address[a], named) for a in task.stages}
        report = report_of(plan, task)
        changed = [
            s.model_copy(
                update={
                    "outputs": tuple(
                        o.model_copy(update={"verdict": OutputVerdict.WITHIN_TOLERANCE})
                        for o in claimed[s.address].outputs
                    )
                }
            )
            for s in report.stages
        ]
        host = Host(environment=there)
        return report.model_copy(update={"stages": tuple(changed), "host": host})

    h100 = ("NVIDIA H100 80GB HBM3",)
    for gpus in ((), h100):
        assert receive(plan, task, handed_in(told(gpus, gpus)))
    for runs_on, says in (((), h100), (h100, ()), (("NVIDIA L4",), h100)):
        with pytest.raises(BadOrderError, match="does not state what this commit states"):
            receive(plan, task, handed_in(told(runs_on, says)))
