"""The simulation of docs/scale.md: against what can be reckoned, and against its own bounds."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scale import Job, pipeline, simulate

JOBS = st.lists(
    st.tuples(st.floats(0, 100), st.sets(st.integers(0, 30), max_size=3)), min_size=1, max_size=30
).map(
    lambda rows: [
        Job(f"s{n}", seconds, tuple(f"s{d}" for d in sorted(deps) if d < n))
        for n, (seconds, deps) in enumerate(rows)
    ]
)


def test_what_can_be_reckoned() -> None:
    apart = pipeline(10, 5, 2.0, 100, apart=True)
    assert simulate(apart, 1).makespan == 20
    assert simulate(apart, 5).makespan == 4
    assert simulate(apart, 4, overhead=1.0).makespan == 9
    assert simulate(apart, 10, bandwidth=50.0).makespan == 4
    assert simulate(apart, 3).moved == 1000
    chained = pipeline(10, 5, 2.0, 100, apart=False)
    assert simulate(chained, 10).makespan == 10
    assert simulate(chained, 2).critical == 10


@given(JOBS, st.integers(1, 8))
def test_no_course_is_shorter_than_can_be_or_longer_than_list_scheduling_is(
    jobs: list[Job], machines: int
) -> None:
    course = simulate(jobs, machines)
    least = max(course.critical, course.work / machines)
    assert course.makespan >= least - 1e-6
    assert course.makespan <= course.work / machines + course.critical + 1e-6
    assert math.isclose(simulate(jobs, 1).makespan, course.work, abs_tol=1e-6)


def test_jobs_that_wait_for_each_other_are_refused() -> None:
    with pytest.raises(AssertionError, match="wait for each other"):
        simulate([Job("a", 1, ("b",)), Job("b", 1, ("a",))], 2)
