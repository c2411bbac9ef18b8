"""Runs a command such as `dvc repro` as it would run anyway, and sees which stages it starts.

DVC starts every command of a stage with `$SHELL`. A stand-in of the same name notes the stage and
what it starts with, and becomes the shell: nothing that DVC fetches, restores or commits passes
for a run.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import FrameType

from lockproof.errors import UsageError

_PYTHON = re.compile(r"python(\d+(\.\d+)*)?")
_LAUNCHERS = {"uv", "uvx", "poetry", "pipenv", "conda", "mamba", "micromamba", "hatch", "pixi"}
_LAUNCHERS |= {"pdm", "rye", "docker", "podman", "apptainer", "singularity", "nix-shell", "nix"}
_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)


@dataclass(frozen=True)
class Sighting:
    """One command of a stage, as it started."""

    stage: str
    """As DVC calls it, from `started_in`: `train` or `sub/dvc.yaml:train`."""
    root: Path
    """The DVC root."""
    started_in: Path
    """Where DVC was started."""
    directory: Path
    """Where the command was started."""
    umask: int
    variables: Mapping[str, str]

    @property
    def address(self) -> str:
        """The stage as lockproof calls it: from the DVC root."""
        file, _, name = self.stage.rpartition(":")
        full = os.path.normpath(self.started_in / (file or "dvc.yaml"))
        path = os.path.relpath(full, self.root)
        return name if path == "dvc.yaml" else f"{path}:{name}"


@dataclass(frozen=True)
class Watched:
    """What became of a command."""

    exit_code: int
    """128+n where signal n ended it."""
    sightings: tuple[Sighting, ...]


def run_watched(command: Sequence[str], directory: Path, scratch: Path) -> Watched:
    """Run a command with this process's standard streams, and pass signals on to it.

    Args:
        command: the program and its arguments.
        directory: where it starts.
        scratch: an empty folder that the command's children can read and write.

    Raises:
        UsageError: it cannot be started.
    """
    variables = dict(os.environ)
    if variables.get("PYDANTIC_DISABLE_PLUGINS") == "__all__":
        del variables["PYDANTIC_DISABLE_PLUGINS"]  # The command line sets it for itself.
    shell = shutil.which(os.environ.get("SHELL") or "/bin/sh") or "/bin/sh"
    variables["SHELL"] = str(_stand_in(scratch, shell, was_set="SHELL" in os.environ))
    sys.stdout.flush()
    process: subprocess.Popen[bytes] | None = None
    waiting: list[int] = []

    def forward(number: int, _: FrameType | None) -> None:
        if process is None:
            waiting.append(number)
        elif process.poll() is None and not (number in _FROM_TERMINAL and _at_terminal()):
            process.send_signal(number)  # From a terminal it has come to the command already.

    with _handling(forward):
        try:
            process = subprocess.Popen(command, cwd=directory, env=variables)
        except OSError as error:
            raise UsageError(f"cannot run {command[0]}: {error.strerror or error}") from error
        for number in waiting:
            process.send_signal(number)
        code = process.wait()
    return Watched(code if code >= 0 else 128 - code, tuple(_sightings(scratch / "seen")))


def python_of(commands: Sequence[str], seen: Sighting) -> Path | None:
    """The Python that a stage's commands run with; None where it cannot be told from them."""
    search = seen.variables.get("PATH", os.defpath)
    words = [word for command in commands for word in _words(command)]
    if any(PurePosixPath(word).name in _LAUNCHERS for word in words):
        return None
    named = [word for word in words if _PYTHON.fullmatch(PurePosixPath(word).name)]
    for word in named or ["python3", "python"]:
        found = str(seen.directory / word) if "/" in word else shutil.which(word, path=search)
        if found and os.access(found, os.X_OK):
            return Path(found)
    return None


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def _stand_in(folder: Path, shell: str, *, was_set: bool) -> Path:
    (folder / "seen").mkdir()
    (folder / "shell").write_text(json.dumps([shell, was_set]), "utf-8")
    # A `#!` line holds one short path without spaces.
    python = folder / "python"
    python.symlink_to(sys.executable)
    program = folder / PurePosixPath(shell).name  # DVC chooses options by the name.
    source = Path(__file__).with_name("stand_in.py").read_text("utf-8")
    program.write_text(f"#!{python} -IS\n{source}", "utf-8")
    program.chmod(0o755)
    return program


def _at_terminal() -> bool:
    """Whether a terminal sends its signals to this process and so to the command as well."""
    for descriptor in (0, 1, 2):
        try:
            if os.tcgetpgrp(descriptor) == os.getpgrp():
                return True
        except OSError:
            continue
    return False


@contextmanager
def _handling(handler: "signal._HANDLER") -> Iterator[None]:
    before = {}
    for number in (*_FORWARDED, *_FROM_TERMINAL):
        old = signal.getsignal(number)
        # What is ignored, as under nohup, the command ignores too.
        if old != signal.SIG_IGN:
            before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _sightings(folder: Path) -> Iterator[Sighting]:
    for path in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns):
        said = json.loads(path.read_text("utf-8"))
        variables = dict(said["environment"])
        yield Sighting(
            stage=variables["DVC_STAGE"],
            root=Path(os.path.realpath(variables.get("DVC_ROOT", said["directory"]))),
            started_in=Path(said["started_in"]),
            directory=Path(said["directory"]),
            umask=said["umask"],
            variables=variables,
        )
