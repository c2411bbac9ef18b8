"""Runs of one stage that differ in what is varied and in nothing else."""

import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from lockproof.adapters.patience import patience
from lockproof.adapters.scratch import remove, temporary_folder
from lockproof.compare.content import compare_content
from lockproof.compare.folder import children, is_file
from lockproof.compare.interface import Unreadable
from lockproof.config import matches_any
from lockproof.errors import UsageError
from lockproof.model.base import sha256_of
from lockproof.model.digest import Digest
from lockproof.model.pipeline import Out
from lockproof.model.verdict import OutputVerdict, Verdict
from lockproof.steps.reproduce.execution import Execution, Setup
from lockproof.steps.reproduce.judge import Judgement, tolerances
from lockproof.steps.reproduce.order import can_reverse
from lockproof.steps.reproduce.result import Result
from lockproof.steps.reproduce.session import Session, Workspace
from lockproof.steps.reproduce.trial import trial
from lockproof.steps.reproduce.world import USUAL, World

from .known import Condition, Site, conditions

_FILES = 5
"""So many differing files of a directory are named."""
_PATIENCE = 30.0
"""Seconds beyond ten times its usual time that a command may take under an artificial condition."""
_ROOM = 64 << 20
"""Bytes to leave free where a checkout is laid out in memory."""


@dataclass(frozen=True)
class Look:
    """How one run compares with the one in which nothing is varied."""

    outputs: Mapping[str, str]
    """Output -> `equal`, `within tolerance` or `differs`."""
    files: tuple[str, ...]
    failed: str | None
    judgement: Judgement | None
    seconds: float
    disarranged: int = 0
    digests: Mapping[str, Digest | None] = field(default_factory=dict)
    """What it made, as far as it can be hashed."""

    @property
    def agrees(self) -> bool:
        """Whether it succeeded and gave what the lock names."""
        return self.failed is None and self.judgement is not None and self.judgement.agrees

    @property
    def differs(self) -> tuple[str, ...]:
        """Outputs that came out differently."""
        return tuple(path for path, how in self.outputs.items() if how == "differs")


@dataclass
class Lab:
    """Experiments on one stage; make it with `laboratory`."""

    session: Session
    result: Result
    left: int | None
    """How many runs are allowed; None: as many as are asked for."""
    site: Site
    outs: Mapping[str, Digest | None]
    """What the reference run made, as far as it can be hashed."""
    root: Path
    """The DVC root of the reference, where its outputs lie."""
    base: World
    ended: float = 0.0
    """When the reference run had ended, in seconds since 1970."""
    runs: int = 0
    seconds: float = 0.0
    _copies: list[Path] = field(default_factory=list)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What can be varied here, and what cannot."""
        return conditions(self.site)

    async def run(
        self, label: str, *changes: Mapping[str, object], setup: Setup | None = None
    ) -> Look | None:
        """Run the stage with these changes to the usual world; None where no run is left.

        `setup` stands in for its own.
        """
        return await self._run(label, changes, None, setup)

    async def has_moved(self) -> bool | None:
        """Whether by now other outputs come out with nothing changed, as when a minute begins.

        None: it is not known, as no run is left, or the command ends otherwise than it did.
        """
        assert self.result.execution is not None
        usual = await self.run("nothing-varied")
        if usual is None or usual.failed != how_failed(self.result.execution):
            return None
        return bool(usual.differs)

    async def rest_on(self, label: str, changes: Mapping[str, object]) -> Look | None:
        """Run the stage with these changes, which stay, and compare further runs with this one."""
        self._copies.append(Path(tempfile.mkdtemp(prefix="base-", dir=self.session.work)))
        look = await self._run(label, (changes,), self._copies[-1])
        if look and look.failed is None and look.judgement:
            self.base = self.base.but(**changes)
            self.outs, self.root = look.judgement.observed, self._copies[-1]
            self.ended = time.time()
        return look

    async def _run(
        self,
        label: str,
        changes: Sequence[Mapping[str, object]],
        keep: Path | None,
        setup: Setup | None = None,
    ) -> Look | None:
        if self.left is not None:
            if self.left <= 0:
                return None
            self.left -= 1
        world = self.base
        for change in changes:
            world = world.but(**change)
        setup = setup or self.result.setup
        assert setup is not None
        setup = replace(setup, world=world)
        seen: dict[str, str] = {}
        files: list[str] = []

        def look(execution: Execution, workspace: Workspace) -> None:
            seen.update(self._compare(execution, workspace, files))
            if keep:
                self._keep(workspace, keep)

        started = time.monotonic()
        failed: str | None = None
        judgement = None
        disarranged = 0
        try:
            ran = await trial(self.session, self.result.stage, setup, label, look)
            if ran is None:
                failed = "an input cannot be had"
            else:
                judgement, disarranged = ran[1], ran[0].disarranged
                failed = how_failed(ran[0])
        except UsageError as error:
            failed = str(error)
        self.runs += 1
        self.result.experiments += 1
        seconds = time.monotonic() - started
        self.seconds += seconds
        outputs = {path: seen.get(path, "differs") for path in self.outs}
        digests = judgement.observed if judgement else {}
        told = tuple(files[:_FILES])
        return Look(outputs, told, failed, judgement, seconds, disarranged, digests)

    def _compare(
        self, execution: Execution, workspace: Workspace, files: list[str]
    ) -> dict[str, str]:
        found = {}
        for out in self.result.stage.outs:
            if out.path not in self.outs:
                continue
            usual, now = self.outs[out.path], execution.outs.get(out.path)
            found[out.path] = "equal"
            if usual != now:
                found[out.path] = self._by_content(out, workspace, usual, now)
                if found[out.path] == "differs":
                    files += _files(out.path, self.root / out.path, workspace.root / out.path)
        for path, how in list(found.items()):
            judge = self.session.policy.judges_of(path)
            if how == "differs" and judge:
                others = [h for p, h in found.items() if p != path and matches_any(p, judge.by)]
                if others and "differs" not in others:
                    found[path] = "within tolerance"
        return found

    def _by_content(
        self, out: Out, workspace: Workspace, usual: Digest | None, now: Digest | None
    ) -> str:
        rules = tolerances(self.session.policy, out, self.session.described)
        if not rules or usual is None or now is None:
            return "differs"
        usual_one, this_one = self.root / out.path, workspace.root / out.path
        found = compare_content(out.path, usual_one, this_one, rules, patience().check)
        return "within tolerance" if found.verdict.verdict is Verdict.PASSED else "differs"

    def _keep(self, workspace: Workspace, folder: Path) -> None:
        for path in self.outs:
            source, target = workspace.root / path, folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True)
            elif source.is_file():
                shutil.copyfile(source, target)

    def close(self) -> None:
        """Remove what was kept."""
        for folder in self._copies:
            remove(folder)


def how_failed(execution: Execution) -> str | None:
    """How a run's command failed; None where it did not."""
    if execution.succeeded:
        return None
    if execution.completed.timed_out:
        return "the command ran into the time limit"
    if over := execution.completed.over:
        return f"the command was ended for its {over[0]}"
    return f"the command failed with exit code {execution.completed.exit_code}"


@contextmanager
def laboratory(session: Session, result: Result, left: int | None) -> Iterator[Lab]:
    """A place for experiments on a stage that has run; gone afterwards."""
    assert result.execution is not None
    assert result.workspace is not None
    name = f"held-{sha256_of(result.stage.address)[:12]}"
    # Without a root of their own stages see this path, so it must be the same for all.
    held = session.work / name / "checkout"
    with ExitStack() as stack:
        shelf = _shelf(session, result.workspace.folder, name, stack)
        usual = sum(result.execution.seconds.values())
        site = Site(session, result.workspace.folder, held, shelf, _PATIENCE + 10 * usual)
        held.parent.mkdir(exist_ok=True)
        stack.callback(remove, held.parent)
        lab = Lab(
            session,
            result,
            left,
            site,
            result.execution.outs,
            result.workspace.root,
            USUAL.but(folder=held),
            time.time(),
        )
        stack.callback(lab.close)
        yield lab


def _shelf(session: Session, folder: Path, name: str, stack: ExitStack) -> Path | None:
    """A new folder whose order of entries can be chosen, with room for a checkout."""
    if can_reverse(session.work):
        place = session.work / f"{name}-shelf"
        place.mkdir(exist_ok=True)
        stack.callback(remove, place)
        return place
    for base in (Path("/dev/shm"), Path(tempfile.gettempdir())):  # noqa: S108
        with suppress(OSError):
            free = os.statvfs(base)
            if free.f_bavail * free.f_frsize < 2 * _size(folder) + _ROOM:
                continue
            if can_reverse(base):
                return stack.enter_context(temporary_folder(base))
    return None


def _size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total


def _files(out: str, usual: Path, now: Path) -> list[str]:
    """Files in a directory output that differ, from the DVC root; none where it is a file."""
    if not (usual.is_dir() and now.is_dir()):
        return []
    found: Iterator[str] = (
        f"{out}/{child.path}"
        for child in children(usual, now)
        if child.locked is None or child.observed is None or not _same(child.locked, child.observed)
    )
    try:
        return list(islice(found, _FILES))
    except Unreadable:
        return []


def _same(one: Path, other: Path) -> bool:
    if not (is_file(one) and is_file(other)):
        return False
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as a, other.open("rb") as b:
        while chunk := a.read(1 << 20):
            if chunk != b.read(1 << 20):
                return False
    return True


def varies_by_seed(result: Result, paths: Collection[str]) -> None:
    """Have the first run's verdict on outputs that follow variables, of which each run has others.

    Runs have each another seed of hashes, and these outputs read it and nothing else of that.
    """
    first = result.judgements[0].verdicts
    result.verdicts = {
        path: first[path]
        if path in paths and verdict is OutputVerdict.NONDETERMINISTIC
        else verdict
        for path, verdict in result.verdicts.items()
    }


def varies_beyond(result: Result, paths: Sequence[str]) -> None:
    """Have the verdict on these outputs say that they vary from run to run."""
    result.verdicts = {
        path: OutputVerdict.NONDETERMINISTIC
        if path in paths and verdict is not OutputVerdict.MISSING
        else verdict
        for path, verdict in result.verdicts.items()
    }
