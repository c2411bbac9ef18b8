"""How often a condition has to come out right before it is named: a false name is rare by design.

Runs with it and runs without it follow each other in an order that is drawn, and an output depends
on it where it differed in each run with it and in none without. What does not depend on it comes
out in an order that knows nothing of the one drawn, whether by a coin, a clock or a neighbour's
load, and each of the 2**RUNS - 2 orders that have both kinds is as likely. So it fits by chance in
at most 1 / (2**RUNS - 2): Fisher's randomisation test ("The Design of Experiments", 1935, chapter
II). With 8 runs that is 1 in 254. An output is put to two such tests at most before its stage is
said to vary by itself (a condition or a change, then the clock), and to one more where its stage
finds files of an earlier run: 2 or 3 in 254, and as many times that as a stage has outputs that
vary so. Runs of the search count for nothing, as what was looked for is what was found in them.
"""

import secrets
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace

from .lab import Lab, Look

RUNS = 8
"""So many confirm one name; the first that comes out otherwise ends it."""
TOO_FEW = f"fewer than the {RUNS} runs that show it were left ([reproduce] experiments)"
Run = Callable[[str], Awaitable[Look | None]]
"""Makes one run under a label; None where none is left."""


@dataclass(frozen=True)
class Confirmed:
    """What came of the runs."""

    look: Look
    """The run that was to be confirmed, with those outputs alone said to differ that depend on it.
    """
    holds: bool = False
    """Whether an output, or how the command ends, depends on the condition."""
    strayed: tuple[str, ...] = ()
    """Outputs that came out in two ways under the same conditions: they vary by themselves."""
    moved: Look | None = None
    """The first run without the condition in which one of them differed."""
    ended: str = ""
    """Why it is not known; empty where all runs that are needed were made."""


def different(look: Look) -> Collection[str]:
    """Outputs that came out otherwise than in the usual run."""
    return look.differs


def drawn() -> tuple[bool, ...]:
    """Whether each run in turn is one with the condition; both kinds are among them."""
    number = 1 + secrets.randbelow(2**RUNS - 2)
    return tuple(bool(number >> bit & 1) for bit in range(RUNS))


def enough(lab: Lab, more: int = 0) -> bool:
    """Whether the policy allows the runs that confirm a name, and so many more."""
    return lab.left is None or lab.left >= RUNS + more


async def confirm(
    lab: Lab,
    look: Look,
    varied: Run,
    usual: Run,
    *,
    failed: str | None = None,
    loose: frozenset[str] = frozenset(),
    shows: Callable[[Look], Collection[str]] = different,
) -> Confirmed:
    """Whether outputs that differed in a run do so with what was varied in it, and only then.

    Args:
        lab: for the runs; none is made where too few are left.
        look: the run in which they differed.
        varied: makes another run like it.
        usual: makes one without what was varied.
        failed: how the command fails without it; None: it does not.
        loose: outputs that are known to vary by themselves.
        shows: the outputs in which a run shows what is to be confirmed.
    """
    if not enough(lab):
        return Confirmed(look, ended=TOO_FEW)
    wanted = {path for path in shows(look) if path not in loose}
    left, moved, agrees = set(wanted), None, True
    for number, with_it in enumerate(drawn(), 1):
        run = await (varied if with_it else usual)(f"{'with' if with_it else 'without'}-{number}")
        if run is None:
            return Confirmed(look, ended=TOO_FEW)
        if run.failed != (look.failed if with_it else failed):
            which = "another such run" if with_it else "a run without"
            return Confirmed(look, ended=f"in {which} the command ended otherwise")
        if with_it:
            left &= {*shows(run)}
            agrees = agrees and run.agrees == look.agrees
        else:
            moved = moved or (run if left & {*shows(run)} else None)
            left -= {*shows(run)}
        if wanted and not left and look.failed == failed:
            break
    outputs = {
        path: "equal" if how == "differs" and path not in left else how
        for path, how in look.outputs.items()
    }
    look = replace(look, outputs=outputs, judgement=look.judgement if agrees else None)
    holds = bool(left) or look.failed != failed
    return Confirmed(look, holds, tuple(sorted(wanted - left)), moved)
