"""The search for the condition that matters, on outputs whose dependence is known."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.steps.reproduce.conditions.clock import no_clock
from lockproof.steps.reproduce.conditions.known import NAMES, Condition, Setting
from lockproof.steps.reproduce.conditions.lab import Lab, Look
from lockproof.steps.reproduce.conditions.search import Found, by_itself, search
from lockproof.steps.reproduce.state import kept_state

VARIED = tuple(n for n in NAMES if n not in ("random", "pass-env", "network", "undeclared-files"))
SEEDS = 7
Made = Callable[[Mapping[str, int], int, bool], object]
"""What a stage makes of: condition -> number of its setting, number of the run, a clock that
stands."""


class Bench:
    """Stands in for a lab: what a run makes is reckoned, and as many are allowed as `left` says."""

    def __init__(self, made: Made, clocked: bool = False, left: int | None = None) -> None:
        self.made, self.number, self.still, self.clocked = made, 0, False, clocked
        self.usual = made({}, 0, False)
        self.left, self.ended = left, 0.0
        self.ran: list[tuple[set[str], bool]] = []
        """What was varied in each run -> whether outputs differed."""
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

    def spent(self) -> bool:
        if self.left is None:
            return False
        self.left -= 1
        return self.left < 0

    async def run(self, label: str, *changes: Mapping[str, Any]) -> Look | None:
        if self.spent():
            self.left = 0
            return None
        self.number += 1
        varied = {name: n for change in changes for name, n in change.items()}
        same = self.made(varied, self.number, self.still) == self.usual
        self.ran.append(({*varied}, not same))
        return Look({"out": "equal" if same else "differs"}, (), None, None, 0.0)

    async def rest_on(self, label: str, changes: Mapping[str, Any]) -> Look | None:
        if self.spent():
            self.left = 0
            return None
        self.still = True
        self.number += 1
        self.ended = time.time() if self.clocked else 0.0
        self.usual = self.made({}, self.number, self.still)
        return Look({"out": "equal"}, (), None, None, 0.0)


def searched(made: Made) -> Found:
    return searched_on(Bench(made))


def searched_on(bench: Bench) -> Found:
    async def look() -> Found:
        return await search(bench, failed=False)  # type: ignore[arg-type]

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


def held_up(ran: list[tuple[set[str], bool]], condition: str) -> bool:
    """Whether outputs differed with it alone, then did not without it, then did again."""
    wanted = iter([(True, True), (False, False), (True, True)])
    step = next(wanted)
    for varied, differed in ran:
        alone = varied == {condition}
        if differed is step[1] and (alone if step[0] else condition not in varied):
            following = next(wanted, None)
            if following is None:
                return True
            step = following
    return False


LEFT = st.one_of(st.none(), st.integers(0, 24))


@given(st.lists(st.booleans(), min_size=90, max_size=90), LEFT)
def test_what_comes_out_by_chance_is_named_only_after_a_run_without_and_one_more_with_it(
    coins: list[bool], left: int | None
) -> None:
    bench = Bench(lambda varied, number, still: coins[number % len(coins)], left=left)
    found = searched_on(bench)
    for condition in named(found):
        assert condition in ("random", "clock") or held_up(bench.ran, condition)


@given(st.integers(1, 24), st.integers(0, 24))
def test_with_no_run_left_what_the_moment_changed_is_blamed_on_nothing(
    moment: int, left: int
) -> None:
    bench = Bench(lambda varied, number, still: not still and number >= moment, left=left)
    found = searched_on(bench)
    assert {*named(found)} <= {"clock", "random"}
    if moment <= bench.number and not found.depends:
        assert found.unsettled
        assert found.unvaried.keys() == {*VARIED}
        assert all("no run was left" in why for why in found.unvaried.values())
    assert not (found.excluded and moment <= bench.number)


@given(st.sets(st.sampled_from(VARIED), min_size=1, max_size=2), st.integers(0, 24))
def test_a_condition_that_matters_is_named_or_said_to_be_open(matter: set[str], left: int) -> None:
    bench = Bench(lambda varied, number, still: {*varied} & matter, left=left)
    found = searched_on(bench)
    assert {*named(found)} <= matter
    assert all(held_up(bench.ran, condition) for condition in named(found))
    assert found.excluded == ()
    assert found.depends or not left or {*found.unvaried} == {*VARIED}


@pytest.mark.parametrize("seed", [0, SEEDS - 1])
def test_one_that_matters_is_named_within_what_is_left_by_default(seed: int) -> None:
    """After one repetition."""
    for one in VARIED:
        first = seed if one == "hash-seed" else 0
        bench = Bench(lambda varied, n, still: varied.get(one, -1) >= first, left=15)  # noqa: B023
        assert named(searched_on(bench)) == [one]


@pytest.mark.parametrize(
    ("left", "differs", "failed", "moved"),
    [(0, False, None, None), (1, False, None, False), (1, True, None, True), (1, True, "x", None)],
)
def test_whether_outputs_moved_is_not_known_without_a_run_that_ends_as_usual(
    left: int, differs: bool, failed: str | None, moved: bool | None
) -> None:
    look = Look({"out": "differs" if differs else "equal"}, (), failed, None, 0.0)

    async def run(label: str) -> Look | None:
        return look if left else None

    usual = SimpleNamespace(succeeded=True)
    lab = SimpleNamespace(run=run, result=SimpleNamespace(execution=usual))
    assert anyio.run(Lab.has_moved, lab) is moved  # type: ignore[arg-type]


@pytest.mark.parametrize(("moved", "named"), [(None, 0), (True, 0), (False, 1)])
def test_kept_state_is_named_only_where_outputs_are_known_not_to_have_moved(
    moved: bool | None, named: int, tmp_path: Path
) -> None:
    (tmp_path / "log").touch()

    async def run(label: str, setup: object) -> Look:
        return Look({"out": "differs"}, (), None, None, 0.0)

    async def has_moved() -> bool | None:
        return moved

    result = SimpleNamespace(
        execution=SimpleNamespace(succeeded=True, undeclared_outputs=("log",), outs={}),
        workspace=SimpleNamespace(root=tmp_path),
        setup=SimpleNamespace(put_back=lambda inputs: inputs),
        stage=SimpleNamespace(outs=()),
    )
    lab = SimpleNamespace(result=result, run=run, has_moved=has_moved)
    assert len(anyio.run(kept_state, lab)) == named  # type: ignore[arg-type]


@pytest.mark.skipif(bool(no_clock()), reason="the clock cannot be held here")
def test_times_of_files_are_not_taken_for_a_clock_that_can_be_held() -> None:
    """They are those of the kernel, in seconds: two runs in one second have the same."""
    bench = Bench(lambda varied, number, still: int(time.time()), clocked=True)

    async def look() -> str:
        varied = Look({"out": "differs"}, (), None, None, 0.0)
        return (await by_itself(bench, varied)).condition  # type: ignore[arg-type]

    assert anyio.run(look) == "random"
