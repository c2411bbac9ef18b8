"""One control plane for all tests of this folder; each has an overlay and namespaces of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.lab import Lab, crd_folder, read_crds, running

SAMPLES = Path(__file__).with_name("samples")


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
def crds() -> list[dict[str, Any]]:
    folder = crd_folder()
    if folder is None:
        pytest.skip("no real CustomResourceDefinitions: LOCKPROOF_CRDS names no folder of them")
    return read_crds(folder)
