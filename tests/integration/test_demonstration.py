"""The demonstration pipeline of this repository, spoilt in each way that lockproof must explain."""

import os
import re
import subprocess
from pathlib import Path

import anyio
import pytest

from lockproof.adapters.environment.build import prepare
from lockproof.adapters.files import cache_root
from lockproof.adapters.sandbox.detect import find_isolation
from lockproof.config import load_policy
from lockproof.model.verdict import Verdict
from lockproof.steps.reproduce.conditions import NAMES

from .pipelines import Project, causes, prove, rules, verdicts

ROOT = Path(__file__).parents[2]
PIPELINE = "data-plane/dvc/dvc.yaml"
FEATURES = "data-plane/dvc/data/features/zones"
pytestmark = pytest.mark.xdist_group("demonstration")
WHOLE = bool(os.environ.get("LOCKPROOF_TEST_WHOLE"))
takes_minutes = pytest.mark.skipif(not WHOLE, reason="LOCKPROOF_TEST_WHOLE is not set")
"""For what small pipelines show in test_environment_causes, test_altered and test_vary as well."""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pipeline environment's programs, as lockproof builds it."""
    policy = load_policy(ROOT / "lockproof.toml").environment
    made = anyio.run(
        prepare, policy, ROOT, cache_root(), lambda text: None, anyio.run(find_isolation)
    )
    assert made.bin is not None
    return made.bin


@pytest.fixture
def demo(tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    root = tmp_path / "demo"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(root)], check=True)
    project = Project(root, root / "data-plane" / "remote")
    project.git("config", "user.name", "Test")
    project.git("config", "user.email", "test@example.com")
    # Stages that `dvc repro` runs here find the pinned Python first, as lockproof's do.
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setattr(
        Project,
        "environment",
        lambda self: {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1", "SHELL": "/bin/sh"},
    )
    return project


def edit(project: Project, path: str, pattern: str, replacement: str) -> None:
    file = project.root / "data-plane/dvc" / path
    text, count = re.subn(pattern, replacement, file.read_text("utf-8"), count=1)
    assert count == 1, pattern
    file.write_text(text, "utf-8")


def stage(name: str) -> str:
    return f"{PIPELINE}:{name}"


def change_data(project: Project) -> None:
    """One more ink step in one pixel of the first image."""
    path = project.root / "data-plane/dvc/data/digits.csv"
    project.dvc("checkout", "-q", "data-plane/dvc/data/digits.csv.dvc")
    lines = path.read_text().splitlines()
    cells = lines[1].split(",")
    cells[10] = str((int(cells[10]) + 5) % 16)
    path.chmod(0o644)
    path.unlink()
    path.write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n")
    project.dvc("add", "-q", "data-plane/dvc/data/digits.csv")
    project.dvc("push", "-q", "data-plane/dvc/data/digits.csv.dvc")


def test_changed_source_line(demo: Project) -> None:
    edit(demo, "src/featurize.py", r", row, column\]", ", row]")
    demo.commit("fewer features")
    report = prove(demo, stages=("featurize",))
    code = ("code", "data-plane/dvc/src/featurize.py", "proven")
    assert causes(report, stage("featurize@zones")) == [code]
    assert causes(report, stage("featurize@pca")) == []


def test_changed_data_alone_and_with_code(demo: Project) -> None:
    demo.dvc("pull", "-q")
    change_data(demo)
    demo.commit("a pixel")
    data = ("data", "data-plane/dvc/data/digits.csv", "proven")
    assert causes(prove(demo, stages=("prepare",)), stage("prepare")) == [data]
    edit(demo, "src/prepare.py", r"\Z", "\n# a comment, which matters to nothing\n")
    edit(demo, "src/table.py", r"(?m)^def write\(([^)]*)\):\n", r"def write(\1):\n    1 / 1\n")
    demo.commit("comments")
    assert causes(prove(demo, stages=("prepare",)), stage("prepare")) == [data]


@takes_minutes
def test_changed_data_and_a_parameter_beside_code(demo: Project) -> None:
    demo.dvc("pull", "-q")
    change_data(demo)
    edit(demo, "src/prepare.py", r"\Z", "\n# a comment, which matters to nothing\n")
    edit(demo, "src/table.py", r"(?m)^def write\(([^)]*)\):\n", r"def write(\1):\n    1 / 1\n")
    edit(demo, "params.yaml", r"seed: 20251", "seed: 20252")
    policy = demo.root / "lockproof.toml"  # Two of eight changes are shown in 26 runs.
    policy.write_text(policy.read_text().replace("[reproduce]", "[reproduce]\nexperiments = 32", 1))
    demo.commit("and another split")
    data = ("data", "data-plane/dvc/data/digits.csv", "proven")
    found = causes(prove(demo, stages=("prepare",)), stage("prepare"))
    assert sorted(found) == [data, ("parameter", "prepare.seed", "proven")]


def test_changed_parameter(demo: Project) -> None:
    edit(demo, "params.yaml", r"max_depth: 9", "max_depth: 5")
    demo.commit("shallower trees")
    report = prove(demo, stages=("train@zones",))
    parameter = ("parameter", "train.zones.max_depth", "proven")
    assert causes(report, stage("train@zones")) == [parameter]


@takes_minutes
def test_changed_package_version(demo: Project) -> None:
    lock = (demo.root / "data-plane/dvc/requirements.lock").read_text()
    pins = re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", lock, re.MULTILINE)
    assert "scikit-learn" in dict(pins)
    changed = {**dict(pins), "scikit-learn": "1.8.0"}
    text = "".join(f"{name}=={version}\n" for name, version in changed.items())
    demo.write({"data-plane/dvc/requirements.lock": text})
    demo.commit("an older scikit-learn")
    report = prove(demo, stages=("train@zones",))
    package = ("environment", "scikit-learn", "proven")
    assert causes(report, stage("train@zones")) == [package]


def test_unseeded_random_number(demo: Project) -> None:
    demo.dvc("pull", "-q")
    edit(demo, "params.yaml", r"random_state: 20251", "random_state: null")
    demo.dvc("repro", "-q", stage("train@zones"))
    demo.dvc("push", "-q")
    demo.commit("no seed")
    report = prove(demo, stages=("train@zones",))
    assert {kind for kind, _, _ in causes(report, stage("train@zones"))} == {"nondeterminism"}
    assert set(verdicts(report).values()) == {"nondeterministic"}
    assert report.verdict is Verdict.INCONCLUSIVE


@takes_minutes
def test_tampered_output_blessed_by_dvc_commit(demo: Project) -> None:
    demo.dvc("pull", "-q")
    path = demo.root / "data-plane/models/zones-predictions.csv"
    text = path.read_text()
    path.chmod(0o644)
    path.unlink()
    path.write_text(text.replace("\n", "\n", 1) + text.splitlines()[-1] + "\n")
    demo.dvc("commit", "-q", "-f", stage("evaluate"))
    demo.dvc("push", "-q")
    demo.commit("nicer predictions")
    report = prove(demo, stages=("evaluate",))
    # A record made after the fact does not tell tampering from a condition that it does not hold.
    unknown = ("unknown", "data-plane/models/zones-predictions.csv", "possible")
    assert causes(report, stage("evaluate")) == [unknown]
    assert report.verdict is Verdict.FAILED


def test_stage_that_rewrites_its_input(demo: Project) -> None:
    demo.dvc("pull", "-q")
    edit(
        demo,
        "src/train.py",
        r"\Z",
        "\nlabels = 'data/features/' + sys.argv[1] + '/labels.npy'\n"
        "content = open(labels, 'rb').read()\n"
        "open(labels, 'wb').write(content[:-1] + bytes([9 - content[-1] % 10]))\n",
    )
    demo.dvc("repro", "-q", "--single-item", stage("train@zones"))
    demo.dvc("push", "-q")
    demo.commit("rewrites its labels")
    report = prove(demo, stages=("train@zones",))
    assert ("rewritten input", FEATURES, "proven") in causes(report, stage("train@zones"))
    assert "LP707" in rules(report)
    assert report.verdict is Verdict.FAILED


STAGES = ("prepare", "featurize@pca", "featurize@zones", "train@pca", "train@zones", "evaluate")


@takes_minutes
@pytest.mark.parametrize("name", STAGES)
def test_of_all_conditions_only_the_features_of_the_cpu_matter(demo: Project, name: str) -> None:
    report = prove(demo, stages=(name,), vary=NAMES)
    (host,) = report.host.stages.values()
    rows = {row.condition: row for row in host.varied}
    told = "\n".join(f"{row.condition}: {row.outputs} {row.obstacle}" for row in rows.values())
    assert rows.keys() == {*NAMES}, told
    assert {row.condition for row in rows.values() if row.matters} <= {"cpu-features"}, told
    assert {"hash-seed", "timezone", "locale", "umask"} <= {n for n, r in rows.items() if r.outputs}
    named = {f.subject for f in report.findings if f.rule == "LP711"}
    assert named <= {f"{stage(name)} cpu-features"}
    assert report.verdict is Verdict.PASSED, told
