"""Whether an output depends on a condition, or shows how the condition is set here: controls.

Many conditions are set by environment variables, and an output that lists these (`env`, a file of
where it came from) differs with each of them. One run with a variable more that nothing reads
tells such outputs apart; others that show just the value of one are told by another spelling of
the same, as of a clock set ahead by nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .clock import CONTROL
from .confirm import Confirmed, confirm
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


def by_variables(setting: Setting) -> bool:
    """Whether a command sees in its environment variables that the condition is set so."""
    return not _SET_BY.isdisjoint(setting.changes)


@dataclass
class Controls:
    """Runs in which conditions are set and nothing is varied by it."""

    lab: Lab
    look: Look | None = None
    """The run with one variable more; None: nothing asked for it."""
    shows: frozenset[str] = frozenset()
    """Outputs that differed in it."""

    async def variables(self, settings: Sequence[Setting]) -> frozenset[str]:
        """Outputs that differ with a variable which nothing reads.

        It is tried once, as soon as one of the settings is made by variables.
        """
        if self.look is None and any(map(by_variables, settings)):
            self.look = await self.lab.run("one-variable-more", ONE_MORE.changes)
            self.shows = frozenset(self.look.differs if self.look else ())
        return self.shows

    async def of(self, settings: Sequence[Setting], differing: Collection[str]) -> set[str]:
        """Those of the outputs that differ where it is only shown that conditions are set so."""
        found = {*differing} & await self.variables(settings)
        own = [each.control for each in settings if each.control]
        if own and {*differing} - found:
            look = await self.lab.run("control", *own)
            shown = ({*differing} - found) & {*(look.differs if look else ())}
            # The moment may have made them others: then they are no answer.
            usual = await self.lab.run("nothing-varied-control") if shown else None
            found |= shown - {*(usual.differs if usual else ())}
        return found

    async def confirmed(self, loose: frozenset[str], failed: str | None) -> Confirmed | None:
        """Whether outputs depend on which variables there are; None where none seems to.

        Args:
            loose: outputs that are known to vary by themselves.
            failed: how the command fails with nothing varied; None: it does not.
        """
        if self.look is None or self.look.failed != failed or not self.shows - loose:
            return None
        return await confirm(
            self.lab,
            self.look,
            lambda label: self.lab.run(f"one-variable-more-{label}", ONE_MORE.changes),
            lambda label: self.lab.run(f"nothing-varied-{label}"),
            failed=failed,
            loose=loose,
        )
