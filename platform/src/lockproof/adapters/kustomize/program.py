"""The kustomize that builds: from the extra, or what is on PATH."""

import os
import shutil
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lockproof.adapters.scratch import temporary_folder
from lockproof.errors import LockproofError

if TYPE_CHECKING:
    from lockproof.adapters.sandbox.isolation import Isolation
    from lockproof.adapters.sandbox.run import Completed

_SECONDS = 120.0
_ALL_SECONDS = 600.0
"""For all the builds of one call."""
_LARGEST = 64 << 20
"""Bytes of one build."""
_ALL_LARGEST = 256 << 20
"""Bytes of all the builds of one call."""
_TOGETHER = 16
"""Builds that one sandbox is made for: to make it takes as long as a small build."""
_VARIABLES = {"GOGC": "400", "GOMEMLIMIT": "1GiB"}
"""A build is short, and collecting garbage a third of it; near the limit Go collects more again."""
_SHELL = "/bin/sh"
_ONE = '"$@" 2> "$0.log"; echo $? > "$0.code"'
"""For a shell: run a build and write down how it ended, so that the next one follows."""
_TOLD = 64 << 10
"""Bytes of what a build says that are read."""
_TOLD_AFTER = 5.0
"""Seconds from one word of progress to the next."""
_PANIC = "\ngoroutine "


@dataclass(frozen=True)
class Job:
    """One build."""

    files: Mapping[str, bytes]
    """All that exists for it: POSIX path from the Git root -> content."""
    folder: str
    """The kustomization's, from the Git root."""


@dataclass(frozen=True)
class Answer:
    """What kustomize made of a job."""

    output: bytes | None
    """A stream of YAML documents; None where it refused."""
    refusal: str = ""
    """Its own words, with paths from the Git root."""
    finished: bool = True
    """Whether it ended by itself and within bounds; if not, nothing is known."""


@dataclass(frozen=True)
class Kustomize:
    """A program that builds kustomizations.

    It works in a folder that holds what it is handed and nothing else, finds no other program and
    no network, and reads no configuration: `git` for remote bases, plugins and charts are out of
    its reach, whatever a kustomization says. Where that can be had, it has a root of its own.
    """

    command: tuple[str, ...]

    def build(
        self, jobs: Sequence[Job], say: Callable[[str], None] = lambda text: None
    ) -> list[Answer]:
        """Build kustomizations, as many at a time as there are processors."""
        if not jobs:
            return []
        import anyio  # A tree without kustomizations does not pay for it.

        return anyio.run(self._build, jobs, say)

    async def _build(self, jobs: Sequence[Job], say: Callable[[str], None]) -> list[Answer]:
        import anyio

        from lockproof.adapters.sandbox.detect import find_isolation

        isolation = await find_isolation()
        at_once = os.cpu_count() or 1
        answers: dict[int, Answer] = {}
        limit = anyio.CapacityLimiter(at_once)
        end = anyio.current_time() + _ALL_SECONDS
        told, left = anyio.current_time(), _ALL_LARGEST

        def take(found: Mapping[int, Answer]) -> None:
            nonlocal told, left
            for number, answer in found.items():
                left -= len(answer.output or b"")
                answers[number] = answer if left >= 0 else _TOO_MUCH
            if anyio.current_time() - told > _TOLD_AFTER:
                told = anyio.current_time()
                say(f"built {len(answers)} of {len(jobs)}")

        async def some(group: Mapping[int, Job]) -> None:
            async with limit:
                if anyio.current_time() < end and len(group) > 1:
                    take(await self._together(group, isolation))
                for number in [number for number in group if number not in answers]:
                    if anyio.current_time() > end:
                        text = f"was not started: the builds took longer than {_ALL_SECONDS:.0f} s"
                        take({number: Answer(None, text, finished=False)})
                    else:
                        take({number: await self._alone(group[number], isolation)})

        size = max(1, min(_TOGETHER, len(jobs) // (2 * at_once)))
        numbered = list(enumerate(jobs))
        async with anyio.create_task_group() as tasks:
            for first in range(0, len(jobs), size):
                tasks.start_soon(some, dict(numbered[first : first + size]))
        return [answers[number] for number in range(len(jobs))]

    async def _alone(self, job: Job, isolation: "Isolation") -> Answer:
        """Build one, and say what became of it."""
        import anyio

        try:
            with temporary_folder() as scratch:
                # Its messages name real paths.
                home = Path(os.path.realpath(scratch))
                await anyio.to_thread.run_sync(_lay, home, {0: job})
                done, said = await self._run([self._words(home, 0, job)], home, isolation)
                if done.refusal:
                    return Answer(None, f"was not started: {done.refusal}", finished=False)
                if done.timed_out:
                    return Answer(None, f"took longer than {_SECONDS:.0f} s", finished=False)
                return _answer(home, 0, done.exit_code, said)
        except (LockproofError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            return Answer(None, f"cannot be given it: {reason}", finished=False)

    async def _together(
        self, jobs: Mapping[int, Job], isolation: "Isolation"
    ) -> Mapping[int, Answer]:
        """Build some in one sandbox; those that did not end by themselves are left out."""
        import anyio

        answers: dict[int, Answer] = {}
        try:
            with temporary_folder() as scratch:
                home = Path(os.path.realpath(scratch))
                await anyio.to_thread.run_sync(_lay, home, jobs)
                programs = [
                    [_SHELL, "-c", _ONE, home / str(number), *self._words(home, number, job)]
                    for number, job in jobs.items()
                ]
                await self._run(programs, home, isolation)
                for number in jobs:
                    code = _read(home / f"{number}.code").strip()
                    if code.isdecimal() and int(code) <= 128:
                        said = _read(home / f"{number}.log")
                        answers[number] = _answer(home, number, int(code), said)
        except (LockproofError, OSError):
            pass  # Each will be tried alone, and what comes of it is told.
        return {number: answer for number, answer in answers.items() if answer.finished}

    async def _run(
        self, programs: Sequence[Sequence[str | Path]], home: Path, isolation: "Isolation"
    ) -> "tuple[Completed, str]":
        from lockproof.adapters.sandbox.alone import run_alone

        return await run_alone(
            programs,
            home,
            shown=[Path(self.command[0])],
            variables=_VARIABLES,
            seconds=_SECONDS,
            largest=_LARGEST,
            isolation=isolation,
        )

    def _words(self, home: Path, number: int, job: Job) -> list[str | Path]:
        root = home / f"{number}.tree"
        return [*self.command, "-o", home / f"{number}.yaml", root / job.folder]


def _answer(home: Path, number: int, code: int | None, said: str) -> Answer:
    output = home / f"{number}.yaml"
    if code == 0 and output.is_file():
        if output.stat().st_size > _LARGEST:
            return Answer(None, f"makes more than {_LARGEST >> 20} MiB", finished=False)
        return Answer(output.read_bytes())
    if code is None or code > 128:
        return Answer(None, f"ended with code {code}", finished=False)
    if _PANIC in said:
        return Answer(None, "crashed", finished=False)
    return Answer(None, _cleaned(said, home / f"{number}.tree"))


_TOO_MUCH = Answer(
    None, f"makes, with the others, more than {_ALL_LARGEST >> 20} MiB", finished=False
)


def find_kustomize(scripts: str | None = None) -> Kustomize | None:
    """The extra's kubectl, else `kustomize` or `kubectl` on PATH; None where there is none.

    Args:
        scripts: where the extra puts programs; None: where this Python has its own.
    """
    own = shutil.which("kubectl", path=scripts or sysconfig.get_path("scripts"))
    if own:
        return Kustomize((own, "kustomize"))
    alone = shutil.which("kustomize")
    if alone:
        return Kustomize((os.path.abspath(alone), "build"))
    inside = shutil.which("kubectl")
    return Kustomize((os.path.abspath(inside), "kustomize")) if inside else None


def _lay(home: Path, jobs: Mapping[int, Job]) -> None:
    from lockproof.adapters.sandbox.alone import lay

    for number, job in jobs.items():
        root = home / f"{number}.tree"
        (root / job.folder).mkdir(parents=True, exist_ok=True)
        lay(root, job.files, "repository")


def _read(path: Path) -> str:
    """The beginning of a file; empty where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(_TOLD).decode("utf-8", "replace")
    except OSError:
        return ""


def _cleaned(said: str, root: Path) -> str:
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("# ")]
    text = " ".join(" ".join(lines).split()).removeprefix("error: ").removeprefix("Error: ")
    return text.replace(f"{root}/", "").replace(str(root), ".")
