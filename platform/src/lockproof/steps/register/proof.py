"""What counts as a proof of a commit: what the gate would take for it, by the very same checks."""

from pathlib import Path

from lockproof.errors import ExitCode, LockproofError
from lockproof.model.digest import lock_digest
from lockproof.model.registration import Proof
from lockproof.model.report import Report
from lockproof.steps.gate.fitting import problems_of
from lockproof.steps.gate.interface import Scene
from lockproof.steps.gate.proof import read_report


class NotProvedError(LockproofError):
    """Nothing shows that the outputs of the commit are what its lock says."""

    exit_code = ExitCode.FAILED


def proof_by_report(scene: Scene, path: Path) -> tuple[Proof, Report]:
    """The proof that a report of `lockproof reproduce` is.

    Raises:
        NotProvedError: the gate would not take it for this commit and lock.
        UsageError: it cannot be read, is no report, or is one that the commit itself brings.
    """
    report, evidence = read_report(scene, path)
    problems = problems_of(scene, report)
    if problems:
        raise NotProvedError(
            f"nothing proves {(scene.head.commit or 'the index')[:12]}: {problems[0]}: make a"
            " report of this commit with 'lockproof reproduce --output FILE.json'"
        )
    assert scene.head.commit is not None
    return (
        Proof(
            commit=scene.head.commit,
            lock_digest=lock_digest(scene.reading.lock_files),
            verdict=report.verdict,
            evidence=evidence,
            kind="report",
            environment=report.host.environment,
        ),
        report,
    )
