"""`--vary`: what would differ elsewhere, before there is trouble; a table of conditions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

from lockproof.compare.conditions import Dependence
from lockproof.model.report import Varied
from lockproof.steps.reproduce.result import Result
from lockproof.steps.reproduce.session import Session

from .confirm import confirm
from .control import SHOWN_TOGETHER, VARIABLES, Controls
from .itself import RANDOM_MEND, by_itself
from .known import Condition
from .lab import Lab, Look, how_failed, laboratory
from .plan import Pair, Plan, allowed, file_name, plan
from .steady import repeat


def cost(session: Session, results: Mapping[str, Result], names: Sequence[str], jobs: int) -> str:
    """What varying these conditions will cost, in words."""
    runs, seconds, count = 0, 0.0, 0
    for result in results.values():
        if not _able(result):
            continue
        with laboratory(session, result, None) as lab:
            planned = min(_plan(lab, names).runs, allowed(session))
        runs += planned
        seconds += planned * _usual(result)
        count += 1
    at_once = max(1, min(jobs, count))
    return (
        f"varying {len(names)} condition{'s' * (len(names) != 1)}: {runs} runs of {count}"
        f" stage{'s' * (count != 1)}, about {seconds / at_once:.0f} s with {at_once} at a time;"
        f" more where outputs differ, at most {allowed(session)} runs a stage"
    )


async def vary(session: Session, result: Result, names: Sequence[str]) -> None:
    """Find out which of these conditions a stage's outputs depend on; writes it into `result`.

    Raises:
        UnavailableError: a remote is needed and does not answer.
    """
    if result.execution is None or result.workspace is None:
        return
    failure = how_failed(result.execution)
    if failure:
        result.varied = tuple(Varied(condition=n, obstacle=failure) for n in names)
        return
    with laboratory(session, result, allowed(session)) as lab:
        table = _Table(lab, names, _plan(lab, names))
        await table.fill()
        result.varied = tuple(table.rows())
        result.varied_runs = lab.runs


def longest_first(results: Mapping[str, Result]) -> list[Result]:
    """So that the longest is not what everybody waits for in the end."""
    return sorted(results.values(), key=_usual, reverse=True)


def _able(result: Result) -> bool:
    return bool(result.execution and result.workspace and result.execution.succeeded)


def _usual(result: Result) -> float:
    return sum(result.execution.seconds.values()) if result.execution else 0.0


def _plan(lab: Lab, names: Sequence[str]) -> Plan:
    return plan(lab.site, names, _usual(lab.result), allowed(lab.session))


@dataclass
class _Tried:
    """What came of one condition so far."""

    runs: int = 0
    seconds: float = 0.0
    """Its share of the time of runs in which others were varied too."""
    quiet: Look | None = None
    """The last run in which nothing else came out."""
    labels: tuple[str, ...] = ()
    """With what that was so."""
    named: tuple[str, Look] | None = None
    """With what, and how, outputs came out otherwise."""
    open: bool = False
    """Whether something else came out the last time, and perhaps for another condition."""
    obstacle: str = ""


class _Table:
    """Runs that vary conditions, and what they say of each."""

    def __init__(self, lab: Lab, names: Sequence[str], planned: Plan) -> None:
        self.lab, self.names, self.plan = lab, names, planned
        wanted = [*(c for each in planned.rounds for c, _ in each), *planned.alone]
        self.tried = {c.name: _Tried() for c in wanted}
        self.chance = _Tried()
        """Whether outputs vary by themselves."""
        self.loose: set[str] = set()
        """Outputs that do."""
        self.controls = Controls(lab)
        self.shown: dict[str, set[str]] = {name: set() for name in self.tried}
        """Condition -> outputs that show how it is set."""
        self.held: tuple[Dependence, Look] | None = None
        """What else varies by itself depends on, and a run that differed by that alone."""

    async def fill(self) -> None:
        """Make the runs."""
        await self._by_itself()
        self.chance.runs, self.chance.seconds = self.lab.runs, self.lab.seconds
        if self.chance.quiet and self.chance.quiet.failed:
            for tried in self.tried.values():
                tried.obstacle = f"with nothing varied {self.chance.quiet.failed}"
            return
        for pairs in self.plan.rounds:
            await self._settle(pairs)
        for condition in self.plan.alone:
            if not (self.held and condition.name == self.held[0].condition):
                await self._one(condition)
        await self._environment()

    def _say(self, what: str) -> None:
        address = self.lab.result.stage.address
        planned = max(self.plan.runs, self.lab.runs + 1)
        self.lab.session.progress.say(f"{address}: run {self.lab.runs + 1} of {planned}: {what}")

    async def _run(self, pairs: Sequence[Pair]) -> Look | None:
        self._say(f"varying {', '.join(condition.name for condition, _ in pairs)}")
        label = f"varied-{file_name(pairs)}-{self.lab.runs}"
        look = await self.lab.run(label, *(setting.changes for _, setting in pairs))
        if look is None:
            return None
        if not self._is_quiet(look, pairs):
            await self.controls.variables([setting for _, setting in pairs])
        for condition, setting in pairs:
            tried = self.tried[condition.name]
            tried.runs += 1
            tried.seconds += look.seconds / len(pairs)
            tried.open = not self._is_quiet(look, pairs)
            if tried.open:
                continue
            tried.quiet = look
            if setting.label not in tried.labels:
                tried.labels += (setting.label,)
            if condition.name == "file-order" and not look.disarranged:
                tried.obstacle = "no folder listed its files in another order"
        return look

    def _is_quiet(self, look: Look, pairs: Sequence[Pair]) -> bool:
        known = self.loose.union(self.controls.shows, *(self.shown[c.name] for c, _ in pairs))
        return look.failed is None and not set(look.differs) - known

    def _by_chance(self, look: Look) -> None:
        self.chance.named = "nothing varied", look
        self.loose.update(look.differs)

    async def _by_itself(self) -> None:
        if not self.lab.site.own_root:
            # Another path is seen there: what was judged is no run to compare with.
            await self.lab.rest_on("held", {})
        look = None
        for number in range(self.plan.repeats):
            self._say("does it vary by itself?")
            look = await repeat(self.lab, f"repeat-{number + 1}") or look
            if look and (look.differs or look.failed):
                break
        self.chance.quiet = look
        if look and look.differs:
            await self._varies(look)

    async def _varies(self, look: Look) -> None:
        """Say by what outputs vary that differ in this run, in which nothing was varied."""
        causes = {each.condition: each for each in await by_itself(self.lab, look)}
        held = next((each for name, each in causes.items() if name != "random"), None)
        if held is None:
            self._by_chance(look)
            return
        if "random" in causes:
            self.chance.named = "nothing varied", look
            self.loose.update(causes["random"].outputs)
        # From here on it is held, as by a clock that stands still: nothing else is taken for it.
        self.held = held, look
        still = await self.lab.run("held-still")
        self.chance.quiet = still
        if still and still.differs:
            self._by_chance(still)

    async def _settle(self, pairs: Sequence[Pair]) -> bool:
        """Vary these at once, and in parts where outputs differ; whether one was named."""
        pairs = [pair for pair in pairs if not self.tried[pair[0].name].named]
        look = await self._run(pairs) if pairs else None
        if look is None or self._is_quiet(look, pairs):
            return False
        if len(pairs) == 1:
            return await self._confirm(pairs, look)
        half, moving = len(pairs) // 2, not self.held
        parts = [await self._settle(pairs[:half]), await self._settle(pairs[half:])]
        if moving and self.held:  # What differed did so before it was held.
            return any(parts) or await self._settle(pairs)
        # What matters together only is as much a dependence.
        return any(parts) or await self._confirm(pairs, look)

    async def _confirm(self, pairs: Sequence[Pair], look: Look) -> bool:
        """Whether it comes out so with these and not without; what does neither varies by chance.

        False where chance is all it was.
        """
        label = " with ".join(setting.label for _, setting in pairs)
        tried = [self.tried[condition.name] for condition, _ in pairs]
        shown = await self._only_shown(pairs, look)
        if self._is_quiet(look, pairs):
            for each in tried:
                each.quiet, each.open = look, False
            return False
        self._say(f"making sure that it is {label}")
        found = await confirm(
            self.lab,
            look,
            lambda _: self._run(pairs),
            lambda number: self.lab.run(f"nothing-varied-{number}"),
            loose=frozenset(self.loose | shown),
        )
        timed = False
        if found.moved and not self.held:
            await self._varies(found.moved)
            timed = bool(self.held)
            if timed and not found.holds:
                # It is held now: what the moment did is no longer in the way.
                return await self._settle(pairs)
        for each in tried:
            each.open = bool(found.ended)
            if found.ended:
                each.obstacle = f"outputs differed with {label}, and {found.ended}"
        if found.ended:
            return True
        if found.strayed and not timed:
            self.chance.named = "nothing varied", look
            self.loose.update(found.strayed)
        # What is only shown is no answer, neither way.
        told = {p: "differs" if p in shown else how for p, how in found.look.outputs.items()}
        confirmed = replace(found.look, outputs=told)
        for each in tried:
            each.quiet = each.quiet or confirmed
        if found.holds:
            tried[0].named = label, confirmed
        return found.holds

    async def _only_shown(self, pairs: Sequence[Pair], look: Look) -> set[str]:
        """Outputs that differed and show how these are set."""
        if look.failed:
            return set()
        found = set[str]().union(*(self.shown[condition.name] for condition, _ in pairs))
        differing = {*look.differs} - self.loose - found
        found |= await self.controls.of([setting for _, setting in pairs], differing)
        for condition, _ in pairs:
            self.shown[condition.name] |= found
        return found

    async def _environment(self) -> None:
        """Whether outputs depend on which variables there are, where the control looks so."""
        async for each in self.controls.confirmed(frozenset(self.loose)):
            label, shown = each.setting.label, each.shown
            if shown.ended:
                told = f"outputs differed with {label}, and {shown.ended}"
                self.tried.setdefault(VARIABLES.name, _Tried(obstacle=told))
            elif shown.holds:
                self.tried[VARIABLES.name] = _Tried(1, named=(label, shown.look))
            if shown.moved and not self.held:
                await self._varies(shown.moved)
            elif shown.strayed:
                self.chance.named = "nothing varied", each.look
                self.loose.update(shown.strayed)

    async def _one(self, condition: Condition) -> None:
        """Vary a condition under which honest commands may fail for how it is varied."""
        tried = self.tried[condition.name]
        for setting in condition.settings:
            look = await self._run([(condition, setting)])
            if look is None:
                return
            if condition.artificial and look.failed:
                tried.obstacle = f"{look.failed}, perhaps for how it is varied"
                continue
            tried.obstacle = ""
            if not self._is_quiet(look, [(condition, setting)]):
                await self._confirm([(condition, setting)], look)
            return

    def rows(self) -> list[Varied]:
        """A row for each condition that was asked for."""
        found = []
        if "random" in self.names:
            found.append(self._row("random", RANDOM_MEND, self.chance))
        unvaried = {c.name: c.obstacle for c in self.plan.unvaried}
        for condition in (*self.lab.conditions, VARIABLES):
            name = condition.name
            if name in unvaried:
                found.append(Varied(condition=name, obstacle=unvaried[name]))
            elif name in self.tried:
                tried = self.tried[name]
                if self.held and name == self.held[0].condition:
                    held, look = self.held
                    tried = _Tried(1, look.seconds, named=(held.setting, look))
                found.append(self._row(name, condition.mend, tried))
        if "pass-env" in self.names and not any(v.condition.startswith("variable ") for v in found):
            found.append(Varied(condition="pass-env", obstacle="the policy passes no variable on"))
        return found

    def _row(self, name: str, mend: str, tried: _Tried) -> Varied:
        if tried.obstacle and not tried.named:
            return Varied(condition=name, obstacle=tried.obstacle)
        look = tried.named[1] if tried.named else tried.quiet
        if look is None or (tried.open and not tried.named):
            left = f"{allowed(self.lab.session)} runs ([reproduce] experiments)"
            return Varied(condition=name, obstacle=f"no run of {left} was left to tell")
        if name == "random":
            told = {p: "differs" if p in self.loose else how for p, how in look.outputs.items()}
        else:
            known = self.controls.shows.union(*self.shown.values())
            sure = name == VARIABLES.name or (self.held and name == self.held[0].condition)
            shown = set[str]() if sure else known & {*look.differs}
            told = {p: how for p, how in look.outputs.items() if p not in self.loose | shown}
            if shown and not told:
                return Varied(condition=name, obstacle=SHOWN_TOGETHER)
        if look.outputs and not told:
            return Varied(condition=name, obstacle="the outputs vary by themselves")
        found = Varied(
            condition=name,
            setting=tried.named[0] if tried.named else _labels(tried.labels),
            runs=tried.runs,
            seconds=round(tried.seconds, 3),
            outputs=cast("dict[str, Literal['equal', 'within tolerance', 'differs']]", told),
            files=look.files,
            failed=look.failed,
        )
        return found.model_copy(update={"mend": mend}) if found.matters else found


def _labels(labels: Sequence[str]) -> str:
    if not labels:
        return "nothing varied"
    return ", ".join(labels) if len(labels) < 3 else f"{labels[0]} to {labels[-1]}"
