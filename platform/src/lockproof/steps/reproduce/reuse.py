"""Earlier passed verdicts: found by key, and kept for later."""

from collections.abc import Mapping
from datetime import UTC, datetime

from lockproof.adapters import verdicts
from lockproof.adapters.verdicts import ProvedStage, Secret
from lockproof.model.digest import Digest
from lockproof.model.verdict import Verdict

from .key import Keys
from .result import Result
from .session import Session


class Reuse:
    """The earlier verdicts that this reproduction may use, and those that it leaves."""

    def __init__(self, session: Session, *, chain: bool) -> None:
        """Without a secret of the user's nothing is found and nothing is kept."""
        self._session, self._chain = session, chain
        self._secret = Secret.load()
        self._keys = Keys(session, self._secret) if self._secret else None

    def find(self, results: Mapping[str, Result]) -> None:
        """Let earlier proofs stand in for stages whose key is unchanged.

        In chain mode a stage's key holds what the stages before it made, so a proof is only used
        where those are proved as well; and a proved stage still runs where one that must run
        reads outputs of it that are not, byte for byte, the locked ones.
        """
        if self._keys is None or self._secret is None:
            return
        actual: dict[str, Digest | None] = {}
        for result in results.values():
            if result.skipped is not None:
                continue
            upstream = self._session.pipeline.upstream[result.stage.address]
            before = [results[a] for a in upstream if a in results]
            if self._chain and any(o.reused is None and o.skipped is None for o in before):
                continue
            key = self._keys.of(result.stage, actual if self._chain else {})
            proved = verdicts.load(key, self._secret) if key else None
            if key and proved:
                result.reused = (key, proved)
                result.verdicts = proved.verdicts
                actual |= proved.observed
        if self._chain:
            self._run_what_is_read(results)

    def _run_what_is_read(self, results: Mapping[str, Result]) -> None:
        for result in reversed(list(results.values())):
            if result.reused is not None or result.skipped is not None:
                continue
            for producer, out in self._session.pipeline.inputs(result.stage):
                other = results.get(producer.address)
                if other and other.reused and other.reused[1].observed.get(out.path) != out.locked:
                    other.reused = None

    def keep(self, results: Mapping[str, Result]) -> None:
        """Store the verdict of every stage that ran and passed with nothing unknown about it.

        Raises:
            UsageError: the cache cannot be written.
        """
        if self._keys is None or self._secret is None:
            return
        actual: dict[str, Digest | None] = {}
        found: dict[str, ProvedStage] = {}
        strays = False
        for result in results.values():
            if result.reused:
                actual |= result.reused[1].observed
            if result.execution:
                actual |= result.execution.outs
                # In one checkout, what a stage leaves undeclared is there for those after it.
                # What is left beside the DVC root is not even seen. What no object holds is there
                # for them only while the stage itself runs.
                left = result.execution.undeclared_outputs or any(
                    execution.unkept for execution in result.executions
                )
                strays |= self._chain and bool(self._session.prefix or left)
            if strays or not _is_proof(result):
                continue
            key = self._keys.of(result.stage, actual if self._chain else {})
            if key:
                found[key] = _proof(result)
        if found and self._keys.still_holds():
            for key, proved in found.items():
                verdicts.save(key, proved, self._secret)


def _is_proof(result: Result) -> bool:
    if not result.executions or not result.agrees or result.unconfirmed:
        return False
    if any(e.rewritten or not e.completed.isolation.own_root for e in result.executions):
        return False
    if any(e.completed.network != "off" for e in result.executions):
        return False
    return all(verdict.verdict is Verdict.PASSED for verdict in result.verdicts.values())


def _proof(result: Result) -> ProvedStage:
    assert result.execution is not None
    return ProvedStage(
        proved_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        verdicts=result.verdicts,
        observed={path: d for path, d in result.execution.outs.items() if d},
    )
