"""The reproduction family: a passed `lockproof reproduce` for this very commit and lock."""

import os
from pathlib import Path

from pydantic import ValidationError

from lockproof.config import FILE_NAME, Policy, parse_policy
from lockproof.errors import ConfigError, UsageError
from lockproof.model.check import Check
from lockproof.model.digest import lock_digest
from lockproof.model.finding import Finding
from lockproof.model.report import Report
from lockproof.model.verdict import OutputVerdict, Verdict
from lockproof.rules.catalog import finding

from .interface import Outcome, Scene

_LARGEST = 64 << 20


def check(scene: Scene) -> Outcome:
    """Read the report that `--report` names, where the policy asks for one or one is given.

    Raises:
        UsageError: it cannot be read, or is one that the revision itself brings.
    """
    required = scene.policy.gate.reproduction == "required"
    if scene.request.report is None:
        problems = ["no report is given: hand over the CI job's artifact with --report"]
    else:
        problems = _problems(scene, _read(scene, scene.request.report))
    asked = required or scene.request.report is not None
    findings = tuple(_found(scene, problem) for problem in problems) if asked else ()
    return Outcome(
        Check(
            name="reproduction",
            verdict=Verdict.PASSED if asked else Verdict.INCONCLUSIVE,
            checked=1 if scene.request.report else 0,
            unit="report",
            summary="" if problems else "passed for this commit and lock",
            not_checked=() if asked else ("[gate] reproduction is off and no report is given",),
        ),
        findings,
        asked=asked,
    )


def _found(scene: Scene, problem: str) -> Finding:
    subject = "the index" if scene.head.commit is None else "the revision"
    return finding("LP710", f"reproduction of {subject}", f"nothing proves it: {problem}")


def _read(scene: Scene, path: Path) -> Report:
    real = Path(os.path.realpath(path))
    top = Path(os.path.realpath(scene.head.git.root))
    if top in real.parents:
        inside = real.relative_to(top).as_posix()
        if inside in scene.head.entries:
            raise UsageError(
                f"{path} is tracked by Git, so whoever wrote the commit could have written it:"
                " give the artifact of the CI job"
            )
    try:
        if real.stat().st_size > _LARGEST:
            raise UsageError(f"{path} is larger than 64 MiB, which no report is")
        return Report.model_validate_json(real.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    except ValidationError as error:
        raise UsageError(
            f"{path} is no report: write one with 'lockproof reproduce --output FILE.json'"
        ) from error


def _problems(scene: Scene, report: Report) -> list[str]:
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
    edited = _edited_sections(scene)
    if edited and _lets_differences_pass(report):
        found.append(
            f"the report lets differences pass by {', '.join(edited)} of the pull request: change"
            " those in one of their own"
        )
    return found


def _edited_sections(scene: Scene) -> list[str]:
    """What a pull request that brings a new lock changes of how a reproduction is judged.

    `lockproof reproduce` goes by the policy of the revision that it runs.
    """
    if not scene.request.pull_request or scene.base_reading is None:
        return []
    if lock_digest(scene.base_reading.lock_files) == lock_digest(scene.reading.lock_files):
        return []  # Nothing new is claimed: what it lets pass was proved by the base's policy.
    path = scene.git_path(FILE_NAME)
    content = scene.head.read(path)
    try:
        own = parse_policy(content.decode(), path) if content else Policy()
    except (ConfigError, UnicodeDecodeError):
        return [path]
    trusted = scene.policy
    pairs = {
        "[reproduce]": (own.reproduce, trusted.reproduce),
        "[[tolerance]]": (own.tolerance, trusted.tolerance),
        "[[judged-by]]": (own.judged_by, trusted.judged_by),
    }
    return [name for name, (one, other) in pairs.items() if one != other]


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
