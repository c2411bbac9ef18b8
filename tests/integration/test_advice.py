"""The advice of every rule and cause is followed on a repository that has it: then it is gone."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .advice import Case, follow
from .advice_gate import CASES as GATE
from .advice_reproduce import CASES as REPRODUCTION
from .advice_reproduce import FILES
from .pipelines import Project, copy_of, new_project
from .remotes import Folder
from .wheels import wheel


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Packages that need no index."""
    folder = tmp_path_factory.mktemp("wheels")
    wheel(folder, "alpha", "1.0")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PIP", "UV"):
            patch.setenv(f"{name}_NO_INDEX", "1")
            patch.setenv(f"{name}_FIND_LINKS", str(folder))
        for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
            patch.delenv(name)
        yield folder


@pytest.fixture(scope="module")
def advised(good: Project, wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The good repository, with an environment that can be built without an index."""
    project = copy_of(good, tmp_path_factory.mktemp("advised"))
    project.write({"requirements.txt": "alpha==1.0\n"})
    # Loading a thousand patterns for secrets takes longer than all else that the gate does.
    project.edit_lock("secrets = true", "secrets = false", "lockproof.toml")
    project.commit("packages that are here")
    project.git("branch", "-f", "base")
    return project


@pytest.mark.parametrize("case", GATE, ids=lambda case: f"{case.rule} {case.name}")
def test_after_its_advice_a_finding_of_the_gate_is_gone(
    case: Case, advised: Project, tmp_path: Path
) -> None:
    project = copy_of(advised, tmp_path)
    follow(case, project, Folder(project.remote))


@pytest.fixture(scope="module")
def trained(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A repository of two stages that reproduces."""
    project = new_project(tmp_path_factory.mktemp("trained"))
    project.write(FILES)
    project.dvc("add", "-q", "raw.csv")
    project.repro()
    return project


@pytest.mark.parametrize("case", REPRODUCTION, ids=lambda case: f"{case.rule} {case.name}")
def test_after_its_advice_a_finding_of_a_reproduction_is_gone(
    case: Case, trained: Project, tmp_path: Path
) -> None:
    project = copy_of(trained, tmp_path)
    follow(case, project, Folder(project.remote))
