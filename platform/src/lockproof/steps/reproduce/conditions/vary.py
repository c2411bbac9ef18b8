"""`--vary`: each condition varied alone, before there is trouble, and what came of it."""

from collections.abc import Mapping, Sequence
from typing import Literal, cast

from lockproof.model.report import Varied
from lockproof.steps.reproduce.result import Result
from lockproof.steps.reproduce.session import Session

from .known import Condition
from .lab import Lab, Look, how_failed, laboratory
from .search import RANDOM_MEND, by_itself, repeat

_REPEATS = 2
"""Besides the judged run: what differs by chance in one of three runs is found."""


def cost(session: Session, results: Mapping[str, Result], names: Sequence[str]) -> str:
    """What varying these conditions costs at most, in words."""
    runs, seconds = 0, 0.0
    for result in _able(results):
        with laboratory(session, result, None) as lab:
            count = _REPEATS + sum(
                len(c.settings) for c in lab.conditions if _asked(c, names) and not c.obstacle
            )
        runs += count
        assert result.execution is not None
        seconds += count * sum(result.execution.seconds.values())
    return f"varying {len(names)} conditions: at most {runs} runs, about {seconds:.0f} s of work"


async def vary(session: Session, result: Result, names: Sequence[str]) -> None:
    """Run a stage under each of these conditions varied alone; writes it into `result`.

    Raises:
        UnavailableError: a remote is needed and does not answer.
    """
    if result.execution is None or result.workspace is None:
        return
    failure = how_failed(result.execution)
    if failure:
        result.varied = tuple(Varied(condition=n, obstacle=failure) for n in names)
        return
    with laboratory(session, result, None) as lab:
        result.varied = tuple(await _all(lab, names))


def _able(results: Mapping[str, Result]) -> list[Result]:
    return [r for r in results.values() if r.execution and r.workspace and r.execution.succeeded]


def _asked(condition: Condition, names: Sequence[str]) -> bool:
    return condition.name in names or (
        condition.name.startswith("variable ") and "pass-env" in names
    )


async def _all(lab: Lab, names: Sequence[str]) -> list[Varied]:
    address, say = lab.result.stage.address, lab.session.progress.say
    say(f"{address}: does it vary by itself?")
    if not lab.site.own_root:
        await lab.rest_on("held", {})
    started = lab.runs, lab.seconds
    chance, clock = await _by_itself(lab)
    found = []
    if "random" in names:
        found.append(_told("random", "nothing varied", lab, started, chance, RANDOM_MEND))
    loose = frozenset(chance.differs) if chance else frozenset()
    for condition in lab.conditions:
        if not _asked(condition, names):
            continue
        if condition.name == "clock" and clock:
            found.append(_told("clock", "another time", lab, started, clock, condition.mend))
            continue
        say(f"{address}: varying {condition.name}")
        found.append(await _one(lab, condition, loose))
    if "pass-env" in names and not any(v.condition.startswith("variable ") for v in found):
        found.append(Varied(condition="pass-env", obstacle="the policy passes no variable on"))
    return found


async def _by_itself(lab: Lab) -> tuple[Look | None, Look | None]:
    """A run with nothing varied that differs, and one that differs by the clock alone."""
    look = None
    for number in range(_REPEATS):
        look = await repeat(lab, f"repeat-{number + 1}")
        if look and (look.differs or look.failed):
            break
    if look is None or not look.differs:
        return look, None
    cause = await by_itself(lab, look)
    if cause.condition != "clock":
        return look, None
    # From here on the clock stands still, so that nothing else is taken for it.
    still = await lab.run("clock-stands")
    return still, look


async def _one(lab: Lab, condition: Condition, loose: frozenset[str]) -> Varied:
    if condition.obstacle:
        return Varied(condition=condition.name, obstacle=condition.obstacle)
    started = lab.runs, lab.seconds
    look, label, failed = None, "", None
    for number, setting in enumerate(condition.settings):
        now = await lab.run(f"{_file_name(condition.name)}-{number + 1}", setting.changes)
        if now is None:
            break
        if condition.artificial and now.failed:
            failed = now.failed
            continue
        look, label = now, setting.label
        if set(now.differs) - loose or now.failed or condition.artificial:
            break
    if look is None:
        why = f"{failed}, perhaps for how it is varied" if failed else "no run could be made"
        return Varied(condition=condition.name, obstacle=why)
    if condition.name == "file-order" and not look.disarranged:
        why = "no folder listed its files in another order"
        return Varied(condition=condition.name, obstacle=why)
    return _told(condition.name, label, lab, started, look, condition.mend, loose)


def _told(
    name: str,
    setting: str,
    lab: Lab,
    started: tuple[int, float],
    look: Look | None,
    mend: str,
    loose: frozenset[str] = frozenset(),
) -> Varied:
    if look is None:
        return Varied(condition=name, obstacle="no run could be made")
    told = {path: how for path, how in look.outputs.items() if path not in loose}
    if loose and not told:
        return Varied(condition=name, obstacle="the outputs vary by themselves")
    found = Varied(
        condition=name,
        setting=setting,
        runs=lab.runs - started[0],
        seconds=round(lab.seconds - started[1], 3),
        outputs=cast("dict[str, Literal['equal', 'within tolerance', 'differs']]", told),
        files=look.files,
        failed=look.failed,
    )
    return found.model_copy(update={"mend": mend}) if found.matters else found


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[:60]
