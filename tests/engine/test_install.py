"""The module as another repository has it: from a Git address, as a toolchain, as a dependency."""

import json
import re
import shutil
from pathlib import Path

import pytest

from engine.conftest import ROOT, dagger, git, report_of
from integration.pipelines import Project, copy_of
from integration.workflows import GITHUB
from lockproof.cli.main import main

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]


def test_from_a_git_address(project: Project, installed: str, tmp_path: Path) -> None:
    call = ("-m", installed, "call", "--repository", ".")
    told = ("proof", "reproduce", "reports", "export", "--path", tmp_path / "out")
    dagger(project.root, *call, *told).expect()
    report = report_of(tmp_path / "out")
    assert report["verdict"] == "passed"
    assert report["subject"]["commit"] == git(project.root, "rev-parse", "HEAD").strip()


def test_as_a_toolchain(project: Project, installed: str, tmp_path: Path) -> None:
    """As `lockproof init --runner dagger` installs it: defaults are then the caller's."""
    root = copy_of(project, tmp_path).root
    options = ["--ci", "github", "--runner", "dagger", "--module", installed, "--yes"]
    assert main(["init", "-C", str(root), *options]) == 0
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "lockproof")
    listed = dagger(root, "check", "--list").expect().stdout
    assert "check-gate" in listed
    assert "\nPASSED: " in dagger(root, "call", "reproduce").expect().stdout, "the guide's own line"
    asked = dagger(root, "call", "gate", "--pr", "--base", "HEAD~1")
    assert asked.code in (1, 5), "no report is given, and the policy demands one"
    assert re.search(r"^(FAILED|INCONCLUSIVE): ", asked.said, re.MULTILINE)
    proved = dagger(root, "call", "proof", "reproduce", "json", "contents").expect().stdout
    report = json.loads(proved)
    assert report["verdict"] == "passed"
    assert report["subject"]["commit"] == git(root, "rev-parse", "HEAD").strip()
    workflow = root / GITHUB
    workflow.write_text(workflow.read_text() + "# edited\n")
    dagger(root, "--auto-apply", "generate").expect()
    assert git(root, "status", "--porcelain") == "", "brought back, with the same choices"


def test_composed_with_a_step_of_ones_own(project: Project, installed: str, tmp_path: Path) -> None:
    """The example, with lockproof from the Git address in place of the folder it lies in."""
    example = tmp_path / "compose"
    shutil.copytree(ROOT / "ci" / "examples" / "compose", example)
    text = (example / "dagger.json").read_text()
    assert '"source": "../../.."' in text
    (example / "dagger.json").write_text(text.replace("../../..", installed))
    call = ("-m", example, "call", "--repository", ".", "deliver", "--models", "model.txt")
    refused = dagger(project.root, *call, "--budget", "2", "export", "--path", tmp_path / "no")
    assert refused.code == 1
    assert "the models have 3 bytes together, the budget is 2" in refused.said
    assert not (tmp_path / "no").exists()
    dagger(project.root, *call, "export", "--path", tmp_path / "out").expect()
    assert report_of(tmp_path / "out" / "reproduce")["verdict"] == "passed"
    assert report_of(tmp_path / "out" / "gate")["verdict"] == "passed"
    assert (tmp_path / "out" / "models.txt").read_text().split() == ["3", "model.txt"]
