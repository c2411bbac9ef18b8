"""The formulas: against known values, and what must hold for any numbers."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lockproof.stats import betting, normal_mixture, proportion
from lockproof.stats.budget import parted

SHARES = st.floats(0, 1)
LEVELS = st.floats(1e-4, 0.4)


def test_the_margin_is_that_of_the_paper() -> None:
    """Worked out by hand for t = 100, s = 2, a = 0.05, r = 0.5."""
    spread = 100 * 0.25 + 1
    wanted = 2 * math.sqrt(2 * spread / (100**2 * 0.25) * math.log(1 + math.sqrt(spread) / 0.1))
    assert normal_mixture.margin(100, 2.0, 0.05, 0.5) == pytest.approx(wanted)
    assert wanted == pytest.approx(0.5736, abs=1e-3)


@given(st.integers(1, 10**6), LEVELS, st.floats(0.01, 5))
def test_whoever_looks_on_pays_for_it(count: int, alpha: float, rho: float) -> None:
    """It is never tighter than a bound for one look, by the tail of the normal distribution."""
    found = normal_mixture.margin(count, 1.0, alpha, rho)
    assert math.erfc(found * math.sqrt(count) / math.sqrt(2)) / 2 < alpha


def test_of_tunings_the_one_for_that_time_is_about_the_tightest() -> None:
    best = normal_mixture.margin(100, 1.0, 0.05, normal_mixture.tuning(0.1, 100))
    for rho in (0.01, 0.05, 0.1, 0.5, 1, 3):
        assert best <= 1.02 * normal_mixture.margin(100, 1.0, 0.05, rho)
    for bad in ((0.0, 10), (0.6, 10), (0.05, 0)):
        with pytest.raises(ValueError, match="alpha must"):
            normal_mixture.tuning(*bad)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_the_running_mean_is_the_mean_and_its_deviation_is_not_too_small(
    values: list[float],
) -> None:
    running = normal_mixture.RunningMean()
    for value in values:
        running.add(value)
    mean = math.fsum(values) / len(values)
    assert running.count == len(values)
    assert running.mean == pytest.approx(mean, rel=1e-9, abs=1e-6)
    if len(values) > 1:
        plain = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
        assert running.deviation >= plain * (1 - 1e-9) - 1e-6


def test_troubles_that_last_count_as_fewer() -> None:
    running = normal_mixture.RunningMean()
    for index in range(160):
        running.add(float(index // 8 % 2))
    assert running.deviation == pytest.approx(math.sqrt(8) * 0.513, rel=0.01)


def test_no_event_does_not_prove_that_there_are_none() -> None:
    deviation = normal_mixture.least_deviation([(0, 1000, 10)])
    assert 1 / 1100 < deviation * math.sqrt(10) / math.sqrt(1000) * math.sqrt(10) < 1 / 90


@given(st.lists(SHARES, min_size=1, max_size=50), SHARES, LEVELS)
def test_a_stake_never_goes_below_nothing(values: list[float], bound: float, alpha: float) -> None:
    stake = betting.Stake(bound, alpha)
    for value in values:
        stake.add(value)
    assert math.isfinite(stake.logarithm)


@given(st.lists(SHARES, min_size=1, max_size=30), LEVELS)
def test_a_lower_bound_is_what_a_stake_says(values: list[float], alpha: float) -> None:
    low = betting.lower_bound(values, alpha)
    assert 0 <= low <= 1
    for bound, ruled_out in ((low - 1e-6, True), (low + 1e-6, False)):
        if 0 < bound < 1:
            stake = betting.Stake(bound, alpha)
            for value in values:
                stake.add(value)
            assert (stake.logarithm >= math.log(1 / alpha)) is ruled_out


def test_a_fair_bet_wins_nothing_on_average() -> None:
    """All 2**12 courses of a fair coin: the mean of the stakes is one."""
    stakes = []
    for course in range(2**12):
        stake = betting.Stake(0.5, 0.05)
        for toss in range(12):
            stake.add(float(course >> toss & 1))
        stakes.append(math.exp(stake.logarithm))
    assert math.fsum(stakes) / len(stakes) == pytest.approx(1)


@given(st.integers(0, 300), st.integers(0, 300), LEVELS)
def test_bounds_on_a_share_hold_it_and_agree_with_the_evidence(
    events: int, others: int, alpha: float
) -> None:
    requests = events + others
    low, high = proportion.bounds(events, requests, alpha)
    if not requests:
        assert (low, high) == (0, 1)
        return
    assert 0 <= low <= events / requests <= high <= 1
    limit = math.log(1 / alpha)
    for share in (low, high):
        if 0 < share < 1:
            assert proportion.evidence_against(share, events, requests) == pytest.approx(limit)


@given(st.floats(0, 1e6), st.floats(1e-3, 1e6), st.floats(1e-6, 0.4), st.sampled_from([0.0, 1.0]))
@example(1.0, 1e6, 1e-6, 0.0)
@example(1e-9, 10.0, 0.05, 0.0)
@example(5e-324, 2.0, 0.25, 0.0)
def test_an_end_is_where_halving_finds_it(
    events: float, others: float, alpha: float, outer: float
) -> None:
    requests = events + others
    limit, inside, outside = math.log(1 / alpha), events / requests, outer
    if proportion.evidence_against(outer, events, requests) >= limit:
        for _ in range(60):
            middle = (inside + outside) / 2
            if proportion.evidence_against(middle, events, requests) < limit:
                inside = middle
            else:
                outside = middle
    found = proportion.end(outer, events, requests, alpha)
    assert found == pytest.approx(outside, rel=1e-7, abs=1e-12)


@given(st.integers(0, 40), st.integers(0, 40), LEVELS)
def test_bounds_are_the_same_from_the_other_side(events: int, others: int, alpha: float) -> None:
    low, high = proportion.bounds(events, events + others, alpha)
    least, most = proportion.bounds(others, events + others, alpha)
    assert (low, high) == pytest.approx((1 - most, 1 - least), abs=1e-9)


def test_evidence_is_a_martingale() -> None:
    """By all courses of ten requests that fail with chance 0.3: its mean is one."""
    total = 0.0
    for events in range(11):
        chance = math.comb(10, events) * 0.3**events * 0.7 ** (10 - events)
        total += chance * math.exp(proportion.evidence_against(0.3, events, 10))
    assert total == pytest.approx(1)
    with pytest.raises(ValueError, match="between 0 and requests"):
        proportion.bounds(3, 2, 0.05)


@given(st.lists(st.one_of(st.none(), st.floats(0.01, 0.2)), min_size=1, max_size=5), LEVELS)
def test_what_is_parted_is_not_more_than_there_was(
    shares: list[float | None], alpha: float
) -> None:
    found = parted(alpha, shares)
    assert math.fsum(found) <= alpha * (1 + 1e-9)
    assert all(level > 0 for level in found)
    if None in shares:
        assert math.fsum(found) == pytest.approx(alpha)


@pytest.mark.parametrize("shares", [[0.6, 0.5], [1.0, None], [0.0], [-0.1, None]])
def test_shares_that_cannot_be_are_refused(shares: list[float | None]) -> None:
    with pytest.raises(ValueError, match="shares"):
        parted(0.05, shares)
