"""The kustomize that builds: from the extra, or what is on PATH."""

import os
import shutil
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lockproof.adapters.scratch import temporary_folder
from lockproof.errors import LockproofError

if TYPE_CHECKING:
    from lockproof.adapters.sandbox.isolation import Isolation

_SECONDS = 120.0
_ALL_SECONDS = 600.0
"""For all the builds of one call."""
_LARGEST = 64 << 20
"""Bytes of one build."""
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

    def build(self, jobs: Sequence[Job]) -> list[Answer]:
        """Build kustomizations, as many at a time as there are processors."""
        if not jobs:
            return []
        import anyio  # A tree without kustomizations does not pay for it.

        return anyio.run(self._build, jobs)

    async def _build(self, jobs: Sequence[Job]) -> list[Answer]:
        import anyio

        from lockproof.adapters.sandbox.detect import find_isolation

        isolation = await find_isolation()
        answers: dict[int, Answer] = {}
        limit = anyio.CapacityLimiter(os.cpu_count() or 1)
        end = anyio.current_time() + _ALL_SECONDS

        async def one(number: int, job: Job) -> None:
            async with limit:
                if anyio.current_time() > end:
                    text = f"was not started: the builds took longer than {_ALL_SECONDS:.0f} s"
                    answers[number] = Answer(None, text, finished=False)
                    return
                try:
                    answers[number] = await self._one(job, isolation)
                except (LockproofError, OSError) as error:
                    reason = getattr(error, "strerror", None) or str(error)
                    answers[number] = Answer(None, f"cannot be given it: {reason}", finished=False)

        async with anyio.create_task_group() as group:
            for number, job in enumerate(jobs):
                group.start_soon(one, number, job)
        return [answers[number] for number in range(len(jobs))]

    async def _one(self, job: Job, isolation: "Isolation") -> Answer:
        import anyio

        from lockproof.adapters.sandbox.alone import run_alone

        with temporary_folder() as scratch:
            # Its messages name real paths.
            home = Path(os.path.realpath(scratch))
            root, output = home / "tree", home / "built.yaml"
            await anyio.to_thread.run_sync(_lay, root, job)
            done, said = await run_alone(
                [*self.command, "-o", output, root / job.folder],
                home,
                variables={},
                seconds=_SECONDS,
                largest=_LARGEST,
                isolation=isolation,
            )
            if done.timed_out:
                return Answer(None, f"took longer than {_SECONDS:.0f} s", finished=False)
            if done.exit_code == 0 and output.is_file():
                if output.stat().st_size > _LARGEST:
                    return Answer(None, f"makes more than {_LARGEST >> 20} MiB", finished=False)
                return Answer(output.read_bytes())
            if done.exit_code is None or done.exit_code > 128:
                return Answer(None, f"ended with code {done.exit_code}", finished=False)
            if _PANIC in said:
                return Answer(None, "crashed", finished=False)
            return Answer(None, _cleaned(said, root))


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


def _lay(root: Path, job: Job) -> None:
    from lockproof.adapters.sandbox.alone import lay

    (root / job.folder).mkdir(parents=True, exist_ok=True)
    lay(root, job.files, "repository")


def _cleaned(said: str, root: Path) -> str:
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("# ")]
    text = " ".join(" ".join(lines).split()).removeprefix("error: ").removeprefix("Error: ")
    return text.replace(f"{root}/", "").replace(str(root), ".")
