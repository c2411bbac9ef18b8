"""The helm that renders charts: what is on PATH, kept from everything but what it is handed."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lockproof.adapters.scratch import temporary_folder
from lockproof.errors import ConfigError, LockproofError

if TYPE_CHECKING:
    from lockproof.adapters.sandbox.isolation import Isolation

_SECONDS = 120.0
_ALL_SECONDS = 600.0
"""For all the charts of one call."""
_MEMORY = 4 << 30
"""Bytes of address space, where the machine has `prlimit`."""
_LARGEST = 32 << 20
"""Bytes of all that a chart makes."""
_TOLD = 64 << 10
"""Bytes of what it says that are read."""
_NOWHERE = "http://127.0.0.1:9"
"""The discard port: where the network cannot be cut, its HTTP client finds no way out."""


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
        from lockproof.adapters.sandbox.isolation import Isolated
        from lockproof.adapters.sandbox.job import Limits
        from lockproof.adapters.sandbox.run import run_programs
        from lockproof.adapters.sandbox.view import Mount, readable, system_view

        with temporary_folder() as scratch:
            home = Path(os.path.realpath(scratch))
            made, log = home / "made", home / "log"
            words = _laid(home, job)
            view = system_view(network=False).showing(
                [Mount(str(home), str(home), "write"), *readable([Path(self.command)])]
            )
            done = await run_programs(
                [[*_limited(), self.command, "template", *words, f"--output-dir={made}"]],
                cwd=home,
                env={
                    "PATH": str(home / "no-programs"),
                    "HOME": str(home),
                    **{
                        f"HELM_{name}_HOME": str(home / "helm" / name.lower())
                        for name in ("CONFIG", "CACHE", "DATA")
                    },
                    "HELM_PLUGINS": str(home / "no-plugins"),
                    "KUBECONFIG": str(home / "no-cluster"),
                    "HTTP_PROXY": _NOWHERE,
                    "HTTPS_PROXY": _NOWHERE,
                },
                log=log,
                limits=Limits(timeout=_SECONDS, network=False),
                isolated=Isolated(isolation.level, view),
            )
            if done.timed_out:
                return Rendered(None, f"helm took longer than {_SECONDS:.0f} s")
            if done.exit_code != 0:
                with log.open("rb") as file:
                    said = file.read(_TOLD).decode("utf-8", "replace")
                return Rendered(None, _cleaned(said, home) or f"helm ended with {done.exit_code}")
            return _collected(made)


def find_helm() -> Helm | None:
    """The helm on PATH; None where there is none."""
    found = shutil.which("helm")
    return Helm(os.path.realpath(found)) if found else None


def _limited() -> tuple[str, ...]:
    found = shutil.which("prlimit")
    return (found, f"--as={_MEMORY}", f"--fsize={_LARGEST}") if found else ()


def _laid(home: Path, job: Rendering) -> list[str]:
    """Write down what helm needs; the words after `helm template`."""
    for name, content in job.files.items():
        path = home / "chart" / name
        if ".." in path.parts or Path(name).is_absolute():
            raise ConfigError(f"{name} leads out of the chart")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
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
