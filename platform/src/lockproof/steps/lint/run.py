"""The course of a lint, from paths to a report."""

import os
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from lockproof import __version__
from lockproof.adapters.git.tree import FolderTree
from lockproof.config import FILE_NAME, Policy, load_policy
from lockproof.errors import ConfigError, UsageError
from lockproof.model.lint_family import LintFamily
from lockproof.model.report import Host, Report, Subject
from lockproof.model.verdict import Verdict, worst
from lockproof.rules.policy import refuse_unknown_rules
from lockproof.steps.baseline import parse_baseline
from lockproof.steps.clock import Clock
from lockproof.steps.weighing import Weighing

from .families import RULES, told_apart
from .look import Linted, lint_tree
from .request import Progress, Request
from .schema_locations import located


def lint(request: Request, progress: Progress) -> Report:
    """Check the manifests below the paths.

    Nothing is written, and nothing is fetched unless a schema location or the cluster is asked.

    Raises:
        UsageError: a path is not there or outside the repository, or the policy is not usable.
        UnavailableError: a schema location or the cluster does not answer.
    """
    clock = Clock()
    directory = request.directory.absolute()
    root = _root(directory)
    file = _policy_file(root, directory)
    policy = load_policy(root / file)
    refuse_unknown_rules(policy, file)
    tree = FolderTree(root)
    paths = [_inside(root, directory, path) for path in request.paths]
    if not paths:
        _refuse_missing(root, policy.lint.paths, file)
    base, stated = root / posixpath.dirname(file), policy.lint.schema_locations
    locations = [located(one, directory) for one in request.schema_locations]
    locations = locations or [located(one, base) for one in stated]
    request = replace(request, schema_locations=tuple(locations))
    linted = lint_tree(tree, policy, paths, request, progress.say)
    baseline = posixpath.join(posixpath.dirname(file), policy.gate.baseline)
    known = parse_baseline(tree.read(baseline), baseline)
    weighing = Weighing(_own(policy), clock.started.date(), known, baseline)
    verdicts = []
    for check, family in zip(linted.checks, linted.families, strict=True):
        verdict = weighing.add(check, told_apart(family.findings), RULES[family.name])
        if check.demanded or verdict is Verdict.FAILED:
            verdicts.append(verdict)
    unseen = tuple(RULES) if paths else tuple(_unseen(linted))
    if linted.is_idle:
        verdicts.append(Verdict.PASSED)  # Of no manifest is anything wrong.
    own = weighing.close(
        (), file, [rule for name in unseen for rule in RULES[name]], tuple(_off(linted))
    )
    if own is Verdict.FAILED:
        verdicts.append(own)
    about = weighing.checks[-1]
    if not (about.checked or about.summary or about.not_checked):
        weighing.checks.pop()  # There is no policy to tell of.
    findings = told_apart(weighing.findings)
    progress.say(f"{len(findings)} finding{'' if len(findings) == 1 else 's'}")
    return Report.model_construct(  # Of checked values: to make its validator takes 20 ms.
        tool=f"lockproof {__version__}",
        step="lint",
        subject=Subject(commit=None, lock_digest=None, selected=tuple(paths)),
        verdict=worst(verdicts),
        checks=tuple(weighing.checks),
        findings=findings,
        host=Host.model_construct(),
        timing=clock.timing(),
    )


def _own(policy: Policy) -> Policy:
    """What the policy says of the rules on manifests, and on itself."""
    return policy.but(
        rules={k: v for k, v in policy.rules.items() if k.startswith(("LP6", "LP8"))},
        waiver=tuple(w for w in policy.waiver if w.rule.startswith("LP6")),
    )


def _unseen(linted: Linted) -> Iterator[LintFamily]:
    """Families that did not look at everything: a waiver of theirs may be needed yet."""
    yield from linted.left_out
    yield from (f.name for f in linted.families if f.not_checked)
    if any(f.name == "charts" and f.not_checked for f in linted.families):
        yield from RULES  # Any may find something in what a chart makes, where that is at hand.
    if not any(family.name == "cluster" for family in linted.families):
        yield "cluster"


def _off(linted: Linted) -> Iterator[str]:
    for why in sorted(set(linted.left_out.values())):
        names = [name for name, reason in linted.left_out.items() if reason == why]
        yield f"{', '.join(names)}: {why}"


def _policy_file(root: Path, directory: Path) -> str:
    """The nearest policy from a folder up to the root: a DVC project may lie below it."""
    start = Path(os.path.realpath(directory))
    for folder in (start, *start.parents):
        if os.path.isfile(folder / FILE_NAME):
            return (folder / FILE_NAME).relative_to(root).as_posix()
        if folder == root:
            break
    return FILE_NAME


def _root(directory: Path) -> Path:
    """The top of the Git work tree around a folder; the folder itself where there is none."""
    real = Path(os.path.realpath(directory))
    if not os.path.isdir(real):
        raise UsageError(f"there is no folder {directory}")
    for folder in (real, *real.parents):
        if os.path.exists(folder / ".git"):
            return folder
    return real


def _refuse_missing(root: Path, paths: Sequence[str], file: str) -> None:
    """See that the policy's paths are there: a folder that was renamed would pass for empty."""
    for path in paths:
        try:
            _inside(root, root, path)
        except UsageError as error:
            raise ConfigError(f"{file}: lint.paths: {error}") from error


def _inside(root: Path, directory: Path, path: str) -> str:
    full = Path(os.path.realpath(directory / path))
    if not os.path.exists(full):
        raise UsageError(f"there is no {path}")
    if full != root and root not in full.parents:
        raise UsageError(f"{path} is outside the repository {root}: use -C to work in another one")
    return full.relative_to(root).as_posix()
