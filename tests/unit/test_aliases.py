"""Where an alias belongs, whatever the order in which versions were made and asked for it."""

from hypothesis import given
from hypothesis import strategies as st

from lockproof.model.registration import ModelVersion
from lockproof.steps.register.aliases import newest


def version(number: int, commit: str | None) -> ModelVersion:
    tags = {} if commit is None else {"lockproof.commit": commit}
    return ModelVersion("m", number, tags=tags)


def commit(number: int, branch: str = "a") -> str:
    return f"{branch}{number:039x}"


def is_ancestor(older: str, newer: str) -> bool:
    """Two branches: `a` goes on and on, `b` leaves it after the second commit."""
    if older[0] == newer[0]:
        return int(older[1:], 16) <= int(newer[1:], 16)
    return older[0] == "a" and int(older[1:], 16) <= 2


@given(
    order=st.permutations(range(1, 7)),
    asked=st.sets(st.integers(1, 6), min_size=1),
    at=st.none() | st.integers(1, 6),
)
def test_on_one_branch_it_is_the_latest_commit_of_all_who_asked(
    order: list[int], asked: set[int], at: int | None
) -> None:
    made = {c: version(number, commit(c)) for number, c in enumerate(order, 1)}
    current = made[at] if at else None
    found = newest(current, [made[c] for c in asked], is_ancestor)
    assert found == made[max(asked | ({at} if at else set()))]
    # Asked again from there, it stays.
    assert newest(found, [made[c] for c in asked], is_ancestor) == found


@given(order=st.permutations(["a1", "a3", "a4", "b3", "b4"]), at=st.sampled_from(["a3", "b3"]))
def test_it_never_leaves_its_branch(order: list[str], at: str) -> None:
    made = {
        name: version(number, commit(int(name[1]), name[0])) for number, name in enumerate(order, 1)
    }
    assert newest(made[at], made.values(), is_ancestor) == made[f"{at[0]}4"]


def test_of_one_commit_in_two_environments_it_is_the_later_version() -> None:
    one, two = version(1, commit(1)), version(2, commit(1))
    assert newest(None, [two, one], is_ancestor) == two
    assert newest(two, [one], is_ancestor) == two
    assert newest(one, [two], is_ancestor) == two


def test_from_a_version_without_a_commit_it_goes_nowhere() -> None:
    odd = version(1, None)
    assert newest(odd, [version(2, commit(1))], is_ancestor) == odd
    assert newest(None, [odd], is_ancestor) is None
