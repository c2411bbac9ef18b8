"""The search for the condition that matters, on outputs whose dependence is known."""

import time
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.steps.reproduce.conditions.clock import no_clock
from lockproof.steps.reproduce.conditions.known import NAMES, Condition, Setting
from lockproof.steps.reproduce.conditions.lab import Look
from lockproof.steps.reproduce.conditions.search import Found, by_itself, search

VARIED = tuple(n for n in NAMES if n not in ("random", "pass-env", "network", "undeclared-files"))
SEEDS = 7
Made = Callable[[Mapping[str, int], int, bool], object]
"""What a stage makes of: condition -> number of its setting, number of the run, a clock that
stands."""


class Bench:
    """Stands in for a lab: what a run makes is reckoned, and none is forbidden."""

    def __init__(self, made: Made, clocked: bool = False) -> None:
        self.made, self.number, self.still, self.clocked = made, 0, False, clocked
        self.usual = made({}, 0, False)
        self.left, self.ended = None, 0.0
        self.outs = self.root = self.base = None
        self.site = SimpleNamespace(patience=0.0)
        self.result = SimpleNamespace(execution=None)
        self.conditions = tuple(
            Condition(
                name,
                "mend",
                tuple(
                    Setting(f"{name} {n}", {name: n})
                    for n in range(SEEDS if name == "hash-seed" else 1)
                ),
            )
            for name in VARIED
        )

    async def run(self, label: str, *changes: Mapping[str, Any]) -> Look:
        self.number += 1
        varied = {name: n for change in changes for name, n in change.items()}
        same = self.made(varied, self.number, self.still) == self.usual
        return Look({"out": "equal" if same else "differs"}, (), None, None, 0.0)

    async def rest_on(self, label: str, changes: Mapping[str, Any]) -> Look:
        self.still = True
        self.number += 1
        self.ended = time.time() if self.clocked else 0.0
        self.usual = self.made({}, self.number, self.still)
        return Look({"out": "equal"}, (), None, None, 0.0)


def searched(made: Made) -> Found:
    async def look() -> Found:
        return await search(Bench(made), failed=False)  # type: ignore[arg-type]

    return anyio.run(look)


def named(found: Found) -> list[str]:
    return [each.condition for each in found.depends]


@given(st.sets(st.sampled_from(VARIED), max_size=3), st.integers(0, SEEDS - 1))
def test_each_that_matters_is_named_and_nothing_else(matter: set[str], seed: int) -> None:
    """Of the seeds only one and those after it give another order of a set."""

    def made(varied: Mapping[str, int], number: int, still: bool) -> object:
        return {name for name, n in varied.items() if name in matter and n in (0, *range(seed, 9))}

    found = searched(made)
    assert {*named(found)} == matter
    assert {*found.excluded} == ({*VARIED} if not matter else set())


@given(st.integers(1, 40), st.sets(st.sampled_from(VARIED), max_size=1))
def test_what_changes_with_the_moment_is_blamed_on_no_other_condition(
    moment: int, matter: set[str]
) -> None:
    """As the minute, which begins in some run."""

    def made(varied: Mapping[str, int], number: int, still: bool) -> object:
        return not still and number >= moment, {*varied} & matter

    assert {*named(searched(made))} <= {"clock", "random", *matter}


@given(st.sampled_from(VARIED), st.sampled_from(VARIED))
def test_what_matters_together_only_is_not_excluded(one: str, other: str) -> None:
    def made(varied: Mapping[str, int], number: int, still: bool) -> object:
        return one in varied and other in varied

    found = searched(made)
    assert {*named(found)} <= {one, other}
    assert found.excluded == ()
    assert found.depends or {*found.unvaried} == {*VARIED}


@given(st.lists(st.booleans(), min_size=60, max_size=60))
def test_by_chance_nothing_is_proven_that_came_out_but_once(coins: list[bool]) -> None:
    runs: list[tuple[Mapping[str, int], bool]] = []

    def made(varied: Mapping[str, int], number: int, still: bool) -> object:
        runs.append((varied, coins[number % len(coins)]))
        return coins[number % len(coins)]

    for condition in named(searched(made)):
        if condition in ("hash-seed", "process-id"):
            alone = [out for varied, out in runs if {*varied} == {condition}]
            assert len(alone) >= 2
            assert runs[0][1] not in alone


@pytest.mark.skipif(bool(no_clock()), reason="the clock cannot be held here")
def test_times_of_files_are_not_taken_for_a_clock_that_can_be_held() -> None:
    """They are those of the kernel, in seconds: two runs in one second have the same."""
    bench = Bench(lambda varied, number, still: int(time.time()), clocked=True)

    async def look() -> str:
        varied = Look({"out": "differs"}, (), None, None, 0.0)
        return (await by_itself(bench, varied)).condition  # type: ignore[arg-type]

    assert anyio.run(look) == "random"
