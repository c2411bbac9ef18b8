"""From results to the report: the core, and beside it what depends on the place."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from shlex import quote

from lockproof import __version__
from lockproof.adapters.dvc.downloads import Problem
from lockproof.adapters.dvc.objects import Unavailable
from lockproof.adapters.git.origin import origin_of
from lockproof.compare.content import READERS
from lockproof.compare.contents import from_windows
from lockproof.config import Policy
from lockproof.errors import ConfigError
from lockproof.model.claim import Claim, lock_file
from lockproof.model.digest import Digest
from lockproof.model.finding import Finding, Severity
from lockproof.model.pipeline import Dep, Out, Stage, overlap
from lockproof.model.report import (
    Dependency,
    Host,
    HostStage,
    Report,
    Reuse,
    SkipReason,
    StageReport,
    Subject,
    Timing,
)
from lockproof.model.verdict import OutputVerdict, Verdict
from lockproof.rules.capitals import with_other_capitals
from lockproof.rules.catalog import finding
from lockproof.rules.policy import weigh_advisory
from lockproof.rules.remote import ClaimFacts, claim_findings
from lockproof.rules.reproduction import StageFacts, report_verdict, stage_findings, stage_verdict
from lockproof.rules.together import together
from lockproof.steps.datasets import registered_inputs

from .judge import reports, tolerances
from .limits import bounds, excess
from .metrics import metric_values
from .result import Result
from .session import Session

_TAIL_BYTES = 4000


def assemble(
    session: Session,
    subject: Subject,
    results: Mapping[str, Result],
    lost: Sequence[Unavailable],
    timing: Timing,
    *,
    apart: bool = False,
) -> Report:
    """Make the report of a reproduction; `apart` as in `Request`."""
    facts = {address: _facts(session, result) for address, result in results.items()}
    findings = [
        *_objects(session, lost),
        *(found for f in facts.values() for found in stage_findings(f)),
        *_environment(session),
    ]
    verdicts = {address: stage_verdict(f) for address, f in facts.items()}
    checked = [
        verdicts[address]
        for address, result in results.items()
        if result.skipped is not SkipReason.UNAFFECTED
    ]
    if not checked and session.policy.reproduce.unaffected == "accept":
        checked = [Verdict.PASSED]
    today = datetime.fromisoformat(timing.started).date()
    findings = weigh_advisory(findings, session.policy, today)
    if not apart:
        findings = ordered(findings)
    return Report(
        tool=f"lockproof {__version__}",
        subject=subject,
        verdict=report_verdict(checked, findings),
        stages=tuple(
            _stage(session, result, verdicts[address]) for address, result in results.items()
        ),
        findings=tuple(findings),
        host=Host(
            origin=origin_of(session.git, subject.commit),
            environment=session.described,
            recorded=_record_name(session, results),
            stages={address: _host(session, result) for address, result in results.items()},
            metrics=tuple(
                value for result in results.values() for value in metric_values(session, result)
            ),
            paths={"logs": str(session.logs)},
        ),
        timing=timing,
    )


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """The findings as a report has them: those of one cause as one, the gravest first."""
    found = together(findings)
    return sorted(found, key=lambda f: (_SEVERITIES.index(f.severity), f.rule, f.subject))


_SEVERITIES = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def _record_name(session: Session, results: Mapping[str, Result]) -> str | None:
    records = [session.record_for(result.stage) for result in results.values()]
    return next((record.name for record in records if record), None)


def accepted_outputs(policy: Policy) -> frozenset[OutputVerdict]:
    """The inconclusive verdicts on outputs that a policy accepts."""
    accepted = set()
    if policy.reproduce.nondeterministic == "accept":
        accepted.add(OutputVerdict.NONDETERMINISTIC)
    if policy.reproduce.not_comparable == "accept":
        accepted.add(OutputVerdict.NOT_COMPARABLE)
    return frozenset(accepted)


def _facts(session: Session, result: Result) -> StageFacts:
    stage, execution = result.stage, result.execution
    policy = session.policy.reproduce
    accept = {
        SkipReason.FROZEN: policy.frozen == "accept",
        SkipReason.UNAFFECTED: policy.unaffected == "accept",
    }
    checked = result.skipped is not SkipReason.UNAFFECTED
    missing = tuple(p for p in result.missing if not _is_claimed(session, stage, p))
    lacks = {path: session.siblings.lack(path) for path in missing}
    beside = {path: why for path, why in lacks.items() if why is not None}
    registered = registered_inputs(session.datasets, stage)
    given = {**claimed_inputs(session, stage), **registered.given} if checked else {}
    return StageFacts(
        stage=stage,
        verdicts=result.verdicts,
        accepted=accepted_outputs(session.policy),
        skipped=result.skipped,
        skip_accepted=accept.get(result.skipped, False) if result.skipped else False,
        missing=missing,
        beside=beside,
        cased=with_other_capitals({p: session.git_path(p) for p in missing}, session.tree),
        exit_code=execution.completed.exit_code if execution else None,
        over=excess(session.policy.run, execution.completed) if execution else None,
        timed_out=bool(execution and execution.completed.timed_out),
        rewritten=tuple(execution.rewritten) if execution else (),
        given={path: said for path, said in given.items() if path not in beside},
        unsynced=registered.unsynced if checked else {},
        sizes={
            out.path: out.size for _, out in session.pipeline.inputs(stage) if out.size is not None
        },
        windows=_from_windows(session, stage) if checked else frozenset(),
        in_git=_git_outputs(session, stage) if checked else {},
        unconfirmed=result.unconfirmed,
        by_value=frozenset(
            out.path
            for out in stage.outs
            if PurePosixPath(out.path).suffix.lower() in READERS
            if not tolerances(session.policy, out, session.described)
        ),
        causes=result.causes,
        file=session.git_path(stage.file),
        varied=result.varied,
    )


def _is_claimed(session: Session, stage: Stage, path: str) -> bool:
    """Whether a lock claims an object for it: then the lost object has its own finding."""
    return any(out.path == path and out.locked for _, out in session.pipeline.inputs(stage))


def claimed_inputs(session: Session, stage: Stage) -> dict[str, tuple[Digest | None, str | None]]:
    """Each dependency's digest as the rest of the commit has it, and who makes it."""
    found: dict[str, tuple[Digest | None, str | None]] = {}
    for dep in stage.deps:
        if dep.external:
            continue
        makers = [
            (maker, out)
            for maker, out in session.pipeline.inputs(stage)
            if overlap(out.path, dep.path)
        ]
        if not makers:
            found[dep.path] = (session.current(dep), None)
            continue
        maker, out = makers[0]
        if out.path == dep.path:
            who = f"stage {maker.address}" if maker.kind == "stage" else maker.file
            found[dep.path] = (_as_locked(session, dep, out), who)
    return found


def _as_locked(session: Session, dep: Dep, out: Out) -> Digest | None:
    """The digest of what was made, of the kind that the dependency is locked with if it is here.

    DVC 2 hashed text otherwise, and a lock may hold digests of both kinds.
    """
    if out.locked is None or not dep.has_md5 or dep.algorithm == out.algorithm:
        return out.locked
    try:
        return session.store.rehashed(out.locked, dep.algorithm) or out.locked
    except ConfigError:  # No listing, which is a finding of its own.
        return out.locked


def _from_windows(session: Session, stage: Stage) -> frozenset[str]:
    """Dependencies in Git that the lock has as the same text with the line endings of Windows."""
    found = set()
    for dep in stage.deps:
        if dep.external or dep.locked is None or not session.tracked(dep.path):
            continue
        if dep.locked != session.current(dep):
            content = session.git.read(session.commit, session.git_path(dep.path))
            if content is not None and from_windows(content, dep.locked):
                found.add(dep.path)
    return frozenset(found)


def _git_outputs(session: Session, stage: Stage) -> dict[str, Digest | None]:
    """Outputs kept in Git whose committed content is not what the lock names."""
    found = {}
    for out in stage.outs:
        if out.cached or out.external or out.locked is None:
            continue
        committed = session.current(out)
        if committed is None and not session.tracked(out.path):
            continue  # Neither cached nor committed: there is only the lock's word.
        if committed != out.locked:
            found[out.path] = committed
    return found


def _objects(session: Session, lost: Sequence[Unavailable]) -> list[Finding]:
    found: list[Finding] = []
    for item in sorted(set(lost), key=lambda u: (u.path, u.digest.value)):
        if item.problem is Problem.NO_LISTING:
            found += claim_findings(_as_claimed(session, item))
            continue
        corrupted = item.problem is Problem.CORRUPTED
        named = [item.digest.object_path] if corrupted else []
        # DVC takes all files for pushed that a directory object in the remote names.
        named += [
            out.locked.object_path
            for stage in session.pipeline.stages
            for out in stage.outs
            if out.locked and out.locked.is_dir and item.path.startswith(f"{out.path}/")
        ]
        delete = f"delete {', '.join(dict.fromkeys(named))} there and " if named else ""
        message = (
            f"{item.path}: object {item.digest.short} "
            + (
                f"in remote {item.where} is corrupted"
                if corrupted
                else f"is not in remote {item.where}"
            )
            + f": {delete}run 'dvc push {quote(item.path)}' where it was made"
        )
        found.append(finding("LP202" if corrupted else "LP201", item.path, message))
    return found


def _as_claimed(session: Session, item: Unavailable) -> ClaimFacts:
    owner = next(s for s in session.pipeline.stages if any(o.path == item.path for o in s.outs))
    file = lock_file(owner)
    claim = Claim(path=item.path, owner=owner.address, file=file, digest=item.digest)
    return ClaimFacts(claim, session.git_path(file), item.where, listing=item.why)


def _environment(session: Session) -> list[Finding]:
    if session.described.kind != "unpinned":
        return []
    # The stages do not see the packages beside lockproof's own.
    own = ", without the virtual environment that lockproof is in" if _in_venv() else ""
    message = (
        f"no environment is named, so the stages ran with what PATH has{own}: write the packages"
        " that they need into requirements.lock, each as NAME==VERSION, and into lockproof.toml"
        ' [environment] requirements = "requirements.lock"'
    )
    return [finding("LP709", "environment", message)]


def _in_venv() -> bool:
    return sys.prefix != sys.base_prefix


def _stage(session: Session, result: Result, verdict: Verdict) -> StageReport:
    stage = result.stage
    return StageReport(
        address=stage.address,
        command=stage.command,
        verdict=verdict,
        skipped=result.skipped,
        upstream=tuple(
            a
            for a in session.pipeline.upstream[stage.address]
            if session.pipeline.by_address[a].kind == "stage"
        ),
        deps=tuple(Dependency(path=dep.path, locked=dep.locked) for dep in stage.deps),
        params={p.path: p.locked or {} for p in stage.params},
        outputs=reports(session.policy, stage, result.verdicts, session.described),
        causes=result.causes,
    )


def _host(session: Session, result: Result) -> HostStage:
    execution = result.execution
    reuse = None
    if result.reused:
        key, proved = result.reused
        reuse = Reuse(key=key, proved_at=proved.proved_at)
    if execution is None:
        return HostStage(reused=reuse)
    first = result.judgements[0]
    locked = {out.path: out.locked for out in result.stage.outs}
    return HostStage(
        executed=len(result.judgements) + result.experiments,
        exit_code=execution.completed.exit_code,
        observed={p: d for p, d in first.observed.items() if d != locked.get(p)},
        differences=first.differences,
        evidence=result.evidence,
        varied=result.varied,
        varied_runs=result.varied_runs,
        undeclared_inputs=execution.undeclared_inputs,
        undeclared_outputs=execution.undeclared_outputs,
        network=execution.completed.network,
        isolation=execution.completed.isolation,
        limits=bounds(session.policy.run, execution.completed),
        over=excess(session.policy.run, execution.completed),
        log=str(execution.log),
        log_tail=None if execution.succeeded else _tail(result),
    )


def _tail(result: Result) -> str | None:
    assert result.execution is not None
    try:
        with result.execution.log.open("rb") as file:
            file.seek(0, 2)
            size = file.tell()
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return None
    return text if size <= _TAIL_BYTES else "… " + text
