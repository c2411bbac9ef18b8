"""What makes outputs come out the same each time that vary by themselves: settings of GPUs.

Runs with a setting agree, and runs without it differ from these, in a drawn order (see `confirm`):
else it was chance.
"""

import os
import time
from collections.abc import Mapping

import anyio

from lockproof.compare.conditions import Dependence

from .confirm import confirm, enough
from .control import Controls
from .known import Condition
from .lab import Lab, Look

_TICK = 2
"""Seconds; the coarsest time that is written into common files."""


async def repeat(lab: Lab, label: str = "repeat", *changes: Mapping[str, object]) -> Look | None:
    """Run once more with everything held, at another time than before, as a zip file tells it."""
    while int(time.time() / _TICK) == int(lab.ended / _TICK):
        await anyio.sleep(0.05)
    return await lab.run(label, *changes)


def went(look: Look | None) -> bool:
    """Whether a run was made, and its command succeeded."""
    return look is not None and look.failed is None


async def by_devices(lab: Lab, varied: Look) -> list[Dependence]:
    """The setting of GPUs that holds all outputs which vary by themselves; empty: none does.

    Further runs have that setting.

    Args:
        lab: for the runs.
        varied: a run with nothing varied, in which these outputs came out otherwise.
    """
    for condition in lab.conditions:
        if not condition.steadies or condition.obstacle:
            continue
        if not enough(lab, 4):
            break
        base = lab.outs, lab.root, lab.base, lab.ended
        if await _holds(lab, condition):
            outputs = await _without(lab, condition, frozenset(varied.differs))
            if outputs:
                label = condition.settings[0].label
                told = f"runs agree with {label}, and differ without"
                found = Dependence(
                    *(condition.name, label, condition.mend, outputs, varied.files),
                    shown=told,
                    unsteady=True,
                )
                return [found]
        lab.outs, lab.root, lab.base, lab.ended = base
    return []


async def _holds(lab: Lab, condition: Condition) -> bool:
    """Whether two runs with the setting agree; these are the base of further ones."""
    first = await lab.rest_on(f"{condition.name}-held", condition.settings[0].changes)
    second = await repeat(lab, f"{condition.name}-held-again") if went(first) else None
    return second is not None and second.failed is None and not second.differs


async def _without(lab: Lab, condition: Condition, varied: frozenset[str]) -> tuple[str, ...]:
    """Of outputs that vary, those that differ as soon as the setting is taken away, else never."""
    names = condition.settings[0].changes["variables"]
    assert isinstance(names, dict)
    usual = {"variables": {name: os.environ.get(name) for name in names}}
    look = await lab.run(f"{condition.name}-let-go", usual)
    if look is None or look.failed or not {*look.differs} & varied:
        return ()
    # What shows the variables of the setting differs without it in any case.
    shown = await Controls(lab).variables(condition.settings)
    found = await confirm(
        lab,
        look,
        lambda label: lab.run(f"{condition.name}-let-go-{label}", usual),
        lambda label: lab.run(f"{condition.name}-held-{label}"),
        loose=shown | ({*look.differs} - varied),
    )
    return found.look.differs if found.holds else ()
