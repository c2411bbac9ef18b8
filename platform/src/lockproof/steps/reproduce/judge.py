"""Compare what a stage made with what the lock claims, output by output."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lockproof.adapters.dvc.objects import Need
from lockproof.adapters.files import write_whole
from lockproof.adapters.patience import patience
from lockproof.compare.content import compare_content
from lockproof.config import Policy, ToleranceRule, matches_any
from lockproof.errors import UnavailableError
from lockproof.model.comparison import Difference
from lockproof.model.digest import Digest
from lockproof.model.environment import Environment
from lockproof.model.pipeline import Out, Stage
from lockproof.model.report import OutputReport
from lockproof.model.verdict import OutputVerdict, Verdict, worst

from .choice import stated
from .execution import Execution
from .session import Session, Workspace

_DESCRIBED_BYTES = 64 << 20
"""Outputs up to this size are fetched only to say what differs in them."""
_UNKNOWN = "which GPUs stages see is not known, and so not which tolerance counts"


@dataclass(frozen=True)
class Judgement:
    """What the outputs of one run of a stage came to."""

    verdicts: Mapping[str, OutputVerdict]
    differences: Mapping[str, tuple[Difference, ...]]
    observed: Mapping[str, Digest | None]

    @property
    def agrees(self) -> bool:
        """Whether every output is identical or within tolerance."""
        return all(verdict.verdict is Verdict.PASSED for verdict in self.verdicts.values())


def judge(session: Session, stage: Stage, execution: Execution, workspace: Workspace) -> Judgement:
    """Compare the outputs of one run with the locked ones.

    Raises:
        UnavailableError: a tolerance needs the locked content and the remote does not answer.
    """
    verdicts: dict[str, OutputVerdict] = {}
    differences: dict[str, tuple[Difference, ...]] = {}
    for out in stage.outs:
        observed = execution.outs.get(out.path)
        if out.external or out.locked is None:
            verdicts[out.path] = OutputVerdict.NOT_COMPARABLE
        elif out.path in execution.odd:
            verdicts[out.path] = OutputVerdict.DIFFERENT
            differences[out.path] = (Difference(summary=execution.odd[out.path]),)
        elif observed is None:
            verdicts[out.path] = OutputVerdict.MISSING
        elif observed == out.locked:
            verdicts[out.path] = OutputVerdict.IDENTICAL
        else:
            found = _by_content(session, stage, out, workspace)
            verdicts[out.path], differences[out.path] = found
    for out in stage.outs:
        if verdicts[out.path] in (OutputVerdict.DIFFERENT, OutputVerdict.NOT_COMPARABLE):
            verdicts[out.path] = _by_others(session.policy, out.path, verdicts)
    return Judgement(verdicts, differences, execution.outs)


def _by_content(
    session: Session, stage: Stage, out: Out, workspace: Workspace
) -> tuple[OutputVerdict, tuple[Difference, ...]]:
    rules = _on(session.policy, out, session.described)
    if rules is None:
        return OutputVerdict.NOT_COMPARABLE, (Difference(summary=_UNKNOWN),)
    if not rules and (out.size or 0) > _DESCRIBED_BYTES:
        return OutputVerdict.DIFFERENT, ()
    locked = None
    with contextlib.ExitStack() as stack:
        if not rules:
            # Without a tolerance the content only serves the description.
            stack.enter_context(contextlib.suppress(UnavailableError))
        locked = locked_content(session, stage, out)
    if locked is None:
        summary = "the locked content cannot be had from the cache or the remote"
        verdict = OutputVerdict.NOT_COMPARABLE if rules else OutputVerdict.DIFFERENT
        return verdict, (Difference(summary=summary),)
    comparison = compare_content(
        out.path, locked, workspace.root / out.path, rules, patience().check
    )
    return comparison.verdict, comparison.differences


def tolerances(policy: Policy, out: Out, here: Environment | None) -> tuple[ToleranceRule, ...]:
    """Those of them that count in this environment; none where it is not known which do."""
    return _on(policy, out, here) or ()


def _on(policy: Policy, out: Out, here: Environment | None) -> tuple[ToleranceRule, ...] | None:
    folder = bool(out.locked and out.locked.is_dir)
    return policy.tolerances_on(here, out.path, folder=folder)


def _by_others(policy: Policy, path: str, verdicts: Mapping[str, OutputVerdict]) -> OutputVerdict:
    rule = policy.judges_of(path)
    if rule is None:
        return verdicts[path]
    judges = [v for p, v in verdicts.items() if p != path and matches_any(p, rule.by)]
    standing = worst(v.verdict for v in judges)
    if standing is Verdict.PASSED:
        return OutputVerdict.WITHIN_TOLERANCE
    if standing is Verdict.FAILED:
        return OutputVerdict.DIFFERENT
    return OutputVerdict.NOT_COMPARABLE


def locked_content(session: Session, stage: Stage, out: Out) -> Path | None:
    """A copy of an output as the lock names it, from the cache, the remote or Git; else None.

    Raises:
        UnavailableError: the remote does not answer.
    """
    assert out.locked is not None
    target = session.work / "locked" / out.locked.value / Path(out.path).name
    if target.exists():
        return target
    # Two stages may lock the same content under the same name: a part of it is never there.
    made = session.fresh("content")
    if out.cached:
        lost = session.store.fetch([Need(out, stage)])
        if lost or not session.store.copy(out.locked, out.path, made):
            return None
    else:
        content = session.git.read(session.commit, session.git_path(out.path))
        if content is None or out.locked.is_dir:
            return None
        write_whole(made, content)
    target.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):  # A folder that another has put there meanwhile.
        made.rename(target)
    return target


def reports(
    policy: Policy,
    stage: Stage,
    verdicts: Mapping[str, OutputVerdict],
    here: Environment | None,
) -> tuple[OutputReport, ...]:
    """The core's view of a stage's outputs, in order of path; `here` is where it runs."""
    found = []
    for out in sorted(stage.outs, key=lambda out: out.path):
        counts = next(iter(tolerances(policy, out, here)), None)
        others = (r.hardware for r in stated(policy, out) if r.hardware and not r.is_for(here))
        found.append(
            OutputReport(
                path=out.path,
                kind=out.kind,
                locked=out.locked,
                verdict=verdicts.get(out.path, OutputVerdict.NOT_CHECKED),
                tolerance=counts.tolerance if counts else None,
                hardware=counts.hardware if counts else None,
                other_hardware=tuple(dict.fromkeys(others)),
                judged_by=rule.by if (rule := policy.judges_of(out.path)) else (),
            )
        )
    return tuple(found)


def repeated(first: Judgement, others: Sequence[Judgement]) -> dict[str, OutputVerdict]:
    """Verdicts over several runs: an output that varies beyond its tolerance is so named."""
    verdicts = dict(first.verdicts)
    for path, verdict in first.verdicts.items():
        seen = {str(judgement.observed.get(path)) for judgement in (first, *others)}
        every = [judgement.verdicts[path] for judgement in (first, *others)]
        if len(seen) == 1:
            continue
        if all(v.verdict is Verdict.PASSED for v in every):
            verdicts[path] = OutputVerdict.WITHIN_TOLERANCE
        elif verdict is not OutputVerdict.MISSING:
            verdicts[path] = OutputVerdict.NONDETERMINISTIC
    return verdicts
