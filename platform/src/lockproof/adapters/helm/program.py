"""The helm that renders charts: what is on PATH, kept from everything but what it is handed."""

import os
import shutil
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
"""For all the charts of one call."""
_LARGEST = 32 << 20
"""Bytes of all that a chart makes."""


@dataclass(frozen=True)
class Rendering:
    """One chart with its values."""

    files: Mapping[str, bytes]
    """The chart: POSIX path -> content. Either the files of a folder, or one archive."""
    chart: str
    """What of these helm is given: the archive's name, or a folder."""
    release: str
    namespace: str
    values: Sequence[bytes]
    """Files of values; the last wins."""
    kubernetes: str
    """The version that charts may ask for, such as `1.34`."""
    crds: bool = True


@dataclass(frozen=True)
class Rendered:
    """What helm made of it."""

    files: Mapping[str, bytes] | None
    """Path in the chart, which begins with the chart's name -> YAML; None where it refused."""
    refusal: str = ""


@dataclass(frozen=True)
class Helm:
    """A program that renders charts.

    It works in a folder that holds what it is handed and nothing else, finds no other program, no
    plugin, no network and no configuration, and never talks to a cluster.
    """

    command: str

    def render(self, jobs: Sequence[Rendering]) -> list[Rendered]:
        """Render charts, one after the other."""
        if not jobs:
            return []
        import anyio  # A tree without charts does not pay for it.

        return anyio.run(self._render, jobs)

    async def _render(self, jobs: Sequence[Rendering]) -> list[Rendered]:
        import anyio

        from lockproof.adapters.sandbox.detect import find_isolation

        isolation = await find_isolation()
        end = anyio.current_time() + _ALL_SECONDS
        made: list[Rendered] = []
        for job in jobs:
            if anyio.current_time() > end:
                made.append(Rendered(None, f"all charts took longer than {_ALL_SECONDS:.0f} s"))
                continue
            try:
                made.append(await self._one(job, isolation))
            except (LockproofError, OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                made.append(Rendered(None, f"helm cannot be given it: {reason}"))
        return made

    async def _one(self, job: Rendering, isolation: "Isolation") -> Rendered:
        from lockproof.adapters.sandbox.alone import run_alone

        with temporary_folder() as scratch:
            home = Path(os.path.realpath(scratch))
            made = home / "made"
            done, said = await run_alone(
                [[self.command, "template", *_laid(home, job), f"--output-dir={made}"]],
                home,
                shown=[Path(self.command)],
                variables={
                    **{
                        f"HELM_{name}_HOME": str(home / "helm" / name.lower())
                        for name in ("CONFIG", "CACHE", "DATA")
                    },
                    "HELM_PLUGINS": str(home / "no-plugins"),
                    "KUBECONFIG": str(home / "no-cluster"),
                },
                seconds=_SECONDS,
                largest=_LARGEST,
                isolation=isolation,
            )
            if done.timed_out:
                return Rendered(None, f"helm took longer than {_SECONDS:.0f} s")
            if done.exit_code != 0:
                return Rendered(None, _cleaned(said, home) or f"helm ended with {done.exit_code}")
            return _collected(made)


def find_helm() -> Helm | None:
    """The helm on PATH; None where there is none."""
    found = shutil.which("helm")
    return Helm(os.path.realpath(found)) if found else None


def _laid(home: Path, job: Rendering) -> list[str]:
    """Write down what helm needs; the words after `helm template`."""
    from lockproof.adapters.sandbox.alone import lay

    lay(home / "chart", job.files, "chart")
    words = [job.release, str(home / "chart" / job.chart), f"--namespace={job.namespace}"]
    words += [f"--kube-version={job.kubernetes}.0", "--skip-tests"]
    words += ["--include-crds"] if job.crds else []
    for number, content in enumerate(job.values):
        path = home / f"values-{number}.yaml"
        path.write_bytes(content)
        words.append(f"--values={path}")
    return words


def _collected(made: Path) -> Rendered:
    """What it wrote, which is not more than its bound in all."""
    files: dict[str, bytes] = {}
    left = _LARGEST
    for folder, names, found in os.walk(made):
        names.sort()
        for name in sorted(found):
            path = Path(folder, name)
            left -= path.lstat().st_size
            if left < 0:
                return Rendered(None, f"it makes more than {_LARGEST >> 20} MiB")
            files[path.relative_to(made).as_posix()] = path.read_bytes()
    return Rendered(files)


def _cleaned(said: str, home: Path) -> str:
    # Warnings come before; of an error itself helm 4 makes several lines.
    text = " ".join(f"\n{said}".rpartition("\nError: ")[2].split())
    text = text.replace(f"{home}/chart/", "").replace(f"{home}/", "")
    return text if len(text) <= 600 else f"{text[:300]} … {text[-300:]}"
