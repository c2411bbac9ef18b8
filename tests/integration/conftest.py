"""Integration tests keep their environments, verdicts and logs out of the user's cache."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def lockproof_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCKPROOF_CACHE_DIR", str(tmp_path_factory.mktemp("lockproof-cache")))
        yield
