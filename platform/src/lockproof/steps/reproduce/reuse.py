"""Earlier passed verdicts: found by key, checked against what was read, kept for later."""

from collections.abc import Mapping
from datetime import UTC, datetime

from lockproof.adapters import verdicts
from lockproof.adapters.verdicts import ProvedStage
from lockproof.model.digest import Digest
from lockproof.model.verdict import Verdict

from .plan import stage_key
from .result import Result
from .session import Session


def find_proofs(session: Session, results: Mapping[str, Result], *, chain: bool) -> None:
    """Let earlier proofs stand in for stages whose key is unchanged.

    In chain mode a stage's key holds what the stages before it made, so a proof is only used
    where those are proved as well; and a proved stage still runs where one that must run reads
    outputs of it that are not, byte for byte, the locked ones.
    """
    if not _can_be_named(session):
        return
    actual: dict[str, Digest | None] = {}
    for result in results.values():
        if result.skipped is not None:
            continue
        stage = result.stage
        before = [results[a] for a in session.pipeline.upstream[stage.address] if a in results]
        if chain and any(other.reused is None and other.skipped is None for other in before):
            continue
        key = stage_key(session, stage, actual if chain else {})
        proved = verdicts.load(key)
        if proved and all(session.blob(path) == oid for path, oid in proved.reads.items()):
            result.reused = (key, proved)
            result.verdicts = proved.verdicts
            actual |= proved.observed
    if chain:
        _run_what_is_read(session, results)


def _run_what_is_read(session: Session, results: Mapping[str, Result]) -> None:
    for result in reversed(list(results.values())):
        if result.reused is not None or result.skipped is not None:
            continue
        for producer, out in session.pipeline.inputs(result.stage):
            other = results.get(producer.address)
            if other and other.reused and other.reused[1].observed.get(out.path) != out.locked:
                other.reused = None


def _can_be_named(session: Session) -> bool:
    """Whether a key can hold the environment: what nothing pins may change unseen."""
    return session.described.kind != "unpinned"


def keep_proofs(session: Session, results: Mapping[str, Result], *, chain: bool) -> None:
    """Store the verdict of every stage that ran and passed.

    Raises:
        UsageError: the cache cannot be written.
    """
    if not _can_be_named(session):
        return
    actual: dict[str, Digest | None] = {}
    for result in results.values():
        if result.reused:
            actual |= result.reused[1].observed
        if result.execution:
            actual |= result.execution.outs
        if not result.executions or not result.agrees or result.execution is None:
            continue
        if result.unconfirmed or result.execution.rewritten or not result.execution.reads_known:
            continue
        if any(verdict.verdict is not Verdict.PASSED for verdict in result.verdicts.values()):
            continue
        if any(dep.external for dep in result.stage.deps):
            continue  # Nothing in the commit names what it read.
        reads = {path: session.blob(path) for path in result.execution.undeclared_inputs}
        if None in reads.values():
            continue  # It read something that no key can name.
        proved = ProvedStage(
            proved_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            verdicts=result.verdicts,
            observed={path: d for path, d in result.execution.outs.items() if d},
            reads={path: oid for path, oid in reads.items() if oid},
        )
        verdicts.save(stage_key(session, result.stage, actual if chain else {}), proved)
