"""What `verify` found, as a report."""

from collections.abc import Sequence

from lockproof import __version__
from lockproof.adapters.git.origin import origin_of
from lockproof.config import FILE_NAME, Policy
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


def proofs_check(weighed: Sequence[Weighed], counting: Sequence[Weighed]) -> Check:
    """The check of the proofs: who signed those that count, and when."""
    by = sorted({f"{s.name} ({s.fingerprint[:12]})" for each in counting for s in each.signers})
    times = sorted({each.verdict.signed_at for each in counting if each.verdict})
    said = f"signed by {', '.join(by)} at {', '.join(times)}" if by else ""
    return Check(
        name="proof",
        verdict=Verdict.PASSED if counting else Verdict.INCONCLUSIVE,
        checked=len(weighed),
        unit="signed statement",
        summary=said,
    )


def report_of(
    scene: Scene,
    checks: Sequence[Check],
    findings: Sequence[Finding],
    clock: Clock,
    proofs: Sequence[Weighed],
) -> Report:
    """The report, with the lineage of each model whose proof counts."""
    subject = Subject(
        commit=scene.head.commit,
        lock_digest=lock_digest(scene.reading.lock_files),
        root=scene.prefix or ".",
        base=scene.base.commit if scene.base else None,
    )
    report = _report(scene.policy, subject, checks, findings, clock, proofs)
    host = report.host.model_copy(update={"origin": origin_of(scene.head.git, scene.head.commit)})
    stages = stage_reports(scene.pipeline, ())
    return report.model_copy(update={"host": host, "stages": stages})


def report_alone(
    policy: Policy,
    checks: Sequence[Check],
    findings: Sequence[Finding],
    clock: Clock,
    proofs: Sequence[Weighed],
) -> Report:
    """The same where there is no clone: its commit and lock are those that the proof names."""
    verdict = proofs[0].verdict if proofs else None
    said = verdict.report.subject if verdict else None
    subject = Subject(
        commit=said.commit if said else None,
        lock_digest=said.lock_digest if said else None,
        root=said.root if said else ".",
    )
    return _report(policy, subject, checks, findings, clock, proofs)


def _report(
    of: Policy,
    subject: Subject,
    checks: Sequence[Check],
    findings: Sequence[Finding],
    clock: Clock,
    proofs: Sequence[Weighed],
) -> Report:
    policy = of.but(rules={}, waiver=())
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
        subject=subject,
        verdict=worst(verdicts),
        checks=tuple(weighing.checks),
        findings=tuple(weighing.findings),
        host=Host(
            lineages=tuple(
                proof_tree(each.verdict, each.sealed.digest)
                for each in proofs
                if each.verdict is not None
            ),
        ),
        timing=clock.timing(),
    )
