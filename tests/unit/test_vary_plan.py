"""Settings of conditions share runs, and no condition stands in one run twice."""

from hypothesis import given
from hypothesis import strategies as st

from lockproof.steps.reproduce.conditions.known import Condition, Setting
from lockproof.steps.reproduce.conditions.plan import spread

COUNTS = st.lists(st.integers(1, 9), max_size=8)


@given(COUNTS, st.integers(1, 9))
def test_every_setting_has_its_run_as_far_as_there_are_runs(counts: list[int], most: int) -> None:
    conditions = [
        Condition(f"c{n}", "", tuple(Setting(f"{n}={value}", {}) for value in range(count)))
        for n, count in enumerate(counts)
    ]
    rounds = spread(conditions, most)
    assert len(rounds) <= most
    for pairs in rounds:
        names = [condition.name for condition, _ in pairs]
        assert names
        assert len(names) == len(set(names))
    tried = [setting.label for pairs in rounds for _, setting in pairs]
    assert len(tried) == len(set(tried)) == sum(min(count, most) for count in counts)
    sizes = [len(pairs) for pairs in rounds]
    assert not sizes or max(sizes) - min(sizes) <= 1, "as few share a run as can be"
