"""How often chance is blamed on something, simulated: `python -m tests.bench.false_names [N]`.

The searches are those of `explain`, run for run: a repetition, putting back what changed, varying
conditions. Only what a run makes is drawn, from two or three values, and no condition and no change
has a part in it; so every name is false. Printed is how many of N searches gave one.
"""

import sys
from collections import Counter
from collections.abc import Mapping
from itertools import product
from typing import Any

import anyio

from lockproof.compare.causes import Factor
from lockproof.model.cause import CauseKind
from lockproof.steps.reproduce.change import Change
from lockproof.steps.reproduce.conditions.confirm import RUNS
from lockproof.steps.reproduce.conditions.itself import by_itself
from lockproof.steps.reproduce.conditions.lab import Look
from lockproof.steps.reproduce.conditions.search import search
from lockproof.steps.reproduce.conditions.steady import repeat
from lockproof.steps.reproduce.put_back import put_back
from tests.unit import test_put_back as changed
from tests.unit import test_search as searched

SEARCHES = 2_000
EXPERIMENTS = 28
"""So many runs are allowed by default."""
P = (0.2, 0.35, 0.5, 0.65, 0.8)


class Bench(searched.Bench):
    """A lab in which both what changed and conditions can be varied, without effect."""

    def __init__(self, p: float, values: int, changes: int) -> None:
        super().__init__(searched.coin(p, values), left=EXPERIMENTS)
        self.usual = 0  # Not what is locked, which is `changed.LOCKED`; else nobody asks.
        self.result.execution = _Execution()
        self.result.setup = frozenset()
        self.result.judgements = [changed.Bench.judged(self.usual)]
        names = [f"c{number}" for number in range(changes)]
        self.changes = [
            Change(Factor(CauseKind.CODE, name, "changed"), changed.Bench.back(name))
            for name in names
        ]

    async def run(
        self, label: str, *changes: Mapping[str, Any], setup: object = None
    ) -> Look | None:
        if self.spent():
            self.left = 0
            return None
        self.number += 1
        value = self.made({}, self.number, False)
        how = "equal" if value == self.usual else "differs"
        return Look({"out": how}, (), None, changed.Bench.judged(value), 0.0)


class _Execution:
    succeeded = True
    seconds: Mapping[str, float] = {"run": 1.0}


async def names(bench: Any) -> set[str]:
    """What one search says that the output depends on."""
    again = await repeat(bench)
    if again and again.differs:
        return {each.condition for each in await by_itself(bench, again)} - {"random"}
    found = await put_back(bench, bench.changes)
    if found.strayed or found.baseline:
        said = changed.said(bench, found)
        blamed = {each.condition for each in found.strayed} - {"random"}
        return blamed | {f"{how} change" for how in said.values() if how != "possible"}
    likely = changed.said(bench, found).values()
    moved = {f"{how} change" for how in likely if how != "possible"}
    rest = await search(bench, failed=False)
    return moved | {each.condition for each in rest.depends} - {"random"}


async def main(searches: int) -> None:
    """Print a line for each way in which outputs may vary, and the worst."""
    worst = 0.0
    for changes, values in product((0, 1, 3), (2, 3)):
        for p in P:
            said: Counter[str] = Counter()
            false = 0
            for _ in range(searches):
                told = await names(Bench(p, values, changes))
                false += bool(told)
                said.update("clock" if n == "clock" else n if " " in n else "other" for n in told)
            worst = max(worst, false / searches)
            print(
                f"{changes} changes, {values} values, the usual one in {p:.0%}:"
                f" {false} of {searches}, {dict(said)}",
                flush=True,
            )
    order = 2**RUNS - 2
    print(f"worst {worst:.2%}; 2 of {order} are {2 / order:.2%}, 3 are {3 / order:.2%}")


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]) if sys.argv[1:] else SEARCHES)
