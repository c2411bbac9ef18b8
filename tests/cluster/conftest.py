"""One control plane for all tests of this folder; each has an overlay and namespaces of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.lab import Lab, crd_folder, read_crds, running
from cluster.project import Project, new_project
from cluster.stand_in import RUNTIME_CONFIGS, StandIn, at_work
from integration.s3 import S3Server, s3_server

PREREQUISITES = ("pkg.", "apiextensions.", "argoproj.io", "monitoring.", "kustomize.", "source.")
"""Groups whose kinds a platform engineer installs by hand: Crossplane, Argo, Prometheus, Flux."""


@pytest.fixture(autouse=True, scope="session")
def lockproof_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCKPROOF_CACHE_DIR", str(tmp_path_factory.mktemp("lockproof-cache")))
        yield


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def definitions(lab: Lab) -> list[dict[str, Any]]:
    """The real CustomResourceDefinitions; those of the prerequisites are installed."""
    folder = crd_folder()
    if folder is None:
        pytest.skip("no real CustomResourceDefinitions: LOCKPROOF_CRDS names no folder of them")
    found = read_crds(folder)
    if not any(d["metadata"]["name"] == RUNTIME_CONFIGS["metadata"]["name"] for d in found):
        found.append(RUNTIME_CONFIGS)
    lab.install([d for d in found if d["spec"]["group"].startswith(PREREQUISITES)])
    return found


@pytest.fixture
def stand_in(lab: Lab, definitions: list[dict[str, Any]], s3: S3Server) -> Iterator[StandIn]:
    one = StandIn(lab, definitions, s3.client())
    with at_work(one):
        yield one
    one.forget()


@pytest.fixture
def project(lab: Lab, tmp_path: Path, request: pytest.FixtureRequest) -> Project:
    words = request.node.name.removeprefix("test_").split("[")[0].replace("_", "-")
    return new_project(lab, tmp_path / "repo", words[:30].strip("-"))
