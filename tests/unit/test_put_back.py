"""Putting back what changed, on stages of which it is known what they depend on."""

import random
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.compare.causes import Factor, Facts, conclude
from lockproof.model.cause import CauseKind, Certainty
from lockproof.model.verdict import OutputVerdict
from lockproof.steps.reproduce.change import Change
from lockproof.steps.reproduce.conditions.confirm import RUNS
from lockproof.steps.reproduce.conditions.lab import Look
from lockproof.steps.reproduce.conditions.steady import repeat
from lockproof.steps.reproduce.judge import Judgement
from lockproof.steps.reproduce.put_back import Outcome, put_back

from .test_search import MOST, SEARCHES, P

LOCKED = 1
Made = Callable[[frozenset[str], int], object]
"""What a stage makes of: the changes that are put back, the number of the run."""


class Bench:
    """Stands in for a lab: what a run makes is reckoned, and as many are allowed as `left` says."""

    def __init__(
        self, made: Made, changes: int = 1, left: int | None = 26, seconds: float = 1.0
    ) -> None:
        self.made, self.left, self.runs = made, left, 0
        self.usual = made(frozenset(), 0)
        self.ended = 0.0
        self.names = [f"c{n}" for n in range(changes)]
        self.changes = [
            Change(Factor(CauseKind.PARAMETER, name, "it changed"), self.back(name))
            for name in self.names
        ]
        execution = SimpleNamespace(succeeded=True, seconds={"run": seconds})
        self.result: Any = SimpleNamespace(
            execution=execution,
            judgements=[self.judged(self.usual)],
            setup=frozenset(),
            stage=SimpleNamespace(address="s"),
        )
        self.session = SimpleNamespace(progress=SimpleNamespace(say=lambda text: None))
        self.site = SimpleNamespace(patience=0.0, own_root=True)
        self.conditions = ()
        self.outs = self.root = self.base = None

    @staticmethod
    def back(name: str) -> Callable[[Any], Any]:
        return lambda setup: setup | {name}

    @staticmethod
    def judged(value: object) -> Judgement:
        same = OutputVerdict.IDENTICAL if value == LOCKED else OutputVerdict.DIFFERENT
        return Judgement({"out": same}, {}, {})

    async def run(self, label: str, setup: frozenset[str] = frozenset()) -> Look | None:
        if self.left is not None:
            if self.left <= 0:
                return None
            self.left -= 1
        self.runs += 1
        value = self.made(setup, self.runs)
        how = "equal" if value == self.usual else "differs"
        return Look({"out": how}, (), None, self.judged(value), 0.0)

    async def rest_on(self, label: str, changes: object) -> Look | None:
        return None

    async def has_moved(self) -> bool | None:
        look = await self.run("nothing-varied")
        return bool(look.differs) if look else None


async def explained(bench: Any) -> dict[str, str]:
    """As where a difference is explained: a repetition, and then all is put back."""
    again = await repeat(bench)
    if again and again.differs:
        return {}
    found = await put_back(bench, bench.changes)
    return said(bench, found)


def said(bench: Bench, found: Outcome) -> dict[str, str]:
    """Factor -> how certain it is said to be the cause."""
    facts = Facts(
        factors=tuple(change.factor for change in bench.changes),
        varies=tuple(path for each in found.strayed for path in each.outputs),
        repeated=True,
        depends=tuple(found.strayed),
        baseline=found.baseline,
        baseline_moved=found.moved,
        alone=found.alone,
        shown=found.shown,
        unshown=found.unshown,
        anew=found.anew,
        differing=("out",),
    )
    causes = [cause for cause, _ in conclude(facts)]
    return {c.subject: c.certainty.value for c in causes if c.kind is CauseKind.PARAMETER}


def coin(p: float, values: int) -> Made:
    """The first of the values, which is not the locked one, comes with this probability; the others
    as often as each other. The first run made another than the locked one, else nobody asks."""
    weights = [p, *[(1 - p) / (values - 1)] * (values - 1)]
    return lambda back, number: random.choices(range(values), weights)[0] if number else 0


@pytest.mark.parametrize("changes", [1, 2])
@pytest.mark.parametrize("values", [2, 3])
@pytest.mark.parametrize("p", P)
def test_chance_is_blamed_on_what_changed_in_less_than_one_of_a_hundred(
    p: float, values: int, changes: int
) -> None:
    async def count() -> int:
        told = [await explained(Bench(coin(p, values), changes)) for _ in range(SEARCHES)]
        return sum(bool({"proven", "likely"} & {*each.values()}) for each in told)

    assert anyio.run(count) <= MOST


@given(st.integers(1, 30))
def test_what_a_moment_changed_is_not_said_to_be_proven(moment: int) -> None:
    """As the minute, which begins in some run, and brings the locked value."""
    bench = Bench(lambda back, number: LOCKED if number >= moment else 0)
    assert "proven" not in anyio.run(explained, bench).values()


@given(st.integers(1, 2), st.integers(0, 3))
def test_each_change_that_matters_is_proven_within_what_is_allowed_by_default(
    matter: int, idle: int
) -> None:
    needed = {f"c{n}" for n in range(matter)}
    bench = Bench(lambda back, n: LOCKED if needed <= back else -len(back), matter + idle)
    bench.usual = 0
    assert anyio.run(explained, bench) == dict.fromkeys(sorted(needed), "proven")


def test_a_change_for_which_no_runs_are_left_is_likely() -> None:
    bench = Bench(lambda back, number: LOCKED if {"c0", "c1"} <= back else 0, 2, left=4 + RUNS)
    assert anyio.run(explained, bench) == {"c0": "proven", "c1": "likely"}
    bench = Bench(lambda back, number: LOCKED if back else 0, left=1 + RUNS)
    assert anyio.run(explained, bench) == {"c0": "likely"}


def test_changes_that_matter_together_only_are_likely() -> None:
    bench = Bench(lambda back, number: LOCKED if back else 0, 2)
    assert anyio.run(explained, bench) == {"c0": "likely", "c1": "likely"}


def test_a_long_stage_is_put_back_once_and_its_cause_is_likely() -> None:
    bench = Bench(lambda back, number: LOCKED if back else 0, seconds=3600.0)
    assert anyio.run(explained, bench) == {"c0": "likely"}
    assert bench.runs == 2


@pytest.mark.parametrize("left", range(2, 26))
def test_what_made_no_difference_is_cleared_whatever_could_be_tried_of_the_others(
    left: int,
) -> None:
    bench = Bench(lambda back, number: LOCKED if "c1" in back else 0, 3, left=left)
    found = anyio.run(put_back, bench, bench.changes)
    assert "c0" not in said(bench, found)
    assert {"c1"} <= {*said(bench, found)}


class _Backed(frozenset[str]):
    """A setup with `environment`, which is what packages are put back in."""

    def put_back(self, environment: str) -> frozenset[str]:
        return self | {environment}


def _with_package(made: Made, base: str | None, packages: int = 1) -> Bench:
    """Two changes of something else, and such of packages; `base`: of the usual environment."""
    bench = Bench(made, 2)

    async def build(packages: object, python: object) -> str:
        return "built " + " ".join(sorted(packages))

    bench.session.environment = SimpleNamespace(base=base)
    bench.session.restored = SimpleNamespace(packages=build)
    for name in [f"p{n}" for n in range(packages)]:
        factor = Factor(CauseKind.PARAMETER, name, "it changed")
        bench.changes.append(Change(factor, packages={name: "1"}))
    bench.result.setup = _Backed()
    bench.changes[:2] = [
        Change(c.factor, lambda setup, c=c: _Backed(setup | {c.factor.subject}))
        for c in bench.changes[:2]
    ]
    return bench


def _is_built(back: frozenset[str]) -> bool:
    return any(name.startswith("built") for name in back)


@pytest.mark.parametrize(("base", "certainty"), [(None, "likely"), ("/python", "proven")])
def test_a_package_is_not_proven_by_an_environment_that_differs_in_more(
    base: str | None, certainty: str
) -> None:
    """As one of the user's own with a `sitecustomize.py`, which one built for the package lacks."""
    bench = _with_package(lambda back, n: LOCKED if _is_built(back) else 0, base)
    found = anyio.run(put_back, bench, bench.changes)
    assert said(bench, found) == {"p0": certainty}
    moved = _with_package(lambda back, n: 2 if _is_built(back) else 0, base)
    told = anyio.run(put_back, moved, moved.changes)
    assert said(moved, told)["p0"] == "likely"
    assert told.anew == (set() if base else {2})


def test_a_package_beside_another_is_proven_in_environments_that_are_both_built() -> None:
    bench = _with_package(lambda back, n: LOCKED if "p0" in " ".join(back) else 0, None, 2)
    found = anyio.run(put_back, bench, bench.changes)
    assert said(bench, found) == {"p0": "proven"}
    assert found.anew == set()
    code = _with_package(lambda back, n: LOCKED if "c0" in back else 0, None)
    assert said(code, anyio.run(put_back, code, code.changes)) == {"c0": "proven"}


def test_what_brings_other_outputs_than_the_locked_ones_is_likely_after_the_same_runs() -> None:
    bench = Bench(lambda back, number: 2 if back else 0)
    assert anyio.run(explained, bench) == {"c0": "likely"}
    assert bench.runs == 2 + RUNS
    few = Bench(lambda back, number: 2 if back else 0, left=1 + RUNS)
    assert anyio.run(explained, few) == {"c0": "possible"}


def test_a_change_without_effect_costs_one_run_and_is_not_named() -> None:
    bench = Bench(lambda back, number: 0)
    assert anyio.run(explained, bench) == {}
    assert bench.runs == 2


def test_what_is_as_locked_without_putting_back_has_no_cause_in_what_changed() -> None:
    """One asks all the same of a stage that rewrites what it reads."""
    bench = Bench(lambda back, number: LOCKED)
    assert anyio.run(explained, bench) == {}
    assert bench.runs == 2


def test_chance_that_is_found_out_is_said_of_the_output() -> None:
    """The locked value comes with it put back, and then without."""

    async def look() -> Outcome:
        bench: Any = Bench(lambda back, number: LOCKED if number > 1 else 0)
        await repeat(bench)
        found = await put_back(bench, bench.changes)
        assert said(bench, found) == {"c0": Certainty.POSSIBLE.value}
        return found

    (dependence,) = anyio.run(look).strayed
    assert (dependence.condition, dependence.outputs) == ("random", ("out",))


@pytest.mark.parametrize("lists", [True, False], ids=["lists variables", "reads the variable"])
def test_a_list_of_variables_is_no_sign_of_what_is_put_back_by_one(lists: bool) -> None:
    """The lock has other outputs yet: only what moves for a reason of its own is likely."""

    def made(setup: Any, number: int) -> object:
        return len(setup) + 10 if lists else 10 + ("c0" in setup)

    bench = Bench(made)
    bench.changes = [replace(one, by_variable=True) for one in bench.changes]
    found: Any = anyio.run(put_back, bench, bench.changes)
    if lists:
        assert (found.moved, found.unshown) == (None, "how it is set shows in the output itself")
    else:
        assert found.moved is True
    assert said(bench, found) == {"c0": "possible" if lists else "likely"}
