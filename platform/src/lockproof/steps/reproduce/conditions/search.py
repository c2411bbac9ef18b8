"""Which conditions does a stage depend on? As few runs as will do.

A run from the same inputs, with every condition held, shows what varies by itself. Then all
conditions are varied at once: a stage that gives the same outputs depends on none of them. Only
where it does not, they are parted into halves until the one that matters stands alone, and a run
with all but that one shows whether there is another. A condition is named only where runs with it
and without it, in a drawn order, show it (see `confirm`), for else it was the moment or chance.
Where too few runs are left for these it is not known, and nothing is named.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lockproof.compare.conditions import Dependence

from .clock import no_clock, standing
from .confirm import TOO_FEW, Confirmed, confirm, enough
from .devices import NO_GPU
from .known import Condition, Setting
from .lab import Lab, Look, how_failed
from .steady import by_devices, repeat, went

_LIKELY = {"hash-seed": 6, "clock": 3}
"""How likely a condition matters, against 1 for others: the likely ones are parted off first."""
_LONG = 20.0
"""Seconds; a stage that takes longer is varied a few times only."""
_FAILS = "the command fails with it"
_FAILED = "the command failed with all of them varied"
_TOGETHER = "outputs differed with all of them varied"
_UNTOLD = "too few runs were left to tell whether it is the clock ([reproduce] experiments)"
RANDOM_MEND = (
    "seed its random numbers (random, numpy, random_state), and leave uuid4, urandom, measured"
    " times and those of files out; what threads race for needs a fixed order"
)


@dataclass
class Found:
    """What experiments came to."""

    depends: list[Dependence] = field(default_factory=list)
    excluded: tuple[str, ...] = ()
    unvaried: dict[str, str] = field(default_factory=dict)
    unsettled: bool = False
    """Whether outputs differed in a run, and no other told why."""


async def by_itself(lab: Lab, varied: Look) -> list[Dependence]:
    """What makes outputs vary although all is held: the clock, or what cannot be held, or both.

    Where the clock is to blame, further runs have one that stands still.
    """
    shown = "another run from the same inputs, with all that can be held held, gave other outputs"
    if no_clock():
        shown += f" (the clock could not be held: {no_clock()})"
        return await by_devices(lab, varied) or [_random(varied, shown)]
    for number, still in enumerate(standing(lab.site.patience)):
        if not enough(lab, 3):
            return [_random(varied, f"{shown} ({_UNTOLD})", f"{RANDOM_MEND}; {_UNTOLD}")]
        base = lab.outs, lab.root, lab.base, lab.ended
        first = await lab.rest_on(f"clock-stands-{number}", still)
        # The times of files are the machine's: held only by chance, in the same moment.
        second = await repeat(lab, f"clock-stands-{number}-again") if went(first) else None
        # What still differs is random; of the others the clock may tell.
        if second and went(second) and {*varied.differs} - {*second.differs}:
            clock = next(c for c in lab.conditions if c.name == "clock")
            outputs = await _by_the_clock(lab, clock, number, frozenset(second.differs))
            if outputs:
                told = "runs agree where the clock stands still, and differ where it shows another"
                found = _dependence(clock, "another time", varied, lab, told)
                others = tuple(path for path in varied.differs if path not in outputs)
                return [
                    replace(found, outputs=outputs),
                    *([replace(_random(varied, shown), outputs=others)] if others else []),
                ]
        lab.outs, lab.root, lab.base, lab.ended = base
        if went(second):
            break  # It works, and does not help.
    return await by_devices(lab, varied) or [_random(varied, shown)]


async def _by_the_clock(
    lab: Lab, clock: Condition, number: int, loose: frozenset[str]
) -> tuple[str, ...]:
    """Outputs that differ where the clock, which stands, shows another time, and else never.

    `loose` are those that differ while it stands.
    """
    ahead = clock.settings[number % len(clock.settings)].changes
    look = await lab.run("clock-ahead", ahead)
    if look is None or look.failed or not {*look.differs} - loose:
        return ()
    found = await confirm(
        lab,
        look,
        lambda label: lab.run(f"clock-{label}", ahead),
        lambda label: lab.run(f"clock-{label}"),
        loose=loose,
    )
    return found.look.differs if found.holds else ()


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
    for number in range(rounds):
        look, pool = await _all_varied(lab, pool, number, found, failed=failed)
        if look is None:
            break
        complete = True
        differed = bool(look.differs)
        if differed:
            await _narrow(lab, pool, number, found, failed=failed)
            break
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


async def _narrow(
    lab: Lab, pool: list[Condition], number: int, found: Found, *, failed: bool
) -> None:
    """Part off one condition after the other; what no later runs confirm is left open."""
    # The others were varied to the same already, in a run that came out as usual.
    suspects = [c for c in pool if number < len(c.settings)]
    ends = how_failed(lab.result.execution) if failed and lab.result.execution else None
    loose: set[str] = set()
    while True:
        one, look = await _one_of(lab, suspects, number) if suspects else (None, None)
        if one is None or look is None:
            usual = await lab.run("nothing-varied")
            if usual and usual.failed == ends and {*usual.differs} - _by_time(found):
                _add(found, await by_itself(lab, usual))
            return
        setting = one.settings[number % len(one.settings)]
        shown = await _confirmed(lab, one, setting, look, ends, frozenset(loose))
        if shown.ended:
            what = "the command failed" if look.failed and not failed else "outputs differed"
            found.unvaried[one.name] = f"{what} with {setting.label}, and {shown.ended}"
            return
        if look.failed and not failed:
            found.unvaried[one.name] = _FAILS
            return
        loose.update(shown.strayed)
        if shown.holds:
            found.depends.append(_dependence(one, setting.label, shown.look, lab))
        if {*shown.strayed} - _by_time(found):
            _add(found, await strays(lab, look, shown))
        if not shown.holds:
            return
        pool, suspects = ([c for c in few if c is not one] for few in (pool, suspects))
        if not suspects:
            return
        others = await _vary(lab, pool, number, f"all-but-{one.name}")
        if others is None or others.failed != ends or not {*others.differs} - loose:
            return


def _by_time(found: Found) -> set[str]:
    """Outputs that are shown to depend on the clock: these are others as time goes on."""
    return {path for each in found.depends if each.condition == "clock" for path in each.outputs}


def _add(found: Found, more: Sequence[Dependence]) -> None:
    """Add what outputs vary by that the clock does not explain already."""
    known = _by_time(found)
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


async def strays(lab: Lab, look: Look, shown: Confirmed) -> list[Dependence]:
    """That outputs vary by themselves, as runs show that were made to confirm a condition."""
    if shown.moved:
        return await by_itself(lab, shown.moved)
    told = "it came out in two ways in runs from the same inputs under the same conditions"
    return [replace(_random(look, told), outputs=shown.strayed)]


def _left_open(lab: Lab, what: str) -> str:
    if not enough(lab):
        return f"{what}, and too few runs were left to tell why ([reproduce] experiments)"
    return f"{what}, and no other run told why"


def _random(varied: Look, shown: str, mend: str = RANDOM_MEND) -> Dependence:
    return Dependence("random", "nothing varied", mend, varied.differs, varied.files, shown=shown)


async def _one_of(
    lab: Lab, pool: Sequence[Condition], number: int
) -> tuple[Condition | None, Look | None]:
    """A condition that makes a difference alone, and the run that shows it."""
    last: Look | None = None
    while len(pool) > 1:
        first = _likelier(pool)
        look = await _vary(lab, first, number, f"varied-{first[0].name}-{len(first)}")
        if look is None:
            return None, None
        if look.differs:
            pool, last = first, look
        else:
            pool, last = pool[len(first) :], None
    if last is None:
        last = await _vary(lab, pool, number, f"varied-{pool[0].name}-alone")
    return (pool[0], last) if last and last.differs else (None, None)


def _likelier(pool: Sequence[Condition]) -> Sequence[Condition]:
    """The first part of a list, about half of it by weight and never all."""
    weights = [_LIKELY.get(condition.name, 1) for condition in pool]
    count = 1
    while count < len(pool) - 1 and 2 * sum(weights[: count + 1]) <= sum(weights):
        count += 1
    return pool[:count]


def _dependence(
    condition: Condition, setting: str, look: Look, lab: Lab, shown: str = ""
) -> Dependence:
    differing = look.differs
    verdicts = look.judgement.verdicts if look.judgement and not shown else {}
    judged = [verdicts[path].verdict.value for path in differing if path in verdicts]
    return Dependence(
        condition.name,
        setting,
        condition.mend,
        differing,
        look.files,
        met=bool(judged) and set(judged) == {"passed"},
        shown=shown,
    )
