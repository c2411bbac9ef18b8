"""Following the advice of a finding, word for word: its commands are run, the rest done by hand.

A case breaks a repository, and its steps are what a reader of the message (and of the rule's page)
would do. A command comes out of the message itself, so that a message with another command, or one
that quotes a path so that a shell takes it apart, is another test.
"""

import re
import shlex
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from lockproof.cli.main import main
from lockproof.model.cause import CauseKind
from lockproof.model.finding import Finding, Severity
from lockproof.model.verdict import Verdict

from .good_project import Edit
from .pipelines import Project, prove
from .remotes import Remote

PAGES = Path(__file__).parents[2] / "docs" / "rules"
PROGRAMS = ("dvc", "git", "lockproof", "rm", "uv", "docker", "kubectl", "promtool")
_QUOTED = re.compile(rf"(?<![\w'])'(?=(?:{'|'.join(PROGRAMS)}) )")


def commands(message: str) -> list[str]:
    """The commands that a message quotes, each as a shell would be given it."""
    found = []
    for match in _QUOTED.finditer(message):
        start = at = match.end()
        while at < len(message):
            if message[at] == "'" and message[at - 1] in " =":  # A quoted argument.
                at = message.index("'", at + 1)
                while message.startswith("'\"'\"'", at):  # A quote in it, as shlex writes that.
                    at = message.index("'", at + 5)
            elif message[at] == "'":
                break
            at += 1
        found.append(message[start:at])
    return found


def page(rule: str) -> str:
    """What a rule's page says on how to mend it."""
    return (PAGES / f"{rule}.md").read_text("utf-8").partition("## How to fix")[2]


@dataclass
class Reader:
    """Whoever reads a finding and does what it says."""

    project: Project
    remote: Remote
    found: Finding
    more: str = ""
    """What else there is to read: the summary of a cause."""
    mlflow: bool = False
    """Whether the repository's MLflow is to take part."""
    run: list[str] = field(default_factory=list)
    """The quoted commands that were run."""

    @property
    def text(self) -> str:
        """Message and page, in one line."""
        return " ".join(f"{self.found.message} {self.more} {page(self.found.rule)}".split())

    def execute(self, command: str) -> None:
        """Run a command as a shell would; DVC and lockproof in this process, which is quicker."""
        words = shlex.split(command)
        lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        if list(lexer) != words or (set(command) & set("$`*?") and "'" not in command):
            self.project.run("sh", "-c", command)
        elif words[0] == "dvc":
            self.project.dvc(*words[1:])
        elif words[0] == "lockproof":
            # Its own run in MLflow is another test's business, and takes twenty seconds.
            words += ["--no-mlflow"] if words[1:] == ["record"] and not self.mlflow else []
            assert main(["-C", str(self.project.root), *words[1:]]) == 0, command
        else:
            self.project.run(*words)


class Step(NamedTuple):
    """One thing that the advice asks for."""

    words: str
    """What it is told by: the beginning of a quoted command, or words of message or page."""
    act: Callable[[Reader], None]
    is_command: bool = False


def run(start: str, **completed: str) -> Step:
    """Run the quoted command that begins so.

    Args:
        start: its first words.
        completed: what takes the place of a word in capitals, such as `URL`.
    """

    def act(reader: Reader) -> None:
        quoted = [c for c in commands(reader.found.message) if f"{c} ".startswith(f"{start} ")]
        assert quoted, f"{start!r} is not in: {reader.found.message}"
        command = start if start in quoted else quoted[0]
        reader.run.append(command)
        for name, value in completed.items():
            assert name in command.split(), (name, command)
            command = command.replace(name, value)
        reader.execute(command)

    return Step(start, act, True)


def said(words: str, edit: Edit) -> Step:
    """Do by hand what these words ask for."""

    def act(reader: Reader) -> None:
        assert words in reader.text, f"{words!r} is not in: {reader.text}"
        edit(reader.project, reader.remote)

    return Step(words, act)


def commit(words: str = "commit") -> Step:
    """Commit everything, as these words ask for."""

    def edit(project: Project, _: Remote) -> None:
        project.git("add", "-A")
        if project.git("status", "--porcelain"):
            project.commit("as advised")

    return said(words, edit)


def _delete(reader: Reader) -> None:
    match = re.search(r"delete (\S+(?:, \S+)*) there", reader.found.message)
    assert match, reader.found.message
    for path in match[1].split(", "):
        reader.remote.delete(path)


DELETED = Step("delete the object there", _delete)
"""Delete in the remote the objects that the message names."""


Look = Callable[[Project], Sequence[Finding]]


@dataclass(frozen=True)
class Case:
    """A repository with a finding, and the advice that mends it."""

    rule: str
    name: str
    edit: Edit
    steps: tuple[Step, ...]
    look: Look
    besides: tuple[str, ...] = ()
    """Quoted commands that are another way, which another case follows."""
    after: tuple[str, ...] = ()
    """Rules that find something once this is mended, each with advice of its own."""


THEN: Mapping[str, tuple[Step, ...]] = {
    "LP201": (run("dvc push"),),
}
"""How findings are mended that only show after another one."""


def follow(case: Case, project: Project, remote: Remote) -> None:
    """Break the repository, do what the finding says, and see that it is gone.

    Raises:
        AssertionError: it is not, or another error has come.
    """
    case.edit(project, remote)
    before = _weighty(case.look(project))
    found = next((f for f in before if f.rule == case.rule), None)
    assert found, [f"{f.rule} {f.message}" for f in before]
    assert "\n" not in found.message
    _do(case.steps, project, remote, found, case.besides)
    old = {f.fingerprint for f in before}
    left = _weighty(case.look(project))
    assert found.fingerprint not in {f.fingerprint for f in left}, found.message
    for rule in case.after:
        for more in [f for f in left if f.rule == rule]:
            _do(THEN[rule], project, remote, more, ())
        left = _weighty(case.look(project)) if any(f.rule == rule for f in left) else left
    new = [f"{f.rule} {f.message}" for f in left if f.fingerprint not in old]
    assert not new, (found.message, new)


def _do(
    steps: Sequence[Step],
    project: Project,
    remote: Remote,
    found: Finding,
    besides: Sequence[str],
) -> None:
    reader = Reader(project, remote, found)
    for step in steps:
        step.act(reader)
    ignored = [
        command
        for command in commands(found.message)
        if command not in reader.run and not command.startswith(tuple(besides))
    ]
    assert not ignored, f"{ignored} was not followed: {found.message}"


def _weighty(findings: Sequence[Finding]) -> list[Finding]:
    return [f for f in findings if f.severity is not Severity.NOTE]


class CauseCase(NamedTuple):
    """A repository whose output differs for a cause, and what its summary and finding advise."""

    kinds: Set[CauseKind]
    """The kind, or those between which it depends on how much is known."""
    edit: Edit
    steps: tuple[Step, ...]


def follow_cause(case: CauseCase, project: Project, remote: Remote) -> None:
    """Break the repository, do what cause and finding say, and see that it reproduces.

    Raises:
        AssertionError: the cause was not named, or it does not.
    """
    case.edit(project, remote)
    project.git("add", "-A")
    if project.git("status", "--porcelain"):
        project.commit("broken")
    report = prove(project)
    named = {cause.kind: cause for stage in report.stages for cause in stage.causes}
    kind = next((kind for kind in named if kind in case.kinds), None)
    assert kind, named
    worst = next(f for f in report.findings if f.rule in ("LP701", "LP702", "LP705", "LP707"))
    reader = Reader(project, remote, worst, more=named[kind].summary)
    for step in case.steps:
        step.act(reader)
    after = prove(project)
    assert after.verdict is Verdict.PASSED, (named[kind].summary, after.findings)
