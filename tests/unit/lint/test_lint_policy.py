"""What the policy makes of what lint finds: as in the gate, and never silence for a pass."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lockproof.adapters.git.tree import FolderTree
from lockproof.config import parse_policy
from lockproof.errors import ConfigError
from lockproof.model.finding import Finding, Severity
from lockproof.model.lint_family import LINT_FAMILIES, LintFamily
from lockproof.model.report import Report
from lockproof.model.verdict import Verdict
from lockproof.rules.catalog import RULES
from lockproof.steps.lint import Request, lint, lint_tree
from lockproof.steps.lint.families import RULES as FAMILY_RULES

from .test_lint import POD

TAGGED = POD.replace("@sha256:" + "1" * 64, ":1")
TODAY = datetime.now(UTC).date()


class Quiet:
    """Progress that nobody looks at."""

    def say(self, text: str) -> None:
        """Say nothing."""


def linted(
    root: Path,
    policy: str = "",
    text: str = TAGGED,
    *,
    only: tuple[LintFamily, ...] = (),
    **words: str,
) -> Report:
    (root / ".git").mkdir(exist_ok=True)
    (root / "a.yaml").write_text(text)
    (root / "lockproof.toml").write_text(policy)
    paths = tuple(words.values())
    return lint(Request(directory=root, paths=paths, only=only), Quiet())


def told(report: Report) -> list[tuple[str, Severity]]:
    return [(found.rule, found.severity) for found in report.findings]


def waiver(rule: str, subject: str, days: int) -> str:
    expires = TODAY + timedelta(days=days)
    return f'[[waiver]]\nrule="{rule}"\nsubject="{subject}"\nreason="why"\nexpires={expires}\n'


def test_without_a_policy_the_rule_fails_and_no_policy_is_told_of(tmp_path: Path) -> None:
    report = linted(tmp_path)
    assert told(report) == [("LP621", Severity.ERROR)]
    assert report.verdict is Verdict.FAILED
    assert "policy" not in [check.name for check in report.checks]


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        ('[rules.LP621]\nseverity = "warning"', [("LP621", Severity.WARNING)]),
        ("[rules.LP621]\noff = true", []),
        ('[rules.LP621]\npaths = ["other/*"]', []),
        (waiver("LP621", "a.yaml", 3), [("LP621", Severity.NOTE)]),
        (waiver("LP621", "* image", 0), [("LP621", Severity.NOTE)]),
    ],
)
def test_the_policy_lets_it_pass(
    policy: str, left: list[tuple[str, Severity]], tmp_path: Path
) -> None:
    report = linted(tmp_path, policy)
    assert told(report) == left
    assert report.verdict is Verdict.PASSED
    assert report.checks[-1].name == "policy"


def test_a_rule_that_is_off_is_named(tmp_path: Path) -> None:
    report = linted(tmp_path, "[rules.LP621]\noff = true")
    (policies,) = (check for check in report.checks if check.name == "policies")
    assert policies.not_checked == ("LP621: switched off by lockproof.toml",)


def test_a_waiver_that_ran_out_is_a_finding_and_lets_nothing_pass(tmp_path: Path) -> None:
    report = linted(tmp_path, waiver("LP621", "a.yaml", -1))
    assert sorted(told(report)) == [("LP621", Severity.ERROR), ("LP801", Severity.ERROR)]
    ran_out = linted(tmp_path, waiver("LP621", "a.yaml", -1), POD)
    assert told(ran_out) == [("LP801", Severity.ERROR)]
    assert ran_out.verdict is Verdict.FAILED


def test_a_waiver_that_lets_nothing_pass_is_told_of_once_all_was_looked_at(tmp_path: Path) -> None:
    policy = waiver("LP621", "a.yaml", 3)
    assert told(linted(tmp_path, policy, POD)) == [("LP802", Severity.WARNING)]
    assert not told(linted(tmp_path, policy, POD, path="a.yaml"))
    assert not told(linted(tmp_path, policy, POD, only=("schema",)))
    unknown = POD + "---\napiVersion: example.org/v1\nkind: Widget\nmetadata: {name: w}\n"
    assert not told(linted(tmp_path, waiver("LP604", "a.yaml", 3), unknown))


CHART = """\
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: a, namespace: argocd}
spec:
  project: default
  source: {repoURL: https://charts.example.org, chart: digits, targetRevision: 1.2.3}
  destination: {server: https://kubernetes.default.svc, namespace: models}
"""


def test_what_a_chart_needs_that_is_not_at_hand_is_not_called_useless(tmp_path: Path) -> None:
    """Where a copy of it is, as on another machine, the waiver may let something pass."""
    report = linted(tmp_path, waiver("LP621", "a.yaml", 3), POD + CHART)
    (charts,) = (check for check in report.checks if check.name == "charts")
    assert charts.not_checked
    assert "LP802" not in [rule for rule, _ in told(report)]


def test_the_waivers_of_other_steps_are_theirs(tmp_path: Path) -> None:
    assert not told(linted(tmp_path, waiver("LP301", "a.yaml", -1), POD))


def test_what_the_baseline_holds_passes(tmp_path: Path) -> None:
    (found,) = linted(tmp_path).findings
    entry = found.model_dump(include={"fingerprint", "rule", "subject", "path", "seen"})
    baseline = {"schema_version": "1", "findings": [entry]}
    (tmp_path / "lockproof-baseline.json").write_text(json.dumps(baseline))
    report = linted(tmp_path)
    assert told(report) == [("LP621", Severity.NOTE)]
    assert report.verdict is Verdict.PASSED


def test_a_rule_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"lockproof.toml: rules.LP699: there is no rule LP699"):
        linted(tmp_path, "[rules.LP699]\noff = true")


def test_letting_a_finding_pass_does_not_hide_what_was_not_checked(tmp_path: Path) -> None:
    text = POD.replace("kind: Pod", "kind: Pod\nspecc: {}")
    text += "---\napiVersion: example.org/v1\nkind: Widget\nmetadata: {name: w}\n"
    assert linted(tmp_path, "", text).verdict is Verdict.FAILED
    report = linted(tmp_path, waiver("LP604", "a.yaml", 3), text)
    assert report.verdict is Verdict.INCONCLUSIVE


def test_only_some_families(tmp_path: Path) -> None:
    report = linted(tmp_path, only=("schema",))
    assert [check.name for check in report.checks] == ["schema", "policy"]
    assert not report.findings
    assert report.verdict is Verdict.PASSED
    (line,) = report.checks[-1].not_checked
    assert line.startswith("kustomize, references, policies")
    assert line.endswith("left out by --only")


def test_families_that_are_off_are_named_and_with_all_of_them_off_nothing_passes(
    tmp_path: Path,
) -> None:
    report = linted(tmp_path, '[lint]\noff = ["policies", "references"]')
    assert report.verdict is Verdict.PASSED
    assert report.checks[-1].not_checked == (
        "references, policies: switched off by lockproof.toml",
    )
    report = linted(tmp_path, f"[lint]\noff = {list(LINT_FAMILIES)}")
    assert report.verdict is Verdict.INCONCLUSIVE
    rules = "".join(f"[rules.{rule}]\noff = true\n" for rule in RULES if rule.startswith("LP6"))
    assert linted(tmp_path, rules).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("only", LINT_FAMILIES)
def test_what_cannot_be_read_is_told_of_whatever_is_looked_at(
    only: LintFamily, tmp_path: Path
) -> None:
    report = linted(tmp_path, "", "apiVersion: v1\nkind: Pod\nkind: Pod\n", only=(only,))
    assert told(report) == [("LP601", Severity.ERROR)]
    assert report.verdict is Verdict.FAILED


def test_every_rule_on_manifests_belongs_to_one_family() -> None:
    for rule in (rule for rule in RULES if rule.startswith("LP6")):
        owners = [name for name, prefix in FAMILY_RULES.items() if rule.startswith(prefix)]
        assert len(owners) == 1, rule
    assert tuple(FAMILY_RULES) == LINT_FAMILIES


def test_the_policy_of_a_project_below_the_root_is_found(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    project = tmp_path / "ml" / "deploy"
    project.mkdir(parents=True)
    (project / "a.yaml").write_text(TAGGED)
    (tmp_path / "ml" / "lockproof.toml").write_text(waiver("LP621", "a.yaml", -1))
    report = lint(Request(directory=project), Quiet())
    assert ("LP801", "ml/lockproof.toml") in [(f.rule, f.path) for f in report.findings]


def test_families_keep_their_findings_to_their_rules(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(TAGGED + "  serviceAccountName: gone\n  nodeNam: x\n")
    found: list[Finding] = []
    for family in lint_tree(FolderTree(tmp_path), parse_policy(""), ["."]).families:
        assert all(f.rule.startswith(FAMILY_RULES[family.name]) for f in family.findings)
        found += family.findings
    assert {f.rule for f in found} == {"LP604", "LP611", "LP621"}
