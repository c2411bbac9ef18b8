"""The hook that the guide names, in a stranger's repository: from a clone at a commit."""

import importlib.metadata
import re
import subprocess
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from .pipelines import SORT_AND_TRAIN, TRAIN, Project, new_project

ROOT = Path(__file__).resolve().parents[2]
POLICY = '[rules.LP304]\nseverity = "note" # nothing pins what its stages run in\n'
DIFFERENT = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
"""Files of an installed package that are no part of its wheel."""


def needed(*words: str) -> dict[str, importlib.metadata.Distribution]:
    """What requirements come to, by name, as it is installed beside the tests."""
    waiting, found, seen = [Requirement(word) for word in words], {}, set()
    while waiting:
        one = waiting.pop()
        if str(one) in seen:
            continue
        seen.add(str(one))
        found[one.name.lower()] = package = importlib.metadata.distribution(one.name)
        for extra in ("", *one.extras):
            more = map(Requirement, package.requires or ())
            waiting += [m for m in more if m.marker is None or m.marker.evaluate({"extra": extra})]
    return found


def wheel_of(package: importlib.metadata.Distribution, folder: Path) -> None:
    """The wheel that an installed package came from, near enough to be installed again."""
    name = f"{re.sub(r'[-_.]+', '_', package.metadata['Name'])}-{package.version}"
    made = {entry.name for entry in package.entry_points if "scripts" in entry.group}
    listed = []
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:
        for file in package.files or ():
            target = str(file)
            if ".." in file.parts:
                if file.parent.name != "bin" or file.name in made:
                    continue
                target = f"{name}.data/scripts/{file.name}"
            if file.suffix != ".pyc" and file.name not in DIFFERENT:
                wheel.write(str(file.locate()), target)
                listed.append(f"{target},,\n")
        [info] = {str(file.parent) for file in package.files or () if file.name == "RECORD"}
        wheel.writestr(f"{info}/RECORD", "".join([*listed, f"{info}/RECORD,,\n"]))


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place that packages come from: no index is asked."""
    folder = tmp_path_factory.mktemp("wheels")
    found = needed("lockproof[kustomize,secrets]", "hatchling")
    del found["lockproof"]
    for package in found.values():
        wheel_of(package, folder)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = new_project(tmp_path)
    made.write({"raw.csv": "b\na\n", "train.py": TRAIN, "dvc.yaml": SORT_AND_TRAIN})
    made.dvc("add", "-q", "raw.csv")
    made.repro()
    return made


def test_the_hook_of_the_guide_from_a_clone_at_a_commit(
    project: Project, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path / "lockproof"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    asked = ["git", "-C", str(clone), "rev-parse", "HEAD"]
    commit = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    for name in ("VIRTUALENV_OVERRIDE_APP_DATA", "PIP_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))

    guide = (ROOT / "docs" / "guides" / "gate.md").read_text()
    block = r"^```yaml\n# \.pre-commit-config\.yaml\n(.*?)^```$"
    [settings] = re.findall(block, guide, re.MULTILINE | re.DOTALL)
    [install] = re.findall(r"^pre-commit install .*$", guide, re.MULTILINE)
    settings = settings.replace("https://github.com/lockproof/lockproof", str(clone))
    hooks = settings.replace("rev: main", f"rev: {commit}")
    project.write({".pre-commit-config.yaml": hooks, "lockproof.toml": POLICY})
    project.run(*install.split())
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "adopt lockproof")

    project.write({"train.py": f"{TRAIN}\n# Better.\n"})
    argv = ["git", "commit", "--quiet", "--all", "--message", "not run"]
    env = project.environment()
    done = subprocess.run(argv, cwd=project.root, env=env, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "lockproof gate --staged" in done.stderr
    assert "LP104" in done.stderr
    assert project.git("log", "-1", "--format=%s").strip() == "adopt lockproof"
