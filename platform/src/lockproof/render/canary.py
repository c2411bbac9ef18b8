"""What was measured of a canary, in words."""

from datetime import datetime

from lockproof.model.canary import CanarySeen, Measured
from lockproof.model.rollout import RolloutSeen
from lockproof.render.charts import Band, band_over_time
from lockproof.render.terminal import Grid, Screen, Text
from lockproof.render.words import count, number

_STYLES = {"passed": "green", "failed": "bold red", "inconclusive": "yellow"}


def summary(measured: Measured) -> str:
    """`canary 0.051, stable 0.012 (3,000 and 9,000 requests); difference 0.039, …` in one line."""
    canary, stable = measured.canary, measured.stable
    values = f"canary {number(canary.value, 4)}"
    requests = f"{canary.requests:,.0f}"
    if stable is not None:
        values += f", stable {number(stable.value, 4)}"
        requests += f" and {stable.requests:,.0f}"
    named = "" if measured.part is None else f"{measured.part}: "
    parts = [f"{named}{values} ({requests} requests)"]
    if measured.estimate is not None:
        what = "difference" if stable is not None else "mean of intervals"
        parts.append(f"{what} {number(measured.estimate, 3)}, {interval(measured)}")
    return "; ".join(parts) + f"; {bar(measured)}"


def interval(measured: Measured) -> str:
    """`between 0.01 and 0.05`, the bounds that hold at every look."""
    if measured.lower is None or measured.upper is None:
        return "no bounds"
    return f"between {number(measured.lower, 3)} and {number(measured.upper, 3)}"


def bar(measured: Measured) -> str:
    """`worse by 0.02 matters`, `must stay below 0.05`."""
    if measured.limit is not None:
        side = "below" if measured.worse == "higher" else "above"
        return f"must stay {side} {number(measured.limit)}"
    return f"{measured.worse} by {number(measured.smallest_effect)} matters"


def drawn(measured: Measured, size: tuple[float, float]) -> Band | None:
    """The bounds over time; None where there are fewer than two points of them, or no numbers."""
    try:
        known = [(_seconds(one.at), one.lower, one.estimate, one.upper) for one in measured.course]
        marks = [_seconds(measured.decided)] if measured.decided else []
    except (ValueError, OverflowError):  # A report of others may say anything.
        return None
    if measured.limit is not None:
        bars = [measured.limit]
    else:
        sign = 1.0 if measured.worse == "higher" else -1.0
        bars = [0.0, sign * (measured.smallest_effect or 0.0)]
    return band_over_time(known, bars, marks, size) if len(known) > 1 else None


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def about(seen: CanarySeen) -> str:
    """Which checks, where the figures come from, and of which time."""
    return (
        f"{seen.checks}, from {seen.source}, {seen.since} to {seen.until}, intervals of"
        f" {seen.interval:,} s; false abort {number(seen.false_abort)}, false promote"
        f" {number(seen.false_promote)}{_rollout(seen)}"
    )


def _rollout(seen: CanarySeen) -> str:
    """`; Rollout serving/digits (Paused, step 2 of 7): canary abc beside def; paused it`."""
    rollout = seen.rollout
    if rollout is None:
        return ""
    at = _step(rollout)
    runs = "".join(f", analysis {name}: {phase}" for name, phase in rollout.analyses.items())
    done = f"; {rollout.done}" if rollout.done else ""
    if rollout.arms:
        done = f"; Experiment {rollout.experiment}: {' beside '.join(rollout.arms)}{done}"
    return (
        f"; Rollout {rollout.namespace}/{rollout.name} ({rollout.phase}{at}{runs}): canary"
        f" {rollout.canary} beside {rollout.stable}{done}"
    )


def _step(rollout: RolloutSeen) -> str:
    """`, step 2 of 7`; empty where it has none."""
    return "" if rollout.step is None else f", step {rollout.step + 1} of {rollout.steps}"


def _until(seen: CanarySeen, until: str) -> str:
    """`until 12:40:00Z`, or with a rollout `until 12:40:00Z (Paused, step 2 of 7)`."""
    rollout = seen.rollout
    return f"until {until}" + (f" ({rollout.phase}{_step(rollout)})" if rollout else "")


def look_line(seen: CanarySeen) -> str:
    """`until 12:40:00Z: errors inconclusive, 40 intervals, difference …` of a look, in one line."""
    parts = []
    for each in seen.measures:
        middle = "" if each.estimate is None else f", {number(each.estimate, 3)} {interval(each)}"
        what = f"{each.verdict.value}, {count(each.intervals, 'interval')}"
        named = each.name if each.part is None else f"{each.name} ({each.part})"
        parts.append(f"{named} {what}{middle}")
    return f"{_until(seen, seen.until[11:])}: {'; '.join(parts)}"


def look_table(seen: CanarySeen, width: int = 100, *, color: bool = False) -> str:
    """The same for a terminal, a row for each measure."""
    titles = ("measure", "so far", "intervals", "canary", "stable", "by intervals", "bounds")
    table = Grid([None] * len(titles))
    table.add(*(Text(title, "bold") for title in titles))
    for each in seen.measures:
        stable = each.stable.value if each.stable else None
        table.add(
            each.name if each.part is None else f"{each.name}: {each.part}",
            Text(each.verdict.value, _STYLES[each.verdict.value]),
            f"{each.intervals:,}",
            number(each.canary.value, 4),
            number(stable, 4) if each.stable else "",
            number(each.estimate, 3),
            interval(each),
        )
    screen = Screen(width, color=color)
    screen.write(_until(seen, seen.until))
    screen.write(table)
    return screen.text()
