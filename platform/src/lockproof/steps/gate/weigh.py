"""What signed proofs are worth for a revision, by the trusted policy."""

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from lockproof.config import FILE_NAME, Policy, RevokedRule, matches_any
from lockproof.errors import ConfigError, UsageError
from lockproof.model.canary_statement import CANARY
from lockproof.model.report import Report
from lockproof.model.sealed import Sealed
from lockproof.model.statement import PROVENANCE, SUMMARY, VerdictPredicate, subjects_of
from lockproof.parse.bundle import read_statement, read_verdict

from .fitting import about_another, contradicting
from .interface import Scene
from .signers import Refusal, Signer, signed_by

_AHEAD = timedelta(minutes=5)
"""How far a signer's clock may be before this one."""


@dataclass(frozen=True)
class Weighed:
    """One statement, and what became of it."""

    sealed: Sealed
    verdict: VerdictPredicate | None
    """None where it is of another kind, or could not be read."""
    signers: tuple[Signer, ...]
    """The signer, by each table of the policy that names it and takes this proof."""
    refused: tuple[Refusal, ...]

    @property
    def counts(self) -> bool:
        """Whether it is a verdict that proves something."""
        return self.verdict is not None and not self.refused


def weigh(
    scene: Scene, bundles: Sequence[Sealed], signers: Sequence[Signer], now: datetime | None = None
) -> list[Weighed]:
    """Look at each bundle of a proof; what is not right in one says nothing of the others.

    Args:
        scene: the revision that is to be proved, and the policy.
        bundles: as they were found.
        signers: those that the policy trusts.
        now: the time, with a time zone; default: the clock.
    """
    at = now or datetime.now(UTC)
    return [_weighed(scene, sealed, signers, at) for sealed in bundles]


def opened(sealed: Sealed, signers: Sequence[Signer]) -> Weighed:
    """Who signed a statement, and the verdict in it, which those of other kinds do not have.

    Refused is what is not signed, not readable, or about other outputs than it names.
    """
    by = signed_by(sealed, signers)
    if isinstance(by, Refusal):
        return Weighed(sealed, None, (), (by,))
    try:
        statement = read_statement(sealed)
        if statement.predicate_type in (PROVENANCE, SUMMARY, CANARY):
            return Weighed(sealed, None, by, ())
        verdict = read_verdict(statement)
    except ConfigError as error:
        return Weighed(sealed, None, by, (Refusal("LP721", str(error)),))
    said = [subject.model_dump() for subject in statement.subject]
    if said == subjects_of(verdict.outputs):
        return Weighed(sealed, verdict, by, ())
    text = "its subjects are not the outputs that its verdict names"
    return Weighed(sealed, verdict, by, (Refusal("LP725", text),))


def _weighed(scene: Scene, sealed: Sealed, signers: Sequence[Signer], now: datetime) -> Weighed:
    read = opened(sealed, signers)
    verdict, by = read.verdict, read.signers
    if verdict is None:
        return read
    head, policy = scene.head, scene.policy
    refused = list(
        revoked_by(policy, sealed, verdict, by[0], head.commit, lambda c: head.git.blob(c, ""))
    )
    refused += read.refused
    refused += _of_revision(scene, verdict)
    left, why = by_rule(verdict, by, now)
    refused += [] if left else why
    return Weighed(sealed, verdict, left or by, tuple(refused))


def revoked_by(
    policy: Policy,
    sealed: Sealed,
    verdict: VerdictPredicate,
    by: Signer,
    commit: str | None = None,
    tree_of: Callable[[str], str | None] = lambda commit: None,
) -> Iterator[Refusal]:
    """By what `[[revoked]]` takes a proof back.

    Args:
        policy: the trusted one.
        sealed: the statement.
        verdict: what it says.
        by: who signed it.
        commit: the one that is asked about, which may be another than the proof's.
        tree_of: Git's id of the tree of a commit, None where it is not known.
    """
    outputs = {out.sha256 for out in verdict.outputs}
    commits = {verdict.report.subject.commit, commit}
    for rule in policy.revoked:
        same = _is_about(rule, commits, verdict.tree, tree_of)
        named = {
            f"the key {by.fingerprint[:12]}": rule.key == by.fingerprint,
            f"this proof {sealed.digest[:12]}": rule.proof == sealed.digest,
            f"commit {(rule.commit or '')[:12]}": same,
            f"the output {(rule.output or '')[:12]}": rule.output in outputs,
        }
        for what, hit in named.items():
            if hit:
                yield Refusal("LP727", f"[[revoked]] of {FILE_NAME} names {what}: {rule.reason}")


def revoked_commit(policy: Policy, commit: str, tree_of: Callable[[str], str | None]) -> str | None:
    """Why nothing of a commit counts, whoever proved it; None where `[[revoked]]` leaves it.

    Args:
        policy: the trusted one.
        commit: its full id.
        tree_of: Git's id of the tree of a commit, None where it is not known.
    """
    tree = tree_of(commit)
    found = (rule for rule in policy.revoked if _is_about(rule, {commit}, tree, tree_of))
    rule = next(found, None)
    if rule is None:
        return None
    return f"[[revoked]] of {FILE_NAME} names commit {(rule.commit or '')[:12]}: {rule.reason}"


def not_told_by_reports(policy: Policy) -> tuple[str, ...]:
    """What of `[[revoked]]` a report without a signature cannot be held against; empty: nothing."""
    if all(rule.output is None for rule in policy.revoked):
        return ()
    return (
        f"[[revoked]] of {FILE_NAME} names outputs by their SHA-256, which a signed proof states"
        " and a report does not: whether it is about one of these is not known",
    )


def _is_about(
    rule: RevokedRule,
    commits: Collection[str | None],
    tree: str | None,
    tree_of: Callable[[str], str | None],
) -> bool:
    """Whether a rule names a commit: a merge or a squash of it is the same files by another id."""
    if rule.commit is None:
        return False
    return rule.commit in commits or (tree is not None and tree_of(rule.commit) == tree)


def by_rule(
    verdict: VerdictPredicate, by: Sequence[Signer], now: datetime
) -> tuple[tuple[Signer, ...], list[Refusal]]:
    """The tables by which the proof counts, and why it does not by the others."""
    left, why = [], []
    for signer in by:
        refusal = _too_old(verdict, signer, now)
        if refusal is None and not matches_any(verdict.model, signer.rule.models):
            text = f"{signer.name} may not prove the model {verdict.model!r}: see [[trust]] models"
            refusal = Refusal("LP723", text)
        if refusal is None:
            left.append(signer)
        else:
            why.append(refusal)
    return tuple(left), why


def _too_old(verdict: VerdictPredicate, signer: Signer, now: datetime) -> Refusal | None:
    try:
        at = datetime.strptime(verdict.signed_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return Refusal("LP721", f"its time is no RFC 3339 in UTC: {verdict.signed_at[:40]!r}")
    if at > now + _AHEAD:
        return Refusal("LP726", f"it is dated {verdict.signed_at}, which is yet to come")
    most = signer.rule.max_age
    if most is not None and now - at > timedelta(seconds=most):
        return Refusal(
            "LP726",
            f"it was signed at {verdict.signed_at}, longer ago than [[trust]] max-age allows:"
            " reproduce and attest again",
        )
    oldest = signer.rule.oldest_tool
    if oldest is not None and is_older(verdict.report.tool, oldest):
        return Refusal(
            "LP726",
            f"{verdict.report.tool} made it, which is older than [[trust]] oldest-tool {oldest}:"
            " reproduce and attest again",
        )
    return None


def of_models(scene: Scene, weighed: Sequence[Weighed]) -> list[Weighed]:
    """The same, where it matters who may prove the stages that make a model, and of which branch.

    The gate asks stage by stage, and takes of each proof what its signer may prove; it looks at
    what no branch has yet.
    """
    return [_of_model(scene, each) for each in weighed]


def _of_model(scene: Scene, weighed: Weighed) -> Weighed:
    if weighed.verdict is None or weighed.refused:
        return weighed
    left, refusal = of_stages(weighed.verdict, weighed.signers)
    merged = [signer for signer in left if _has_commit(scene, signer.rule.branch)]
    if merged:
        return replace(weighed, signers=tuple(merged))
    if left:
        branch = left[0].rule.branch
        text = (
            f"commit {(scene.head.commit or '')[:12]} is not part of the branch {branch}, which"
            " [[trust]] asks for, as this clone has it: merge it, or bring the branch as it is now"
            f" ('git fetch origin +{branch}:refs/remotes/origin/{branch}'; a shallow clone needs"
            " --unshallow too)"
        )
        return replace(weighed, refused=(Refusal("LP724", text),))
    return replace(weighed, refused=(refusal,))


def of_stages(
    verdict: VerdictPredicate, by: Sequence[Signer]
) -> tuple[tuple[Signer, ...], Refusal]:
    """The tables by which the stages that make the model may be proved, and why not by none."""
    stages = sorted({out.stage for out in verdict.outputs})
    left = tuple(s for s in by if all(matches_any(a, s.rule.stages) for a in stages))
    names = ", ".join(sorted({signer.name for signer in by}))
    text = f"{names} may not prove the stage {' and '.join(stages)}: see [[trust]] stages"
    return left, Refusal("LP723", text)


def _has_commit(scene: Scene, branch: str | None) -> bool:
    if branch is None:
        return True
    git, commit = scene.head.git, scene.head.commit
    for ref in (f"refs/remotes/origin/{branch}", f"refs/heads/{branch}"):
        with suppress(UsageError):
            return commit is not None and git.is_ancestor(commit, git.resolve(ref))
    return False


def is_older(tool: str, oldest: str) -> bool:
    """Whether `lockproof 0.1.0` is older than `0.2`; what says no version is older than all."""
    from packaging.version import Version

    try:
        return Version(tool.rpartition(" ")[2]) < Version(oldest)
    except ValueError:
        return True


def _of_revision(scene: Scene, verdict: VerdictPredicate) -> Iterator[Refusal]:
    report = _as_of(scene, verdict)
    other = about_another(scene, report)
    if other:
        yield from (Refusal("LP724", why) for why in other)
        return
    head = scene.head.read(scene.git_path(FILE_NAME))
    policy = hashlib.sha256(head).hexdigest() if head is not None else None
    if verdict.policy_digest != policy:
        yield Refusal("LP728", f"it was made with another {FILE_NAME} than the commit's")
    locked = {out.path: (s.address, out) for s in scene.pipeline.stages for out in s.outs}
    said = {out.path: out for stage in report.stages for out in stage.outputs}
    for output in verdict.outputs:
        address, out = locked.get(output.path, ("", None))
        if out is None or out.locked != output.locked or address != output.stage:
            yield Refusal("LP724", f"dvc.lock has {output.path} otherwise than the proof")
        elif output.path not in said or said[output.path].verdict is not output.verdict:
            yield Refusal("LP728", f"its two verdicts on {output.path} contradict each other")
    yield from (Refusal("LP728", why) for why in contradicting(scene, report))


def _as_of(scene: Scene, verdict: VerdictPredicate) -> Report:
    """The report; as one about this commit, where that has the very tree that was proved.

    A merge or a squash makes another commit of the same files, and a stage sees files only.
    """
    report, commit = verdict.report, scene.head.commit
    if commit is None or report.subject.commit == commit:
        return report
    if scene.head.git.blob(commit, "") != verdict.tree:
        return report
    subject = report.subject.model_copy(update={"commit": commit})
    return report.model_copy(update={"subject": subject})
