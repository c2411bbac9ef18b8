"""Whether an output depends on a condition, or shows how the condition is set here: controls.

Many conditions are set by environment variables, and an output that lists these (`env`, a file of
where it came from) or takes one for something else (`PYTHONHASHSEED` for a seed of its own) differs
with each. So before a condition is named that variables set, one run has the same variables with
values that vary nothing (`neutral`), and one more that nothing reads. What differs in it follows
the variables and not the condition; a run with the one more alone tells what lists any of them.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from .clock import CONTROL
from .confirm import RUNS, Confirmed, confirm, enough
from .known import Condition, Setting
from .lab import Lab, Look

SHOWN = "how it is set shows in the output itself"
SHOWN_TOGETHER = "how it, or what was varied with it, is set shows in the output itself"
_SET_BY = frozenset({"variables", "seed", "home", "account"})
"""Changes of a world that a command sees in its environment variables."""
ONE_MORE = Setting(f"{CONTROL}=1, which nothing reads", {"variables": {CONTROL: "1"}})
VARIABLES = Condition(
    "variables",
    "leave the list of environment variables out of it, or write only those that it needs",
    (ONE_MORE,),
)


@dataclass(frozen=True)
class Follows:
    """Whether outputs depend on variables."""

    condition: Condition
    """`VARIABLES`, with what mends just this."""
    setting: Setting
    look: Look
    """The run in which they differed."""
    shown: Confirmed


def by_variables(setting: Setting) -> bool:
    """Whether a command sees in its environment variables that the condition is set so."""
    return not _SET_BY.isdisjoint(setting.changes)


@dataclass
class Controls:
    """Runs in which conditions are set and nothing is varied by it."""

    lab: Lab
    failed: str | None = None
    """How the command fails with nothing varied; None: it does not."""
    look: Look | None = None
    """The run with one variable more; None: nothing asked for it."""
    shows: frozenset[str] = frozenset()
    """Outputs that differed in it."""
    reads: dict[str, tuple[Setting, Look]] = field(default_factory=dict)
    """Other outputs that follow variables -> with what, and how, they differed all the same."""
    lists: set[str] = field(default_factory=set)
    """Those that follow the variables of several conditions: no list, but near to it."""

    @property
    def last(self) -> bool:
        """Whether no run is left but those that confirm what was shown, which come first."""
        return bool(self.shows or self.reads) and not enough(self.lab, 1)

    async def variables(self, settings: Sequence[Setting]) -> frozenset[str]:
        """Outputs that differ with a variable which nothing reads.

        It is tried once, as soon as one of the settings is made by variables.
        """
        if self.look is None and any(map(by_variables, settings)):
            self.look = await self.lab.run("one-variable-more", ONE_MORE.changes)
            self.shows = frozenset(self.look.differs if self.look else ())
        return self.shows

    async def of(
        self,
        settings: Sequence[Setting],
        differing: Collection[str],
        others: Sequence[Setting] = (),
    ) -> set[str]:
        """Those of the outputs that differ where it is only shown that conditions are set so.

        Args:
            settings: of the conditions.
            differing: outputs that differ with them.
            others: of further conditions, on which they may depend as well.
        """
        left = {*differing} - self.shows
        if left and any(map(by_variables, settings)):
            left -= await self._same(settings, left, others)
            for free in dict.fromkeys(each.free for each in settings if each.free):
                left -= await self._free(free, left)
        return {*differing} - left

    async def _same(
        self, settings: Sequence[Setting], differing: set[str], others: Sequence[Setting]
    ) -> set[str]:
        """Outputs that differ with values that vary nothing."""
        own = _controls(settings)
        if not own:
            return differing & await self.variables(settings)
        more = own if self.look else [*own, ONE_MORE]
        look = await self.lab.run("control", *(each.changes for each in more))
        if look is None:
            return set()
        found = differing if look.failed != self.failed else differing & {*look.differs}
        if not found:
            return set()
        listed = found & await self.variables(settings)
        read = found - listed
        # The moment may have made them others: then they are no answer.
        usual = await self.lab.run("nothing-varied-control") if read else None
        read = read - {*usual.differs} if usual else set()
        if read and all(each.label for each in own):
            label = " and ".join(each.label for each in more)
            self._read(Setting(label, _merged(more)), look, read)
            theirs = [each.changes for each in _controls(others) if each.label]
            also = await self.lab.run("control-of-others", *theirs) if theirs else None
            self.lists |= read & {*(also.differs if also else ())}
        return listed | read

    async def _free(self, free: Setting, differing: set[str]) -> set[str]:
        """Outputs that come out alike each time though the condition is another each time."""
        left = set(differing)
        first: Look | None = None
        for number in range(RUNS if left else 0):
            look = await self.lab.run(f"free-{number + 1}", free.changes)
            if look is None:
                return set()
            first = first or look
            if look.failed != self.failed:
                break
            left = {p for p in left if look.digests.get(p) == first.digests.get(p)}
            if not left:
                return set()
        if first:
            self._read(free, first, left & {*first.differs})
        return left

    async def _with(self, setting: Setting, label: str) -> Look | None:
        return await self.lab.run(f"variables-{label}", setting.changes)

    async def _usual(self, label: str) -> Look | None:
        return await self.lab.run(f"nothing-varied-{label}")

    def _read(self, setting: Setting, look: Look, outputs: Collection[str]) -> None:
        for path in outputs:
            self.reads.setdefault(path, (setting, look))

    async def confirmed(self, loose: frozenset[str]) -> AsyncIterator[Follows]:
        """Whether outputs depend on variables, for each that runs show to.

        Args:
            loose: outputs that are known to vary by themselves.
        """
        tests = [(VARIABLES, ONE_MORE, self.look, self.shows)]
        for setting, look in self.reads.values():
            theirs = frozenset(path for path, read in self.reads.items() if read[0] is setting)
            names = ", ".join(name for name in setting.variables if name != CONTROL)
            mend = f"set what it needs of {names} in the command, or leave it out of it"
            tests.append((replace(VARIABLES, mend=mend), setting, look, theirs))
        for condition, setting, run, outputs in tests:
            if run is None or not outputs - loose:
                continue
            if setting is ONE_MORE and run.failed != self.failed:
                continue
            shown = await confirm(
                self.lab,
                run,
                partial(self._with, setting),
                self._usual,
                failed=self.failed,
                loose=frozenset(run.differs) - outputs | loose,
            )
            yield Follows(condition, setting, run, shown)


def _controls(settings: Sequence[Setting]) -> list[Setting]:
    return [each.control for each in settings if each.control]


def _merged(settings: Sequence[Setting]) -> Mapping[str, object]:
    variables = {name: value for each in settings for name, value in each.variables.items()}
    return {**{n: v for each in settings for n, v in each.changes.items()}, "variables": variables}
