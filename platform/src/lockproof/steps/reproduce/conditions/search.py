"""Which conditions does a stage depend on? As few runs as will do.

A run from the same inputs, with every condition held, shows what varies by itself. Then all
conditions are varied at once: a stage that gives the same outputs depends on none of them. Only
where it does not, they are parted into halves until the one that matters stands alone, and a run
with all but that one shows whether there is another. A condition is named only where runs with it
and without it, in a drawn order, show it (see `confirm`), for else it was the moment or chance.
Where too few runs are left for these it is not known, and nothing is named.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from lockproof.compare.conditions import Dependence

from .confirm import TOO_FEW, Confirmed, confirm, enough
from .control import SHOWN, VARIABLES, Controls
from .devices import NO_GPU
from .itself import by_itself, dependence, strays
from .known import Condition, Setting
from .lab import Lab, Look, how_failed

_LIKELY = {"hash-seed": 6, "clock": 3}
"""How likely a condition matters, against 1 for others: the likely ones are parted off first."""
_LONG = 20.0
"""Seconds; a stage that takes longer is varied a few times only."""
_FAILS = "the command fails with it"
_FAILED = "the command failed with all of them varied"
_TOGETHER = "outputs differed with all of them varied"


@dataclass
class Found:
    """What experiments came to."""

    depends: list[Dependence] = field(default_factory=list)
    excluded: tuple[str, ...] = ()
    unvaried: dict[str, str] = field(default_factory=dict)
    unsettled: bool = False
    """Whether outputs differed in a run, and no other told why."""


async def search(lab: Lab, *, failed: bool) -> Found:
    """The conditions that the stage's outputs depend on; it is known not to vary by itself.

    Args:
        lab: for the experiments.
        failed: whether the stage fails in its usual world; then it is tried once only.
    """
    found = Found()
    pool = []
    for condition in lab.conditions:
        if condition.obstacle == NO_GPU:
            continue
        if condition.obstacle:
            found.unvaried[condition.name] = condition.obstacle
        elif not condition.drastic:
            pool.append(condition)
    usual = sum(lab.result.execution.seconds.values()) if lab.result.execution else 0.0
    rounds = 1 if failed else 7 if usual < _LONG else 3
    complete = differed = False
    ends = how_failed(lab.result.execution) if failed and lab.result.execution else None
    controls = Controls(lab, ends)
    for number in range(rounds):
        look, pool = await _all_varied(lab, pool, number, found, failed=failed)
        if look is None:
            break
        complete = True
        differed = bool(look.differs)
        if differed:
            narrowing = _Narrowing(lab, pool, number, look, controls, found, failed)
            differed = not await narrowing.run()
            pool = narrowing.pool
        if differed or controls.last:
            break
    await environment(lab, controls, found)
    found.unsettled = differed and not found.depends
    if found.unsettled:
        open_ones = dict.fromkeys((c.name for c in pool), _left_open(lab, _TOGETHER))
        found.unvaried = open_ones | found.unvaried
    elif complete and not failed and not differed:
        found.excluded = tuple(c.name for c in pool)
    return found


async def _vary(lab: Lab, pool: Sequence[Condition], number: int, label: str) -> Look | None:
    changes = [c.settings[number % len(c.settings)].changes for c in pool]
    return await lab.run(label, *changes)


async def _all_varied(
    lab: Lab, pool: Sequence[Condition], number: int, found: Found, *, failed: bool
) -> tuple[Look | None, list[Condition]]:
    """A run with all varied, less those that the command is shown to fail with, and what is left.

    None where there is no such run.
    """
    pool = list(pool)
    look = await _vary(lab, pool, number, f"all-varied-{number + 1}")
    while look and look.failed and not failed:
        one, why = await _failing(lab, pool, number, look)
        if one is None:
            found.unvaried = dict.fromkeys((c.name for c in pool), f"{_FAILED}, and {why}") | (
                found.unvaried
            )
            return None, []
        found.unvaried[one.name] = _FAILS
        pool = [c for c in pool if c is not one]
        look = await _vary(lab, pool, number, f"all-varied-{number + 1}-without-{one.name}")
    return look, pool


async def _failing(
    lab: Lab, pool: Sequence[Condition], number: int, look: Look
) -> tuple[Condition | None, str]:
    """The condition that the command fails with, confirmed as others are; else why none is named.

    `look` is the run with all of them varied, in which it failed.
    """
    last: Look | None = look
    while len(pool) > 1 and enough(lab):
        half = pool[: len(pool) // 2]
        last = await _vary(lab, half, number, f"failing-{half[0].name}-{len(half)}")
        if last and last.failed:
            pool = half
        else:
            pool, last = pool[len(half) :], None
    if last is None and enough(lab, 1):
        last = await _vary(lab, pool, number, f"failing-{pool[0].name}-alone")
    if last is None or not enough(lab):
        return None, TOO_FEW
    if not (pool and last.failed):
        return None, "runs with fewer of them told of none"
    one = pool[0]
    setting = one.settings[number % len(one.settings)]
    # Only how the command ends is asked, not what it left.
    shown = await _confirmed(lab, one, setting, last, None, frozenset(last.outputs))
    return (None, shown.ended) if shown.ended else (one, "")


@dataclass
class _Narrowing:
    """Parts off one condition after the other; what no later runs confirm is left open."""

    lab: Lab
    pool: list[Condition]
    """Those that are left."""
    number: int
    """Of their settings."""
    whole: Look
    """The run with all of them varied."""
    controls: Controls
    found: Found
    failed: bool
    """Whether the stage fails in its usual world."""
    loose: set[str] = field(default_factory=set)
    """Outputs that vary by themselves, or with any condition that variables set."""

    async def run(self) -> bool:
        """True where all that differed shows how conditions are set that are no longer left."""
        # The others were varied to the same already, in a run that came out as usual.
        suspects = [c for c in self.pool if self.number < len(c.settings)]
        while True:
            one, look = None, None
            if suspects:
                one, look = await _one_of(self.lab, suspects, self.number, self.loose)
            if one is None or look is None:
                usual = await self.lab.run("nothing-varied")
                if usual and usual.failed == self.controls.failed and self._moved(usual):
                    _add(self.found, await by_itself(self.lab, usual))
                return False
            more = await self._name(one, look)
            if more is None:
                return False
            self.pool, suspects = (
                [c for c in few if c is not one] for few in (self.pool, suspects)
            )
            if more and suspects:
                continue  # The others differed with all of them, and not with this one.
            settled = not (self.found.depends or self.loose or more)
            if not suspects or self.controls.last:
                return settled
            label = f"all-but-{one.name}"
            others = await _vary(self.lab, self.pool, self.number, label)
            if others is None or others.failed != self.controls.failed:
                return False
            if not {*others.differs} - self.loose:
                return settled

    def _moved(self, look: Look) -> set[str]:
        return {*look.differs} - _varying(self.found)

    async def _name(self, one: Condition, look: Look) -> set[str] | None:
        """Name a condition with which outputs differed alone, unless they just show how it is set.

        What else differed with all of them varied is the answer then; None: that is the end of it.
        """
        setting = one.settings[self.number % len(one.settings)]
        if look.failed != self.controls.failed:
            return await self._confirm(one, setting, look, frozenset(self.loose))
        others = [c.settings[self.number % len(c.settings)] for c in self.pool if c is not one]
        shown = await self.controls.of([setting], {*look.differs} - self.loose, others)
        self.loose |= self.controls.shows | self.controls.lists
        own = shown - self.loose
        if {*look.differs} - self.loose - own:
            return await self._confirm(one, setting, look, frozenset(self.loose | own))
        if own:
            self.found.unvaried[one.name] = SHOWN
        more = {*self.whole.differs} - self.loose - own
        return more if more or own else None

    async def _confirm(
        self, one: Condition, setting: Setting, look: Look, loose: frozenset[str]
    ) -> set[str] | None:
        found = self.found
        shown = await _confirmed(self.lab, one, setting, look, self.controls.failed, loose)
        if shown.ended:
            what = "the command failed" if look.failed and not self.failed else "outputs differed"
            found.unvaried[one.name] = f"{what} with {setting.label}, and {shown.ended}"
            return None
        if look.failed and not self.failed:
            found.unvaried[one.name] = _FAILS
            return None
        self.loose.update(shown.strayed)
        if shown.holds:
            found.depends.append(dependence(one, setting, shown.look))
        if {*shown.strayed} - _varying(found):
            _add(found, await strays(self.lab, look, shown))
        return set() if shown.holds else None


async def environment(lab: Lab, controls: Controls, found: Found) -> None:
    """Whether outputs depend on variables, where a control looks so."""
    async for each in controls.confirmed(frozenset(_varying(found))):
        if each.shown.ended:
            told = f"outputs differed with {each.setting.label}, and {each.shown.ended}"
            found.unvaried[VARIABLES.name] = told
        elif each.shown.holds:
            found.depends.append(dependence(each.condition, each.setting, each.shown.look))
        if each.shown.strayed:
            _add(found, await strays(lab, each.look, each.shown))


def _varying(found: Found) -> set[str]:
    """Outputs that are shown to vary by themselves."""
    own = ("clock", "random")
    return {path for each in found.depends if each.condition in own for path in each.outputs}


def _add(found: Found, more: Sequence[Dependence]) -> None:
    """Add what outputs vary by of which it is not said already that they do."""
    known = _varying(found)
    for each in more:
        outputs = tuple(path for path in each.outputs if path not in known)
        if outputs:
            found.depends.append(replace(each, outputs=outputs))


async def _confirmed(
    lab: Lab,
    one: Condition,
    setting: Setting,
    look: Look,
    ends: str | None,
    loose: frozenset[str],
) -> Confirmed:
    return await confirm(
        lab,
        look,
        lambda label: lab.run(f"varied-{one.name}-{label}", setting.changes),
        lambda label: lab.run(f"nothing-varied-{label}"),
        failed=ends,
        loose=loose,
    )


def _left_open(lab: Lab, what: str) -> str:
    if not enough(lab):
        return f"{what}, and too few runs were left to tell why ([reproduce] experiments)"
    return f"{what}, and no other run told why"


async def _one_of(
    lab: Lab, pool: Sequence[Condition], number: int, loose: Collection[str]
) -> tuple[Condition | None, Look | None]:
    """A condition that makes a difference alone, and the run that shows it.

    What outputs in `loose` do is not looked at.
    """
    last: Look | None = None
    while len(pool) > 1:
        first = _likelier(pool)
        look = await _vary(lab, first, number, f"varied-{first[0].name}-{len(first)}")
        if look is None:
            return None, None
        if {*look.differs}.difference(loose):
            pool, last = first, look
        else:
            pool, last = pool[len(first) :], None
    if last is None:
        last = await _vary(lab, pool, number, f"varied-{pool[0].name}-alone")
    return (pool[0], last) if last and {*last.differs}.difference(loose) else (None, None)


def _likelier(pool: Sequence[Condition]) -> Sequence[Condition]:
    """The first part of a list, about half of it by weight and never all."""
    weights = [_LIKELY.get(condition.name, 1) for condition in pool]
    count = 1
    while count < len(pool) - 1 and 2 * sum(weights[: count + 1]) <= sum(weights):
        count += 1
    return pool[:count]
