"""How often a file of checks would be wrong, and how long it would take, on made-up traffic."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lockproof import __version__
from lockproof.errors import MissingExtraError, UsageError
from lockproof.model.canary_checks import Comparison, Guard, Measure, Spec
from lockproof.model.simulation import Decided, Scenario, Share, Simulation, Until
from lockproof.model.verdict import Verdict
from lockproof.parse.canary_checks import LARGEST, read_canary_checks
from lockproof.render.words import number
from lockproof.stats.wilson import wilson
from lockproof.steps.progress import Progress

from .interface import Figures
from .judge import errors_of, judge
from .made_up import SimulateRequest, level_of, matters, refuse_strange
from .many import Standings, standings
from .outcomes import Outcomes, outcomes
from .run import read

if TYPE_CHECKING:
    from lockproof.stats.traffic import Drawn, Traffic

_AT_ONCE = 1_200_000
"""Canaries times intervals that are held in memory at once: some 150 MB."""
_CHECKED = 3
"""Canaries of each scenario that are judged one by one as well."""
_POINTS = 48
Key = tuple[str | None, float]
"""Which measure is worse, and by how many times what matters."""


def simulate(request: SimulateRequest, progress: Progress) -> Simulation:
    """Hold made-up canaries to a file of checks, with a look after every interval.

    Raises:
        UsageError: the file is not there, or an option does not fit to it.
        ConfigError: the file does not say what it must.
        MissingExtraError: numpy is not installed.
    """
    try:
        from lockproof.stats import traffic
    except ModuleNotFoundError as error:
        raise MissingExtraError("compare", "canary simulate") from error
    content = read(request.directory, request.checks, LARGEST)
    checks = read_canary_checks(content, str(request.checks))
    refuse_strange(request, checks.spec)
    if checks.spec.drifts:
        advice = "how long they take says 'lockproof canary explain'"
        if checks.spec.measures:
            advice = f"simulate a copy without them; {advice}"
        raise UsageError(f"{request.checks} has drifts, and no classes are made up: {advice}")
    traffics = [_traffic(request, measure) for measure in checks.spec.measures]
    scenarios, checked = _scenarios(request, checks.spec, traffics, progress)
    words = [
        f"{number(request.requests[0])} and {number(request.requests[1])} requests in an interval",
        traffic.MOVES[traffics[0].moves],
    ]
    if request.fault:
        severity, length = request.fault
        words.append(f"faults of {number(severity)} that last {length} intervals on average")
    return Simulation(
        tool=f"lockproof {__version__}",
        checks=checks.metadata.name,
        digest=hashlib.sha256(content).hexdigest(),
        traffic="; ".join(words),
        levels={m.name: t.level for m, t in zip(checks.spec.measures, traffics, strict=True)},
        canaries=request.canaries,
        seed=request.seed,
        interval=checks.spec.interval,
        intervals=checks.spec.intervals,
        checked=checked,
        false_abort=checks.spec.false_abort,
        false_promote=checks.spec.false_promote,
        scenarios=tuple(scenarios),
    )


def _traffic(request: SimulateRequest, measure: Measure) -> "Traffic":
    from lockproof.stats.traffic import MOVES, Traffic

    level, ratio = level_of(request, measure), measure.ratio is not None
    if request.fault and not ratio:
        raise UsageError(f"--fault is for ratios, and {measure.name} is a mean")
    stable = 1e6 if isinstance(measure, Guard) else request.requests[1]  # Which no guard looks at.
    moves = next(known for known in MOVES if known == request.moves)
    return Traffic(
        canary=request.requests[0], stable=stable, level=level, moves=moves, fault=request.fault,
        spread=None if ratio else request.spread,
    )  # fmt: skip


def _keys(request: SimulateRequest, spec: Spec, traffics: "list[Traffic]") -> Iterator[Key]:
    yield None, 0.0
    for measure, traffic in zip(spec.measures, traffics, strict=True):
        for times in request.times:
            worse = times * matters(measure, traffic.level)
            end = 1 - traffic.level if measure.worse == "higher" else traffic.level
            if measure.ratio is not None and worse > end:
                raise UsageError(
                    f"{measure.name} cannot be worse by {number(worse)}, from"
                    f" {number(traffic.level)}: take a smaller --times, or another --level"
                )
            if traffic.fault and worse >= traffic.fault[0]:
                raise UsageError(f"--fault: {measure.name} must be worse by {number(worse)}")
            yield measure.name, times


def _scenarios(
    request: SimulateRequest, spec: Spec, traffics: "list[Traffic]", progress: Progress
) -> tuple[list[Scenario], int]:
    from lockproof.stats.arrays import joined
    from lockproof.stats.compared import WAYS

    keys = list(_keys(request, spec, traffics))
    found: dict[Key, list[Outcomes]] = {key: [] for key in keys}
    beside: dict[Key, dict[str, int]] = {key: {} for key in keys}
    most = max(1, _AT_ONCE // spec.intervals)
    checked = done = 0
    while done < request.canaries:
        part = min(most, request.canaries - done)
        good: dict[str, Standings] = {}
        for key in keys:
            progress.show("simulating", f"{done:,} of {request.canaries:,}: {key[0] or 'good'}")
            each = []
            for place, (measure, traffic) in enumerate(zip(spec.measures, traffics, strict=True)):
                times = key[1] if key[0] == measure.name else 0.0
                if not times and measure.name in good:
                    each.append(good[measure.name])
                    continue
                drawn = _drawn(request, measure, traffic, (place, times, done), part, spec)
                stood = standings(measure, errors_of(spec)[place], spec, drawn)
                if not done:
                    checked += _agrees(measure, place, spec, drawn, stood)
                if request.beside and isinstance(measure, Comparison) and measure.ratio:
                    for name, way in WAYS.items():
                        aborts, _ = way(drawn, traffic.level, measure.smallest_effect)
                        told = beside[key]
                        label = f"{name} of {measure.name}"
                        told[label] = told.get(label, 0) + int((aborts > 0).sum())
                if not times:
                    good[measure.name] = stood
                each.append(stood)
            found[key].append(outcomes(each))
        done += part
        progress.say(f"{done:,} of {request.canaries:,} canaries of each kind")
    progress.end("simulating")
    scenarios = []
    for key, parts in found.items():
        whole = Outcomes(joined([p.failed for p in parts]), joined([p.passed for p in parts]))
        shares = {name: times / request.canaries for name, times in beside[key].items()}
        scenarios.append(_scenario(key, whole, spec, traffics, shares))
    return scenarios, checked


def _drawn(
    request: SimulateRequest, measure: Measure, traffic: "Traffic",
    key: tuple[int, float, int], canaries: int, spec: Spec,
) -> "Drawn":  # fmt: skip
    from lockproof.stats.traffic import draw, generator

    place, times, done = key
    worse = times * matters(measure, traffic.level) * (1 if measure.worse == "higher" else -1)
    if not times:
        traffic = replace(traffic, fault=None)
    random = generator(request.seed, place, round(times * 1000), done)
    return draw(traffic, random, canaries, spec.intervals, worse)


def _agrees(measure: Measure, place: int, spec: Spec, drawn: "Drawn", stood: Standings) -> int:
    """Judge some canaries one by one, as `check` does; how many looks came to the same.

    Raises:
        AssertionError: one came to another end.
    """
    names = ("total", "events") if measure.ratio else ("count", "sum")
    looks = 0
    for canary in range(min(_CHECKED, drawn.canaries)):
        columns = drawn.columns(canary)
        failed = int(stood.failed[canary])
        for look in sorted({failed or spec.intervals, max(failed - 1, 1), spec.intervals}):
            seen = [
                Figures(columns=dict(zip(names, (c[:look] for c in columns[arm]), strict=True)))
                for arm in ("canary", "stable")
            ]
            arms = (seen[0], None if isinstance(measure, Guard) else seen[1])
            said = judge(measure, errors_of(spec)[place], spec, arms, look, str).verdict
            wanted = Verdict.INCONCLUSIVE
            if failed and look >= failed:
                wanted = Verdict.FAILED
            elif stood.passes[canary, look - 1]:
                wanted = Verdict.PASSED
            if said is not wanted:
                raise AssertionError(f"{measure.name}: {said} at look {look}, not {wanted}")
            looks += 1
    return looks


def _scenario(
    key: Key, found: Outcomes, spec: Spec, traffics: "list[Traffic]", beside: dict[str, float]
) -> Scenario:
    name, times = key
    canaries = int(found.failed.shape[0])
    passed = found.passed > 0  # Whichever came first is acted on.
    failed = (found.failed > 0) & ~passed
    wrong, worse, about = None, 0.0, "no worse than stable"
    if name is None:
        wrong = _share(int((found.failed > 0).sum()), canaries, spec.false_abort)
    else:
        place = [measure.name for measure in spec.measures].index(name)
        measure = spec.measures[place]
        worse = times * matters(measure, traffics[place].level)
        worse = worse if measure.worse == "higher" else -worse
        many = "what matters" if times == 1 else f"{number(times)} x what matters"
        about = f"{name} {'+' if worse > 0 else '-'}{number(abs(worse), 3)}, {many}"
        if times >= 1:
            wrong = _share(int(passed.sum()), canaries, spec.false_promote)
    step = max(1, spec.intervals // _POINTS)
    points = [*range(0, spec.intervals, step), spec.intervals]
    return Scenario(
        about=about,
        measure=name,
        worse=worse,
        times=times,
        failed=int(failed.sum()),
        passed=int(passed.sum()),
        undecided=canaries - int(failed.sum()) - int(passed.sum()),
        until_failed=_until(found.failed[failed]),
        until_passed=_until(found.passed[passed]),
        wrong=wrong,
        course=tuple(
            Decided(
                intervals=point,
                failed=int((failed & (found.failed <= point)).sum()),
                passed=int((passed & (found.passed <= point)).sum()),
            )
            for point in points
        ),
        beside=beside,
    )


def _share(happened: int, canaries: int, accepted: float) -> Share:
    low, high = wilson(happened, canaries)
    return Share(happened=happened, accepted=accepted, low=low, high=high)


def _until(looks: Any) -> Until | None:
    from lockproof.stats.arrays import quantiles

    if not looks.size:
        return None
    median, ninety = quantiles(looks, 0.5, 0.9)
    return Until(median=median, ninety=ninety)
