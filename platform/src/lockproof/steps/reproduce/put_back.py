"""Which of what changed since the lock makes the difference? Put it back, and see.

One run with everything put back, and one for each change with all others put back, show where to
look. They prove nothing: an output of two equally likely values comes out as a change would have it
in up to a quarter of such looks, and that its digest is long says nothing against that. So what
they point to is confirmed as conditions are (`conditions.confirm`), by runs with and without it in
a drawn order, unless a run takes long: then it is said to be likely.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from lockproof.adapters.environment.interpreters import Interpreter
from lockproof.compare.conditions import Dependence
from lockproof.model.verdict import OutputVerdict, Verdict

from .change import Change
from .conditions.confirm import RUNS, Confirmed, confirm
from .conditions.control import ONE_MORE, SHOWN
from .conditions.itself import strays
from .conditions.lab import Lab, Look, how_failed
from .execution import Setup
from .result import Result
from .session import Session

_LONG = 60.0
"""Seconds; the runs that confirm a change are made of stages that take no longer."""
_TOO_LONG = (
    f"the {RUNS} runs that would show it are made only where one takes less than {_LONG:.0f} s"
)
_TWO_WAYS = "outputs came out in two ways under the same conditions"


@dataclass
class Outcome:
    """What putting back came to; the fields are those of `compare.causes.Facts`."""

    baseline: bool | None = None
    moved: bool | None = False
    alone: dict[int, bool] = field(default_factory=dict)
    shown: dict[int, int] = field(default_factory=dict)
    unshown: str = ""
    anew: set[int] = field(default_factory=set)
    strayed: list[Dependence] = field(default_factory=list)
    """Outputs that were seen to vary by themselves."""


async def put_back(lab: Lab, changes: Sequence[Change]) -> Outcome:
    """Put everything back that can be; then leave out one change at a time; then make sure.

    Raises:
        UnavailableError: a remote is needed and does not answer.
    """
    movable = [i for i, change in enumerate(changes) if change.factor.obstacle is None]
    if not movable:
        return Outcome()
    trial = _Trial(lab, changes)
    every = await trial.run(movable, "put-back")
    if every is None:
        return Outcome()
    found, building = Outcome(baseline=every.agrees), trial.building(movable)
    if not every.agrees:
        found.anew = building
        await _moved(trial, every, movable, found)
        return found
    if trial.usually is None and lab.result.judgements[0].agrees:
        return Outcome(baseline=False)  # As without: none of it is why anybody asks.
    without: dict[int, Look] = {}
    if len(movable) > 1:
        for index in movable:
            outcome = await trial.run([i for i in movable if i != index], f"all-but-{index}")
            if outcome is None:
                break
            without[index] = outcome
            found.alone[index] = outcome.agrees
        if len(found.alone) == len(movable) and all(found.alone.values()):
            found.alone = {}  # Only together do they matter: none is cleared.
    if len(building) == 1 or not found.alone:  # Else those without one have others built.
        found.anew = building
    await _confirm(trial, every, movable, without, found)
    return found


async def _moved(trial: "_Trial", every: Look, movable: Sequence[int], found: Outcome) -> None:
    """Whether other outputs than the locked ones come of putting back, or of the moment."""
    if not every.differs:
        return
    found.moved = None
    shown = await trial.shown(movable)
    if every.differs and not {*every.differs} - shown:
        found.unshown = SHOWN
        return
    if every.failed and not trial.usually:
        found.unshown = f"{every.failed} with it put back"
    elif trial.too_long:
        found.moved = True if await trial.lab.has_moved() is False else None
        found.unshown = _TOO_LONG
    else:
        look = await trial.confirm(every, movable, [], "put-back", shown=shown)
        found.unshown = look.ended
        if look.holds:
            found.moved = True
        if look.strayed:
            found.strayed += await strays(trial.lab, every, look)


async def _confirm(
    trial: "_Trial",
    every: Look,
    movable: Sequence[int],
    without: Mapping[int, Look],
    found: Outcome,
) -> None:
    """Runs that show of each change that seems to matter that it does."""
    if trial.too_long:
        found.unshown = _TOO_LONG
        return
    matter = [index for index, met in found.alone.items() if not met]
    # Where none matters alone, whether all of them together do.
    for index in matter or [-1]:
        rest = [i for i in movable if i != index] if matter else []
        look = await trial.confirm(every, movable, rest, f"put-back-{index}", without.get(index))
        if look.ended:
            found.unshown = look.ended
            return
        if look.strayed:
            found.strayed += await strays(trial.lab, every, look)
        if not look.holds:
            found.baseline, found.alone, found.unshown = None, {}, _TWO_WAYS
            return
        if matter or len(movable) == 1:
            found.shown[index if matter else movable[0]] = RUNS


class _Trial:
    """Runs of a stage with some changes put back."""

    def __init__(self, lab: Lab, changes: Sequence[Change]) -> None:
        assert lab.result.execution is not None
        self.lab, self.changes = lab, changes
        self.usually = how_failed(lab.result.execution)
        self.too_long = sum(lab.result.execution.seconds.values()) > _LONG

    def building(self, movable: Sequence[int]) -> set[int]:
        """What is put back by building an environment where the usual one was not built here."""
        found = {i for i in movable if self.changes[i].packages or self.changes[i].python}
        return found if found and self.lab.session.environment.base is None else set()

    async def run(self, indices: Sequence[int], label: str) -> Look | None:
        """One with these put back; None where none is left, or they cannot be."""
        lab = self.lab
        if not indices:
            return await lab.run(label)
        setup = await _setup_with(lab.session, lab.result, [self.changes[i] for i in indices])
        return await lab.run(label, setup=setup) if setup else None

    async def shown(self, movable: Sequence[int]) -> frozenset[str]:
        """Outputs that differ with a variable which nothing reads, where variables put it back.

        They say nothing unless they come out as the lock has them, which no list of other
        variables does.
        """
        if not any(self.changes[i].by_variable for i in movable):
            return frozenset()
        look = await self.lab.run("one-variable-more", ONE_MORE.changes)
        return frozenset(look.differs if look else ())

    async def confirm(
        self,
        every: Look,
        movable: Sequence[int],
        rest: Sequence[int],
        label: str,
        without: Look | None = None,
        shown: frozenset[str] = frozenset(),
    ) -> Confirmed:
        """Whether runs with all put back come out as one did, and those with `rest` otherwise.

        Args:
            every: the one with all put back.
            movable: all that can be.
            rest: what is put back in the others.
            label: of the runs.
            without: one of the others; None: it is the usual run.
            shown: outputs that say nothing here.
        """
        result, lab = self.lab.result, self.lab
        told = result.judgements[0].verdicts
        if without:
            told = without.judgement.verdicts if without.judgement else {}
        missed = _passing(every.judgement.verdicts if every.judgement else {}) - _passing(told)

        def met(look: Look) -> Collection[str]:
            return missed & _passing(look.judgement.verdicts if look.judgement else {})

        def differs(look: Look) -> Collection[str]:
            return {*look.differs} - shown

        lab.session.progress.say(
            f"{result.stage.address}: making sure that it is no chance, {RUNS} runs at most"
        )
        return await confirm(
            lab,
            every,
            lambda which: self.run(movable, f"{label}-{which}"),
            lambda which: self.run(rest, f"{label}-{which}"),
            failed=without.failed if without else self.usually,
            shows=met if every.agrees else differs,
        )


def _passing(verdicts: Mapping[str, OutputVerdict]) -> set[str]:
    return {path for path, v in verdicts.items() if v.verdict is Verdict.PASSED}


async def _setup_with(session: Session, result: Result, changes: Sequence[Change]) -> Setup | None:
    setup = result.setup
    assert setup is not None
    packages: dict[str, str | None] = {}
    python: Interpreter | None = None
    for change in changes:
        if change.put_back:
            setup = change.put_back(setup)
        packages.update(change.packages or {})
        python = change.python or python
    if packages or python:
        environment = await session.restored.packages(packages, python)
        if environment is None:
            return None
        setup = setup.put_back(environment=environment)
    return setup
