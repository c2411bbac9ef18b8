"""Outputs that others stand for: what the locked file itself is worth, seen from who reads it.

A judge proves that the stage makes an equivalent file again, not that the locked file is one. So a
stage that reads it is run on the locked file: if that gives the locked results, the file is good.
"""

from collections.abc import Mapping

from lockproof.model.pipeline import Stage
from lockproof.model.verdict import OutputVerdict

from .execution import Setup
from .isolated import fetch
from .judge import tolerances
from .plan import isolated_inputs
from .result import Result
from .session import Session
from .trial import trial


async def confirm_judged(session: Session, results: Mapping[str, Result]) -> None:
    """Turn `within tolerance` by a judge alone into `not comparable` where no reader confirms it.

    Raises:
        UnavailableError: a remote does not answer.
        ConfigError: objects are needed and no remote is configured.
    """
    proved: dict[str, bool] = {}
    for result in results.values():
        for path in _judged(session, result):
            readers = [
                reader
                for reader in session.pipeline.stages
                if reader.runs and any(o.path == path for _, o in session.pipeline.inputs(reader))
            ]
            confirmed = False
            for reader in readers:
                if reader.address not in proved:
                    proved[reader.address] = await _holds(session, reader, results)
                confirmed = confirmed or proved[reader.address]
            if not confirmed:
                result.verdicts = {**result.verdicts, path: OutputVerdict.NOT_COMPARABLE}
                result.unconfirmed = (*result.unconfirmed, path)


def _judged(session: Session, result: Result) -> list[str]:
    """Outputs of other bytes than locked that pass only because a judge stands for them."""
    if not result.judgements:
        return []
    return [
        out.path
        for out in result.stage.outs
        if result.verdicts.get(out.path) is OutputVerdict.WITHIN_TOLERANCE
        and session.policy.judges_of(out.path)
        and not tolerances(session.policy, out, session.described)
    ]


async def _holds(session: Session, reader: Stage, results: Mapping[str, Result]) -> bool:
    """Whether a stage gives its locked outputs from its locked inputs."""
    known = results.get(reader.address)
    if session.mode == "isolated" and known and (known.executions or known.reused):
        return known.agrees
    if not reader.locked:
        return False
    session.progress.say(f"{reader.address}: running on the locked inputs, to confirm them")
    inputs, needs = isolated_inputs(session, reader)
    if await fetch(session, needs):
        return False
    outcome = await trial(session, reader, Setup(reader.command, inputs), "confirm")
    return outcome is not None and outcome[0].succeeded and outcome[1].agrees
