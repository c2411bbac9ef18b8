"""Runs a stage's shell commands under limits: time, network, and nothing left behind.

What they are worth depends on how the programs are kept apart (`isolation.Level`): with a root of
their own they hold an attacker as far as the kernel does; without, they keep a pipeline honest (it
cannot fetch what it does not declare) and a machine tidy, no more.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import anyio
from anyio.abc import Process

from lockproof.errors import ConfigError, LockproofError, UsageError

from .isolation import Isolated, Level
from .job import Limits, encoded_job
from .launcher import GRACE, HOPELESS
from .output import LastLine, drain, drain_rest

_SHELL_OPTIONS = {
    "bash": ("--noprofile", "--norc"),
    "zsh": ("--no-rcs",),
    "fish": ("--no-config",),
}
"""As DVC: a person's start-up files must not change what a command does."""


@dataclass(frozen=True)
class Completed:
    """How a list of commands ended."""

    exit_code: int | None
    """Of the last command that ran: 128+n if signal n ended it; 137 if there was too much of
    something; None if the time ran out."""
    timed_out: bool
    seconds: float
    """From the start of the first command until no process of any command was left."""
    network: str
    """`off`, `on (policy)` or `on (cannot be turned off: REASON)`."""
    isolation: Level = Level.NONE
    """What kept the commands apart from the machine."""
    refusal: str = ""
    """Why they could not be kept apart as asked; they have not run then."""
    over: tuple[str, int] | None = None
    """What they had too much of, as `Quota` names it, and how much; then all were ended."""
    unheld: tuple[str, ...] = ()
    """What of the quota could not be looked at here."""


async def run_commands(
    commands: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    shell: str,
    log: Path,
    limits: Limits,
    on_output: Callable[[str], None] | None = None,
    held: Sequence[int] = (),
    isolated: Isolated | None = None,
) -> Completed:
    """Run shell commands in order, until one fails.

    Their output, standard error included, goes to `log`, all of it, in constant memory; standard
    input is empty. `on_output` gets the last whole line a few times a second, safe to print.
    Processes that the commands leave running live until the last command has ended (so a server
    that the first one starts serves the second) and are then ended. When the time is up or the
    caller is cancelled, all get SIGTERM and `GRACE` seconds later SIGKILL; when lockproof is
    killed they get SIGKILL at once. On Linux this reaches every descendant, on other systems the
    process group of each command. `held` are descriptors that stay open until the last process
    has ended, even if lockproof is killed before: a file lock that one of them holds protects what
    the commands write to. Where `isolated` gives them a root of their own, `cwd`, the variables and
    the shell are paths in it.

    Raises:
        ConfigError: the shell cannot be run.
        UsageError: `cwd` is not a folder, or the log cannot be written (the disk is full).
    """
    found = shutil.which(shell, path=env.get("PATH", os.defpath))
    if found is None:
        raise ConfigError(f"cannot run the shell '{shell}': not found; see run.shell")
    start = (found, *_SHELL_OPTIONS.get(Path(shell).name.lower(), ()), "-c")
    return await run_programs(
        [(*start, command) for command in commands],
        cwd=cwd,
        env=env,
        log=log,
        limits=limits,
        on_output=on_output,
        held=held,
        isolated=isolated,
    )


async def run_programs(
    programs: Sequence[Sequence[str | os.PathLike[str]]],
    *,
    cwd: Path,
    env: Mapping[str, str],
    log: Path,
    limits: Limits,
    on_output: Callable[[str], None] | None = None,
    held: Sequence[int] = (),
    isolated: Isolated | None = None,
) -> Completed:
    """As `run_commands`, without a shell: each program is an absolute path and its arguments."""
    job = encoded_job(programs, cwd, env, limits, isolated)
    start = time.monotonic()
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        file = log.open("wb", buffering=0)
    except OSError as error:
        raise UsageError(f"cannot write the log {log}: {error.strerror}") from error
    with file:
        run = _Run(file, LastLine(on_output), limits.quota.disk)
        await run.go(job, limits.timeout, held)
    run.line.flush()
    if run.disk_error:
        reason = run.disk_error.strerror
        raise UsageError(f"cannot write the log {log}: {reason}; the commands were stopped")
    seconds = time.monotonic() - start
    refusal = run.said("refused")
    if refusal:
        return Completed(127, False, seconds, "off", refusal=refusal)
    exit_code, network = run.outcome(cwd, programs[0][0] if programs else "")
    level = Level(run.said("isolation") or Level.NONE)
    return Completed(
        exit_code,
        exit_code is None,
        seconds,
        network,
        level,
        over=run.over(),
        unheld=tuple(run.said("unheld").split()),
    )


@dataclass
class _Run:
    """One launcher process and what is learnt from it."""

    file: BinaryIO
    line: LastLine
    most: int
    """Bytes of the log; 0: no bound."""
    logged: int = 0
    status: bytearray = field(default_factory=bytearray)
    disk_error: OSError | None = None
    late: bool = False
    returncode: int = 0
    patience: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    async def go(self, job: bytes, timeout: float | None, held: Sequence[int]) -> None:
        """Start the launcher, give it the job, come back when it and all below it have ended."""
        job_end, output_end, status_end = os.pipe(), os.pipe(), os.pipe()
        given, kept = (
            (job_end[0], output_end[1], status_end[1]),
            (job_end[1], output_end[0], status_end[0]),
        )
        with ExitStack() as stack:
            for end in kept:
                stack.callback(os.close, end)
                os.set_blocking(end, False)
            try:
                with anyio.CancelScope(shield=True):
                    process = await _start_launcher(*given, held)
            finally:
                for end in given:
                    os.close(end)
            if timeout is not None:
                self.patience.deadline = anyio.current_time() + timeout
            try:
                await self._attend(process, job, *kept)
            finally:
                drain_rest(output_end[0], self._log)
                drain_rest(status_end[0], self.status.extend)
            self.returncode = process.returncode or 0
            self.late = self.patience.cancelled_caught

    async def _attend(
        self, process: Process, job: bytes, lifeline: int, output: int, status: int
    ) -> None:
        # Output is collected on while the processes are being stopped: one that has to write
        # before it can end must not wait for a reader.
        collecting = anyio.CancelScope(shield=True)

        async def collect() -> None:
            with collecting:
                async with anyio.create_task_group() as collectors:
                    collectors.start_soon(drain, output, self._log)
                    collectors.start_soon(drain, status, self.status.extend)
                    collectors.start_soon(self.line.keep_showing)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(collect)
            sent = False
            try:
                with self.patience:
                    sent = await _send(lifeline, job)
                    await process.wait()
            finally:
                with anyio.CancelScope(shield=True):
                    await _stop(process, graceful=sent)
                collecting.cancel()

    def _log(self, chunk: bytes) -> None:
        self.line.feed(chunk)
        self.logged += len(chunk)
        if 0 < self.most < self.logged:
            self.patience.cancel()
        elif self.disk_error is None:
            try:
                while chunk:
                    chunk = chunk[self.file.write(chunk) :]
            except OSError as error:
                self.disk_error = error
                self.patience.cancel()

    def over(self) -> tuple[str, int] | None:
        """What there was too much of, and how much."""
        if 0 < self.most < self.logged:
            return "disk", self.logged
        what, _, amount = self.said("over").partition(" ")
        return (what, int(amount)) if what else None

    def said(self, what: str) -> str:
        """What a status line says after its first word; empty where there is none."""
        lines = self.status.decode("utf-8", "replace").splitlines()
        found = (line.partition(" ")[2] for line in lines if line.partition(" ")[0] == what)
        return next(found, "")

    def outcome(self, cwd: Path, shell: str | os.PathLike[str]) -> tuple[int | None, str]:
        """Exit code (None: the time ran out) and network, from the launcher's status lines."""
        lines = [line.split(" ", 2) for line in self.status.decode().splitlines()]
        said = {line[0]: line[1:] for line in lines}
        if "failed" in said:
            what, number = said["failed"]
            reason = os.strerror(int(number))
            if what == "cwd":
                raise UsageError(f"cannot work in {cwd}: {reason}")
            raise ConfigError(f"cannot run a command with {os.fspath(shell)}: {reason}")
        match said.get("network", ["off"]):
            case ["on", "policy"]:
                network = "on (policy)"
            case ["on", reason]:
                network = f"on (cannot be turned off: {reason})"
            case _:
                network = "off"
        if self.over():
            return 128 + signal.SIGKILL, network
        if "exit" in said:
            return int(said["exit"][0]), network
        if self.late:
            return None, network
        if "stopped" in said:
            return 128 + signal.SIGTERM, network
        if self.returncode >= 0:
            raise LockproofError(f"the launcher of stage commands failed: {self.returncode}")
        # Somebody killed the launcher, and with it the shell: end what the shell had started.
        with suppress(ProcessLookupError, PermissionError, KeyError):
            os.killpg(int(said["started"][0]), signal.SIGKILL)
        return 128 - self.returncode, network


async def _start_launcher(job: int, output: int, status: int, held: Sequence[int]) -> Process:
    script = Path(__file__).with_name("launcher.py")
    descriptors = [status, *held]
    try:
        return await anyio.open_process(
            [sys.executable, "-I", "-S", script, *map(str, descriptors)],
            stdin=job,
            stdout=output,
            stderr=output,
            pass_fds=descriptors,
            start_new_session=True,
            # What the commands may not see must not stand in /proc for them to read either.
            env={k: v for k, v in os.environ.items() if k.endswith("LD_LIBRARY_PATH")},
        )
    except OSError as error:
        raise UsageError(f"cannot start a process: {error.strerror}") from error


async def _send(descriptor: int, content: bytes) -> bool:
    rest = memoryview(content)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            await anyio.wait_writable(descriptor)
        except BrokenPipeError:
            return False
    return True


async def _stop(process: Process, *, graceful: bool) -> None:
    if graceful and process.returncode is None:
        process.terminate()
        with anyio.move_on_after(GRACE + HOPELESS + 5):
            await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
