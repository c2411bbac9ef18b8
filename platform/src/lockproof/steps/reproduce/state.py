"""Whether a stage's result depends on what an earlier run of it left."""

from lockproof.compare.causes import Finding
from lockproof.model.cause import Cause, CauseKind, Certainty

from .conditions.confirm import confirm
from .conditions.lab import Lab
from .execution import Input

_MOST = 5


async def kept_state(lab: Lab) -> tuple[Finding, ...]:
    """Give the stage once more what its run left; named is that where other outputs come of it.

    No run is made where it left nothing: no output that is kept, and no file that is not declared.
    """
    result = lab.result
    execution, workspace, setup = result.execution, result.workspace, result.setup
    if execution is None or workspace is None or setup is None or not execution.succeeded:
        return ()
    kept = [out.path for out in result.stage.outs if out.persist and execution.outs.get(out.path)]
    left = [*kept, *execution.undeclared_outputs[:_MOST]]
    given = {p: Input(None, file=workspace.root / p) for p in left if (workspace.root / p).exists()}
    if not given:
        return ()
    more = setup.put_back(inputs=given)
    look = await lab.run("once-more", setup=more)
    if look is None or look.failed or not look.differs:
        return ()
    found = await confirm(
        lab,
        look,
        lambda label: lab.run(f"once-more-{label}", setup=more),
        lambda label: lab.run(f"nothing-varied-{label}"),
    )
    if not found.holds:
        return ()  # It was chance or the moment, or may have been.
    certainty = Certainty.PROVEN if len(given) == 1 else Certainty.LIKELY
    return tuple(
        (
            Cause(
                kind=CauseKind.STATE,
                subject=path,
                certainty=certainty,
                summary="the command adds to what an earlier run left in it, and a clean checkout"
                " has nothing of that: " + _advice(path in kept),
            ),
            (("a run that finds what the last one left makes other outputs", None),),
        )
        for path in given
    )


def _advice(persist: bool) -> str:
    if persist:
        return "take 'persist: true' away and write it whole"
    return "write it whole, or declare what it starts from as a dependency"
