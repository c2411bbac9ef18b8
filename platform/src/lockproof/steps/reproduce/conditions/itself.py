"""By what do outputs vary although all is held: the clock, a setting of GPUs, or chance?"""

from dataclasses import replace

from lockproof.compare.conditions import Dependence

from .clock import no_clock, respelled, standing
from .confirm import Confirmed, confirm, enough
from .known import Condition, Setting
from .lab import Lab, Look
from .steady import by_devices, repeat, went

_UNTOLD = "too few runs were left to tell whether it is the clock ([reproduce] experiments)"
RANDOM_MEND = (
    "seed its random numbers (random, numpy, random_state), and leave uuid4, urandom, measured"
    " times and those of files out; what threads race for needs a fixed order"
)


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
        again = f"clock-stands-{number}-again"
        second = await repeat(lab, again, respelled(still)) if went(first) else None
        # What still differs is random, or shows how the clock is set; of the others it may tell.
        if second and went(second) and {*varied.differs} - {*second.differs}:
            clock = next(c for c in lab.conditions if c.name == "clock")
            outputs = await _by_the_clock(lab, clock, number, frozenset(second.differs))
            if outputs:
                told = "runs agree where the clock stands still, and differ where it shows another"
                found = dependence(clock, Setting("another time", {}), varied, told)
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


async def strays(lab: Lab, look: Look, shown: Confirmed) -> list[Dependence]:
    """That outputs vary by themselves, as runs show that were made to confirm a condition."""
    if shown.moved:
        return await by_itself(lab, shown.moved)
    told = "it came out in two ways in runs from the same inputs under the same conditions"
    return [replace(_random(look, told), outputs=shown.strayed)]


def _random(varied: Look, shown: str, mend: str = RANDOM_MEND) -> Dependence:
    return Dependence("random", "nothing varied", mend, varied.differs, varied.files, shown=shown)


def dependence(condition: Condition, setting: Setting, look: Look, shown: str = "") -> Dependence:
    """That outputs depend on a condition; it was `shown` so, or by this run under the setting."""
    differing = look.differs
    verdicts = look.judgement.verdicts if look.judgement and not shown else {}
    judged = [verdicts[path].verdict.value for path in differing if path in verdicts]
    return Dependence(
        condition.name,
        setting.label,
        condition.mend,
        differing,
        look.files,
        met=bool(judged) and set(judged) == {"passed"},
        shown=shown,
        uncontrolled=setting.unheld,
    )
