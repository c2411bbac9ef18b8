"""What `verify` found, as a report."""

from collections.abc import Sequence

from lockproof import __version__
from lockproof.adapters.git.origin import origin_of
from lockproof.config import FILE_NAME
from lockproof.model.baseline import Baseline
from lockproof.model.check import Check
from lockproof.model.digest import lock_digest
from lockproof.model.finding import Finding
from lockproof.model.report import Host, Report, Subject
from lockproof.model.verdict import Verdict, worst
from lockproof.render.proof_tree import proof_tree
from lockproof.steps.clock import Clock
from lockproof.steps.gate.interface import Scene
from lockproof.steps.gate.stages import stage_reports
from lockproof.steps.gate.weigh import Weighed
from lockproof.steps.weighing import Weighing


def report_of(
    scene: Scene,
    checks: Sequence[Check],
    findings: Sequence[Finding],
    clock: Clock,
    proofs: Sequence[Weighed],
) -> Report:
    """The report, with the lineage of each model whose proof counts."""
    policy = scene.policy.model_copy(update={"rules": {}, "waiver": ()})
    weighing = Weighing(policy, clock.started.date(), Baseline(), FILE_NAME)
    verdicts = []
    for number, check in enumerate(checks):
        own = findings if number == 0 else ()
        verdict = weighing.add(check, own, "LP72")
        if check.demanded or verdict is Verdict.FAILED:
            verdicts.append(verdict)
    return Report(
        tool=f"lockproof {__version__}",
        step="verify",
        subject=Subject(
            commit=scene.head.commit,
            lock_digest=lock_digest(scene.reading.lock_files),
            root=scene.prefix or ".",
            base=scene.base.commit if scene.base else None,
        ),
        verdict=worst(verdicts),
        checks=tuple(weighing.checks),
        stages=stage_reports(scene.pipeline, ()),
        findings=tuple(weighing.findings),
        host=Host(
            origin=origin_of(scene.head.git, scene.head.commit),
            lineages=tuple(
                proof_tree(each.verdict, each.sealed.digest)
                for each in proofs
                if each.verdict is not None
            ),
        ),
        timing=clock.timing(),
    )
