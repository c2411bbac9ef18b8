"""Integration tests keep their environments, verdicts and logs out of the user's cache."""

from collections.abc import Iterator

import pytest

from .good_project import good_project
from .pipelines import Project


@pytest.fixture(autouse=True, scope="session")
def lockproof_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCKPROOF_CACHE_DIR", str(tmp_path_factory.mktemp("lockproof-cache")))
        yield


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The good repository; copy it before a change."""
    return good_project(tmp_path_factory.mktemp("good"))
