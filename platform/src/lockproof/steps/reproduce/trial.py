"""One run of a stage in a checkout of its own, which is gone afterwards."""

import anyio.to_thread

from lockproof.model.pipeline import Stage

from .execution import Execution, InputMissingError, Setup, execute
from .judge import Judgement, judge
from .session import Session


async def trial(
    session: Session, stage: Stage, setup: Setup, label: str
) -> tuple[Execution, Judgement] | None:
    """Run a stage in a fresh checkout and judge it; None where an input cannot be had."""
    workspace = await anyio.to_thread.run_sync(session.new_workspace)
    try:
        execution = await execute(session, stage, setup, workspace, label)
        judgement = await anyio.to_thread.run_sync(judge, session, stage, execution, workspace)
    except InputMissingError:
        return None
    finally:
        await anyio.to_thread.run_sync(session.discard, workspace)
    return execution, judgement
