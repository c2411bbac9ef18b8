"""The reproduction family: a passed `lockproof reproduce` for this very commit and lock.

Its proof is a report that the CI job hands over, or where there is none, one that is signed.
"""

from lockproof.model.check import Check
from lockproof.model.finding import Finding
from lockproof.model.verdict import Verdict
from lockproof.rules.catalog import finding

from .fitting import problems_of
from .interface import Outcome, Scene
from .proof import read_report
from .weigh import revoked_commit


def check(scene: Scene) -> Outcome:
    """Read the report that `--report` names, where the policy asks for one or one is given.

    Without one, signed proofs are looked for where the policy asks for a reproduction and has
    `[[trust]]`, or where `--proof` names one.

    Raises:
        UsageError: it cannot be read, or is one that the revision itself brings.
        UnavailableError: the remote, where signed proofs are, does not answer.
    """
    request, policy = scene.request, scene.policy
    required = policy.gate.reproduction == "required"
    if request.report is None and (request.proof or (required and policy.trust)):
        from .signed import signed_outcome

        return signed_outcome(scene)
    if request.report is None:
        problems = ["no report is given: hand over the CI job's artifact with --report"]
    else:
        problems = problems_of(scene, read_report(scene, request.report)[0])
    asked = required or request.report is not None
    findings = tuple(_found(scene, problem) for problem in problems) if asked else ()
    git, commit = scene.head.git, scene.head.commit
    revoked = revoked_commit(policy, commit, lambda c: git.blob(c, "")) if commit else None
    if asked and revoked is not None:
        findings += (finding("LP727", "the report", f"a report does not count: {revoked}"),)
    return Outcome(
        Check(
            name="reproduction",
            verdict=Verdict.PASSED if asked else Verdict.INCONCLUSIVE,
            checked=1 if request.report else 0,
            unit="report",
            summary="" if findings else "passed for this commit and lock",
            demanded=asked,
            not_checked=() if asked else ("[gate] reproduction is off and no report is given",),
        ),
        findings,
    )


def _found(scene: Scene, problem: str) -> Finding:
    subject = "the index" if scene.head.commit is None else "the revision"
    return finding("LP710", f"reproduction of {subject}", f"nothing proves it: {problem}")
