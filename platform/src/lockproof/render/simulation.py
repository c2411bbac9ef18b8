"""A simulation of canaries: as a table, as JSON, and as a page with plots."""

from lockproof.model.inert import inert_json
from lockproof.model.simulation import Scenario, Share, Simulation, Until
from lockproof.render.terminal import Grid, Screen, Text
from lockproof.render.words import count, duration, number

_WIDTH, _HEIGHT = 640.0, 180.0


def simulation_json(found: Simulation) -> str:
    """All of it."""
    return inert_json(found.model_dump_json(indent=2)) + "\n"


def simulation_table(found: Simulation, width: int = 100, *, color: bool = False) -> str:
    """What a person wants to know first: how often it is wrong, and how long it takes."""
    screen = Screen(width, color=color)
    screen.write(about(found))
    titles = (
        "the canary is",
        "failed",
        "passed",
        "undecided",
        "wrong (accepted)",
        "after (9 of 10)",
    )
    table = Grid([None] * len(titles), right=range(1, len(titles)))
    table.add(*(Text(title, "bold") for title in titles))
    for each in found.scenarios:
        table.add(
            each.about,
            *(percent(n / found.canaries) for n in (each.failed, each.passed, each.undecided)),
            wrong(found, each),
            delay(found, each),
        )
    screen.write(table)
    for each in found.scenarios:
        if each.beside:
            told = ", ".join(f"{name} {percent(share)}" for name, share in each.beside.items())
            screen.write(f"{each.about}: others fail {told}")
    screen.write(verdict(found))
    return screen.text()


def about(found: Simulation) -> str:
    """Which checks, and what traffic."""
    levels = ", ".join(f"{name} {number(level)}" for name, level in found.levels.items())
    return (
        f"{found.checks}: {found.canaries:,} canaries of each kind, seed {found.seed}, a look after"
        f" each of {found.intervals:,} intervals of {found.interval:,} s; {found.traffic};"
        f" stable has {levels}"
    )


def tone(found: Simulation) -> str:
    """The verdict whose colour the answer has: `passed`, `inconclusive` or `failed`."""
    if not found.held:
        return "failed"
    shown = all(each.wrong.shown for each in found.scenarios if each.wrong)
    return "passed" if shown else "inconclusive"


def verdict(found: Simulation) -> str:
    """Whether the stated chances hold here."""
    same = f"check itself came to the same at {count(found.checked, 'look')}"
    wrongs = [(each.wrong, each.about) for each in found.scenarios if each.wrong]
    if tone(found) == "passed":
        return f"On this traffic it is wrong no more often than the file states; {same}."
    share, which = max(wrongs, key=lambda each: _beyond(each[0], found.held))
    if found.held:
        return (
            f"On this traffic it is not shown to be wrong more often than the file states, nor that"
            f" it is not ({which}: up to {percent(share.high)} by {found.canaries:,} canaries,"
            f" {percent(share.accepted)} accepted; more --canaries tell more); {same}."
        )
    return f"On this traffic it is wrong more often than the file states ({which}); {same}."


def _beyond(share: Share, held: bool) -> float:
    """By how many times what is accepted it is wrong: perhaps, or surely."""
    return (share.high if held else share.low) / share.accepted


def percent(share: float) -> str:
    """`0.25 %`; two digits that count, and no zero for what did happen."""
    return f"{100 * share:.3g} %"


def wrong(found: Simulation, each: Scenario) -> str:
    """`0.2 % (5 %)`, or nothing where neither end is wrong."""
    if each.wrong is None:
        return ""
    return f"{percent(each.wrong.happened / found.canaries)} ({percent(each.wrong.accepted)})"


def delay(found: Simulation, each: Scenario) -> str:
    """`2 h 30 min (3 h)`: half and nine of ten, of the decision that most came to."""
    until: Until | None = each.until_failed if each.failed > each.passed else each.until_passed
    if until is None:
        return "not within the horizon"
    half, most = (duration(number_ * found.interval) for number_ in (until.median, until.ninety))
    return f"{half} ({most})"


def curves(found: Simulation, each: Scenario) -> dict[str, str]:
    """The points of two lines: how many had failed, and how many had passed, by then."""
    lines = {"failed": [], "passed": []}  # type: dict[str, list[str]]
    for point in each.course:
        x = point.intervals / found.intervals * _WIDTH
        for name, many in (("failed", point.failed), ("passed", point.passed)):
            lines[name].append(f"{x:.1f},{_HEIGHT * (1 - many / found.canaries):.1f}")
    return {name: " ".join(points) for name, points in lines.items()}


def simulation_html(found: Simulation) -> str:
    """A page that needs nothing else; what foreign text it holds is escaped."""
    # Jinja is loaded for a page only.
    from lockproof.render.html_report import page_from

    return page_from(
        "simulation.html.j2",
        found=found,
        about=about,
        tone=tone(found),
        verdict=verdict,
        percent=percent,
        wrong=wrong,
        delay=delay,
        curves=curves,
        width=_WIDTH,
        height=_HEIGHT,
    )
