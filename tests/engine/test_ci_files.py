"""The workflow and the pipeline that `lockproof init --runner dagger` writes, on a real engine."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.conftest import dagger
from integration.pipelines import Project
from integration.places import VERSION, Ran, on_host, on_main, run_pipeline, run_workflow
from lockproof.model.report import Report
from lockproof.render.workflows import STEPS

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]


@pytest.fixture(scope="module")
def proved(library: Path, installed: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A good branch; the policy demands the report of `reproduce`.

    Steps run in lockproof's published image where there is a registry to publish it to.
    """
    if VERSION != "3.13":
        pytest.skip(f"stages run in Python {VERSION} here, and in 3.13 in the module's image")
    engine = os.environ["_EXPERIMENTAL_DAGGER_RUNNER_HOST"]
    choices = ("--runner", "dagger", "--module", installed, "--engine", engine)
    if registry := os.environ.get("LOCKPROOF_TEST_REGISTRY"):
        address = f"{registry}/lockproof:ci"
        published = dagger(library, "call", "publish", "--address", address).expect().stdout
        choices += ("--tool-image", published.strip())
    base = tmp_path_factory.mktemp("proved")
    return on_main(base, 'reproduction = "required"', choices, gpus=0)


@pytest.fixture(scope="module")
def here(proved: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """The reports of the commands themselves."""
    found = on_host(proved, tmp_path_factory.mktemp("host"), hand_over=True)
    assert {report.verdict.value for report in found.values()} == {"passed"}
    return found


@pytest.mark.parametrize("place", [run_workflow, run_pipeline])
def test_the_files_prove_a_change_on_the_engine(
    proved: Project,
    here: dict[str, Report],
    tmp_path: Path,
    place: Callable[[Project, Path], Ran],
) -> None:
    there = place(proved, tmp_path)
    assert there.code == 0, there.said[-6000:]
    assert "dagger call --progress plain --mod" in proved.git("grep", "dagger call")
    for step in STEPS:
        report = there.report(step)
        assert report.core() == here[step].core()
        assert report.timing != here[step].timing, "two runs, or one read twice?"
