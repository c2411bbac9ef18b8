"""Whether a report of a reproduction is a proof for the revision that is looked at."""

from lockproof.adapters.git.snapshot import Snapshot
from lockproof.config import FILE_NAME, Policy, parse_policy
from lockproof.errors import ConfigError
from lockproof.model.digest import lock_digest
from lockproof.model.report import Report
from lockproof.model.verdict import OutputVerdict, Verdict

from .interface import Scene
from .proof import contradictions


def problems_of(scene: Scene, report: Report) -> list[str]:
    """Why a report is no proof for the revision; empty where it is one."""
    # What it says is of no interest where it is about something else.
    return about_another(scene, report) or contradicting(scene, report)


def about_another(scene: Scene, report: Report) -> list[str]:
    """In what respects a report is not about the revision as a whole."""
    subject = report.subject
    found = []
    if report.step != "reproduce":
        found.append(f"the report is of 'lockproof {report.step}'")
    if subject.root != (scene.prefix or "."):
        found.append(f"the report is about the DVC project in {subject.root}")
    if subject.commit != scene.head.commit:
        found.append(f"the report is about commit {(subject.commit or 'none')[:12]}")
    if subject.lock_digest != lock_digest(scene.reading.lock_files):
        found.append("the report is about another lock")
    if subject.selected or (subject.since and not _may_start_at(scene, subject.since)):
        found.append("the report is about some of the stages only")
    if report.verdict is not Verdict.PASSED:
        found.append(f"the report's verdict is '{report.verdict.value}'")
    return found


def contradicting(scene: Scene, report: Report) -> list[str]:
    """Why a passed report about the revision does not prove it."""
    edited = _edited_sections(scene)
    if "[run]" in edited:
        return [
            "its commands ran within the limits of the pull request's own [run]: change those in"
            " one of their own"
        ]
    if edited and _lets_differences_pass(report):
        return [
            f"the report lets differences pass by {', '.join(edited)} of the pull request: change"
            " those in one of their own"
        ]
    return list(contradictions(report, scene.pipeline, scene.policy))


def _edited_sections(scene: Scene) -> list[str]:
    """What the revision changes of how a reproduction is done and judged.

    `lockproof reproduce` goes by the policy of the revision that it runs.
    """
    if scene.base is None:
        return []
    path = scene.git_path(FILE_NAME)
    own = _policy_in(scene.head, path)
    trusted = scene.policy if scene.request.pull_request else _policy_in(scene.base, path)
    if own is None or trusted is None:
        return [path]
    pairs = {
        "[run]": (own.run, trusted.run),
        "[reproduce]": (own.reproduce, trusted.reproduce),
        "[[tolerance]]": (own.tolerance, trusted.tolerance),
        "[[judged-by]]": (own.judged_by, trusted.judged_by),
    }
    return [name for name, (one, other) in pairs.items() if one != other]


def _policy_in(snapshot: Snapshot, path: str) -> Policy | None:
    content = snapshot.read(path)
    try:
        return parse_policy(content.decode(), path) if content else Policy()
    except (ConfigError, UnicodeDecodeError):
        return None


def _lets_differences_pass(report: Report) -> bool:
    return any(
        stage.skipped is not None
        or any(out.verdict is not OutputVerdict.IDENTICAL for out in stage.outputs)
        for stage in report.stages
    )


def _may_start_at(scene: Scene, since: str) -> bool:
    """Whether the trusted policy lets a change be proved by the stages that differ from a commit.

    That commit has to be in the history of the base, where its stages were proved.
    """
    accepted = scene.policy.reproduce.unaffected == "accept"
    base = scene.base.commit if scene.base else None
    return accepted and base is not None and scene.head.git.is_ancestor(since, base)
