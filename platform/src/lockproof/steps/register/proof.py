"""What counts as a proof of a commit: what the gate would take for it, by the very same checks."""

import json
from pathlib import Path

from lockproof.errors import ExitCode, LockproofError
from lockproof.model.digest import lock_digest
from lockproof.model.registration import Proof
from lockproof.model.report import Report
from lockproof.steps.gate.fitting import problems_of
from lockproof.steps.gate.interface import Scene
from lockproof.steps.gate.proof import read_report
from lockproof.steps.models import Model
from lockproof.steps.progress import Progress
from lockproof.steps.proofs.today import court_of, proof_of, weighed


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


def proof_by_signature(
    scene: Scene, model: Model, given: Path | None, progress: Progress
) -> tuple[Proof, Report, str]:
    """The proof that somebody signed whom the policy trusts, and its bundle in one line.

    Raises:
        NotProvedError: there is none for this model of this commit and lock.
        UsageError, ConfigError: the file of the proof, the policy or a key is not usable.
        UnavailableError: the remote, where proofs are, does not answer.
    """
    court = court_of(scene, progress)
    found, refused = weighed(court, given)
    outputs = {path: str(digest) for path, digest in model.digests.items()}
    counting = proof_of(found, model.rule.name, outputs)
    commit = court.scene.head.commit
    if counting is None or counting.verdict is None or commit is None:
        why = f" ({refused[0].why})" if refused else ""
        raise NotProvedError(
            f"no signed proof of {model.rule.name} at {(commit or 'the index')[:12]} counts{why}:"
            " make one with 'lockproof attest', or give a report with --report"
        )
    report = counting.verdict.report
    proof = Proof(
        commit=commit,
        lock_digest=lock_digest(court.scene.reading.lock_files),
        verdict=report.verdict,
        evidence=counting.sealed.digest,
        kind="signed proof",
        environment=report.host.environment,
    )
    # Of many lines, as other tools write a bundle, whoever serves it would read the first.
    return proof, report, json.dumps(json.loads(counting.sealed.line), separators=(",", ":"))
