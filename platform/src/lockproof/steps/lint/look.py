"""What a tree's manifests are held against, family by family."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from lockproof.adapters.git.tree import Tree
from lockproof.config import FILE_NAME, Policy
from lockproof.model.check import Check
from lockproof.model.finding import Finding
from lockproof.model.lint_family import LintFamily
from lockproof.model.manifest import Manifest
from lockproof.rules.catalog import finding
from lockproof.rules.formats import quantity
from lockproof.rules.manifests.budget import Budget
from lockproof.rules.manifests.promql import dashboard, parse_problem
from lockproof.rules.policy import all_off
from lockproof.steps.lint.schema_locations import DEFINING

from .charts import look_at_charts
from .families import (
    RULES,
    Family,
    admission_family,
    applied_together,
    budget_family,
    canary_family,
    expression_family,
    policy_family,
    reference_family,
    schema_family,
    told_apart,
)
from .filled import FilledIn
from .found import Found, find
from .gather import Gathered, gather
from .landing import land
from .request import Request
from .rule_tests import rule_test_family
from .schemas import ChosenSchemas
from .switched_off import set_aside

if TYPE_CHECKING:
    from lockproof.config import LintPolicy
    from lockproof.steps.lint.cluster_schemas import ClusterSchemas

DEFAULT_FOLDER = "control-plane"
_EVERYTHING = (".",)
_ALL_RULES = "LP6"
"""What stands for the rules of a family that has none: with all of them off, it is off as well."""


class Linted(NamedTuple):
    """What came of it, before the policy has its say on the findings."""

    families: tuple[Family, ...]
    left_out: Mapping[LintFamily, str]
    """Families that were not looked at: name -> why."""
    accept: bool
    """Whether the policy accepts that things could not be checked."""
    required: tuple[LintFamily, ...] = ()
    """Families that count also where there is nothing to look at, or with."""

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to look at, and nobody said that there would be."""
        return bool(self.families) and all(family.idle for family in self.families)

    @property
    def checks(self) -> tuple[Check, ...]:
        """For each family whether it looked at everything."""
        accept, required = self.accept, self.required
        return tuple(each.check(accept=accept, required=required) for each in self.families)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What all families found, in order of place."""
        return told_apart(one for family in self.families for one in family.findings)


def lint_tree(
    tree: Tree,
    policy: Policy,
    paths: Sequence[str] = (),
    request: Request | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Linted:
    """Check the manifests of a tree: a work tree, or a commit.

    Args:
        tree: where files are read.
        policy: what is taken for granted.
        paths: files and folders from the tree's root; none: the policy's.
        request: what the command line adds to the policy.
        say: is told of what takes long.

    Raises:
        UsageError: the policy or the request is not usable.
        UnavailableError: a schema location or the cluster does not answer.
    """
    stated = policy.lint
    chosen = paths or stated.paths
    paths = chosen or _default(tree)
    cluster = _cluster(request) if request and request.cluster else None
    version = request.kubernetes_version if request else None
    version = version or (cluster and cluster.version) or stated.kubernetes_version
    locations = request.schema_locations if request else stated.schema_locations
    found = find(tree, paths, stated.exclude)
    gathered = gather(tree, found, say)
    only = request.only if request else ()
    left_out = dict(_left_out(policy, only, asked=cluster is not None))
    manifests = _distinct(gathered)
    charts = Family("charts", "chart")
    if "charts" not in stated.off:
        looked = look_at_charts(tree, found, manifests, stated.charts, version, say)
        charts, gathered.charts = looked.family, looked.bundles
        manifests += _of_charts(gathered)
    schemas = ChosenSchemas(version, locations, _definitions(found, gathered), cluster)
    told = set_aside(gathered, found.switched_off, schemas)
    if told:
        manifests = [*_distinct(gathered), *_of_charts(gathered)]
    landing = land(gathered, manifests, partial(_is_wide, schemas))
    if landing.moved:
        manifests = [*_distinct(gathered), *_of_charts(gathered)]

    # What --only names is asked for.
    required = (*stated.require, *only)
    asked = cluster is not None and "cluster" not in left_out
    more: dict[LintFamily, Callable[[], Family | None]] = {
        "charts": lambda: charts,
        "admission": partial(admission_family, manifests, asked=asked),
    }
    if cluster is not None or "cluster" in required:
        more["cluster"] = partial(_asked, manifests, cluster, landing.unsure, say)
    more["references"] = lambda: reference_family(
        gathered, manifests, stated.external, schemas, landing.perhaps
    )
    families = _families(tree, found, gathered, manifests, schemas, stated, left_out, more)
    for family in families[:1]:
        family.told += [*found.told, *told]
    is_told_of = chosen or stated.exclude or required or paths != _EVERYTHING
    if not is_told_of and not any(f.checked or f.findings or f.not_checked for f in families):
        for family in families:
            family.idle = True
    return Linted(families, left_out, stated.not_checked == "accept", required)


def _left_out(
    policy: Policy, only: Sequence[LintFamily], *, asked: bool
) -> Iterator[tuple[LintFamily, str]]:
    for name, prefix in RULES.items():
        if name in only or (name == "cluster" and not asked):
            continue
        if only:
            yield name, "left out by --only"
        elif name in policy.lint.off or all_off(policy, prefix or _ALL_RULES):
            yield name, f"switched off by {FILE_NAME}"


def _definitions(found: Found, gathered: Gathered) -> list[Mapping[str, Any]]:
    """What defines kinds: in the files, and in what charts make."""
    of_files = [document.value for documents in found.documents.values() for document in documents]
    of_charts = [made.value for made in _of_charts(gathered)]
    return [
        value
        for value in (*of_files, *of_charts)
        if isinstance(value, dict) and value.get("kind") in DEFINING
    ]


def _of_charts(gathered: Gathered) -> list[Manifest]:
    return [made for chart in gathered.charts for made in chart.manifests]


def _families(
    tree: Tree,
    found: Found,
    gathered: Gathered,
    manifests: Sequence[Manifest],
    schemas: ChosenSchemas,
    policy: "LintPolicy",
    left_out: Mapping[LintFamily, str],
    more: Mapping[LintFamily, Callable[[], Family | None]],
) -> tuple[Family, ...]:
    checks = found.checks

    def expressions() -> Family:
        family = expression_family(manifests)
        _dashboards(tree, found, family)
        for path in checks:
            from .canary_checks import query_findings  # Few trees have such files.

            wrong, count = query_findings(tree, path, found)
            family.findings += wrong
            family.checked += count
        return family

    def canaries() -> Family | None:
        family = canary_family(manifests) or Family("canary", "canary object")
        for path in checks:
            from .canary_checks import checks_findings

            family.findings += checks_findings(tree, path, found)
            family.checked += 1
        if checks:
            from .canary_horizon import horizon_findings

            family.findings += horizon_findings(tree, found, manifests)
        return family if family.checked else None

    makers: dict[LintFamily, Callable[[], Family | None]] = {
        "schema": lambda: schema_family(
            manifests, schemas, schemas.ending, schemas.version, applied_together(gathered)
        ),
        "kustomize": lambda: _kustomize_family(gathered),
        "references": more["references"],
        "policies": lambda: policy_family(
            manifests,
            policy.unpinned,
            FilledIn(tree, gathered, manifests).unknown,
            gathered.beside,
        ),
        "budget": lambda: budget_family(gathered, _budget(policy)),
        "canary": canaries,
        "expressions": expressions,
        "rule-tests": lambda: rule_test_family(tree, found),
        **more,
    }
    wanted = [name for name in makers if name not in left_out]
    if not manifests:
        kept = ["canary", "expressions"] if checks else []
        if gathered.built or not checks:
            kept += ["schema", "kustomize"]
        # Last, since it alone looks at what is beside manifests, and only for secrets.
        secrets = [name for name in wanted if name == "policies" and gathered.beside]
        wanted = [name for name in wanted if name in kept] or wanted[:1]
        wanted = list(dict.fromkeys([*wanted, *secrets]))
    families: list[Family] = []
    for number, name in enumerate(wanted):
        family = makers[name]()
        if number == 0:
            # What cannot be read is told of whatever is looked at.
            family = family or Family(name, "file")
            family.findings += found.findings
            family.not_checked += found.not_checked
            if not (
                manifests or family.checked or gathered.built or found.findings or found.not_checked
            ):
                family.summary = f"no manifests in {', '.join(found.paths)}"
        elif family is None or not (family.checked or family.findings or family.not_checked):
            continue
        families.append(family)
    return tuple(families)


def _is_wide(schemas: ChosenSchemas, manifest: Manifest) -> bool:
    schema = schemas.find(manifest.group, manifest.version, manifest.kind)
    return schema is not None and schema.kind.namespaced is False


def _asked(
    manifests: Sequence[Manifest],
    cluster: "ClusterSchemas | None",
    unsure: Mapping[int, str],
    say: Callable[[str], None],
) -> Family | None:
    if cluster is None:
        return Family("cluster", "manifest", not_checked=["no cluster is asked: add --cluster"])
    from .asked import asked_family  # Imports the client, as `_cluster` has done.

    return asked_family(manifests, cluster.connection, unsure, say)


def _kustomize_family(gathered: Gathered) -> Family:
    family = Family("kustomize", "kustomization", gathered.findings, gathered.built)
    family.not_checked += gathered.not_checked
    return family


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


def _budget(policy: "LintPolicy") -> Budget | None:
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
    return (DEFAULT_FOLDER,) if tree.is_folder(DEFAULT_FOLDER) else _EVERYTHING


def _cluster(request: Request) -> "ClusterSchemas":
    from .cluster_schemas import ClusterSchemas  # Another 0.3 s of imports.

    return ClusterSchemas.open(request.kubeconfig, request.context)
