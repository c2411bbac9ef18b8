"""The families of checks: what each looks at, and what it says of it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lockproof.model.check import Check
from lockproof.model.finding import Finding
from lockproof.model.lint_family import LintFamily
from lockproof.model.manifest import Bundle, Manifest, Schemas
from lockproof.model.verdict import Verdict
from lockproof.rules.manifests.admission import unevaluated
from lockproof.rules.manifests.budget import Budget, budget_findings, declared_budget
from lockproof.rules.manifests.canary import canary_findings, is_canary
from lockproof.rules.manifests.compositions import composition_findings, is_composition
from lockproof.rules.manifests.decoded import decoded
from lockproof.rules.manifests.delivery import delivery_findings
from lockproof.rules.manifests.health import health_findings, unread_health
from lockproof.rules.manifests.policy import policy_findings
from lockproof.rules.manifests.promql import expression_findings
from lockproof.rules.manifests.quotas import quota_findings
from lockproof.rules.manifests.references import reference_findings
from lockproof.rules.manifests.rollout_parts import by_name, parts_findings
from lockproof.rules.manifests.secret_values import secret_findings
from lockproof.rules.manifests.shape import (
    Ending,
    ending_findings,
    kind_findings,
    repeated_findings,
    shape_findings,
)
from lockproof.rules.manifests.taken import taken_findings
from lockproof.rules.manifests.validation import with_validation

from .flux import BESIDE, LANDED, built_together, flux_sources, unsure_by_flux
from .gather import Gathered

_MOST_NAMED = 50


RULES: dict[LintFamily, tuple[str, ...]] = {
    "schema": ("LP601", "LP604", "LP605", "LP606", "LP607", "LP608", "LP609"),
    "kustomize": ("LP602", "LP603"),
    "references": ("LP61", "LP663", "LP664", "LP666", "LP667"),
    "policies": ("LP621", "LP622", "LP623", "LP624", "LP625", "LP626", "LP627"),
    "budget": ("LP628",),
    "canary": ("LP63", "LP661", "LP662"),
    "expressions": ("LP641",),
    "rule-tests": ("LP642",),
    "charts": (),
    "admission": (),
    "cluster": ("LP665",),
}
"""Every family, and how the ids of its rules begin; some only say what is not looked at."""


@dataclass
class Family:
    """One family of checks on its way to a `Check`."""

    name: LintFamily
    unit: str
    findings: list[Finding] = field(default_factory=list)
    checked: int = 0
    summary: str = ""
    not_checked: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """What is out of use, and was not looked at; that has no say in the verdict."""
    lacks: str = ""
    """What it needs and is not here, such as a program: it counts where it is required."""
    idle: bool = False
    """Whether there is nothing to look at, and nobody said that there would be."""

    def check(self, *, accept: bool, required: Collection[LintFamily] = ()) -> Check:
        """Whether it looked at everything: findings have their say when they are weighed.

        Args:
            accept: whether it passes although something was left out.
            required: the families that count also where there is nothing to look at or with.
        """
        left = list(dict.fromkeys((*self.not_checked, *self.told)))
        seen = self.checked and (accept or not self.not_checked)
        if len(left) > _MOST_NAMED:
            left = [*left[:_MOST_NAMED], f"and {len(left) - _MOST_NAMED} more"]
        return Check(
            name=self.name,
            verdict=Verdict.PASSED if seen else Verdict.INCONCLUSIVE,
            checked=self.checked,
            unit=self.unit,
            summary=self.summary,
            demanded=not (self.lacks or self.idle) or self.name in required,
            not_checked=tuple(left),
        )


def schema_family(
    manifests: Iterable[Manifest],
    schemas: Schemas,
    endings: Callable[[str, str, str], Ending | None],
    kubernetes: tuple[int, int],
    together: Iterable[Sequence[Manifest]],
) -> Family:
    """Every manifest against the schema of its kind, and against those that are applied with it."""
    family = Family("schema", "manifest")
    for manifest in manifests:
        key = (manifest.group, manifest.version, manifest.kind)
        ending = list(ending_findings(manifest, endings(*key), kubernetes))
        family.findings += ending
        schema = schemas.find(*key)
        if schema is None:
            wrong = [one for one in ending if one.rule == "LP608"]
            if not wrong:
                wrong = list(_no_such_kind(manifest, schemas))
                family.findings += wrong
            if not wrong:
                path, line = manifest.locate(())
                family.not_checked.append(
                    f"{path}:{line}: {schemas.lacks} {manifest.api_version} {manifest.kind}"
                )
                continue
        else:
            manifest = decoded(manifest, schema)
            found, unknown = with_validation(manifest, *shape_findings(manifest, schema))
            family.findings += found
            family.not_checked += unknown
        family.checked += 1
    for those in together:
        family.findings += taken_findings(those)
    return family


def applied_together(gathered: Gathered) -> Iterator[Sequence[Manifest]]:
    """The manifests of each bundle, and of each loose file: how files go together is not known."""
    for bundle in (*gathered.bundles, *gathered.charts):
        yield bundle.manifests
    files: dict[str, list[Manifest]] = {}
    for manifest in gathered.loose.manifests:
        files.setdefault(manifest.locate(())[0], []).append(manifest)
    yield from files.values()


def _no_such_kind(manifest: Manifest, schemas: Schemas) -> Iterable[Finding]:
    whole = schemas.is_whole(manifest.group)
    return kind_findings(manifest, schemas.kinds(manifest.group), whole=whole)


def reference_family(
    gathered: Gathered,
    manifests: Collection[Manifest],
    external: Sequence[str],
    schemas: Schemas,
    perhaps_in: Mapping[str, Sequence[Bundle]],
) -> Family:
    """Every name that manifests use of each other, and every path into them.

    `perhaps_in` has bundles as they are where Flux may put them, by name.
    """
    family = Family("references", "reference")
    for manifest in manifests:
        family.findings += health_findings(manifest)
        family.not_checked += unread_health(manifest)
        if is_composition(manifest):
            wrong, paths, unread = composition_findings(manifest, schemas)
            family.findings += wrong
            family.checked += paths
            family.not_checked += unread
    for together in applied_together(gathered):
        family.findings += repeated_findings(tuple(together))
    of_charts = [made for chart in gathered.charts for made in chart.manifests]
    external = (*external, *flux_sources(manifests))
    in_one = built_together(manifests, gathered)
    for bundle in (*gathered.bundles, *gathered.charts):
        family.findings += delivery_findings(bundle.manifests)
        elsewhere = [other for other in gathered.bundles if other is not bundle]
        name = bundle.name.rpartition(" on ")[2]
        elsewhere.append(gathered.loose)
        # Charts stand beside everything, and what they use is not in one of ours alone.
        beside = [*of_charts, *in_one.sure.get(name, ())]
        if bundle in gathered.charts:
            beside = [made for one in (*elsewhere, *gathered.charts) for made in one.manifests]
        found, count, skipped = reference_findings(
            bundle, elsewhere, external, beside, gathered.brought
        )
        if perhaps := in_one.perhaps.get(name):
            beside += perhaps
            left, _, _ = reference_findings(bundle, elsewhere, external, beside, gathered.brought)
            found, unsure = unsure_by_flux(found, left, BESIDE)
            family.not_checked += unsure
        for landed in perhaps_in.get(bundle.name, ()):
            left, _, _ = reference_findings(landed, elsewhere, external, beside, gathered.brought)
            found, unsure = unsure_by_flux(found, left, LANDED)
            family.not_checked += unsure
        family.findings += found
        family.checked += count
        family.not_checked += skipped
    if gathered.loose.manifests:
        # What any loose file declares counts as there.
        family.findings += delivery_findings(gathered.loose.manifests)
        bundles = (*gathered.bundles, *gathered.charts)
        everything = [m for bundle in bundles for m in bundle.manifests]
        found, count, skipped = reference_findings(
            gathered.loose, [], external, everything, gathered.brought
        )
        family.findings += found
        family.checked += count
        family.not_checked += skipped
    return family


def policy_family(
    manifests: Iterable[Manifest],
    unpinned: Sequence[str],
    unknown: Callable[[Manifest], Iterable[str]],
    beside: Iterable[Manifest],
) -> Family:
    """Pins, resources, confinement, secrets, current groups.

    Args:
        manifests: all that there are.
        unpinned: images that need no digest.
        unknown: says which secrets of a manifest may be variables.
        beside: what is none of the manifests, such as patches, and may hold a secret as well.
    """
    family = Family("policies", "manifest")
    for manifest in manifests:
        family.findings += policy_findings(manifest, unpinned)
        family.not_checked += unknown(manifest)
        family.checked += 1
    told = {(one.path, one.line) for one in family.findings if one.rule == "LP625"}
    for manifest in beside:
        found = secret_findings(manifest)
        family.findings += [one for one in found if (one.path, one.line) not in told]
        family.not_checked += unknown(manifest)
    return family


def budget_family(gathered: Gathered, stated: Budget | None) -> Family | None:
    """What always runs against what the small node and quotas offer; None where nothing says."""
    family = Family("budget", "bundle")
    uses = []
    bundles = gathered.bundles or [gathered.loose]
    for bundle in gathered.bundles:  # Loose files may be of several clusters.
        found, quotas = quota_findings(bundle)
        family.findings += found
        family.checked += min(quotas, 1)
    for bundle in bundles:
        budget = stated or declared_budget(bundle.manifests)
        if budget is None:
            continue
        found, use = budget_findings(bundle, budget)
        family.findings += found
        family.checked += 1
        uses.append(use)
    if uses:
        family.summary = f"{'at most ' if len(uses) > 1 else ''}{max(uses).text}"
    return family if family.checked else None


def canary_family(manifests: Sequence[Manifest]) -> Family | None:
    """Canaries and the analyses that judge them; None where there are none."""
    family = Family("canary", "canary object")
    named = by_name(manifests)
    for manifest in manifests:
        if is_canary(manifest):
            found, skipped = canary_findings(manifest)
            family.findings += found
            if manifest.kind == "Rollout":
                family.findings += parts_findings(manifest, named)
            family.not_checked += skipped
            family.checked += 1
    return family if family.checked else None


def expression_family(manifests: Iterable[Manifest]) -> Family:
    """Prometheus expressions; the caller adds those of dashboards."""
    family = Family("expressions", "expression")
    for manifest in manifests:
        found, count = expression_findings(manifest)
        family.findings += found
        family.checked += count
    return family


def admission_family(manifests: Iterable[Manifest], *, asked: bool) -> Family | None:
    """What admission policies say of objects, which nobody evaluates here; None without any."""
    family = Family("admission", "policy", not_checked=list(unevaluated(manifests, asked=asked)))
    family.lacks = "an API server that has them"
    return family if family.not_checked else None


def told_apart(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Without the repetitions of a base that several overlays include, in order of place."""
    kept: dict[tuple[str, str | None, int | None, str], Finding] = {}
    for one in findings:
        kept.setdefault((one.rule, one.path, one.line, one.subject), one)
    return tuple(
        sorted(kept.values(), key=lambda f: (f.path or "", f.line or 0, f.rule, f.subject))
    )
