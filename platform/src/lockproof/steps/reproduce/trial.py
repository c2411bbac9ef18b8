"""One run of a stage in a checkout of its own, which is gone afterwards."""

from collections.abc import Callable

import anyio.to_thread

from lockproof.adapters.patience import in_thread
from lockproof.model.pipeline import Stage

from .execution import Execution, InputMissingError, Setup, execute
from .judge import Judgement, judge
from .session import Session, Workspace


async def trial(
    session: Session,
    stage: Stage,
    setup: Setup,
    label: str,
    look: Callable[[Execution, Workspace], None] | None = None,
) -> tuple[Execution, Judgement] | None:
    """Run a stage in a fresh checkout and judge it; None where an input cannot be had.

    `look` may look at the checkout before it goes.
    """
    workspace = await anyio.to_thread.run_sync(session.new_workspace, setup.world.folder)
    try:
        execution = await execute(session, stage, setup, workspace, label)
        judgement = await in_thread(judge, session, stage, execution, workspace)
        if look:
            await in_thread(look, execution, workspace)
    except InputMissingError:
        return None
    finally:
        await anyio.to_thread.run_sync(session.discard, workspace)
    return execution, judgement
