"""The search for the condition that matters, on outputs whose dependence is known."""

import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockproof.steps.reproduce.conditions import confirm as confirming
from lockproof.steps.reproduce.conditions import itself, known
from lockproof.steps.reproduce.conditions.confirm import RUNS, confirm, drawn
from lockproof.steps.reproduce.conditions.itself import by_itself
from lockproof.steps.reproduce.conditions.known import NAMES, Condition, Setting
from lockproof.steps.reproduce.conditions.lab import Lab, Look
from lockproof.steps.reproduce.conditions.plan import Plan, spread
from lockproof.steps.reproduce.conditions.search import Found, search
from lockproof.steps.reproduce.conditions.steady import repeat
from lockproof.steps.reproduce.conditions.vary import _Table
from lockproof.steps.reproduce.state import kept_state

VARIED = tuple(n for n in NAMES if n not in ("random", "pass-env", "network", "undeclared-files"))
BY_VARIABLES = ("clock", "hash-seed", "timezone", "locale", "home", "threads", "cpu-features")
"""Those that a command sees in its environment variables."""
CONTROLS = {"variables", *(f"own {name}" for name in BY_VARIABLES)}
"""Changes beside those that a run varies: a stage that shows how they are set sees these."""
SEEDS = 7
FAILED = "the command failed with exit code 1"
Made = Callable[[Mapping[str, int], int, bool], object]
"""What a stage makes of: condition -> number of its setting, number of the run, a clock that
stands."""


@pytest.fixture(autouse=True)
def clock_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is run here, so nothing has to be installed for it."""
    for module in (known, itself):
        monkeypatch.setattr(module, "no_clock", lambda: "")


class Bench:
    """Stands in for a lab: what a run makes is reckoned, and as many are allowed as `left` says."""

    def __init__(
        self,
        made: Made,
        clocked: bool = False,
        left: int | None = None,
        fails: Callable[[set[str]], bool] = lambda varied: False,
        free: Setting | None = None,
    ) -> None:
        self.fails, self.free = fails, free
        self.made, self.number, self.still, self.clocked = made, 0, False, clocked
        self.usual = made({}, 0, False)
        self.left, self.ended = left, 0.0
        self.ran: list[tuple[set[str], bool]] = []
        """What was varied in each run -> whether outputs differed."""
        self.outs = self.root = self.base = None
        self.runs, self.seconds = 0, 0.0
        self.site = SimpleNamespace(patience=0.0, own_root=True)
        self.result = SimpleNamespace(execution=None, stage=SimpleNamespace(address="s"))
        policy = SimpleNamespace(reproduce=SimpleNamespace(experiments=left))
        self.session = SimpleNamespace(
            progress=SimpleNamespace(say=lambda text: None), policy=policy
        )
        self.conditions = tuple(
            Condition(
                name,
                "mend",
                tuple(
                    Setting(
                        f"{name} {n}",
                        {name: n, **({"variables": {}} if name in BY_VARIABLES else {})},
                        self.control(name, n) if name in BY_VARIABLES else None,
                        self.free if name == "hash-seed" else None,
                    )
                    for n in range(SEEDS if name == "hash-seed" else 1)
                ),
            )
            for name in VARIED
        )

    @staticmethod
    def control(name: str, number: int) -> Setting:
        """What shows that it is set, as a list of variables shows it too, and varies nothing."""
        label = "" if name == "clock" else f"{name} unchanged"
        return Setting(label, {f"own {name}": number, "variables": {}})

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
        still = self.still and not {"clock", "own clock"} & {*varied}
        now = self.made(varied, self.number, still)
        failed = FAILED if self.fails({*varied}) else None
        if not varied or {*varied} - CONTROLS:
            self.ran.append(({*varied} - CONTROLS, now != self.usual))
        pairs = zip(outputs(self.usual).items(), outputs(now).values(), strict=True)
        told = {path: "equal" if was == new else "differs" for (path, was), new in pairs}
        return Look(told, (), failed, None, 0.0, digests=outputs(now))  # type: ignore[arg-type]

    async def rest_on(self, label: str, changes: Mapping[str, Any]) -> Look | None:
        if self.spent():
            self.left = 0
            return None
        self.still = True
        self.number += 1
        self.ended = time.time() if self.clocked else 0.0
        self.usual = self.made({}, self.number, self.still)
        return Look({"out": "equal"}, (), None, None, 0.0)


def outputs(made: object) -> dict[str, object]:
    """A stage of several outputs makes a mapping; else it is one output."""
    return made if isinstance(made, dict) else {"out": made}


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


def minute(moment: int) -> Made:
    """What shows the minute: another one begins in this run, and it stands where the clock does."""

    def made(varied: Mapping[str, int], number: int, still: bool) -> object:
        return "far ahead" if "clock" in varied else "stands" if still else number >= moment

    return made


@pytest.mark.parametrize("left", [None, 40, 25])
@pytest.mark.parametrize("moment", range(1, 60))
def test_a_minute_that_begins_is_the_clock_and_nothing_beside_it(
    moment: int, left: int | None
) -> None:
    """Under load it was called random as well, where the clock was named before it began."""
    assert named(searched_on(Bench(minute(moment), left=left))) == ["clock"]


def test_of_two_outputs_one_is_of_the_clock_and_the_other_random() -> None:
    """Which one was found out for both at once, so that both were called random."""

    def made(varied: Mapping[str, int], number: int, still: bool) -> object:
        clock = "far ahead" if "clock" in varied else "stands" if still else number
        return {"coin": random.random(), "time": clock}

    async def found() -> dict[str, tuple[str, ...]]:
        bench: Any = Bench(made, left=25)
        look = await repeat(bench)
        assert look
        return {each.condition: each.outputs for each in await by_itself(bench, look)}

    assert anyio.run(found) == {"clock": ("time",), "random": ("coin",)}


@pytest.mark.parametrize("seed", range(200))
def test_what_the_clock_explains_is_not_called_random_too(seed: int) -> None:
    """As where a coin beside it falls otherwise when few runs are left."""
    drawn = random.Random(seed)
    moment = drawn.choice([2, 3, 5, 8, 12])

    def made(varied: Mapping[str, int], number: int, still: bool) -> object:
        late = not still and number >= moment
        return {"coin": drawn.random() < 0.5, "time": "clock" in varied or late}

    found = searched_on(Bench(made, left=25))
    paths = [path for each in found.depends for path in each.outputs]
    assert len(paths) == len({*paths}), found.depends


@pytest.mark.parametrize("moment", range(1, 60))
def test_the_table_calls_no_minute_that_begins_random(moment: int) -> None:
    assert anyio.run(tabled, Bench(minute(moment))) == ["clock"]


@pytest.mark.parametrize(
    ("one", "left"),
    [("clock", 25), ("hash-seed", 25), ("hash-seed", None), ("timezone", None), ("umask", None)],
)
def test_what_lists_variables_depends_on_these_and_what_is_beside_it_on_its_condition(
    one: str, left: int | None
) -> None:
    def made(varied: Mapping[str, int], number: int, still: bool) -> object:
        return {"env": "variables" in varied, "out": one in varied}

    found = searched_on(Bench(made, left=left))
    assert {(each.condition, each.outputs) for each in found.depends} == {
        (one, ("out",)),
        ("variables", ("env",)),
    }
    bench = Bench(made)
    assert {*anyio.run(tabled, bench)} == {one, "variables"}


@pytest.mark.parametrize("one", BY_VARIABLES)
def test_what_shows_just_how_a_condition_is_set_depends_on_that_alone(one: str) -> None:
    """Where nothing but the clock's own variables is shown, which nobody else sets, on nothing."""

    def made(varied: Mapping[str, int], number: int, still: bool) -> object:
        return bool({one, f"own {one}"} & {*varied})

    found = searched(made)
    variables = [] if one == "clock" else ["variables"]
    assert named(found) == variables
    assert found.unvaried == {one: "how it is set shows in the output itself"}
    assert not found.unsettled
    assert anyio.run(tabled, Bench(made, left=28)) == variables


def test_what_shows_how_several_conditions_are_set_costs_no_search_for_each() -> None:
    def made(varied: Mapping[str, int], number: int, still: bool) -> object:
        return sorted(n for n in BY_VARIABLES if {n, f"own {n}"} & {*varied})

    found = searched_on(Bench(made, left=25))
    assert named(found) == ["variables"]


OWN = Setting("no seed", {"no seed": 0})
"""Without one, hashes have another order each time."""


@given(st.integers(2, 4))
def test_an_order_of_hashes_is_another_each_time_without_a_seed(orders: int) -> None:
    def made(varied: Mapping[str, int], number: int, still: bool) -> object:
        if "no seed" in varied:
            return number % orders
        return 1 if "hash-seed" in varied else 0

    assert named(searched_on(Bench(made, free=OWN))) == ["hash-seed"]


@pytest.mark.parametrize("without", [0, 7])
def test_what_reads_the_seed_of_hashes_is_the_same_each_time_without_one(without: int) -> None:
    """Also where that is what it is with the usual one."""

    def made(varied: Mapping[str, int], number: int, still: bool) -> object:
        return without if "no seed" in varied else 1 if "hash-seed" in varied else 0

    found = searched_on(Bench(made, free=OWN))
    assert named(found) == (["variables"] if without else [])
    assert found.unvaried == {"hash-seed": "how it is set shows in the output itself"}


def test_what_lists_variables_is_not_of_the_clock_that_another_output_shows() -> None:
    def made(varied: Mapping[str, int], number: int, still: bool) -> object:
        clock = "far ahead" if "clock" in varied else "stands" if still else number
        return {"env": "variables" in varied, "time": clock}

    async def found() -> dict[str, tuple[str, ...]]:
        bench: Any = Bench(made, left=25)
        look = await repeat(bench)
        assert look
        return {each.condition: each.outputs for each in await by_itself(bench, look)}

    assert anyio.run(found) == {"clock": ("time",)}


@given(st.sampled_from(VARIED), st.sampled_from(VARIED))
def test_what_matters_together_only_is_not_excluded(one: str, other: str) -> None:
    def made(varied: Mapping[str, int], number: int, still: bool) -> object:
        return one in varied and other in varied

    found = searched(made)
    assert {*named(found)} <= {one, other}
    assert found.excluded == ()
    assert found.depends or {*found.unvaried} == {*VARIED}


def held_up(ran: list[tuple[set[str], bool]], condition: str) -> bool:
    """Whether outputs differed with it alone, then in each of the next runs with it alone again,
    and in none of those with nothing varied."""
    for start, run in enumerate(ran):
        after = ran[start + 1 : start + 1 + RUNS]
        both = [({condition}, True), (set[str](), False)]
        if run == both[0] and len(after) == RUNS and {*map(str, after)} == {*map(str, both)}:
            return True
    return False


LEFT = st.one_of(st.none(), st.integers(0, 26))


@given(st.lists(st.booleans(), min_size=90, max_size=90), LEFT)
def test_what_comes_out_by_chance_is_named_only_after_the_runs_that_confirm_it(
    coins: list[bool], left: int | None
) -> None:
    bench = Bench(lambda varied, number, still: coins[number % len(coins)], left=left)
    found = searched_on(bench)
    for condition in named(found):
        assert condition in ("random", "clock") or held_up(bench.ran, condition)


@given(st.integers(1, 24), st.integers(0, 26))
def test_with_no_run_left_what_the_moment_changed_is_blamed_on_nothing(
    moment: int, left: int
) -> None:
    bench = Bench(lambda varied, number, still: not still and number >= moment, left=left)
    found = searched_on(bench)
    assert {*named(found)} <= {"clock", "random"}
    if moment <= bench.number and not found.depends:
        assert found.unsettled
        assert found.unvaried.keys() - {"variables"} == {*VARIED}
        assert all("runs were left" in why or "were left" in why for why in found.unvaried.values())
    assert not (found.excluded and moment <= bench.number)


@given(st.sets(st.sampled_from(VARIED), min_size=1, max_size=2), st.integers(0, 26))
def test_a_condition_that_matters_is_named_or_said_to_be_open(matter: set[str], left: int) -> None:
    bench = Bench(lambda varied, number, still: {*varied} & matter, left=left)
    found = searched_on(bench)
    assert {*named(found)} <= matter
    assert all(held_up(bench.ran, condition) for condition in named(found))
    assert found.excluded == ()
    assert found.depends or not left or {*found.unvaried} == {*VARIED}


P = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
SEARCHES = 200
MOST = 15
"""False names in so many searches: 2 at most are the mean at the bound of 2 in 254, and more than
15 are had by chance once in 10**9; without runs that confirm them they were 84."""


def coin(p: float, values: int) -> Made:
    """The first of the values comes with this probability, the others as often as each other."""
    weights = [p, *[(1 - p) / (values - 1)] * (values - 1)]
    return lambda varied, number, still: random.choices(range(values), weights)[0]


async def explained(bench: Any) -> list[str]:
    """As where a difference is explained: a repetition, and then a search."""
    again = await repeat(bench)
    if again and again.differs:
        return [each.condition for each in await by_itself(bench, again)]
    return named(await search(bench, failed=False))


async def tabled(bench: Any) -> list[str]:
    """As with `--vary`."""
    clock, *shared = bench.conditions
    rounds = spread(shared, SEEDS)
    table = _Table(bench, ("random", *VARIED), Plan(1, rounds, (clock,), ()))
    await table.fill()
    return [row.condition for row in table.rows() if row.matters]


@pytest.mark.parametrize("how", [explained, tabled])
@pytest.mark.parametrize("left", [None, 14])
@pytest.mark.parametrize("values", [2, 3])
@pytest.mark.parametrize("p", P)
def test_what_comes_out_by_chance_is_blamed_on_a_condition_in_less_than_one_of_a_hundred(
    p: float, values: int, left: int | None, how: Callable[[Any], Awaitable[list[str]]]
) -> None:
    async def count() -> int:
        benches = [Bench(coin(p, values), left=left) for _ in range(SEARCHES)]
        return sum([bool({*await how(bench)} - {"random"}) for bench in benches])

    assert anyio.run(count) <= MOST


@pytest.mark.parametrize("how", [explained, tabled])
def test_a_coin_beside_a_list_of_variables_is_blamed_on_no_condition(
    how: Callable[[Any], Awaitable[list[str]]],
) -> None:
    """The list is another with each of them, so that the coin alone had to agree without."""

    def made(varied: Mapping[str, int], number: int, still: bool) -> object:
        return "variables" in varied, random.random() < 0.8

    async def count() -> int:
        benches = [Bench(made) for _ in range(SEARCHES)]
        return sum([bool({*await how(bench)} - {"random", "variables"}) for bench in benches])

    assert anyio.run(count) <= MOST


def failing(found: Found) -> set[str]:
    return {name for name, why in found.unvaried.items() if why == "the command fails with it"}


def halting(p: float, matter: Sequence[str] = ()) -> Callable[[set[str]], bool]:
    """A command that fails with this probability, and always with what matters."""
    return lambda varied: bool(varied & {*matter}) or random.random() < p


@pytest.mark.parametrize("left", [None, 25])
@pytest.mark.parametrize("values", [1, 2])
@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_command_that_fails_by_chance_is_said_to_fail_with_a_condition_as_rarely(
    p: float, values: int, left: int | None
) -> None:
    async def blamed() -> bool:
        made = coin(0.5, values) if values > 1 else lambda varied, number, still: 0
        bench: Any = Bench(made, left=left, fails=halting(p))
        found = await search(bench, failed=False)
        return bool(failing(found) or {*named(found)} - {"random"})

    async def count() -> int:
        return sum([await blamed() for _ in range(SEARCHES)])

    assert anyio.run(count) <= MOST


@pytest.mark.parametrize("left", [None, 26, 15])
@pytest.mark.parametrize("one", VARIED)
def test_one_that_the_command_always_fails_with_is_named(one: str, left: int | None) -> None:
    bench = Bench(lambda varied, number, still: 0, left=left, fails=halting(0, [one]))
    found = searched_on(bench)
    assert failing(found) == {one}
    assert named(found) == []
    assert {*found.excluded} <= {*VARIED} - {one}
    if left is None:
        assert {*found.excluded} == {*VARIED} - {one}


def test_each_that_the_command_always_fails_with_is_named() -> None:
    bench = Bench(lambda varied, number, still: 0, fails=halting(0, ["umask", "user"]))
    found = searched_on(bench)
    assert failing(found) == {"umask", "user"}
    assert {*found.excluded} == {*VARIED} - {"umask", "user"}


@given(st.sampled_from(VARIED), st.integers(1, RUNS))
def test_with_too_few_runs_left_no_condition_is_said_to_make_the_command_fail(
    one: str, left: int
) -> None:
    bench = Bench(lambda varied, number, still: 0, left=left, fails=halting(0, [one]))
    found = searched_on(bench)
    assert failing(found) == set()
    assert found.excluded == ()
    assert found.unvaried.keys() == {*VARIED}
    assert all("were left ([reproduce] experiments)" in why for why in found.unvaried.values())


def test_what_the_command_fails_with_together_only_is_blamed_on_neither() -> None:
    bench = Bench(lambda varied, number, still: 0, fails=lambda v: {"umask", "user"} <= v)
    found = searched_on(bench)
    assert failing(found) == set()
    assert found.excluded == ()
    assert {*found.unvaried.values()} == {
        "the command failed with all of them varied, and runs with fewer of them told of none"
    }


@pytest.mark.parametrize("values", [1, 2])
@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_command_that_fails_by_chance_has_a_cell_of_the_table_as_rarely(
    p: float, values: int
) -> None:
    async def count() -> int:
        made = coin(0.5, values) if values > 1 else lambda varied, number, still: 0
        benches = [Bench(made, left=26, fails=halting(p)) for _ in range(SEARCHES)]
        return sum([bool({*await tabled(bench)} - {"random"}) for bench in benches])

    assert anyio.run(count) <= MOST


@pytest.mark.parametrize("one", VARIED)
def test_the_table_names_one_that_matters_within_what_is_allowed_by_default(one: str) -> None:
    bench = Bench(lambda varied, number, still: one in varied, left=26)
    assert anyio.run(tabled, bench) == [one]


@pytest.mark.parametrize(
    ("made", "left", "told"),
    [
        (lambda varied, number, still: "umask" in varied, None, "named"),
        (lambda varied, number, still: "umask" in varied, RUNS, "named"),
        (lambda varied, number, still: "umask" in varied, RUNS - 1, "were left"),
        (lambda varied, number, still: number > 0, None, "vary by themselves"),
        (lambda varied, number, still: number % 2 if number else 0, None, "vary by themselves"),
    ],
)
def test_the_table_confirms_a_name_before_it_stands(
    made: Made, left: int | None, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirming, "drawn", lambda: (True, False, False, True) * 2)
    bench: Any = Bench(made, left=left)
    umask = next(c for c in bench.conditions if c.name == "umask")
    pairs = [(umask, umask.settings[0])]
    table = _Table(bench, ["umask"], Plan(1, (tuple(pairs),), (), ()))
    first = Look({"out": "differs"}, (), None, None, 0.0)
    anyio.run(table._confirm, pairs, first)
    (row,) = table.rows()
    if told == "named":
        assert row.matters
        assert bench.number == RUNS
    else:
        assert told in (row.obstacle or "")
        assert bench.number < 2 * RUNS


@given(st.lists(st.booleans(), min_size=RUNS, max_size=RUNS))
def test_outcomes_that_know_nothing_of_the_order_fit_one_order_at_most(coins: list[bool]) -> None:
    """However they come about."""
    every = [tuple(bool(n >> bit & 1) for bit in range(RUNS)) for n in range(1, 2**RUNS - 1)]
    first = Look({"out": "differs"}, (), None, None, 0.0)

    async def held(order: tuple[bool, ...]) -> bool:
        rest = iter(coins)

        async def run(label: str) -> Look:
            return Look({"out": "differs" if next(rest) else "equal"}, (), None, None, 0.0)

        lab: Any = SimpleNamespace(left=None)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(confirming, "drawn", lambda: order)
            return (await confirm(lab, first, run, run)).holds

    async def fitting() -> list[tuple[bool, ...]]:
        return [order for order in every if await held(order)]

    fit = anyio.run(fitting)
    assert fit == ([tuple(coins)] if len({*coins}) == 2 else [])
    assert 2 / len(every) < 0.01, "two tests at most"


def test_outputs_that_vary_do_not_cut_short_how_the_command_ends() -> None:
    """It fails in the first run with the condition only."""
    first, ended = Look({"out": "differs"}, (), FAILED, None, 0.0), iter([FAILED])

    async def varied(label: str) -> Look:
        return Look({"out": "equal"}, (), next(ended, None), None, 0.0)

    async def usual(label: str) -> Look:
        return Look({"out": "differs"}, (), None, None, 0.0)

    lab: Any = SimpleNamespace(left=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(confirming, "drawn", lambda: (True, False) * 4)
        found = anyio.run(confirm, lab, first, varied, usual)
    assert found.ended == "in another such run the command ended otherwise"
    assert not found.holds


def test_each_order_has_runs_of_both_kinds_and_can_be_drawn() -> None:
    orders = {drawn() for _ in range(20_000)}
    assert len(orders) == 2**RUNS - 2
    assert all({*order} == {True, False} for order in orders)


@pytest.mark.parametrize("seed", [0, SEEDS - 1])
def test_one_that_matters_is_named_within_what_is_left_by_default(seed: int) -> None:
    """After one repetition."""
    for one in VARIED:
        first = seed if one == "hash-seed" else 0
        bench = Bench(lambda varied, n, still: varied.get(one, -1) >= first, left=25)  # noqa: B023
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


@pytest.mark.parametrize(
    ("left", "moved", "named"), [(RUNS - 1, False, 0), (None, True, 0), (None, False, 1)]
)
def test_kept_state_is_named_only_where_outputs_are_known_not_to_have_moved(
    left: int | None, moved: bool, named: int, tmp_path: Path
) -> None:
    (tmp_path / "log").touch()

    async def run(label: str, setup: object = None) -> Look:
        return Look({"out": "differs" if setup or moved else "equal"}, (), None, None, 0.0)

    result = SimpleNamespace(
        execution=SimpleNamespace(succeeded=True, undeclared_outputs=("log",), outs={}),
        workspace=SimpleNamespace(root=tmp_path),
        setup=SimpleNamespace(put_back=lambda inputs: inputs),
        stage=SimpleNamespace(outs=()),
    )
    lab = SimpleNamespace(result=result, run=run, left=left)
    assert len(anyio.run(kept_state, lab)) == named  # type: ignore[arg-type]


def test_times_of_files_are_not_taken_for_a_clock_that_can_be_held() -> None:
    """They are those of the kernel, in seconds: two runs in one second have the same."""
    bench = Bench(lambda varied, number, still: int(time.time()), clocked=True)

    async def look() -> list[str]:
        varied = Look({"out": "differs"}, (), None, None, 0.0)
        return [each.condition for each in await by_itself(bench, varied)]  # type: ignore[arg-type]

    assert anyio.run(look) == ["random"]
