"""What a case of `answers.py` is, and how what lockproof says is held against its right answer."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import pytest

from lockproof.model.cause import CauseKind, Certainty
from lockproof.model.report import Report
from lockproof.model.verdict import Verdict

from .pipelines import Project, new_project, prove

VARIED = (CauseKind.CONDITION, CauseKind.NONDETERMINISM)
"""Kinds whose cause has a condition."""
STRENGTH = (Certainty.POSSIBLE, Certainty.LIKELY, Certainty.PROVEN)


class Grade(StrEnum):
    """How good an answer is."""

    RIGHT = "right"
    VERDICT_ONLY = "right verdict only"
    WRONG = "wrong"


@dataclass(frozen=True)
class Reason:
    """A cause that is true of a case."""

    kinds: tuple[CauseKind, ...]
    names: str = ""
    """A pattern that its subject, summary or evidence has to hold, in any case of letters."""
    at_most: Certainty = Certainty.PROVEN
    """The highest certainty that is honest."""
    at_least: Certainty = Certainty.POSSIBLE
    but_not: str = ""
    """A pattern that its subject and summary must not hold: a condition that has no part in it."""
    condition: str = ""
    """What an experiment has to have varied, where the cause is that outputs depend on it."""

    def fits(self, said: "Said") -> bool:
        """Whether what was said is this cause."""
        low, at, high = (STRENGTH.index(c) for c in (self.at_least, said.certainty, self.at_most))
        named = re.search(self.names, said.text, re.IGNORECASE | re.DOTALL)
        untrue = self.but_not and re.search(self.but_not, said.claim, re.IGNORECASE)
        varied = said.kind not in VARIED or said.condition == (self.condition or said.condition)
        right = named is not None and not untrue and varied
        return said.kind in self.kinds and low <= at <= high and right

    def __str__(self) -> str:
        """As the table shows it."""
        by = f" ({self.condition})" if self.condition else ""
        kinds = " or ".join(f"{kind}{by}" if kind in VARIED else kind for kind in self.kinds)
        return f"{kinds}, naming /{self.names}/" if self.names else kinds


@dataclass(frozen=True)
class Said:
    """A cause as lockproof states it."""

    stage: str
    kind: CauseKind
    subject: str
    certainty: Certainty
    claim: str
    """Subject and summary."""
    text: str
    """The claim with its evidence."""
    condition: str | None = None

    @property
    def shown(self) -> str:
        """As the table shows it: `proven nondeterminism (clock): out.txt`."""
        by = f" ({self.condition})" if self.condition else ""
        return f"{self.certainty} {self.kind}{by}: {self.subject}"


@dataclass(frozen=True)
class Answer:
    """The right answer."""

    verdict: Verdict
    reasons: tuple[tuple[Reason, ...], ...] = ()
    """Each of these must be named; of the alternatives of one, one is enough. No other cause may
    be said that is more than possible."""
    rules: tuple[str, ...] = ()
    """Rules that must find something."""
    told: str = ""
    """A pattern that findings, causes, their evidence or the end of a log have to hold."""
    never: tuple[str, ...] = ("altered", "was changed after the run")
    """Words that must not be said: nothing tells altering from an honest run elsewhere."""

    def __str__(self) -> str:
        """As the table shows it."""
        parts = [" or ".join(map(str, alternatives)) for alternatives in self.reasons]
        told = [f"told /{self.told}/"] if self.told else []
        return "; ".join([self.verdict.value, *parts, *self.rules, *told])


@dataclass(frozen=True)
class Case:
    """A repository, what was done to it, and the truth about it."""

    name: str
    done: str
    """What was done to it, for people."""
    build: Callable[[Path], Project]
    """Makes it in an empty folder; the result is what lockproof is run in."""
    answer: Answer
    author: Mapping[str, str | None] = field(default_factory=dict)
    """Variables of the person who made the lock; None: not set."""
    here: Mapping[str, str | None] = field(default_factory=dict)
    """Variables where lockproof runs."""
    request: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Judged:
    """An answer and its grade."""

    grade: Grade
    faults: tuple[str, ...]
    said: str
    """The verdict and causes, for people."""


def passed(*, told: str = "") -> Answer:
    """The commit makes what its lock says."""
    return Answer(Verdict.PASSED, told=told)


def failed(*reasons: Reason | tuple[Reason, ...], **more: object) -> Answer:
    """What the commit makes is not what its lock says, or it contradicts itself."""
    return _answer(Verdict.FAILED, reasons, more)


def inconclusive(*reasons: Reason | tuple[Reason, ...], **more: object) -> Answer:
    """Neither can be said."""
    return _answer(Verdict.INCONCLUSIVE, reasons, more)


def _answer(
    verdict: Verdict, reasons: tuple[Reason | tuple[Reason, ...], ...], more: Mapping[str, object]
) -> Answer:
    groups = tuple(r if isinstance(r, tuple) else (r,) for r in reasons)
    return Answer(verdict, groups, **more)  # type: ignore[arg-type]


def proven(kind: CauseKind, names: str) -> Reason:
    """A cause that experiments can show, and have to."""
    return Reason((kind,), names, at_least=Certainty.PROVEN)


def varies(condition: str, names: str, but_not: str) -> Reason:
    """The output is another each time; what makes it so must be named, and nothing else."""
    kinds, proven = (CauseKind.NONDETERMINISM,), Certainty.PROVEN
    return Reason(kinds, names, at_least=proven, but_not=but_not, condition=condition)


def depends(names: str, condition: str = "") -> Reason:
    """The output depends on where it is made, and on what must be named."""
    kinds = (
        *(CauseKind.CONDITION, CauseKind.NETWORK, CauseKind.ENVIRONMENT),
        *(CauseKind.NONDETERMINISM, CauseKind.UNDECLARED_INPUT),
    )
    return Reason(kinds, names, condition=condition)


UNKNOWN = Reason((CauseKind.UNKNOWN,), at_most=Certainty.POSSIBLE)
"""Nothing in the repository tells, and that is what has to be said."""


def new(base: Path, files: Mapping[str, str], *data: str, root: str = "project") -> Project:
    """A DVC project with these files, of which DVC tracks `data`; nothing is run or committed."""
    project = new_project(base, root)
    project.write(files)
    if data:
        project.dvc("add", "-q", *data)
    return project


def made(base: Path, files: Mapping[str, str], *data: str, root: str = "project") -> Project:
    """The same with its pipelines run, pushed and committed as a careful person does."""
    project = new(base, files, *data, root=root)
    remake(project, "first")
    return project


def remake(project: Project, message: str = "again", *argv: str) -> None:
    """`dvc repro` of all pipelines, push, commit."""
    project.dvc("repro", "-q", "-P", *argv)
    project.dvc("push", "-q")
    project.commit(message)


def cloned(project: Project, *argv: str) -> Project:
    """A fresh clone beside it: no cache, no work tree but Git's."""
    folder = project.root.with_name("clone")
    project.git("clone", "-q", *argv, f"file://{project.root}", str(folder))
    return Project(folder, project.remote)


def surrounded(patch: pytest.MonkeyPatch, variables: Mapping[str, str | None]) -> None:
    """Set variables until the patch ends."""
    for name, value in variables.items():
        if value is None:
            patch.delenv(name, raising=False)
        else:
            patch.setenv(name, value)


def build(case: Case, base: Path) -> Project:
    """The repository of a case, made by its author in an empty folder."""
    with pytest.MonkeyPatch.context() as patch:
        surrounded(patch, case.author)
        return case.build(base)


def ask(case: Case, project: Project) -> Judged:
    """Let lockproof reproduce it here, and judge what it says."""
    with pytest.MonkeyPatch.context() as patch:
        surrounded(patch, case.here)
        return judge(case.answer, prove(project, **case.request))


def causes_said(report: Report) -> tuple[Said, ...]:
    """Every cause of every stage, with its words."""
    found = []
    for stage in report.stages:
        host = report.host.stages.get(stage.address)
        for index, cause in enumerate(stage.causes):
            lines = [e.text for e in host.evidence if e.cause == index] if host else []
            claim = f"{cause.subject}\n{cause.summary}"
            text = "\n".join([cause.kind.value, claim, *lines])
            found.append(
                Said(
                    stage.address,
                    cause.kind,
                    cause.subject,
                    cause.certainty,
                    claim,
                    text,
                    cause.condition,
                )
            )
    return tuple(found)


def everything_said(report: Report) -> str:
    """All words for people, and the end of the logs of what failed."""
    lines = [f"{f.rule} {f.subject} {f.message}" for f in report.findings]
    lines += [said.text for said in causes_said(report)]
    for host in report.host.stages.values():
        lines += [f"{e.text} {e.detail or ''}" for e in host.evidence]
        lines.append(host.log_tail or "")
    return "\n".join(lines)


def judge(answer: Answer, report: Report) -> Judged:
    """Hold a report against the right answer."""
    said = causes_said(report)
    words = everything_said(report)
    rules = {finding.rule for finding in report.findings}
    faults = [
        f"not named: {' or '.join(map(str, alternatives))}"
        for alternatives in answer.reasons
        if not any(reason.fits(s) for reason in alternatives for s in said)
    ]
    right = [reason for alternatives in answer.reasons for reason in alternatives]
    faults += [
        f"untrue: {s.certainty} {s.kind} {s.subject}"
        for s in said
        if s.certainty is not Certainty.POSSIBLE and not any(reason.fits(s) for reason in right)
    ]
    faults += [f"must not say {word!r}" for word in answer.never if word in words]
    faults += [f"silent: {rule}" for rule in answer.rules if rule not in rules]
    if not re.search(answer.told, words, re.IGNORECASE | re.DOTALL):
        faults.append(f"does not tell /{answer.told}/")
    agrees = report.verdict is answer.verdict
    if not agrees:
        faults.insert(0, f"{report.verdict}, where {answer.verdict} is right")
    grade = Grade.WRONG
    if agrees:
        grade = Grade.VERDICT_ONLY if faults else Grade.RIGHT
    shown = [s.shown for s in said]
    told = sorted(rules - {"LP709"})
    return Judged(grade, tuple(faults), "; ".join([report.verdict.value, *shown, *told]))
