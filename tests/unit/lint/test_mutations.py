"""Every mistake in the sample platform is caught by its rule, and by that one alone."""

import re
import shutil
from pathlib import Path

import pytest

from lockproof.adapters.git.tree import FolderTree
from lockproof.config import parse_policy
from lockproof.model.finding import Finding
from lockproof.model.verdict import Verdict
from lockproof.rules.catalog import RULES
from lockproof.steps.lint import Linted, lint_tree
from manifests.mutations import MUTATIONS, POLICY, Mutation, mutate, platform


def linted(root: Path) -> Linted:
    return lint_tree(FolderTree(root), parse_policy(POLICY), ["control-plane"])


def told(findings: tuple[Finding, ...]) -> str:
    return "\n".join(f"{f.rule} {f.path}:{f.line} {f.message}" for f in findings)


def test_the_sample_platform_passes(tmp_path: Path) -> None:
    result = linted(platform(tmp_path))
    assert not result.findings, told(result.findings)
    verdicts = {check.name: check.verdict for check in result.checks}
    assert set(verdicts) >= {
        "schema", "kustomize", "references", "policies", "budget", "canary", "expressions",
        "rule-tests",
    }  # fmt: skip
    assert set(verdicts.values()) - {Verdict.PASSED} <= {Verdict.INCONCLUSIVE}
    assert all(check.checked for check in result.checks if check.name != "rule-tests")


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.name.replace(" ", "-"))
def test_a_mistake_is_caught_by_its_rule_alone(mutation: Mutation, tmp_path: Path) -> None:
    root = platform(tmp_path)
    if mutation.rule == "LP642":
        if not shutil.which("promtool"):
            pytest.skip("promtool is not on PATH")
    else:
        # It tests the rules: a mistake in them would be one to it as well.
        (root / "control-plane" / "models.test.yaml").unlink()
    mutate(root, mutation)
    findings = linted(root).findings
    assert {finding.rule for finding in findings} == {mutation.rule}, told(findings)
    changed = f"control-plane/{mutation.file}"
    for finding in findings:
        assert finding.path == changed or mutation.rule == "LP642", told(findings)
        assert finding.line, told(findings)


def test_there_are_enough_mutations_and_every_rule_has_one() -> None:
    assert len(MUTATIONS) >= 40
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
    # LP665 is a cluster's word: tests/cluster/test_lint_asked.py.
    rules = {rule for rule in RULES if rule.startswith("LP6")} - {"LP665"}
    assert {mutation.rule for mutation in MUTATIONS} == rules


def test_the_page_beside_others_has_every_mutation() -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "lint-beside-others.md"
    rows = re.findall(r"^\| (.+?) \| \S+ \| \[(LP\d+)\]", page.read_text("utf-8"), re.MULTILINE)
    assert rows == [(mutation.name, mutation.rule) for mutation in MUTATIONS]
