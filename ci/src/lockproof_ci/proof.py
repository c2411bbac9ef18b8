"""Runs one lockproof command in a container and turns its ending into a typed result."""

import dataclasses
import enum
from typing import Annotated

import dagger
from dagger import Doc, dag, field

from .sdk import function, object_type
from .settings import EXIT_CODE_FILE, REPORT_FILES, REPORTS, USER

_SAID = "/tmp/lockproof-said"  # noqa: S108 - in a container of its own

NoFail = Annotated[bool, Doc("Return a verdict other than passed as a value, with its reports")]
Revision = Annotated[str, Doc("Commit, branch or tag")]
Base = Annotated[
    str | None, Doc("Ask the remotes that this commit defines, not those of the revision")
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


VERDICTS = {0: Verdict.PASSED, 1: Verdict.FAILED, 5: Verdict.INCONCLUSIVE}
"""The exit codes that come with a report. All others are an error of the call."""


@object_type
class Proof:
    """What a step proved: its verdict and its reports."""

    step: str = field()
    """The command that ran."""
    verdict: Verdict = field()
    """What it proved."""
    exit_code: int = field()
    """The command's exit code: 0 passed, 1 failed, 5 inconclusive."""
    reports: dagger.Directory = field()
    """The report in every format, and the exit code in a file."""

    @function()
    async def table(self) -> str:
        """The report as text for people."""
        return await self.reports.file("report.txt").contents()

    @function()
    def json(self) -> dagger.File:
        """The report for programs; docs/reference/report.schema.json describes it."""
        return self.reports.file("report.json")

    @function()
    def html(self) -> dagger.File:
        """The report as one page, which needs no network."""
        return self.reports.file("report.html")


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
        return ["lockproof", self.verb, *self.options, *outputs, "--", *self.positional]


async def prove(container: dagger.Container, command: Command, *, no_fail: bool) -> Proof:
    """Run a command in a container that is ready for it.

    Raises:
        dagger.ExecError: the command ended without a report, or its verdict is not passed and
            `no_fail` is not set. The error has the command's exit code, its message or table.
    """
    ran = container.with_directory(REPORTS, dag.directory(), owner=USER).with_exec(
        command.words(), expect=dagger.ReturnType.ANY
    )
    code = await ran.exit_code()
    verdict = VERDICTS.get(code)
    if verdict is None:
        await end(ran.with_new_file(_SAID, await ran.stderr()), f"cat {_SAID} >&2", code)
    elif code and not no_fail:
        await end(ran, f"cat {REPORTS}/report.txt", code)
    assert verdict, "else it has ended"
    reports = ran.directory(REPORTS).with_new_file(EXIT_CODE_FILE, f"{code}\n")
    return Proof(step=command.verb, verdict=verdict, exit_code=code, reports=reports)


async def end(container: dagger.Container, say: str, code: int) -> None:
    """Fail with an exit code, by an exec that says something; `say` is constant shell text.

    Only the error of an exec carries an exit code to whoever calls, the command line included.

    Raises:
        dagger.ExecError: always.
    """
    await container.with_exec(["sh", "-c", f"{say}; exit {code}"]).sync()
