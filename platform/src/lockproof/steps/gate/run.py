"""The course of a gate, from a revision to a report."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lockproof import __version__
from lockproof.adapters.git.origin import origin_of
from lockproof.adapters.git.repository import GitRepository
from lockproof.adapters.git.snapshot import Snapshot
from lockproof.config import FILE_NAME, Policy, load_policy, parse_policy
from lockproof.errors import ConfigError, UnavailableError, UsageError
from lockproof.model.baseline import Baseline
from lockproof.model.changes import Changes, FolderChange
from lockproof.model.check import Check
from lockproof.model.digest import lock_digest
from lockproof.model.finding import Finding, Severity
from lockproof.model.report import Host, Report, Subject
from lockproof.model.verdict import Verdict, worst
from lockproof.rules import policy as rules
from lockproof.rules.together import together
from lockproof.steps.base import base_revision
from lockproof.steps.baseline import parse_baseline, write_baseline
from lockproof.steps.clock import Clock
from lockproof.steps.progress import Progress
from lockproof.steps.weighing import Weighing

from .interface import FamilyEntry, Outcome, Request, Scene
from .registry import FAMILIES
from .stages import stage_reports

_SEVERITIES = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


@dataclass(frozen=True)
class Gated:
    """The report, and what kept a family from looking."""

    report: Report
    unavailable: tuple[str, ...] = ()
    """One line for each outside service that did not answer."""


def gate(request: Request, progress: Progress) -> Gated:
    """Check what a revision claims, without running any of its code or fetching its data.

    Nothing is written, but for the baseline where that is asked for.

    Raises:
        UsageError: the repository, a revision or the policy is not usable.
    """
    clock = Clock()
    scene, policy_findings = open_scene(request, progress)
    outcomes: list[tuple[FamilyEntry, Outcome]] = []
    off: list[str] = []
    unavailable: list[str] = []
    for family in FAMILIES:
        if family.name in scene.policy.gate.off or rules.all_off(scene.policy, family.rules):
            off.append(f"{family.name}: switched off by {FILE_NAME}")
            continue
        if request.offline and family.outside:
            off.append(f"{family.name}: left to 'lockproof gate', since --staged asks nobody")
            continue
        try:
            outcome = family.load()(scene)
        except UnavailableError as error:
            unavailable.append(str(error))
            why = (f"it does not answer: {error}",)
            outcome = Outcome(
                Check(name=family.name, verdict=Verdict.INCONCLUSIVE, not_checked=why)
            )
        outcomes.append((family, outcome))
    if request.write_baseline:
        # What waivers and [rules] let pass needs no place in it.
        found = rules.weigh(_findings(outcomes), scene.policy, clock.started.date()).findings
        known = write_baseline(scene.root / scene.policy.gate.baseline, found)
    else:
        path = scene.git_path(scene.policy.gate.baseline)
        known = parse_baseline(scene.trusted.read(path), path)
    return Gated(_report(scene, outcomes, off, policy_findings, known, clock), tuple(unavailable))


def _findings(outcomes: Iterable[tuple[FamilyEntry, Outcome]]) -> list[Finding]:
    return [item for _, outcome in outcomes for item in outcome.findings]


def open_scene(request: Request, progress: Progress) -> tuple[Scene, list[Finding]]:
    """The revision that is asked for, with the policy that counts, and what is wrong with that.

    Raises:
        UsageError: as `gate`.
    """
    git = GitRepository.discover(request.directory.absolute())
    top = Path(os.path.realpath(git.root))
    head = Snapshot(git, None if request.staged else git.resolve(request.revision))
    base = None
    if request.pull_request or request.base:
        base = Snapshot(git, git.resolve(base_revision(git, request.base)))
    start = Path(os.path.realpath(request.directory))
    root = _dvc_root(start, top, head)
    if request.pull_request and base and (before := _dvc_root(start, top, base, root)) != root:
        said = f"{root} is a DVC project at this revision and was none at the base, whose policy"
        if before == top and ".dvc" not in head.folders:
            raise UsageError(
                f"{said} is that of a project at the top of the repository, which is no more there:"
                " a person has to look at the move, and 'lockproof gate' without --pr judges it by"
                " its own policy"
            )
        raise UsageError(f"{said} counts: use -C with the folder of the base's project")
    prefix = "" if root == top else root.relative_to(top).as_posix()
    path = f"{prefix}/{FILE_NAME}" if prefix else FILE_NAME
    trusted = base if request.pull_request and base else head
    policy = _policy(request, trusted, path, top)
    findings = list(_policy_changes(request, head, base, path, policy))
    return (
        Scene(
            request=request,
            root=root,
            prefix=prefix,
            head=head,
            base=base,
            policy=policy,
            progress=progress,
        ),
        findings,
    )


def _dvc_root(start: Path, top: Path, head: Snapshot, default: Path | None = None) -> Path:
    """The nearest folder from `start` up that has a DVC project in the revision."""
    for folder in (start, *start.parents):
        if folder != top and top not in folder.parents:
            break
        below = "" if folder == top else folder.relative_to(top).as_posix()
        if (f"{below}/.dvc" if below else ".dvc") in head.folders:
            return folder
    if default is not None:
        return default
    raise UsageError(
        f"no DVC project in {start} or above it, as the revision has it: commit .dvc, run this"
        " where it is, or use -C DIR"
    )


def _policy(request: Request, trusted: Snapshot, path: str, top: Path) -> Policy:
    if request.policy is not None:
        real = Path(os.path.realpath(request.policy))
        if request.pull_request and top in real.parents:
            raise UsageError(
                f"{request.policy} lies in the work tree, where a pull request can change it:"
                " leave --policy out to take the base's, or name a file elsewhere"
            )
        if not os.path.isfile(real):
            raise UsageError(f"no such policy file: {request.policy}")
        policy = load_policy(real)
    else:
        policy = _parse(trusted.read(path), path)
    rules.refuse_unknown_rules(policy, path)
    return policy


def _parse(content: bytes | None, path: str) -> Policy:
    if content is None:
        return Policy()
    try:
        return parse_policy(content.decode(), path)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8") from error


def _policy_changes(
    request: Request, head: Snapshot, base: Snapshot | None, path: str, policy: Policy
) -> Iterable[Finding]:
    if not request.pull_request or base is None:
        return
    if head.entries.get(path) != base.entries.get(path):
        try:
            _parse(head.read(path), path)
        except ConfigError as error:
            yield rules.bad_policy(path, str(error))
        else:
            yield rules.changed_policy(path)
    folder = path.removesuffix(FILE_NAME)
    baseline = f"{folder}{policy.gate.baseline}"
    if head.entries.get(baseline) != base.entries.get(baseline):
        before = parse_baseline(base.read(baseline), baseline).findings
        try:
            after = parse_baseline(head.read(baseline), baseline).findings
        except ConfigError:
            after = None
        if after is None or not set(after) <= set(before):
            yield rules.changed_baseline(baseline)


def _report(
    scene: Scene,
    outcomes: Sequence[tuple[FamilyEntry, Outcome]],
    off: Sequence[str],
    policy_findings: Sequence[Finding],
    known: Baseline,
    clock: Clock,
) -> Report:
    baseline = scene.git_path(scene.policy.gate.baseline)
    weighing = Weighing(scene.policy, clock.started.date(), known, baseline)
    deciding: list[Verdict] = []
    # With the family lock, which names them, this is no news.
    judged = any(family.name == "lock" for family, _ in outcomes)
    unread = 0 if judged else len(scene.reading.problems)
    for family, outcome in outcomes:
        check = _partial(outcome.check, unread) if unread else outcome.check
        verdict = weighing.add(check, outcome.findings, family.rules)
        if outcome.check.demanded or verdict is Verdict.FAILED:
            deciding.append(verdict)
    looked = {f.rules for f, o in outcomes if o.check.checked and not o.check.not_checked}
    unseen = [f.rules for f in FAMILIES if f.rules not in looked]
    if scene.request.pull_request or scene.request.offline:
        unseen.append("LP306")  # Secrets are looked for in changed files only.
    unseen += rules.ADVISORY  # Which only a reproduction finds.
    unseen.append("LP665")  # Which only a cluster says.
    own = weighing.close(policy_findings, scene.git_path(FILE_NAME), unseen, off)
    # The policy's own check says nothing about the repository: alone it proves nothing.
    verdict = worst([*deciding, own] if own is Verdict.FAILED else deciding)
    findings = together(weighing.findings)
    changes, folders = _changes(scene)
    findings.sort(key=lambda f: (_SEVERITIES.index(f.severity), f.rule, f.subject, f.path or ""))
    return Report.model_construct(  # Of checked values: to make its validator takes 20 ms.
        tool=f"lockproof {__version__}",
        step="gate",
        subject=Subject(
            commit=scene.head.commit,
            lock_digest=lock_digest(scene.reading.lock_files),
            root=scene.prefix or ".",
            base=scene.base.commit if scene.base else None,
        ),
        verdict=verdict,
        checks=tuple(weighing.checks),
        stages=stage_reports(scene.pipeline, weighing.findings),
        changes=changes,
        findings=tuple(findings),
        host=Host.model_construct(
            origin=origin_of(scene.head.git, scene.head.commit), folders=folders
        ),
        timing=clock.timing(),
    )


def _partial(check: Check, unread: int) -> Check:
    """A check of a pipeline of which some files cannot be read."""
    why = f"files that cannot be read: {unread}; the family lock, which names them, is off"
    passed = check.verdict is Verdict.PASSED
    verdict = Verdict.INCONCLUSIVE if passed else check.verdict
    return check.model_copy(update={"verdict": verdict, "not_checked": (*check.not_checked, why)})


def _changes(scene: Scene) -> tuple[Changes | None, Mapping[str, FolderChange]]:
    if scene.base is None:
        return None, {}
    from .changes import changes_of, folder_changes

    changes = changes_of(scene)
    return changes, folder_changes(scene, changes) if changes else {}
