"""Differences that come from the environment, told from the run record."""

import sys
from pathlib import Path

import anyio
import pytest

from lockproof.adapters.environment.interpreters import find_interpreter
from lockproof.errors import ConfigError
from lockproof.model.verdict import Verdict
from lockproof.steps.gather import gather
from lockproof.steps.record import record

from .pipelines import Project, Silence, causes, copy_of, new_project, prove, rules, stage
from .wheels import wheel

FIT = """\
import sys

import alpha
import gamma

open("model.txt", "w").write(f"{alpha.VERSION} {gamma.NAME} {sys.version_info[1]}\\n")
"""
YAML = """\
stages:
  fit:
    cmd: python3 fit.py
    deps: [fit.py]
    outs: [model.txt]
  plain:
    cmd: echo plain > plain.txt
    outs: [plain.txt]
"""
POLICY = '[environment]\nrequirements = "requirements.lock"\n'


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for version in ("1.0", "2.0"):
        wheel(folder, "alpha", version)
        wheel(folder, "gamma", version, code="NAME = 'gamma'\n")
    return folder


@pytest.fixture(autouse=True)
def index(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(wheels))


def keep_record(project: Project) -> None:
    """`lockproof record --no-mlflow`."""
    gathered = anyio.run(gather, project.root, "pipeline", Silence())
    record(gathered.facts, project.root / gathered.policy.record.directory, None)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Project:
    project = new_project(tmp_path_factory.mktemp("original"))
    project.write(
        {
            "requirements.lock": "alpha==1.0\ngamma==1.0\n",
            "lockproof.toml": POLICY,
            "dvc.yaml": YAML,
            "fit.py": FIT,
            # As the pinned environment would have it.
            "alpha.py": "VERSION = '1.0'\n",
            "gamma.py": "NAME = 'gamma'\n",
        }
    )
    project.dvc("repro", "-q")
    for name in ("alpha.py", "gamma.py"):
        (project.root / name).unlink()
    project.dvc("push", "-q")
    project.commit("first")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(wheels))
        patch.setenv("UV_NO_INDEX", "1")
        patch.setenv("UV_FIND_LINKS", str(wheels))
        keep_record(project)
    project.git("add", "-A")
    project.git("commit", "-q", "--amend", "-m", "first")
    return project


@pytest.fixture
def project(original: Project, tmp_path: Path) -> Project:
    return copy_of(original, tmp_path)


def test_recorded_environment_passes(project: Project) -> None:
    report = prove(project)
    assert report.verdict is Verdict.PASSED, report.findings
    assert report.host.recorded == "pipeline"
    assert report.subject.environment
    assert rules(report) == set()


def test_changed_package_version_is_named_and_the_idle_one_is_not(project: Project) -> None:
    project.write({"requirements.lock": "alpha==2.0\ngamma==2.0\n"})
    project.commit("newer packages")
    report = prove(project)
    assert causes(report, "fit") == [("environment", "alpha", "proven")]
    assert "1.0 -> 2.0" in stage(report, "fit").causes[0].summary
    assert causes(report, "plain") == []


def test_a_changed_python_is_put_back_with_the_packages(project: Project) -> None:
    others = (f"3.{minor}" for minor in (12, 13, 10, 11) if minor != sys.version_info[1])
    other = next(filter(available, others), None)
    if other is None:
        pytest.skip("there is no other Python")
    policy = f'{POLICY}python = "{other}"\n'
    project.write({"requirements.lock": "alpha==2.0\ngamma==1.0\n", "lockproof.toml": policy})
    project.commit("another Python and a newer package")
    assert sorted(causes(prove(project), "fit")) == [
        ("environment", "alpha", "proven"),
        ("environment", "python", "proven"),
    ]


def available(version: str) -> bool:
    try:
        anyio.run(find_interpreter, version, Path("/"))
    except ConfigError:
        return False
    return True


def test_package_and_code_are_both_named(project: Project) -> None:
    project.write(
        {"requirements.lock": "alpha==2.0\ngamma==1.0\n", "fit.py": FIT.replace("\\n", "!\\n")}
    )
    project.commit("both")
    assert sorted(causes(prove(project), "fit")) == [
        ("code", "fit.py", "proven"),
        ("environment", "alpha", "proven"),
    ]


def test_without_a_record_the_environment_cannot_be_blamed(project: Project) -> None:
    project.write({"requirements.lock": "alpha==2.0\ngamma==1.0\n"})
    project.git("rm", "-rq", "experiments")
    project.commit("no record")
    report = prove(project)
    assert [kind for kind, _, _ in causes(report, "fit")] == ["unknown"]


def test_a_record_after_the_fact_excludes_too_little_to_say_altered(project: Project) -> None:
    text = (project.root / "dvc.lock").read_text()
    digest = text.split("model.txt")[1].split("md5: ")[1].split()[0]
    project.edit_lock(digest, "deadbeef" * 4)
    keep_record(project)
    project.git("add", "-A")
    project.git("commit", "-q", "--amend", "-m", "first")
    assert causes(prove(project), "fit") == [("unknown", "model.txt", "possible")]
