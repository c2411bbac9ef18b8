"""What reproducing several revisions came to."""

from collections.abc import Iterable, Mapping

from lockproof.errors import ExitCode

from .base import Frozen
from .report import Report
from .verdict import Verdict

_WORST_FIRST = (
    *(ExitCode.FAILED, ExitCode.BUG, ExitCode.USAGE, ExitCode.UNAVAILABLE),
    *(ExitCode.INCONCLUSIVE, ExitCode.PASSED),
)


class Revision(Frozen):
    """One of them."""

    names: tuple[str, ...]
    """What it was called on the command line."""
    commit: str
    """Its full id."""
    verdict: Verdict | None = None
    """None where there is no report; `error` says why."""
    exit_code: int
    """What `lockproof reproduce` of this revision alone would have ended with."""
    error: str = ""
    """Why there is no report; empty where there is one."""
    stages: Mapping[str, int] = {}
    """Verdict, or `skipped` with the reason -> how many stages have it."""
    seconds: float | None = None
    """How long it took."""
    report: str | None = None
    """The folder with its `report.json` and `report.html`."""


class Revisions(Frozen):
    """All of them, in the order in which they were named."""

    tool: str
    """`lockproof` and its version."""
    revisions: tuple[Revision, ...]
    """Each commit once."""
    exit_code: int
    """The worst of theirs: failed, then a bug, no usable revision, a service that does not answer,
    inconclusive, passed."""


def worst_code(codes: Iterable[int]) -> int:
    """The worst of the exit codes of revisions; that of inconclusive where there are none."""
    known = list(codes)
    if not known:
        return ExitCode.INCONCLUSIVE
    # Nothing that it does not know comes to a pass.
    return min(known, key=lambda code: _WORST_FIRST.index(code) if code in _WORST_FIRST else 1)


def reported(names: tuple[str, ...], report: Report, folder: str) -> Revision:
    """What a report says of a revision.

    Args:
        names: what the revision was called.
        report: its report.
        folder: where that was left.
    """
    stages: dict[str, int] = {}
    for stage in report.stages:
        kind = f"skipped: {stage.skipped.value}" if stage.skipped else stage.verdict.value
        stages[kind] = stages.get(kind, 0) + 1
    return Revision(
        names=names,
        commit=report.subject.commit or "",
        verdict=report.verdict,
        exit_code=report.verdict.exit_code,
        stages=stages,
        seconds=report.timing.seconds,
        report=folder,
    )
