"""Runs one lockproof command in a container and turns its ending into a typed result."""

import dataclasses
import enum
import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated

import dagger
from dagger import Doc, dag, field

from .sdk import object_type
from .settings import EXIT_CODE_FILE, REPORT_FILES, REPORTS, USER

SAID = "/tmp/lockproof-said"  # noqa: S108 - in a container of its own
"""Where a text lies that `end` says."""

NoFail = Annotated[bool, Doc("Return a verdict other than passed as a value, with its reports")]
Revision = Annotated[str, Doc("Commit, branch or tag")]
Base = Annotated[
    str | None, Doc("Ask the remotes that this commit defines, not those of the revision")
]
Bundle = Annotated[
    dagger.File | None, Doc("The signed proof; default: those beside the data, and in Git notes")
]

Option = str | int | list[str] | None


@dagger.enum_type
class Verdict(enum.Enum):
    """What a step has proved."""

    PASSED = "passed"
    """All of it."""
    FAILED = "failed"
    """The opposite of some of it."""
    INCONCLUSIVE = "inconclusive"
    """Nothing, or not everything."""


_BEFORE = (
    "To `dagger call`, credentials and servers are named before the function: "
    "`dagger call --remote-config file://.dvc/config.local gate`, --aws-…, --mlflow-…, "
    "--kubeconfig.\n"
)
HINTS = {
    "canary": "In the container localhost is the container: to `dagger call canary`, a Prometheus "
    "near you is --server tcp://localhost:9090, and then at http://prometheus:9090.\n"
}
"""Command -> what to add to its own message where a service does not answer.

It knows nothing of Dagger; for all others it is where their options stand.
"""
MISSING = "needs the extra"
"""What lockproof says in one line, or in a report, of what is not installed."""
UNAVAILABLE = 4
"""The exit code where an outside service does not answer."""
VERDICTS = {0: Verdict.PASSED, 1: Verdict.FAILED, 5: Verdict.INCONCLUSIVE}
"""The exit codes that come with a report. All others are an error of the call."""


@object_type
class Proof:
    """What a step proved: its verdict and its reports.

    All of it are fields: a function would be a call of its own, which an engine answers from its
    cache for whatever an earlier call has found.
    """

    step: Annotated[str, Doc("The command that ran")] = field()
    verdict: Annotated[Verdict, Doc("What it proved")] = field()
    exit_code: Annotated[
        int, Doc("The command's exit code: 0 passed, 1 failed, 5 inconclusive")
    ] = field()
    table: Annotated[str, Doc("The report as text for people")] = field()
    json: Annotated[
        dagger.File,
        Doc("The report for programs; docs/reference/report.schema.json describes it"),
    ] = field()
    html: Annotated[dagger.File, Doc("The report as one page, which needs no network")] = field()
    reports: Annotated[
        dagger.Directory, Doc("The report in every format, and the exit code in a file")
    ] = field()


def options(**given: Option) -> tuple[str, ...]:
    """Options of a command by name, each in one word, so that no value is taken for an option.

    True is an option without a value, None and False are none, a list is one for each item.
    """
    words: list[str] = []
    for name, value in given.items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(option)
        elif value is not None and value is not False:
            words += [f"{option}={one}" for one in (value if isinstance(value, list) else [value])]
    return tuple(words)


@dataclasses.dataclass(frozen=True)
class Command:
    """A lockproof command that ends with a report."""

    verb: str
    options: tuple[str, ...] = ()
    positional: tuple[str, ...] = ()

    def words(self) -> list[str]:
        """The command line, which writes the report in every format into `REPORTS`."""
        outputs = [f"--output={REPORTS}/{name}" for name in REPORT_FILES]
        # A verb that takes none refuses the separator as well.
        positional = ("--", *self.positional) if self.positional else ()
        return ["lockproof", self.verb, *self.options, *outputs, *positional]


async def prove(
    container: dagger.Container,
    command: Command,
    *,
    no_fail: bool,
    fuller: Callable[[], Awaitable[dagger.Container]] | None = None,
) -> Proof:
    """Run a command in a container that is ready for it; whatever an engine has kept, anew.

    An engine keeps a failure and an outside service's error like a success, and the container
    says nothing of what lies outside: a remote, a server, the volume with earlier verdicts. Where
    the command misses an extra, it runs in the fuller container instead.

    Raises:
        dagger.ExecError: the command ended without a report, or its verdict is not passed and
            `no_fail` is not set. The error has the command's exit code, its message or table.
    """
    ran = _ran(container, command)
    code = await ran.exit_code()
    if fuller is not None and MISSING in await _said(ran, code):
        ran = _ran(await fuller(), command)
        code = await ran.exit_code()
    verdict = VERDICTS.get(code)
    if verdict is None:
        await end_as_it_said(ran, code, HINTS.get(command.verb, _BEFORE))
    elif code and not no_fail:
        await end(ran, f"cat {REPORTS}/report.txt", code)
    assert verdict, "else it has ended"
    written = ran.directory(REPORTS)
    return Proof(
        step=command.verb,
        verdict=verdict,
        exit_code=code,
        table=await written.file("report.txt").contents(),
        json=written.file("report.json"),
        html=written.file("report.html"),
        reports=written.with_new_file(EXIT_CODE_FILE, f"{code}\n"),
    )


def _ran(container: dagger.Container, command: Command) -> dagger.Container:
    reports = fresh(container).with_directory(REPORTS, dag.directory(), owner=USER)
    return reports.with_exec(command.words(), expect=dagger.ReturnType.ANY)


async def _said(ran: dagger.Container, code: int) -> str:
    if code in VERDICTS:
        return await ran.file(f"{REPORTS}/report.json").contents()
    return await ran.stderr()


async def done(container: dagger.Container, words: list[str]) -> dagger.Container:
    """Run a command that ends without a report, anew, and wait for its end: it changes something.

    Raises:
        dagger.ExecError: it failed. The error has its exit code and its message.
    """
    ran = fresh(container).with_exec(words, expect=dagger.ReturnType.ANY)
    code = await ran.exit_code()
    if code:
        await end_as_it_said(ran, code)
    return ran


def fresh(container: dagger.Container) -> dagger.Container:
    """Make the engine run what follows once more, although it has seen the same before.

    For all whose answer depends on something outside: a remote, a server, a cluster, a volume.
    """
    return container.with_env_variable("LOCKPROOF_CALL", uuid.uuid4().hex)


async def end_as_it_said(ran: dagger.Container, code: int, hint: str = _BEFORE) -> None:
    """Fail with the exit code of a command and its message; the hint is for exit code 4.

    Raises:
        dagger.ExecError: always.
    """
    said = await ran.stderr() + (hint if code == UNAVAILABLE else "")
    await end(ran.with_new_file(SAID, said), f"cat {SAID} >&2", code)


async def end(container: dagger.Container, say: str, code: int) -> None:
    """Fail with an exit code, by an exec that says something; `say` is constant shell text.

    Only the error of an exec carries an exit code to whoever calls, the command line included.

    Raises:
        dagger.ExecError: always.
    """
    await container.with_exec(["sh", "-c", f"{say}; exit {code}"]).sync()
