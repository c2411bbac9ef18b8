"""The course of a lint, from paths to a report."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lockproof import __version__
from lockproof.adapters.tree import FolderTree, Tree
from lockproof.config import FILE_NAME, LintPolicy, Policy, load_policy
from lockproof.errors import UsageError
from lockproof.model.check import Check
from lockproof.model.finding import Finding
from lockproof.model.manifest import Manifest
from lockproof.model.report import Host, Report, Subject
from lockproof.model.verdict import worst
from lockproof.rules.catalog import finding
from lockproof.rules.formats import quantity
from lockproof.rules.manifest_budget import Budget
from lockproof.rules.manifest_promql import dashboard, parse_problem
from lockproof.steps.clock import Clock
from lockproof.steps.lint.schema_locations import DEFINING

from .families import (
    Family,
    budget_family,
    canary_family,
    expression_family,
    policy_family,
    reference_family,
    schema_family,
    told_apart,
)
from .found import Found, find
from .gather import Gathered, gather
from .request import Progress, Request
from .rule_tests import rule_test_family
from .schemas import ChosenSchemas

if TYPE_CHECKING:
    from lockproof.steps.lint.schema_locations import SchemaSource

DEFAULT_FOLDER = "control-plane"


@dataclass(frozen=True)
class Linted:
    """What came of a lint."""

    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]


def lint(request: Request, progress: Progress) -> Report:
    """Check the manifests below the paths.

    Nothing is written, and nothing is fetched unless a schema location or the cluster is asked.

    Raises:
        UsageError: a path is not there or outside the repository, or the policy is not usable.
        UnavailableError: a schema location or the cluster does not answer.
    """
    clock = Clock()
    root = _root(request.directory.absolute())
    policy = load_policy(root / FILE_NAME)
    tree = FolderTree(root)
    paths = [_inside(root, request.directory.absolute(), path) for path in request.paths]
    linted = lint_tree(tree, policy, paths, request)
    progress.say(f"{len(linted.findings)} findings")
    return Report(
        tool=f"lockproof {__version__}",
        step="lint",
        subject=Subject(commit=None, lock_digest=None, selected=tuple(paths)),
        verdict=worst(check.verdict for check in linted.checks),
        checks=linted.checks,
        findings=linted.findings,
        host=Host(),
        timing=clock.timing(),
    )


def lint_tree(
    tree: Tree, policy: Policy, paths: Sequence[str] = (), request: Request | None = None
) -> Linted:
    """Check the manifests of a tree: a work tree, or a commit.

    Args:
        tree: where files are read.
        policy: what is taken for granted.
        paths: files and folders from the tree's root; none: the policy's.
        request: what the command line adds to the policy.

    Raises:
        UsageError: the policy or the request is not usable.
        UnavailableError: a schema location or the cluster does not answer.
    """
    stated = policy.lint
    paths = paths or stated.paths or _default(tree)
    version = (request.kubernetes_version if request else None) or stated.kubernetes_version
    locations = (request.schema_locations if request else ()) or stated.schema_locations
    found = find(tree, paths, stated.exclude)
    definitions = [
        document.value
        for documents in found.documents.values()
        for document in documents
        if isinstance(document.value, dict) and document.value.get("kind") in DEFINING
    ]
    cluster = _cluster() if request and request.cluster else None
    schemas = ChosenSchemas(version, locations, definitions, cluster)
    gathered = gather(tree, found, schemas.bundled.find)
    families = _families(tree, found, gathered, schemas, stated)
    accept = stated.not_checked == "accept"
    return Linted(
        tuple(family.check(accept=accept) for family in families),
        told_apart(one for family in families for one in family.findings),
    )


def _families(
    tree: Tree, found: Found, gathered: Gathered, schemas: ChosenSchemas, policy: LintPolicy
) -> list[Family]:
    manifests = _distinct(gathered)
    major, minor = schemas.bundled.version.split(".")
    first = schema_family(manifests, schemas, schemas.ending, (int(major), int(minor)))
    first.findings += found.findings
    first.not_checked += found.not_checked
    families = [first]
    if gathered.built or gathered.not_checked:
        built = Family("kustomize", "kustomization", gathered.findings, gathered.built)
        built.not_checked += gathered.not_checked
        families.append(built)
    if not manifests:
        return families
    expressions = expression_family(manifests)
    _dashboards(tree, found, expressions)
    families += [
        family
        for family in (
            reference_family(gathered, policy.external),
            policy_family(manifests, policy.unpinned),
            budget_family(gathered, _budget(policy)),
            canary_family(manifests),
            expressions,
            rule_test_family(tree, found),
        )
        if family is not None and (family.checked or family.findings or family.not_checked)
    ]
    return families


def _distinct(gathered: Gathered) -> list[Manifest]:
    """Every manifest once, though several overlays build it from the same lines."""
    kept: list[Manifest] = []
    seen: dict[tuple[str, int | None], list[Manifest]] = {}
    for bundle in (*gathered.bundles, gathered.loose):
        for manifest in bundle.manifests:
            same = seen.setdefault(manifest.locate(()), [])
            if not any(manifest.value == other.value for other in same):
                same.append(manifest)
                kept.append(manifest)
    return kept


def _dashboards(tree: Tree, found: Found, family: Family) -> None:
    for path in found.dashboards:
        content = tree.read(path)
        if content is None or b'"panels"' not in content:
            continue
        text = content.decode("utf-8", "replace")
        for expression in dashboard(text):
            family.checked += 1
            problem = parse_problem(expression.text)
            if problem is not None:
                place = text.find(expression.text[:40].split("\n")[0].replace('"', '\\"'))
                line = text.count("\n", 0, place) + 1 if place >= 0 else 1
                family.findings.append(
                    finding(
                        "LP641",
                        f"{path} {expression.name}",
                        f"{path}: {expression.name} is no Prometheus expression: {problem}",
                        path=path,
                        line=line,
                    )
                )


def _budget(policy: LintPolicy) -> Budget | None:
    stated = policy.budget
    if stated is None:
        return None
    return Budget(
        quantity(stated.cpu) or 0.0,
        quantity(stated.memory) or 0.0,
        quantity(stated.reserved_cpu) or 0.0,
        quantity(stated.reserved_memory) or 0.0,
        stated.ignore,
    )


def _default(tree: Tree) -> Sequence[str]:
    return (DEFAULT_FOLDER,) if tree.is_folder(DEFAULT_FOLDER) else (".",)


def _cluster() -> "SchemaSource":
    from .cluster_schemas import ClusterSchemas  # Another 0.3 s of imports.

    return ClusterSchemas.current()


def _root(directory: Path) -> Path:
    """The top of the Git work tree around a folder; the folder itself where there is none."""
    real = Path(os.path.realpath(directory))
    if not real.is_dir():
        raise UsageError(f"there is no folder {directory}")
    for folder in (real, *real.parents):
        if (folder / ".git").exists():
            return folder
    return real


def _inside(root: Path, directory: Path, path: str) -> str:
    full = Path(os.path.realpath(directory / path))
    if not full.exists():
        raise UsageError(f"there is no {path}")
    if full != root and root not in full.parents:
        raise UsageError(f"{path} is outside the repository {root}: use -C to work in another one")
    return full.relative_to(root).as_posix()
